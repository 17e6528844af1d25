"""One cell on two devices gives what it gives on one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfrepr.errors import UserError
from tfrepr.training.checkpoint import load_model
from tfrepr.training.data_parallel import DataParallel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run directories by (encoder, strategy)."""
    output = tmp_path_factory.mktemp("two-devices")
    done = subprocess.run([sys.executable, "-m", "tests.training.two_devices", str(output)], cwd=ROOT, capture_output=True,
                          text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {(run.name.split("-")[1], strategy): run for strategy in ("none", "mirrored")
            for run in (output / strategy / "runs").iterdir()}


@pytest.mark.parametrize("encoder", ["plain", "normalised"])
def test_two_devices_equal_one(runs, encoder):
    one, two = (load_model(runs[encoder, strategy] / "last.keras").get_weights() for strategy in ("none", "mirrored"))
    for own, theirs in zip(one, two, strict=True):
        np.testing.assert_allclose(theirs, own, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("encoder", ["plain", "normalised"])
def test_logged_losses_are_means_over_all_images(runs, encoder):
    one, two = (np.genfromtxt(runs[encoder, strategy] / "history.csv", delimiter=",", names=True)
                for strategy in ("none", "mirrored"))
    for column in ("train_loss", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(two[column], one[column], rtol=1e-5)


def test_a_single_device_is_refused():
    with pytest.raises(UserError, match="several GPUs"):
        DataParallel("mirrored")
