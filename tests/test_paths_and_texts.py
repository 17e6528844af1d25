"""Paths and texts on the command line: empty ones, files in place of folders, folders in place of files."""

import runpy
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tfrepr.cli import FILE, FOLDER, PATH

SCRIPTS = sorted((Path(__file__).resolve().parents[1] / "scripts").glob("*.py"))
EMPTY = [
    ("train", ["--output", ""]), ("train", ["--data-dir", " "]), ("train", ["--wav-dir", ""]), ("train", ["--label-file", ""]),
    ("train", ["--label", ""]), ("train", ["--shard", ""]), ("train", ["--experiment", ""]), ("attack", ["--experiment", ""]),
    ("attack", ["--all", ""]), ("attack", ["x", "--epsilons", ""]), ("analyse", [""]), ("evaluate", [""]),
    ("evaluate", ["x", "--dataset", ""]), ("evaluate", ["x", "--out", ""]), ("speak", ["", "--run", "x"]),
    ("speak", ["--test-set", "--run", ""]), ("make_labels", ["--dataset", ""]), ("make_labels", ["--output", ""]),
    ("label_stats", ["--as", ""]), ("label_stats", [""]), ("plot_results", ["--name", ""]), ("plot_results", ["--runs", ""]),
    ("plot_results", ["--experiment", ""]), ("plot_results", ["--plots", ""]), ("report", ["--report", ""]),
    ("pseudo_label", ["--init-from", ""]), ("pseudo_label", ["--experiment", ""]), ("clean_labels", ["--plots", ""])]
WRONG_KIND = [
    ("train", ["--output", "file"], "file is a file, and a folder is wanted"),
    ("plot_results", ["--plots", "file"], "file is a file, and a folder is wanted"),
    ("report", ["--report", "file"], "file is a file, and a folder is wanted"),
    ("make_labels", ["--output", "file"], "file is a file, and a folder is wanted"),
    ("label_stats", ["--output", "."], ". is a folder, and a file is wanted"),
    ("label_stats", ["--output", "/"], "/ is a folder, and a file is wanted"),
    ("label_stats", ["--output", "new/.."], "a file is wanted"),
    ("label_stats", ["folder"], "folder is a folder, and a file is wanted"),
    ("speak", ["/", "--run", "x"], "/ is a folder, and a file is wanted"),
    ("evaluate", ["x", "--same-images", "folder"], "folder is a folder, and a file is wanted")]

ADDRESS = "https://example.com/cat.jpg"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a file and a folder."""
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(script, words):
    path, = (path for path in SCRIPTS if path.stem == script)
    return CliRunner().invoke(runpy.run_path(str(path))["main"], words)


@pytest.mark.parametrize(("script", "words"), EMPTY, ids=[" ".join([script, *words[-2:]]) for script, words in EMPTY])
def test_an_empty_text_is_refused_and_stands_for_nothing(place, script, words):
    result = invoke(script, words)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert any(text in result.output for text in ("empty", "Unknown experiment ''"))
    assert sorted(path.name for path in place.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize(("script", "words", "message"), WRONG_KIND)
def test_a_file_is_no_folder_and_a_folder_no_file(place, script, words, message):
    result = invoke(script, words)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert sorted(path.name for path in place.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize(("script", "words"), [
    ("speak", [ADDRESS, "--run", "x"]), ("speak", ["--test-set", "--run", ADDRESS]),
    ("evaluate", ["x", "--same-images", ADDRESS]), ("train", ["--data-dir", ADDRESS]), ("label_stats", [ADDRESS])])
def test_an_address_on_the_web_is_shown_as_it_is_and_must_be_downloaded(place, script, words):
    result = invoke(script, words)
    assert result.exit_code == 2
    assert f"{ADDRESS} is an address, and a path on this computer is wanted. Download it first" in result.output
    assert sorted(path.name for path in place.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_path_of_every_command_is_looked_at(script):
    types = [parameter.type for parameter in runpy.run_path(str(script))["main"].params]
    assert not [kind for kind in types if isinstance(kind, (click.Path, click.File))]
    assert set(map(id, types)) & set(map(id, (PATH, FOLDER, FILE)))


def test_paths_that_cannot_be_looked_at_pass_to_who_opens_them():
    assert FOLDER.convert("x" * 5000, None, None) == FILE.convert("x" * 5000, None, None) == Path("x" * 5000)
