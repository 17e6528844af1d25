"""What all commands share: an output that nobody reads, and options of their records."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tfrepr.cli import READER_LEFT, command_line
from tfrepr.config import RunConfig
from tfrepr.experiments.runner import run_cells

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
PRINTS = "import click\nfrom tfrepr.cli import user_errors\nuser_errors(lambda: [click.echo('word') for _ in range(1000)])()"


@pytest.fixture(scope="module")
def mains():
    """The click command of every script."""
    return {name: runpy.run_path(str(ROOT / "scripts" / f"{name}.py"))["main"] for name in SCRIPTS}


def without_reader(code):
    """A Python process whose standard output is a pipe that nobody reads."""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    errors = process.stderr.read()
    return process.wait(), errors


def test_a_closed_output_ends_a_command_without_a_word(mains):
    assert without_reader(PRINTS) == (READER_LEFT, "")
    assert all(hasattr(main.callback, "__wrapped__") for main in mains.values()), "all scripts are guarded alike"


def test_a_command_without_standard_output_runs():
    command = ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, PRINTS + "\nimport sys\nsys.stdout.isatty()"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_output_is_the_fault_of_no_cell(tmp_path, monkeypatch, capfd):
    reading, writing = os.pipe()
    os.close(reading)
    cells = [RunConfig(label=label, encoder="mlp1x512", percent=3, epochs=1) for label in ("category", "lowdim")]
    monkeypatch.setattr(sys, "stdout", os.fdopen(writing, "w"))
    with pytest.raises(BrokenPipeError):
        run_cells("two", cells, tmp_path)
    assert capfd.readouterr().err == ""
    monkeypatch.undo()


def test_what_to_type_next_is_quoted_and_leaves_out_what_is_usual():
    assert command_line("train", "a b", output=Path("output"), plots="my plots", data_dir=None, features=True, all=False) == \
        "python scripts/train.py 'a b' --plots 'my plots' --features"
