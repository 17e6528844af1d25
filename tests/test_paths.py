"""Paths that users give: `~` means the home folder wherever a path is taken, also where no shell has seen it."""

import pwd
import runpy
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.speech import speech
from tfrepr.selection import find_runs
from tfrepr.surroundings import keras_home

SCRIPTS = sorted((Path(__file__).resolve().parents[1] / "scripts").glob("*.py"))


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A home folder that is not the working directory."""
    for name in ("home", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def main_of(script):
    return runpy.run_path(str(script))["main"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_path_option_expands_the_home_folder(script, home):
    parameters = [one for one in main_of(script).params if one.type.name in ("path", "folder", "file")]
    assert not any(isinstance(one.type, click.Path) for one in main_of(script).params)
    assert parameters
    for parameter in parameters:
        assert parameter.type.convert("~/x", parameter, None) == home / "x", parameter.name


def test_output_in_the_home_folder_makes_no_folder_called_tilde(home):
    done = CliRunner().invoke(main_of(SCRIPTS[0].with_name("make_labels.py")),
                              ["--output=~/labels", "--names", "cup,plate", "--label", "lowdim", "--format", "png"])
    assert done.exit_code == 0, done.output
    assert (home / "labels" / "own_lowdim.npy").is_file()
    assert list(Path.cwd().iterdir()) == []


def test_the_home_of_nobody_is_refused(home):
    done = CliRunner().invoke(main_of(SCRIPTS[0].with_name("train.py")), ["--output=~nosuchuser/results"])
    assert done.exit_code == 2
    assert "'~nosuchuser/results' is not known" in done.output
    assert "Traceback" not in done.output
    assert list(Path.cwd().iterdir()) == []


def test_files_named_in_label_options_and_patterns(home):
    np.save(home / "table.npy", np.arange(6.0).reshape(2, 3) * 9)
    options = LabelOptions(label_file="~/table.npy")
    representation = build_representation("random", ("cup", "plate"), image_side=8, options=options)
    np.testing.assert_array_equal(representation.table, np.load(home / "table.npy"))
    with pytest.raises(UserError, match=f"{home}/words"):
        speech(("cup", "plate"), 64, LabelOptions(wav_dir="~/words"))
    (home / "runs" / "one").mkdir(parents=True)
    (home / "runs" / "one" / "config.json").write_text("{}")
    assert find_runs(Path("output"), ["~/runs/one"]) == find_runs(Path("output"), ["~/runs"]) == [home / "runs" / "one"]


def test_a_user_without_a_home(monkeypatch):
    """As in a container that runs under any number."""
    def unknown(uid):
        raise KeyError(uid)

    for name in ("HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert keras_home() == Path("/tmp/.keras")
    with pytest.raises(UserError, match="Write the path out"):
        find_runs(Path("output"), ["~/runs"])
