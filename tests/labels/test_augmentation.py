"""Labels that vary from image to image: the masks of TensorFlow I/O, keyed by seed, epoch and image."""

import keras
import numpy as np
import pytest

from tfrepr.data.pipeline import training_batches
from tfrepr.errors import UserError
from tfrepr.labels.augmentation import AugmentedRepresentation, LabelChanges, varied
from tfrepr.labels.build import build_representation
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.representation import RegressionRepresentation

NAMES = ("one", "two", "three")
COUNT = 37
NOTHING = (0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).uniform(-79, 0, (3, 16, 20)).astype(np.float32)


def representation(table, **options):
    return AugmentedRepresentation("speech-augmented", NAMES, table, LabelOptions(**options))


def loop(label, shift, time_start, time_width, frequency_start, frequency_width):
    """One label varied element by element."""
    result = np.full_like(label, -80)
    for row in range(label.shape[0]):
        for column in range(label.shape[1]):
            no_time = time_start <= column < time_start + time_width
            no_frequency = frequency_start <= row < frequency_start + frequency_width
            if not (no_time or no_frequency) and 0 <= column - shift < label.shape[1]:
                result[row, column] = label[row, column - shift]
    return result


def test_variations_equal_a_loop(table):
    changes = np.array([NOTHING, (3, 0, 0, 0, 0), (-4, 0, 0, 0, 0), (0, 5, 7, 0, 0), (0, 0, 0, 15, 1), (2, 17, 3, 4, 6)])
    labels = table[np.arange(6) % 3]
    result = keras.ops.convert_to_numpy(varied(labels, LabelChanges(*changes.astype(np.int32).T)))
    np.testing.assert_array_equal(result, [loop(label, *change) for label, change in zip(labels, changes, strict=True)])
    np.testing.assert_array_equal(result[0], table[0])


@pytest.mark.parametrize(("start", "width"), [(0, 0), (0, 5), (7, 3), (11, 4)])
def test_masks_equal_those_of_tensorflow_io(table, monkeypatch, start, width):
    """Its masks put 0 where ours put silence, so they act on decibels above the floor; its time axis comes first."""
    tf, tfio = pytest.importorskip("tensorflow"), pytest.importorskip("tensorflow_io")
    draws = iter([width, start, width, start])
    monkeypatch.setattr(tf.random, "uniform", lambda *args, **kwargs: tf.constant(next(draws), tf.int32))
    expected = tfio.audio.freq_mask(tfio.audio.time_mask((table[0] + 80).T, param=8), param=8).numpy().T - 80
    changes = np.array([(0, start, width, start, width)], np.int32)
    result = keras.ops.convert_to_numpy(varied(table[:1], LabelChanges(*changes.T)))[0]
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_draws_cover_their_ranges_and_no_more(table):
    draw = representation(table, time_shift=2, time_mask=5, frequency_mask=1).label_changes(20_000, seed=3)
    changes = LabelChanges(*draw(0).T)
    assert set(changes.shift) == {-2, -1, 0, 1, 2}
    assert set(changes.time_width) == {0, 1, 2, 3, 4}
    assert set(changes.frequency_width) == {0}
    assert (changes.time_start + changes.time_width).max() == 19  # below the end, as TensorFlow I/O draws
    assert changes.time_start.min() == 0
    np.testing.assert_allclose(np.bincount(changes.time_width) / 20_000, 0.2, atol=0.02)


def test_draws_depend_on_seed_and_epoch(table):
    draw, again, other = (representation(table).label_changes(COUNT, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(draw(4), again(4))
    assert not np.array_equal(draw(4), draw(5))
    assert not np.array_equal(draw(4), other(4))


def test_zero_options_are_plain_speech(table):
    plain = RegressionRepresentation("speech", NAMES, table)
    still = representation(table, time_shift=0, time_mask=0, frequency_mask=0)
    targets = np.concatenate([np.array([[2], [0]]), still.label_changes(2, seed=0)(0)], axis=1)
    outputs = np.random.default_rng(1).uniform(-80, 0, (2, 16, 20)).astype(np.float32)
    np.testing.assert_array_equal(still.losses(targets, outputs), plain.losses(np.array([2, 0]), outputs))


def test_the_loss_is_smooth_l1_to_the_varied_row(table):
    label = representation(table)
    changes = (3, 2, 4, 1, 5)
    outputs = np.random.default_rng(1).uniform(-80, 0, (1, 16, 20)).astype(np.float32)
    error = np.abs(outputs[0] - loop(table[1], *changes)).astype(np.float64)
    expected = np.where(error < 1, 0.5 * error**2, error - 0.5).mean()
    assert float(label.losses(np.array([[1, *changes]]), outputs)[0]) == pytest.approx(expected, rel=1e-5)
    plain = RegressionRepresentation("speech", NAMES, table)
    np.testing.assert_array_equal(label.losses(np.array([1]), outputs), plain.losses(np.array([1]), outputs))
    np.testing.assert_array_equal(label.decode(outputs), plain.decode(outputs))


def batches(draw, first_epoch=0):
    images = np.arange(COUNT * 8 * 8 * 3, dtype=np.uint32).astype(np.uint8).reshape(COUNT, 8, 8, 3)
    made = training_batches(images, np.arange(COUNT) % 3, mean=(0, 0, 0), std=(1, 1, 1), flip=True, batch_size=10, seed=5,
                            first_epoch=first_epoch, last_epoch=3, label_changes=draw)
    return list(made.as_numpy_iterator())


def test_the_pipeline_hands_each_image_its_own_changes(table):
    draw = representation(table).label_changes(COUNT, seed=5)
    plain, varying, resumed = batches(None), batches(draw), batches(draw, first_epoch=1)
    for (images, ids), (same_images, targets) in zip(plain, varying, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(ids, targets[:, 0])
    for epoch in range(3):
        targets = np.concatenate([targets for _, targets in varying[4 * epoch:4 * epoch + 4]])
        assert targets.shape == (COUNT, 6)
        assert sorted(map(tuple, targets[:, 1:])) == sorted(map(tuple, draw(epoch)))
    for (images, targets), (same_images, same_targets) in zip(varying[4:], resumed, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(targets, same_targets)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_keras_trains_on_varied_labels(monkeypatch, tmp_path):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path))
    label = build_representation("speech-augmented", NAMES, image_side=8)
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Reshape((16, 16))(keras.layers.Dense(256)(keras.layers.Flatten()(inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=label.losses)
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 3), np.uint8)
    made = training_batches(images, np.arange(COUNT) % 3, mean=(0.5,) * 3, std=(0.25,) * 3, flip=False, batch_size=10, seed=0,
                            last_epoch=10, label_changes=label.label_changes(COUNT, seed=0))
    losses = model.fit(made, epochs=10, steps_per_epoch=4, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


def test_wide_changes_and_vectors_are_refused(table):
    for options in ({"time_shift": 20}, {"time_mask": 20}, {"frequency_mask": 16}):
        with pytest.raises(UserError, match="must be less than"):
            representation(table, **options)
    with pytest.raises(UserError, match="rows must be matrices"):
        representation(table[:, 0])
