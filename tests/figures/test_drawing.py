"""From run directories to figure files."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.synthetic_runs import write_experiment, write_run

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "plot_results.py"
LEARNING = ("learning-curves", "validation-accuracy", "test-accuracy")


def plot(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture
def quickstart(tmp_path):
    runs = [write_run(tmp_path / "output", config={"label": label, "dataset": "digits"}) for label in ("category", "speech")]
    write_experiment(tmp_path / "output", "quickstart", runs)
    return tmp_path


def test_plots_last_experiment_under_its_name(quickstart):
    done = plot("--output", quickstart / "output", "--plots", quickstart / "plots")
    assert done.returncode == 0, done.stderr
    expected = {f"quickstart-{figure}.{form}" for figure in LEARNING for form in ("png", "pdf")}
    assert {path.name for path in (quickstart / "plots").iterdir()} == expected
    assert set(done.stdout.split()) >= {str(quickstart / "plots" / name) for name in expected}


def test_nothing_to_plot_names_the_command_that_makes_runs(tmp_path):
    done = plot("--output", tmp_path / "output", "--plots", tmp_path / "plots")
    assert done.returncode == 2
    assert "python scripts/train.py" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "plots").exists()
