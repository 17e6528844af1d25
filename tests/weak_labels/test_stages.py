"""Stages: what learns, which checkpoint counts, and stages that are interrupted; with a network of two layers."""

import dataclasses
import itertools
import json

import keras
import numpy as np
import pytest

from tfrepr.data.resizing import PixelMap, Recipe, evaluation_batches, training_batches
from tfrepr.errors import UserError
from tfrepr.labels.representation import CategoryRepresentation
from tfrepr.models.build import build_model
from tfrepr.training.checkpoint import load_model
from tfrepr.training.stages import Lesson, Stage, run_stage
from tfrepr.training.transfer import freeze_backbone, transfer_weights

CATEGORY = CategoryRepresentation("category", ("dark", "light"))
RNG = np.random.default_rng(0)
IDS = np.arange(40) % 2
IMAGES = (RNG.integers(0, 120, (40, 8, 8, 3)) + 100 * IDS[:, None, None, None]).astype(np.uint8)
PIXELS = PixelMap(np.eye(3, dtype=np.float32) / 255, np.zeros(3, np.float32))


def network():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Conv2D(4, 3, name="conv")(inputs))
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


def lesson(stage, mixup=0.0, batches=None):
    def fresh(first_epoch):
        return training_batches(IMAGES, IDS, side=8, pixel_map=PIXELS, recipe=Recipe(False, 0.5, mixup=mixup), batch_size=8,
                                seed=0, first_epoch=first_epoch, last_epoch=stage.epochs)

    return Lesson(batches or fresh, 5, 40, evaluation_batches(IMAGES, IDS, side=8, pixel_map=PIXELS), mixed=mixup > 0)


class StoppedError(Exception):
    """Stands for a kill."""


def interrupted(batches, after):
    """The validation batches, of which the pass with the number `after` does not come."""
    passes = itertools.count(1)

    class Interrupted:
        def __iter__(self):
            if next(passes) == after:
                raise StoppedError
            return iter(batches)

    return Interrupted()


def test_a_frozen_stage_changes_the_head_alone(tmp_path):
    stage, model = Stage("flat-cosine", 0.05, 2, 8, frozen=True), network()
    before = {weight.path: weight.numpy() for weight in model.weights}
    run_stage(tmp_path / "stage", stage, model, CATEGORY, lesson(stage))
    changed = {weight.path for weight in model.weights if (weight.numpy() != before[weight.path]).any()}
    assert changed == {"head/kernel", "head/bias"}, "not even the moving statistics of the backbone"


def test_an_interrupted_stage_ends_like_an_uninterrupted_one(tmp_path):
    stage = Stage("one-cycle", 0.05, 4, 8, frozen=False)
    whole, model = network(), network()
    run_stage(tmp_path / "whole", stage, whole, CATEGORY, lesson(stage, mixup=0.4))
    plain = lesson(stage, mixup=0.4)
    with pytest.raises(StoppedError):
        run_stage(tmp_path / "cut", stage, model, CATEGORY,
                  dataclasses.replace(plain, validation=interrupted(plain.validation, after=3)))
    assert not (tmp_path / "cut" / "stage.json").exists()
    again = network()
    run_stage(tmp_path / "cut", stage, again, CATEGORY, lesson(stage, mixup=0.4))
    for own, theirs in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(own, theirs)
    rows = [(tmp_path / name / "history.csv").read_text().splitlines() for name in ("whole", "cut")]
    assert [row.split(",")[:5] for row in rows[0]] == [row.split(",")[:5] for row in rows[1]]
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {"best.keras", "history.csv", "last.keras", "stage.json"}


def test_best_is_the_lowest_validation_loss_and_a_finished_stage_is_read(tmp_path):
    stage, model = Stage("flat-cosine", 0.1, 5, 8, frozen=False), network()
    run_stage(tmp_path / "stage", stage, model, CATEGORY, lesson(stage))
    rows = [line.split(",") for line in (tmp_path / "stage" / "history.csv").read_text().splitlines()]
    losses = [float(row[rows[0].index("val_loss")]) for row in rows[1:]]
    record = json.loads((tmp_path / "stage" / "stage.json").read_text())
    assert record["best_epoch"] == 1 + int(np.argmin(losses))
    assert record["best_val_loss"] == pytest.approx(min(losses))
    other = network()
    run_stage(tmp_path / "stage", stage, other, CATEGORY, lesson(stage, batches=lambda _: pytest.fail("trained again")))
    for own, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(own, theirs)
    rates = [float(row[1]) for row in rows[1:]]
    assert rates[:4] == pytest.approx([0.1] * 4), "flat for 19 of 25 steps"
    assert rates[4] < 0.1


def test_weights_go_from_small_to_large_images():
    small, large = (build_model("resnet8", (side, side, 3), CATEGORY) for side in (16, 24))
    transfer_weights(small, large, "the block before")
    for own, theirs in zip(small.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_array_equal(own, theirs)
    freeze_backbone(large, frozen=True)
    assert {weight.path for weight in large.trainable_variables} == {"head/kernel", "head/bias"}


def test_weights_that_do_not_fit_name_the_layer(tmp_path):
    ten = CategoryRepresentation("category", tuple("abcdefghij"))
    small = build_model("resnet8", (16, 16, 3), CATEGORY)
    with pytest.raises(UserError, match=r"do not fit layer 'head'.*\(64, 2\).*\(64, 10\)"):
        transfer_weights(small, build_model("resnet8", (16, 16, 3), ten), "x.keras")
    with pytest.raises(UserError, match="do not fit"):
        transfer_weights(small, build_model("vgg19", (32, 32, 3), CATEGORY), "x.keras")
    with pytest.raises(UserError, match=r"only x\.keras has the layer 'head'"):
        transfer_weights(network(), keras.Model(*(lambda m: (m.inputs, m.get_layer("features").output))(network())), "x.keras")


@pytest.mark.parametrize("content", [None, b"", b"PK"])
def test_a_finished_stage_whose_model_was_lost_says_how_to_go_on(content, tmp_path):
    stage = Stage("flat-cosine", 0.05, 1, 8, frozen=False)
    run_stage(tmp_path / "stage", stage, network(), CATEGORY, lesson(stage))
    (tmp_path / "stage" / "last.keras").unlink()
    if content is not None:
        (tmp_path / "stage" / "last.keras").write_bytes(content)
    with pytest.raises(UserError, match=r"last\.keras.*remove stage\.json: the same command then trains this stage again"):
        run_stage(tmp_path / "stage", stage, network(), CATEGORY, lesson(stage))
    (tmp_path / "stage" / "stage.json").unlink()
    run_stage(tmp_path / "stage", stage, network(), CATEGORY, lesson(stage))


def test_stage_checkpoints_can_be_loaded(tmp_path):
    stage, model = Stage("flat-cosine", 0.05, 1, 8, frozen=True), network()
    run_stage(tmp_path / "stage", stage, model, CATEGORY, lesson(stage))
    np.testing.assert_array_equal(load_model(tmp_path / "stage" / "last.keras").get_layer("head").kernel,
                                  model.get_layer("head").kernel)
