"""The decision losses in closed form, and their gradients where plain ones vanish."""

import keras
import numpy as np
import pytest

from tfrepr.attacks.losses import LOSSES, cross_entropy, image_loss, logits_ratio, margin
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.victim import Victim
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def constant():
    """Rows 0, 40 and 80, as the constant label has them."""
    return RegressionRepresentation("constant", NAMES, np.array([0.0, 40.0, 80.0])[:, None] * np.ones((1, 6)))


def gradient(loss, representation, class_id, output):
    import tensorflow as tf

    outputs = tf.constant(output, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        total = tf.reduce_sum(loss(representation, np.array([class_id]), outputs))
    return tape.gradient(total, outputs).numpy()


def test_margin_is_best_other_score_minus_own():
    category = CategoryRepresentation("category", NAMES)
    logits = np.array([[1.0, 5.0, 2.0], [1.0, 5.0, 2.0], [3.0, 3.0, 0.0]], dtype=np.float32)
    assert np.asarray(margin(category, np.array([0, 1, 0]), logits)).tolist() == [4.0, -3.0, 0.0]


def test_margin_of_rows_is_a_difference_of_mean_squared_distances(constant):
    """Output 10: distances 100, 900, 4900 to the rows 0, 40, 80."""
    outputs = np.full((2, 6), 10.0, dtype=np.float32)
    np.testing.assert_allclose(margin(constant, np.array([0, 2]), outputs), [100 - 900, 4900 - 100], rtol=1e-5)


def test_margin_gradient_is_the_difference_of_two_rows_wherever_the_output_is(constant):
    """2 (t_j - t_y) / elements; here 2 * 40 / 6, upwards from row 0."""
    for value in (-500.0, 0.0, 10.0):
        np.testing.assert_allclose(gradient(margin, constant, 0, np.full((1, 6), value)), np.full((1, 6), 80 / 6), rtol=1e-4)


def test_cross_entropy_in_closed_form(constant):
    """Scores -100, -900, -4900, own class 0: gap 800, so -log p = log(1 + exp(-1) + exp(-6))."""
    outputs = np.full((1, 6), 10.0, dtype=np.float32)
    expected = np.log(1 + np.exp(-1) + np.exp(-6))
    assert float(cross_entropy(constant, np.array([0]), outputs)[0]) == pytest.approx(expected, rel=1e-4)


def test_cross_entropy_gradient_lives_where_a_plain_softmax_is_one_hot(constant):
    import tensorflow as tf

    def plain(representation, class_ids, outputs):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant(class_ids), representation.scores(outputs))

    exact = np.zeros((1, 6))
    assert not gradient(plain, constant, 0, exact).any()
    assert np.abs(gradient(cross_entropy, constant, 0, exact)).min() > 1e-3


def test_cross_entropy_does_not_depend_on_the_scale_of_the_label(constant):
    small = RegressionRepresentation("small", NAMES, constant.table / 1000)
    outputs = np.random.default_rng(0).uniform(0, 80, (7, 6)).astype(np.float32)
    ids = np.arange(7) % 3
    np.testing.assert_allclose(cross_entropy(constant, ids, outputs), cross_entropy(small, ids, outputs / 1000), rtol=1e-3)


def test_cross_entropy_is_finite_on_the_border_between_two_classes(constant):
    border = np.full((1, 6), 20.0, dtype=np.float32)
    assert np.isfinite(float(cross_entropy(constant, np.array([0]), border)[0]))
    assert np.isfinite(gradient(cross_entropy, constant, 0, border)).all()


def test_progress_along_the_cross_entropy_is_judged_by_the_margin(constant):
    """Nearer to the other row the margin rises; the cross-entropy, whose gap shrinks too, does not tell."""
    inputs = keras.Input((1, 1, 1))
    six_times = keras.layers.Dense(6, use_bias=False, kernel_initializer="ones")
    model = keras.Model(inputs, six_times(keras.layers.Flatten()(inputs)))
    victim = Victim(model, constant, ImageSpace("normalised", (0.5,), (0.2,)), 2)
    images, ids = np.float32([5, 15])[:, None, None, None], np.zeros(2, np.int32)
    heights = victim.look("cross_entropy", images, ids, ids, ids).height
    np.testing.assert_allclose(heights, victim.margins(images, ids))
    np.testing.assert_allclose(heights, [25 - 35 ** 2, 15 ** 2 - 25 ** 2], rtol=1e-4)
    losses = np.asarray(cross_entropy(constant, ids, model(images)))
    assert abs(losses[1] - losses[0]) < 0.02


def test_training_loss_is_the_representation_s_own(constant):
    outputs = np.full((1, 6), 41.5, dtype=np.float32)
    assert float(LOSSES["training"](constant, np.array([1]), outputs)[0]) == pytest.approx(1.0)


def test_logits_ratio_by_hand():
    """Sorted 9, 5, 3, 1: the denominator is 9 - (3 + 1) / 2 = 7. Class 0 against 2: 3 - 9; class 1 against 0: 9 - 5."""
    category = CategoryRepresentation("category", ("a", "b", "c", "d", "e"))
    logits = np.array([[9.0, 5.0, 3.0, 1.0, 0.0]] * 2, dtype=np.float32)
    np.testing.assert_allclose(logits_ratio(category, np.array([0, 1]), np.array([2, 0]), logits), [-6 / 7, 4 / 7], rtol=1e-6)


def test_logits_ratio_depends_on_neither_scale_nor_offset_of_the_scores():
    category = CategoryRepresentation("category", ("a", "b", "c", "d"))
    logits = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    ids, rivals = np.arange(6) % 4, (np.arange(6) + 1) % 4
    expected = logits_ratio(category, ids, rivals, logits)
    np.testing.assert_allclose(logits_ratio(category, ids, rivals, 1e3 * logits + 50), expected, rtol=1e-3, atol=1e-5)


def test_logits_ratio_of_three_classes_is_the_margin_against_the_rival(constant):
    """Scores of the output 10 are -100, -900 and -4900."""
    outputs = np.full((2, 6), 10.0, dtype=np.float32)
    found = image_loss("logits_ratio", constant)(np.array([0, 2]), np.array([2, 1]), outputs)
    np.testing.assert_allclose(found, [-4800, 4000], rtol=1e-4)


def test_logits_ratio_is_finite_where_all_scores_are_equal():
    category = CategoryRepresentation("category", ("a", "b", "c", "d"))
    assert np.isfinite(logits_ratio(category, np.array([0]), np.array([1]), np.ones((1, 4), dtype=np.float32))).all()
