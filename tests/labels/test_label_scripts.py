"""The commands label_stats.py and make_labels.py, run as a user runs them."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

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
    result = label_stats("category", "constant")
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
    result = label_stats("lowdim", "--dataset", "folder", "--data-dir", tmp_path / "pictures")
    assert result.exit_code == 0, result.output
    assert "lowdim folder: 3 labels of 3" in result.output


@pytest.mark.parametrize(("arguments", "message"), [
    (["speach"], "Did you mean 'speech'"),
    (["constant", "--dataset", "cifar"], "Unknown dataset 'cifar'"),
    (["constant", "--dataset", "folder"], "--data-dir"),
    (["constant", "--dataset", "folder", "--data-dir", "nowhere"], "cannot be read"),
    (["constant", "--names", "one"], "two or more names"),
    (["constant", "--names", "one,,two"], "two or more names"),
    (["constant", "--names", "one,one"], "must differ"),
    (["nowhere.npy"], "nowhere.npy"),
    (["constant", "--as", "speach"], "Did you mean 'speech'"),
    (["random", "--label-seed", "4294967296"], "label-seed")])
def test_label_stats_refuses_with_a_message_and_writes_nothing(label_stats, tmp_path, arguments, message):
    result = label_stats(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []
