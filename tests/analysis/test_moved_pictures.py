"""Runs on a folder of pictures after these have moved, or seen from another working directory."""

import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tfrepr.analysis.evaluation_source import validation_images
from tfrepr.config import RunConfig
from tfrepr.errors import RunRefusedError, UserError
from tfrepr.registry import DATASETS
from tfrepr.training.loop import run_cell
from tfrepr.training.trained import TrainedModel, load_data

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch on `pictures`, named relative to the working directory; then the pictures move to `elsewhere`."""
    home, digits = tmp_path_factory.mktemp("home"), DATASETS["digits"](None, None)
    for class_id in range(3):
        folder = home / "pictures" / digits.class_names[class_id]
        folder.mkdir(parents=True)
        for number, image in enumerate(digits.train_images[digits.train_ids == class_id][:10]):
            Image.fromarray(image).save(folder / f"{number}.png")
    config = RunConfig(dataset="folder", folder="pictures", label="speech", encoder="resnet8", image_size=8, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        run = run_cell(config, home / "output")
    (home / "pictures").rename(home / "elsewhere")
    return run


def invoke(script, *words):
    return CliRunner().invoke(runpy.run_path(str(SCRIPTS / f"{script}.py"))["main"], list(map(str, words)))


@pytest.mark.parametrize(("script", "words"), [
    ("evaluate", ["{run}", "--out", "{out}"]), ("speak", ["--test-set", "--count", "2", "--run", "{run}", "--out", "{out}"]),
    ("attack", ["{run}", "--images", "2", "--epsilons", "0,0.1"]), ("analyse", ["{run}"])])
def test_commands_take_the_new_place_and_no_other_pictures(trained, tmp_path, script, words):
    elsewhere, words = trained.path.parents[2] / "elsewhere", [word.format(run=trained.path, out=tmp_path) for word in words]
    other = shutil.copytree(elsewhere, tmp_path / "other")
    next(other.rglob("*.png")).unlink()
    lost = invoke(script, *words)
    assert lost.exit_code == 2
    assert f"There is no folder pictures in {Path.cwd()}" in lost.output
    assert "which was trained on pictures. Give the place of the run's own data with --data-dir" in lost.output
    changed = invoke(script, *words, "--data-dir", other)
    assert changed.exit_code == 2
    assert f"The data in {other} are not those that" in changed.output
    found = invoke(script, *words, "--data-dir", elsewhere)
    assert found.exit_code == 0, found.output


def test_beside_other_images_the_runs_own_are_named_by_their_option(trained, tmp_path):
    elsewhere = trained.path.parents[2] / "elsewhere"
    words = ["evaluate", trained.path, "--dataset", "folder", "--data-dir", elsewhere, "--out", tmp_path]
    learned = invoke(*words, "--all-images")
    assert (learned.exit_code, "was trained on these images" in learned.output) == (2, True)
    assert "(scripts/evaluate.py beside --dataset: --train-dir)" in invoke(*words).output
    assert json.loads((tmp_path / "evaluation.json").read_text())["fitted_temperature"] is None
    trained_model = TrainedModel.load(trained)
    assert len(validation_images(trained_model, elsewhere)[0]) > 0


def test_the_place_of_the_training_is_the_default(trained, monkeypatch):
    home = trained.path.parents[2]
    with pytest.raises(UserError, match=f"no folder {home}/nowhere with the pictures"):
        load_data(trained, home / "nowhere")
    moved = load_data(trained, home / "elsewhere")
    (home / "elsewhere").rename(home / "pictures")
    try:
        monkeypatch.chdir(home)
        assert np.array_equal(load_data(trained, None).test_images, moved.test_images)
        next((home / "pictures").rglob("*.png")).rename(home / "taken.png")
        with pytest.raises(RunRefusedError, match="The data in pictures are not those"):
            load_data(trained, None)
    finally:
        if (home / "taken.png").exists():
            (home / "taken.png").rename(home / "pictures" / DATASETS["digits"](None, None).class_names[0] / "0.png")
        (home / "pictures").rename(home / "elsewhere")
