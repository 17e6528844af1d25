"""The commands label_stats.py and make_labels.py, run as a user runs them."""

import hashlib
import importlib.util
import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from tfrepr.data.sources.cifar import CIFAR10_NAMES

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def command(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def label_stats(tmp_path):
    main = command("label_stats")
    return lambda *arguments: CliRunner().invoke(main, [*map(str, arguments), "--output", str(tmp_path / "stats.csv")])


def test_label_stats_prints_and_saves_table_2(label_stats, tmp_path):
    result = label_stats("--label", "category", "--label", "constant")
    assert result.exit_code == 0, result.output
    assert "Table 2: 6 of 6 cells within 0.01 of the paper." in result.output
    frame = pd.read_csv(tmp_path / "stats.csv")
    assert frame.groupby("label")["agrees"].sum().to_dict() == {"category": 3, "constant": 3}
    assert len(json.loads((tmp_path / "stats.json").read_text())) == len(frame)


def test_label_stats_explains_bert_on_the_authors_file(label_stats, shared):
    result = label_stats(shared / "reference" / "authors_labels" / "npy" / "cifar10_bert.npy")
    assert "Table 2: 2 of 3 cells within 0.01 of the paper, 1 differ for the reason noted." in result.output
    assert "Warning: The closest classes of bert" in result.output


def test_label_stats_measures_a_table_under_own_names(label_stats, tmp_path):
    np.save(tmp_path / "mine.npy", [[0, 0], [1, 1], [50, 50]])
    result = label_stats(tmp_path / "mine.npy", "--names", "cat,dog,ship")
    assert result.exit_code == 0, result.output
    assert "cat / dog" in result.output


def test_label_stats_takes_the_names_of_a_folder(label_stats, tmp_path):
    for name in ("cup", "plate", "fork"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
    result = label_stats("--label", "lowdim", "--dataset", "folder", "--data-dir", tmp_path / "pictures")
    assert result.exit_code == 0, result.output
    assert "lowdim folder: 3 labels of 3" in result.output


@pytest.mark.parametrize(("arguments", "message"), [
    (["--label", "speach"], "Did you mean 'speech'"),
    (["--dataset", "cifar"], "Unknown dataset 'cifar'"),
    (["--dataset", "folder"], "--data-dir"),
    (["--dataset", "folder", "--data-dir", "nowhere"], "cannot be read"),
    (["--names", "one"], "two or more names"),
    (["--names", "one,,two"], "two or more names"),
    (["--names", "one,one"], "must differ"),
    (["--names", "one,two", "--dataset", "cifar10"], "exclude each other"),
    (["--data-dir", "somewhere"], "--dataset folder"),
    (["nowhere.npy"], "nowhere.npy"),
    (["--as", "speach"], "Did you mean 'speech'"),
    (["--label", "random", "--label-seed", "4294967296"], "label-seed")])
def test_label_stats_refuses_with_a_message_and_writes_nothing(label_stats, tmp_path, arguments, message):
    result = label_stats(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def make_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path / "cache"))
    main = command("make_labels")
    return lambda *arguments, output="labels": CliRunner().invoke(main, [*map(str, arguments), "--output",
                                                                         str(tmp_path / output)])


def files_under(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_make_labels_writes_tables_sidecars_words_and_gallery(make_labels, tmp_path):
    result = make_labels("--dataset", "cifar10", "--label", "speech", "--label", "random", "--label", "lowdim")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "labels"
    names = set(files_under(folder))
    assert names == {*(f"cifar10_{label}.{suffix}" for label in ("speech", "random", "lowdim") for suffix in ("npy", "json")),
                     *(f"cifar10_wav/{index}_{name}.wav" for index, name in enumerate(CIFAR10_NAMES)),
                     "cifar10_gallery.png", "cifar10_gallery.pdf"}
    table = np.load(folder / "cifar10_random.npy")
    sidecar = json.loads((folder / "cifar10_random.json").read_text())
    assert hashlib.sha256(table.tobytes()).hexdigest() == sidecar["sha256"]
    assert (sidecar["class_names"][9], sidecar["shape"], sidecar["options"]["label_seed"]) == ("truck", [10, 64, 64], None)
    assert sidecar["versions"]["numpy"] == np.__version__
    with Image.open(folder / "cifar10_gallery.png") as picture:
        assert picture.width > 1000


def test_make_labels_writes_words_that_give_the_same_speech(make_labels, tmp_path):
    """16-bit PCM as synthesised: the WAV files, read back with --wav-dir, make the same table."""
    names = ("--names", "cup,tea spoon,fork/knife", "--label", "speech", "--format", "png")
    assert make_labels(*names).exit_code == 0
    wavs = tmp_path / "labels" / "own_wav"
    assert sorted(path.name for path in wavs.iterdir()) == ["0_cup.wav", "1_tea_spoon.wav", "2_fork_knife.wav"]
    with wave.open(str(wavs / "0_cup.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
    assert make_labels(*names, "--wav-dir", wavs, output="again").exit_code == 0
    first, again = (np.load(tmp_path / folder / "own_speech.npy") for folder in ("labels", "again"))
    assert first.tobytes() == again.tobytes()


def test_make_labels_gives_equal_files_for_equal_options(make_labels, tmp_path):
    options = ("--names", "cup,plate", "--label", "composite", "--label", "category", "--label-seed", "3", "--image-side", "8")
    assert make_labels(*options).exit_code == 0
    first = files_under(tmp_path / "labels")
    assert make_labels(*options).exit_code == 0
    assert files_under(tmp_path / "labels") == first
    assert np.load(tmp_path / "labels" / "own_composite.npy").shape == (2, 16, 16)


def test_label_stats_knows_what_make_labels_wrote(make_labels, label_stats, tmp_path):
    assert make_labels("--names", "cup,plate", "--label", "random", "--format", "png").exit_code == 0
    result = label_stats(tmp_path / "labels" / "own_random.npy")
    assert "random: 2 labels of 64 x 64" in result.output
    assert "cup / plate" in result.output


@pytest.mark.parametrize(("arguments", "message"), [
    (["--label", "speach"], "Did you mean 'speech'"), (["--names", "cup,???"], "cannot be spoken"),
    (["--names", "cup,plate", "--voice", "nobody"], "nobody"), (["--format", "gif"], "Unknown format 'gif'"),
    (["--names", "cup,plate", "--wav-dir", "nowhere"], "nowhere"),
    (["--label", "glove", "--glove-file", "nowhere.txt"], "Fetch https://"),
    (["--label", "random", "--label", "bert", "--bert-path", "nowhere"], "--bert-path")])
def test_make_labels_refuses_with_a_message_and_writes_nothing(make_labels, tmp_path, arguments, message):
    result = make_labels(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "labels").exists()


def test_make_labels_reports_a_folder_that_cannot_be_written(make_labels, tmp_path):
    (tmp_path / "labels").write_text("a file where the folder should be")
    result = make_labels("--names", "cup,plate", "--label", "lowdim")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert (tmp_path / "labels").read_text() == "a file where the folder should be"


def test_warnings_of_commands_are_sentences_and_said_once():
    """Also where a library that catches warnings makes Python forget what it has shown."""
    program = ("import warnings, tfrepr.cli\n"
               "for _ in range(2):\n"
               "    warnings.warn('Something is left out.')\n"
               "    with warnings.catch_warnings(): warnings.simplefilter('ignore')\n")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=SCRIPTS.parent)
    assert done.stderr == "Warning: Something is left out.\n"
