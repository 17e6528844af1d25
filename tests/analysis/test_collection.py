"""scripts/analyse.py: features and maps of finished runs, and what goes wrong."""

import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import tfrepr
from tfrepr.analysis.collection import analyse, analyse_runs
from tfrepr.registry import DATASETS
from tfrepr.results.features import read_features
from tfrepr.runs import RunDirectory
from tfrepr.training.checkpoint import load_model
from tfrepr.training.trained import TrainedModel

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "analyse.py"


@pytest.fixture
def run(category_run, tmp_path):
    """A copy without features."""
    shutil.copytree(category_run.path, tmp_path / "run", ignore=shutil.ignore_patterns("features", "gradcam.npz", ".lock"))
    return RunDirectory(tmp_path / "run")


def test_features_are_those_of_the_last_model(run):
    lines = list(analyse(run, None))
    assert lines[0] == f"{run / 'features'}: features after the last epoch"
    assert lines[1].startswith("epoch,progress,images,dimensions,silhouette")
    assert lines[2].startswith("1,1,359,64,")
    assert lines[3] == str(run / "gradcam.npz")
    model = load_model(run / "last.keras")
    stage = keras.Model(model.inputs, model.get_layer("stage3").output)
    images = TrainedModel.load(run).standardise(DATASETS["digits"](None, None).test_images)
    expected = np.asarray(stage.predict(images, verbose=0)).mean(axis=(1, 2))
    np.testing.assert_allclose(read_features(run)[1], expected, rtol=2e-3, atol=2e-3)


def test_features_of_the_training_are_left_alone(run):
    list(analyse(run, None))
    before = {path: path.read_bytes() for path in (run / "features").iterdir()}
    list(analyse(run, None))
    assert before == {path: path.read_bytes() for path in (run / "features").iterdir()}


def test_one_run_that_fails_does_not_stop_the_others(run, tmp_path, capsys):
    unfinished = tmp_path / "unfinished"
    shutil.copytree(run.path, unfinished)
    (unfinished / "metrics.json").unlink()
    assert analyse_runs([RunDirectory(unfinished), run], None) == 2
    assert (run / "gradcam.npz").exists()
    assert "unfinished: The run" in capsys.readouterr().err


def test_no_such_run(tmp_path):
    done = subprocess.run([sys.executable, str(SCRIPT), "nothing"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "No run directory fits 'nothing'" in done.stderr


def test_a_program_loads_a_run_and_has_its_class_scores(spoken_run):
    """Images in [0, 1] into one plain model give the classes that the run's own outputs are decoded to."""
    run = tfrepr.load_run(spoken_run.path)
    images = tfrepr.load_images("digits").test_images[:20]
    scores = tfrepr.class_scores(run.model, run.representation, mean=run.mean, std=run.std)
    expected = run.representation.scores(np.concatenate(list(run.outputs(images))))
    np.testing.assert_allclose(scores(images / 255), expected, rtol=1e-4)
