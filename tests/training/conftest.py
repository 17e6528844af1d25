"""Small real runs on digits that several tests look at."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--percent", "5", "--epochs", "4", "--batch-size", "16", "--learning-rate", "0.05")
"""65 digits, four epochs of five batches."""


@pytest.fixture(scope="session")
def command():
    """The words of a small training command."""
    def words(output, *options):
        return [sys.executable, str(ROOT / "scripts" / "train.py"), "--output", str(output), *options]
    return words


@pytest.fixture(scope="session")
def train(command):
    """Runs `scripts/train.py` in a process of its own; returns the completed process."""
    def run(output, *options):
        return subprocess.run(command(output, *options), capture_output=True, text=True, timeout=3600, check=False)
    return run


@pytest.fixture(scope="session")
def small_options():
    """Options of a run that takes seconds."""
    return SMALL


@pytest.fixture(scope="session")
def finished(train, tmp_path_factory):
    """An uninterrupted small run: (output folder, run directory, standard output)."""
    output = tmp_path_factory.mktemp("uninterrupted")
    done = train(output, "--label", "speech", *SMALL)
    assert done.returncode == 0, done.stderr
    return output, next((output / "runs").iterdir()), done.stdout
