"""Features kept while training: nothing else changes, and a killed run ends with the same files."""

import signal
import subprocess

import keras
import numpy as np
import pytest

from tests.training.test_survival import assert_same_run, killed_before
from tfrepr.registry import DATASETS
from tfrepr.results.features import chosen_images, read_class_ids, read_features, request_features
from tfrepr.runs import RunDirectory
from tfrepr.training.checkpoint import load_model
from tfrepr.training.loop import run_cell


@pytest.fixture(scope="module")
def observed(finished, tmp_path_factory):
    """The run of `finished` once more, with features."""
    config, output = RunDirectory(finished[1]).config(), tmp_path_factory.mktemp("features")
    assert request_features([config], output) == []
    return run_cell(config, output)


def contents(run):
    return {path.name: path.read_bytes() for path in (run / "features").iterdir()}


def test_keeping_features_changes_nothing_else(observed, finished):
    assert_same_run(observed.path, finished[1])
    without = {path.name for path in finished[1].iterdir()}
    assert {path.name for path in observed.path.iterdir()} - without == {"features"}


def test_milestones_of_four_epochs_are_all_four(observed):
    assert sorted(contents(observed)) == [*(f"epoch-0000{epoch}.npz" for epoch in (1, 2, 3, 4)), "images.npz", "scores.csv"]


def test_the_last_features_are_those_of_the_last_model(observed):
    dataset = DATASETS["digits"](None, None)
    indices = chosen_images(len(dataset.test_ids))
    np.testing.assert_array_equal(read_class_ids(observed), dataset.test_ids[indices])
    images = (dataset.test_images[indices] / 255.0 - np.array(dataset.mean)) / np.array(dataset.std)
    model = load_model(observed / "last.keras")
    stage = keras.Model(model.inputs, model.get_layer("stage3").output)
    expected = np.asarray(stage.predict(images.astype(np.float32), verbose=0)).mean(axis=(1, 2))
    np.testing.assert_allclose(read_features(observed)[4], expected, rtol=2e-3, atol=2e-4)


@pytest.mark.slow
def test_a_killed_run_resumed_without_the_flag_ends_with_the_same_features(observed, command, small_options, tmp_path):
    words = command(tmp_path, "--label", "speech", *small_options)
    run = tmp_path / "runs" / observed.path.name
    killed = subprocess.run(killed_before([*words, "--features"], "state.npz", 2), capture_output=True, timeout=3600,
                            check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (run / "features" / "epoch-00002.npz").exists()
    done = subprocess.run(words, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(RunDirectory(run)) == contents(observed)


def test_asking_too_late_is_said(train, finished, small_options):
    done = train(finished[0], "--label", "speech", *small_options, "--features")
    assert done.returncode == 0
    assert "finished without --features" in done.stderr
    assert not (finished[1] / "features").exists()
