"""Losses, distances and decisions against hand-computed values, NumPy loops and Keras's own losses."""

import keras
import numpy as np
import pytest

from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation

NAMES = tuple("abcdefg")
RNG = np.random.default_rng(0)
TABLE = RNG.uniform(-80, 0, (7, 12, 12)).astype("float32")


def test_smooth_l1_by_hand():
    representation = RegressionRepresentation("x", ("a", "b"), np.float32([[0, 0, 0, 0], [9, 9, 9, 9]]))
    losses = representation.losses(np.array([0]), np.float32([[0.5, -1.0, 1.0, -3.0]]))
    assert float(losses[0]) == pytest.approx((0.125 + 0.5 + 0.5 + 2.5) / 4)


def test_smooth_l1_equals_kerass_huber():
    outputs = RNG.normal(-40, 30, (5, 12, 12)).astype("float32")
    ids = np.array([0, 3, 6, 2, 2])
    expected = keras.losses.Huber(delta=1.0, reduction="none")(TABLE[ids], outputs)
    np.testing.assert_allclose(RegressionRepresentation("x", NAMES, TABLE).losses(ids, outputs),
                               np.asarray(expected).mean(axis=-1), rtol=1e-5)


def test_scores_are_minus_the_mean_squared_distance():
    representation = RegressionRepresentation("x", NAMES, TABLE)
    outputs = RNG.normal(-40, 30, (5, 12, 12)).astype("float32")
    expected = [[-np.mean((output.astype("float64") - row) ** 2) for row in TABLE] for output in outputs]
    np.testing.assert_allclose(representation.scores(outputs), expected, rtol=1e-4, atol=0.02)
    np.testing.assert_array_equal(representation.decode(outputs), np.argmax(expected, axis=1))


def test_close_rows_far_from_zero_are_told_apart():
    """The constant label of 100 classes: neighbours differ by 0.8 in values of up to 80."""
    levels = np.arange(100, dtype="float32") * 80 / 99
    representation = RegressionRepresentation("constant", tuple(map(str, range(100))),
                                              np.repeat(levels, 64 * 64).reshape(100, 64, 64))
    outputs = representation.table + 0.35
    np.testing.assert_array_equal(representation.decode(outputs), np.arange(100))


def test_threshold():
    representation = RegressionRepresentation("x", NAMES, TABLE)
    ids = np.array([1, 1])
    outputs = np.stack([TABLE[1] + 3.9, TABLE[1] + 4.1])
    np.testing.assert_array_equal(representation.within_threshold(ids, outputs), [True, False])


def test_cross_entropy_by_hand_and_its_smoothed_form():
    logits = np.float32([[2.0, 0.0, -1.0]])
    log_probability = logits - np.log(np.exp(logits).sum())
    plain = CategoryRepresentation("category", tuple("abc"))
    assert float(plain.losses(np.array([0]), logits)[0]) == pytest.approx(-log_probability[0, 0], rel=1e-6)
    smooth = CategoryRepresentation("category", tuple("abc"), smoothing=0.1)
    np.testing.assert_allclose(smooth.targets[0], [0.9, 0.05, 0.05])
    assert float(smooth.losses(np.array([0]), logits)[0]) == pytest.approx(-(log_probability[0] @ [0.9, 0.05, 0.05]), rel=1e-6)
    assert int(plain.decode(logits)[0]) == 0


def test_class_ids_may_be_floats_as_keras_hands_them_over():
    representation = RegressionRepresentation("x", NAMES, TABLE)
    outputs = TABLE[[4, 5]]
    np.testing.assert_array_equal(representation.losses(np.float32([4, 5]), outputs), [0, 0])


def test_tables_cannot_be_changed_and_fingerprints_tell_them_apart():
    representation = RegressionRepresentation("x", NAMES, TABLE)
    with pytest.raises(ValueError, match="read-only"):
        representation.table[0] = 0
    assert representation.fingerprint == RegressionRepresentation("x", NAMES, TABLE.copy()).fingerprint
    assert representation.fingerprint != RegressionRepresentation("x", NAMES, TABLE + 1).fingerprint
