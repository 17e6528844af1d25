"""`scripts/train.py` as a user meets it: help, names, and everything that can be typed wrongly."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tfrepr.registry import DATASETS, ENCODERS, EXPERIMENTS, LABELS

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "train.py"


@pytest.fixture(scope="module")
def train():
    """Calls the command in this process; returns click's result."""
    command = runpy.run_path(str(SCRIPT))["main"]
    return lambda *words: CliRunner().invoke(command, words)


def test_help_is_fast_and_lists_every_name():
    before = os.times()
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    assert busy < 0.8, "CPU seconds, which a busy machine does not change"
    for registry in (LABELS, ENCODERS, DATASETS, EXPERIMENTS):
        listed = re.sub(r"\s+", "", done.stdout)  # long lists are wrapped, also behind a hyphen
        assert all(name in listed for name in registry)


def test_help_imports_no_heavy_package():
    heavy = {"tensorflow", "keras", "librosa", "pandas", "matplotlib", "sklearn"}
    code = (f"import runpy, sys; sys.argv = ['train.py', '--help']\ntry:\n    runpy.run_path({str(SCRIPT)!r}, run_name='main')"
            f"['main']()\nexcept SystemExit:\n    pass\nprint('HEAVY', sorted({heavy} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


WRONG = [
    (["--label", "speach"], "Did you mean 'speech'"),
    (["--encoder", "resnet33"], "resnet32"),
    (["--dataset", "cifar"], "'cifar10'"),
    (["--experiment", "quikstart"], "Did you mean 'quickstart'"),
    (["--percent", "0"], "percent must be above 0 and at most 100"),
    (["--percent", "101"], "percent must be above 0 and at most 100"),
    (["--percent", "nan"], "finite"),
    (["--epochs", "0"], "epochs must be at least 1"),
    (["--seed", "-1"], "seed must be at least 0"),
    (["--learning-rate", "-0.1"], "learning-rate must be above 0"),
    (["--label", "speech", "--label-smoothing", "0.1"], "label category only"),
    (["--dataset", "folder"], "needs the folder's path"),
    (["--experiment", "table2", "--label", "speech"], "takes no --label"),
    (["--label", "category", "--voice", "en-gb"], "--voice has no part in the label category"),
    (["--label", "category", "--label-file", "table.npy"], "the label category has none"),
    (["--list", "--experiment", "figure4", "--jobs", "2", "--scale", "0.5", "--epochs", "3", "--voice", "en-gb"],
     "Received as well: --experiment, --jobs, --epochs, --voice."),
    (["--image-size", "64"], "`folder` only"),
    (["--spoken", "zero"], "NAME=VALUE"),
    (["--percent", "0.5"], "no image"),
    (["--label", "speech", "--spoken", "zero=one"], "sound exactly alike"),
    (["--label", "speech", "--spoken", "sero=one"], "zero"),
    (["--label", "speech", "--voice", "en-us+nosuch"], "voice"),
    (["--label", "speech", "--wav-dir", "does-not-exist"], "not a folder"),
    (["--label", "random", "--label-file", "does-not-exist.npy"], "does-not-exist.npy"),
    (["--dataset", "folder", "--data-dir", "does-not-exist"], "does-not-exist"),
    (["--dataset", "cifar10", "--data-dir", "does-not-exist"], "does-not-exist"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_input_leaves_with_code_two_and_writes_nothing(train, words, message, tmp_path):
    result = train("--output", str(tmp_path / "output"), *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.rglob("*.json"))
    assert not list(tmp_path.rglob("*.csv"))


@pytest.mark.parametrize(("table", "message"), [(np.zeros((3, 64, 64)), "10"), (np.full((10, 64, 64), np.nan), "NaN")])
def test_label_tables_that_do_not_fit(train, table, message, tmp_path):
    np.save(tmp_path / "table.npy", table.astype("float32"))
    result = train("--output", str(tmp_path / "output"), "--label", "random", "--label-file", str(tmp_path / "table.npy"))
    assert result.exit_code == 2
    assert message in result.output
