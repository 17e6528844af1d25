"""Class ids of shape (n, 1), as Keras's own `cifar10.load_data` returns them: the same numbers as from (n,), or a message."""

import numpy as np
import pytest

from tfrepr.analysis.paired_copies import read_images
from tfrepr.analysis.temperature import fit_temperature
from tfrepr.attacks.losses import LOSSES
from tfrepr.attacks.targets import authors_targets, random_targets
from tfrepr.data import pipeline, resizing
from tfrepr.data.class_ids import checked_ids, one_per_image
from tfrepr.data.dataset import ImageDataset
from tfrepr.data.splits import split, stratified_holdout, stratified_order
from tfrepr.errors import UserError
from tfrepr.labels.augmentation import AugmentedRepresentation
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.training.evaluation import evaluate, in_top
from tfrepr.weak_labels.tasks import check_folds, hide_labels, wrong_labels

RNG = np.random.default_rng(0)
NAMES = tuple("abcdefg")
IDS = np.repeat(np.arange(7), 6).astype(np.uint8)
COLUMN = IDS[:, None]
IMAGES = RNG.integers(0, 256, (len(IDS), 8, 8, 3), dtype=np.uint8)
TABLE = RNG.uniform(-80, 0, (7, 12, 12)).astype("float32")
REPRESENTATIONS = [CategoryRepresentation("category", NAMES), RegressionRepresentation("random", NAMES, TABLE),
                   AugmentedRepresentation("speech-augmented", NAMES, TABLE, LabelOptions())]


def dataset(train_ids, test_ids=IDS) -> ImageDataset:
    return ImageDataset("n", "v", NAMES, IMAGES, train_ids, IMAGES, test_ids, (0.5,) * 3, (0.2,) * 3, True, 0.2)


def outputs_of(representation) -> np.ndarray:
    noise = RNG.normal(size=(len(IDS), *representation.output_shape)).astype("float32")
    return noise + representation.table[RNG.permutation(IDS)]


def test_a_data_set_takes_both_shapes_and_any_integers():
    flat, column = dataset(IDS.astype(np.int64)), dataset(COLUMN, COLUMN.astype(np.int32))
    for part in ("train_ids", "test_ids"):
        np.testing.assert_array_equal(getattr(flat, part), getattr(column, part))
        assert getattr(column, part).dtype == np.int64
    assert flat.fingerprint == column.fingerprint


@pytest.mark.parametrize(("ids", "fault"), [
    (np.eye(7)[IDS], r"shape \(42, 7\).*argmax"), (IDS[:, None, None], r"shape \(42, 1, 1\)"), (np.int64(3), r"shape \(\)"),
    (IDS.astype(float), "integers. Received: float64"), (IDS > 3, "Received: bool"), (IDS[:-1], "41 ids for 42 images"),
    (IDS + np.int8(1), "from -1 to 6. Received ids from 1 to 7"), (IDS.astype(int) - 2, "Received ids from -2 to 4")])
def test_other_ids_are_refused_with_what_was_received(ids, fault):
    with pytest.raises(UserError, match=fault):
        dataset(ids)


def test_images_without_label_train_but_do_not_test():
    unlabelled = np.full(len(IDS), -1)
    assert dataset(unlabelled).train_ids.max() == -1
    with pytest.raises(UserError, match="from 0 to 6"):
        dataset(IDS, unlabelled)


def test_images_must_have_three_channels():
    with pytest.raises(UserError, match=r"\(n, height, width, 3\). Received: \(42, 8, 8, 1\)"):
        ImageDataset("n", "v", NAMES, IMAGES[..., :1], IDS, IMAGES, IDS, (0.5,) * 3, (0.2,) * 3, True, 0.2)


def same(function) -> None:
    """The function's arrays are those of flat ids, whichever shape it gets."""
    for flat, column in zip(function(IDS), function(COLUMN), strict=True):
        np.testing.assert_array_equal(flat, column)


def test_splits_and_tasks():
    for validation in (0.2, 10):
        def parts(ids, validation=validation):
            found = split(ids, validation=validation, percent=100.0, seed=1, class_names=NAMES)
            return found.train, found.validation
        same(parts)
    same(lambda ids: stratified_holdout(ids, 0.3, np.random.default_rng(0)))
    same(lambda ids: [stratified_order(ids, np.random.default_rng(0))])
    same(lambda ids: [hide_labels(ids, 50, 0, NAMES), wrong_labels(ids, 0.5, 7, 0)])
    check_folds(COLUMN, 5, NAMES)


def test_batches():
    pixel_map = resizing.standardisation((0.5,) * 3, (0.2,) * 3)
    common = {"batch_size": 16, "seed": 0, "last_epoch": 1}
    recipe = resizing.Recipe(flip=True, crop_area=0.5)
    statistics = {"mean": (0.5,) * 3, "std": (0.2,) * 3}

    def ids_of(batches):
        return [np.concatenate([batch_ids.numpy() for _, batch_ids in batches])]

    same(lambda ids: ids_of(pipeline.training_batches(IMAGES, ids, flip=True, **statistics, **common)))
    same(lambda ids: ids_of(pipeline.evaluation_batches(IMAGES, ids, **statistics)))
    same(lambda ids: ids_of(resizing.training_batches(IMAGES, ids, side=8, pixel_map=pixel_map, recipe=recipe, **common)))
    same(lambda ids: ids_of(resizing.evaluation_batches(IMAGES, ids, side=8, pixel_map=pixel_map)))
    for make in (pipeline.training_batches, pipeline.evaluation_batches):
        more = {"flip": True, **common} if make is pipeline.training_batches else {}
        with pytest.raises(UserError, match="41 ids for 42 images"):
            make(IMAGES, COLUMN[1:], **statistics, **more)


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda one: one.name)
def test_losses_decisions_and_accuracies(representation):
    outputs = outputs_of(representation)
    same(lambda ids: [representation.losses(ids, outputs), representation.within_threshold(ids, outputs),
                      in_top(5, representation, ids, outputs)])
    same(lambda ids: [loss(representation, ids, outputs) for loss in LOSSES.values()])
    flat, column = (evaluate(lambda batch: batch, representation, [(outputs, ids)]) for ids in (IDS, COLUMN))
    assert flat.figures("test") == column.figures("test")
    assert all(np.array_equal(flat.right[name], column.right[name]) for name in flat.right)
    assert flat.accuracy == np.mean(np.asarray(representation.decode(outputs)) == IDS)


@pytest.mark.parametrize("representation", REPRESENTATIONS, ids=lambda one: one.name)
def test_one_hot_rows_and_outputs_of_another_shape_are_refused(representation):
    outputs = outputs_of(representation)
    with pytest.raises(UserError, match="one integer an image"):
        representation.losses(np.eye(7)[IDS], outputs)
    with pytest.raises(UserError, match=r"must have the shape \(42, .*Received: \(42, .*, 1\)"):
        representation.losses(IDS, outputs[..., None])
    with pytest.raises(UserError, match="must have the shape"):
        representation.scores(outputs[..., None])
    with pytest.raises(UserError, match=r"must have the shape \(1, "):
        representation.losses(IDS[:1], outputs)
    with pytest.raises(UserError, match=r"\(batch, 3\)"):
        representation.mixed_losses(COLUMN, outputs)


def test_a_network_learns_from_a_column_what_it_learns_from_flat_ids():
    """Through Keras's `fit`, which hands the ids over as they come."""
    import keras

    representation = REPRESENTATIONS[0]

    def losses(ids):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(7)])
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss=representation.losses)
        return [model.fit(IMAGES / 255 - 0.5, ids, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"]]

    same(losses)


def test_targets_and_temperatures():
    same(lambda ids: [random_targets(ids, 7, dataset="n", attack_seed=0), authors_targets(ids, 7)])
    scores = RNG.normal(size=(len(IDS), 7))
    assert fit_temperature(scores, COLUMN) == fit_temperature(scores, IDS)


def test_pairs_of_images_and_labels_in_a_file(tmp_path):
    np.savez(tmp_path / "copies.npz", images=IMAGES, labels=COLUMN)
    np.testing.assert_array_equal(read_images(tmp_path / "copies.npz")[1], IDS)


def test_lists_and_tensors():
    import tensorflow as tf

    assert one_per_image([[2], [0]]).tolist() == [2, 0]
    assert one_per_image(tf.constant([[2], [0]])).numpy().tolist() == [2, 0]
    assert checked_ids([1, 0], images=2, classes=2).tolist() == [1, 0]
