"""Real trainings on digits: random labels are learned by heart, and what such a run leaves behind."""

import csv
import json

import numpy as np
import pytest

from tfrepr.config import RunConfig
from tfrepr.data.pipeline import evaluation_batches
from tfrepr.errors import UserError
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.results.tables import read_results
from tfrepr.runs import HISTORY_COLUMNS, TRAINING_ACCURACY_COLUMNS
from tfrepr.training.batch_metrics import training_accuracies
from tfrepr.training.callbacks import Checkpoints
from tfrepr.training.checkpoint import load_model
from tfrepr.training.evaluation import evaluate, forward_function
from tfrepr.training.loop import load_cell, run_cell

HALF_OF_1000 = {"percent": 50.0, "percent_of": 1000}
SET_UP = {"encoder": "mlp1x512", "validation": "none", "preprocessing": "per-image", "augmentation": "off", "weight_decay": 0.0,
          "learning_rate": 0.05, "corruption": "random_labels", **HALF_OF_1000}
MEMORISED = RunConfig(epochs=80, batch_size=100, **SET_UP)
SHORT = RunConfig(epochs=4, batch_size=40, label="lowdim", **SET_UP)


@pytest.fixture(scope="module")
def memorised(tmp_path_factory):
    """An MLP that was trained on 500 digits with random labels."""
    return run_cell(MEMORISED, tmp_path_factory.mktemp("memorised"))


def test_an_mlp_learns_500_random_labels_by_heart(memorised):
    cell = load_cell(MEMORISED, None)
    rows = cell.split.train
    assert len(rows) == 500
    assert len(cell.split.validation) == 0
    batches = evaluation_batches(cell.dataset.train_images[rows], cell.dataset.train_ids[rows], mean=cell.dataset.mean,
                                 std=cell.dataset.std, per_image=True)
    assert evaluate(forward_function(load_model(memorised / "best.keras")), cell.representation, batches).accuracy == 1.0


def test_what_was_learned_by_heart_tells_nothing_about_other_images(memorised):
    metrics = memorised.metrics()
    assert 0.03 < metrics["test_accuracy"] < 0.2
    assert 0.35 < metrics["test_top5_accuracy"] < 0.65


def test_history_of_a_run_without_validation(memorised):
    with (memorised / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == HISTORY_COLUMNS + TRAINING_ACCURACY_COLUMNS
    accuracy = [float(row["train_accuracy"]) for row in rows]
    top5 = [float(row["train_top5_accuracy"]) for row in rows]
    assert accuracy[0] < 0.2
    assert accuracy[-1] > 0.99
    assert all(five >= one for one, five in zip(accuracy, top5, strict=True))
    assert all(row["val_accuracy"] == row["val_loss"] == "" for row in rows)


def test_metrics_of_a_run_without_validation_are_those_of_the_last_epoch(memorised):
    metrics = json.loads((memorised / "metrics.json").read_text())
    assert (metrics["best_epoch"], metrics["best_val_accuracy"], metrics["best_val_loss"]) == (80, None, None)
    for best, last in zip(*(load_model(memorised / name).get_weights() for name in ("best.keras", "last.keras")), strict=True):
        np.testing.assert_array_equal(best, last)
    assert read_results([memorised.path]).runs["best_val_accuracy"].isna().all()


def steps_of(run):
    return np.loadtxt(run / "steps.csv", delimiter=",", skiprows=1)


def test_steps_hold_the_mean_loss_of_the_steps_between_rows(tmp_path):
    """500 images in batches of 40: 13 steps an epoch, the last one with 20 images; rows after steps 5, 10 and 13."""
    coarse, fine = (run_cell(SHORT, tmp_path / str(every), log_steps=every) for every in (5, 1))
    steps, losses = steps_of(coarse).T
    np.testing.assert_array_equal(steps, [start + done for start in (0, 13, 26, 39) for done in (5, 10, 13)])
    single = steps_of(fine)[:, 1].reshape(4, 13)
    for epoch, rows in enumerate(losses.reshape(4, 3)):
        np.testing.assert_allclose(rows[:2], single[epoch, :10].reshape(2, 5).mean(1), rtol=1e-4)
        assert rows[2] == pytest.approx(np.average(single[epoch, 10:], weights=[40, 40, 20]), rel=1e-4)
    history = np.genfromtxt(coarse / "history.csv", delimiter=",", names=True)
    counts = np.array([200, 200, 100]) / 500
    np.testing.assert_allclose(losses.reshape(4, 3) @ counts, history["train_loss"], rtol=1e-4)


def test_an_interrupted_run_goes_on_and_ends_in_the_same_files(tmp_path, monkeypatch):
    whole = run_cell(SHORT, tmp_path / "whole", log_steps=5)
    save = Checkpoints.on_epoch_end

    def stop_before_the_third_checkpoint(self, epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt
        save(self, epoch, logs)

    monkeypatch.setattr(Checkpoints, "on_epoch_end", stop_before_the_third_checkpoint)
    with pytest.raises(KeyboardInterrupt):
        run_cell(SHORT, tmp_path / "stopped", log_steps=5)
    monkeypatch.undo()
    resumed = run_cell(SHORT, tmp_path / "stopped", log_steps=5)
    np.testing.assert_array_equal(steps_of(resumed), steps_of(whole))
    own, theirs = (np.genfromtxt(run / "history.csv", delimiter=",", names=True) for run in (resumed, whole))
    for name in ("epoch", "train_loss", "train_accuracy", "train_top5_accuracy"):
        np.testing.assert_array_equal(own[name], theirs[name])
    for one, other in zip(*(load_model(run / "last.keras").get_weights() for run in (resumed, whole)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_divided_over_devices_are_refused(tmp_path):
    with pytest.raises(UserError, match="--validation none"):
        run_cell(SHORT, tmp_path, strategy="mirrored")
    assert not list(tmp_path.iterdir())


def test_training_accuracies_count_as_evaluation_does():
    names, rng = tuple("abcdefgh"), np.random.default_rng(0)
    for representation in (CategoryRepresentation("category", names),
                           RegressionRepresentation("lowdim", names, rng.normal(size=(8, 5)))):
        outputs = rng.normal(size=(400, *representation.output_shape)).astype("float32")
        ids = rng.integers(0, 8, 400)
        counted = evaluate(lambda batch: batch, representation, [(outputs[:300], ids[:300]), (outputs[300:], ids[300:])])
        with_changes = np.concatenate([ids[:, None], np.zeros((400, 5), int)], axis=1)
        for targets in (ids, with_changes):
            first, five = (np.asarray(metric(targets, outputs)).mean() for metric in training_accuracies(representation))
            assert first == pytest.approx(counted.accuracy)
            assert five == pytest.approx(counted.top5_accuracy)


def test_top_five_by_sorting():
    rng = np.random.default_rng(1)
    representation = CategoryRepresentation("category", tuple("abcdefghij"))
    outputs, ids = rng.normal(size=(500, 10)).astype("float32"), rng.integers(0, 10, 500)
    best = np.argsort(-outputs, axis=1)[:, :5]
    found = evaluate(lambda batch: batch, representation, [(outputs, ids)])
    assert found.top5_accuracy == pytest.approx(np.mean([own in five for own, five in zip(ids, best, strict=True)]))
    few = CategoryRepresentation("category", tuple("abcde"))
    assert evaluate(lambda batch: batch, few, [(outputs[:, :5], ids % 5)]).top5_accuracy is None
