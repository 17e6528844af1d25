"""What the options of a run do to its weights, its log and its test figures: whole trainings against a plain NumPy loop."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from tests.data.cifar_writing import python3_pickle, small_records, write_folder
from tests.training.plain_network import judged, rate_of, trained
from tfrepr.config import RunConfig
from tfrepr.data.pipeline import epoch_order, training_batches
from tfrepr.data.sources.cifar import CIFAR10, CIFAR10_NAMES
from tfrepr.data.splits import split
from tfrepr.errors import RunRefusedError
from tfrepr.labels.augmentation import AugmentedRepresentation
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.models.build import build_model
from tfrepr.registry import DATASETS
from tfrepr.runs import RunDirectory
from tfrepr.seeds import integer_seed
from tfrepr.training.checkpoint import load_model
from tfrepr.training.evaluation import evaluate, forward_function
from tfrepr.training.loop import load_cell, run_cell

SMALL = {"encoder": "mlp1x512", "percent": 5, "batch_size": 15, "learning_rate": 0.05}
"""64 digits: four batches of 15 and one of 4."""
RUNS = {
    "step": RunConfig(**SMALL, seed=0, epochs=8, momentum=0.8, weight_decay=0.02, label_smoothing=0.2),
    "exponential": RunConfig(**SMALL, seed=1, epochs=5, momentum=0.7, weight_decay=0.003, label="lowdim",
                             schedule="exponential", augmentation="off", validation_every=2),
}
"""Each with numbers of its own: the rate drops twice, or a little each epoch. Both are better before their last epoch."""


class Reference:
    """What a run must come to, from its config.json and label table, the split, the batches and the initial weights."""

    def __init__(self, run):
        self.config = json.loads((run / "config.json").read_text())
        self.table = np.load(run / "label_table.npy").astype(np.float64)
        self.dataset = DATASETS[self.config["dataset"]](None, None)
        self.rows = split(self.dataset.train_ids, validation=self.dataset.validation, percent=self.config["percent"],
                          percent_of=None, seed=self.config["seed"], class_names=self.dataset.class_names)
        self.weights, self.losses = trained(self.config, self.table, self._initial_weights(), self._epochs())

    def _initial_weights(self):
        names, label = self.dataset.class_names, self.config["label"]
        representation = (CategoryRepresentation(label, names) if label == "category"
                          else RegressionRepresentation(label, names, self.table))
        keras.utils.set_random_seed(integer_seed(self.config["seed"], "initialisation"))
        return build_model(self.config["encoder"], self.dataset.image_shape, representation).get_weights()

    def _epochs(self):
        """Digits are never mirrored."""
        rows, augment = self.rows.train, self.config["augmentation"] == "crop-flip"
        return [list(training_batches(self.dataset.train_images[rows], self.dataset.train_ids[rows], mean=self.dataset.mean,
                                      std=self.dataset.std, flip=False, batch_size=self.config["batch_size"],
                                      seed=self.config["seed"], first_epoch=epoch, last_epoch=epoch + 1,
                                      augment=augment).as_numpy_iterator()) for epoch in range(self.config["epochs"])]

    def judged(self, part, epoch):
        """Mean loss and accuracy of the weights after an epoch, counted from 1."""
        images, ids = {"validation": (self.dataset.train_images[self.rows.validation],
                                      self.dataset.train_ids[self.rows.validation]),
                       "test": (self.dataset.test_images, self.dataset.test_ids)}[part]
        standardised = (images / 255 - np.array(self.dataset.mean)) / np.array(self.dataset.std)
        return judged(self.config, self.table, self.weights[epoch - 1], standardised, ids)

    @property
    def validated(self):
        """Loss and accuracy by epoch, where the run validates."""
        every, last = self.config["validation_every"], self.config["epochs"]
        return {epoch: self.judged("validation", epoch) for epoch in range(1, last + 1) if epoch % every == 0 or epoch == last}

    @property
    def best_epoch(self):
        """The highest accuracy, and of those the lowest loss."""
        validated = self.validated
        return max(validated, key=lambda epoch: (validated[epoch][1], -validated[epoch][0]))


@pytest.fixture(scope="module", params=RUNS)
def pair(request, tmp_path_factory):
    """A run and its reference."""
    run = run_cell(RUNS[request.param], tmp_path_factory.mktemp(request.param))
    return run, Reference(run)


def assert_weights(path, expected):
    """Within a thousandth of their length: float32 and double precision come apart at the kinks of ReLU and smooth L1."""
    for own, reference in zip(load_model(path).get_weights(), expected, strict=True):
        assert np.linalg.norm(own - reference) < 1e-3 * np.linalg.norm(reference)


def test_the_last_weights_are_those_of_a_plain_loop(pair):
    run, reference = pair
    assert_weights(run / "last.keras", reference.weights[-1])


def test_the_log_tells_what_happened(pair):
    run, reference = pair
    history = np.genfromtxt(run / "history.csv", delimiter=",", names=True)
    epochs, validated = range(reference.config["epochs"]), reference.validated
    rates = [rate_of(reference.config, epoch) for epoch in epochs]
    assert len(set(rates)) > 2
    np.testing.assert_allclose(history["learning_rate"], rates, rtol=1e-6)
    np.testing.assert_allclose(history["train_loss"], reference.losses, rtol=1e-4)
    nothing = (np.nan, np.nan)
    np.testing.assert_allclose(np.stack([history["val_loss"], history["val_accuracy"]], axis=1),
                               [validated.get(epoch + 1, nothing) for epoch in epochs], rtol=1e-4)


def test_the_best_checkpoint_is_kept_and_tested(pair):
    run, reference = pair
    best, metrics = reference.best_epoch, run.metrics()
    assert best != reference.config["epochs"], "of no use where the last epoch is the best one"
    assert metrics["best_epoch"] == best
    assert_weights(run / "best.keras", reference.weights[best - 1])
    loss, accuracy = reference.judged("test", best)
    assert (metrics["test_loss"], metrics["test_accuracy"]) == pytest.approx((loss, accuracy), rel=1e-4)
    assert metrics["test_loss"] != pytest.approx(reference.judged("test", reference.config["epochs"])[0], rel=1e-3)


@pytest.mark.parametrize(("key", "what"), [("data_fingerprint", "data"), ("label_fingerprint", "label table")])
def test_a_run_does_not_go_on_with_other_data_or_labels(key, what, pair, tmp_path):
    config = pair[0].config()
    run = RunDirectory(shutil.copytree(pair[0].path, RunDirectory.of(config, tmp_path).path))
    (run / "metrics.json").unlink()
    run.write_json("environment.json", run.environment() | {key: "0" * 16})
    with pytest.raises(RunRefusedError, match=f"The {what} of .* changed since the run began"):
        run_cell(config, tmp_path)


def test_mixed_precision_trains_the_encoder_in_half_and_keeps_weights_and_head_in_single(tmp_path):
    """The file holds what the layers computed in while they were trained; whatever loads a trained network gets float32."""
    run = run_cell(RunConfig(encoder="mlp1x512", label="random", percent=2, epochs=1, learning_rate=0.01,
                             mixed_precision="bfloat16"), tmp_path)
    assert keras.config.dtype_policy().name == "float32", "for this run alone"
    trained = keras.models.load_model(run / "best.keras", compile=False)
    names = [layer.name for layer in trained.layers]
    encoder, head = names[:names.index("neck_bn")], names[names.index("neck_bn"):]
    assert {trained.get_layer(name).compute_dtype for name in encoder[1:]} == {"bfloat16"}
    assert {trained.get_layer(name).compute_dtype for name in head} == {"float32"}
    assert {variable.dtype for variable in trained.weights} == {"float32"}

    model = load_model(run / "best.keras")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    for name in names[1:]:
        for before, after in zip(trained.get_layer(name).get_weights(), model.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
    images = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype(np.float32)
    exact, rounded = (np.asarray(network(images, training=False)) for network in (model, trained))
    assert 0 < np.abs(exact - rounded).max() < 0.02 * np.abs(exact).max()
    cell = load_cell(run.config(), None)
    assert run.metrics()["test_loss"] == evaluate(forward_function(model), cell.representation, cell.test_batches()).loss


def test_photographs_are_mirrored_half_of_the_time(tmp_path):
    """Dark on the left, light on the right; digits, which are not mirrored, are in the trainings above."""
    picture = np.zeros((3, 32, 32), np.uint8)
    picture[:, :, 16:] = 255
    records = small_records(CIFAR10, CIFAR10_NAMES, rows=40)
    for record in records.values():
        if b"data" in record:
            record[b"data"][:] = picture.ravel()
            record[b"labels"] = [number % 10 for number in range(40)]
    write_folder(tmp_path, CIFAR10, {name: python3_pickle(record) for name, record in records.items()})
    cell = load_cell(RunConfig(dataset="cifar10", validation="none", epochs=1, percent=100), tmp_path)
    images = np.concatenate([images for images, _ in cell.training_batches(0)])
    mirrored = images[:, 16, 4, 0] > images[:, 16, 27, 0]
    assert (len(mirrored), 70 < mirrored.sum() < 130) == (200, True)
    still = np.concatenate([images for images, _ in cell.test_batches()])
    assert (still[:, 16, 4, 0] < still[:, 16, 27, 0]).all()


def test_variations_of_a_label_reach_the_batches():
    """From there on targets go to the loss as they are, as the label tables of the trainings above do."""
    plain = load_cell(RunConfig(percent=5, batch_size=15, epochs=2, seed=4), None)
    table = np.random.default_rng(0).uniform(-80, 0, (10, 16, 16)).astype(np.float32)
    label = AugmentedRepresentation("speech-augmented", plain.dataset.class_names, table,
                                    LabelOptions(time_shift=2, time_mask=5, frequency_mask=3))
    count, draw = len(plain.split.train), label.label_changes(len(plain.split.train), seed=4)
    batches = list(dataclasses.replace(plain, representation=label).training_batches(1).as_numpy_iterator())
    for (images, ids), (same_images, targets) in zip(plain.training_batches(1).as_numpy_iterator(), batches, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(ids, targets[:, 0])
    changes = np.concatenate([targets[:, 1:] for _, targets in batches])
    np.testing.assert_array_equal(changes, draw(1)[epoch_order(count, seed=4, epoch=1)])
