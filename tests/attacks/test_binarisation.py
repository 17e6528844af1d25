"""The binarisation test: closed forms on linear features, and a network whose gradient is hidden."""

import keras
import numpy as np
import pytest
from small_models import CLASSES, SIDE, convolutional_model, representation_of

from tfrepr.attacks.binarisation import (
    CLOSENESS,
    BinaryProblems,
    Readout,
    attack_readouts,
    binarisation_sign,
    binarisation_test,
    feature_model,
    read_out_between,
)
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.steps import box

PIXELS = ImageSpace("pixel", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def linear_model(hidden_gradient=False):
    """Logits over 30 directions of the pixels, of which gradients see nothing where they are hidden."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 3))
    directions = keras.layers.Dense(30, use_bias=False)(keras.layers.Flatten()(inputs))
    if hidden_gradient:
        directions = keras.layers.Lambda(lambda values: keras.ops.stop_gradient(values) + 0.0 * values)(directions)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(directions))


def test_the_readout_s_threshold_lies_next_to_the_boundary_point():
    inner = np.float32([[-1, 2], [1, 2], [0, 3], [0, 1]])
    readout = read_out_between(inner, np.float32([3, 2]))
    np.testing.assert_allclose(readout.weights, [0.5, 0], atol=1e-6)
    np.testing.assert_allclose(readout.values(np.float32([[3, 2], [1, 7]])), [1 - CLOSENESS, -CLOSENESS], atol=1e-5)


def test_a_boundary_point_among_the_inner_ones_has_no_readout():
    inner = np.float32([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    assert read_out_between(inner, np.float32([0.2, 0.1])) is None
    assert read_out_between(np.zeros((4, 2), np.float32), np.zeros(2, np.float32)) is None


def test_the_attack_on_a_linear_readout_ends_in_the_corner_of_the_ball():
    """Its greatest value over the ball is its value at the image and radius times the sum of all absolute slopes."""
    model, rng = linear_model(), np.random.default_rng(1)
    features = feature_model(model, representation_of("category"))
    problems = BinaryProblems(features, PIXELS, 4)
    images, radius = rng.uniform(0.3, 0.7, (3, SIDE, SIDE, 3)).astype(np.float32), np.float32(0.05)
    weights = rng.normal(size=(3, 30)).astype(np.float32)
    slopes = np.abs(model.layers[2].kernel.numpy() @ weights.T).sum(axis=0)
    at_image = (features.predict(images, verbose=0) * weights).sum(axis=1)
    for share, reached in ((0.999, True), (1.001, False)):
        heights = at_image + share * radius * slopes
        readouts = Readout(heights[:, None] * weights / (weights ** 2).sum(axis=1, keepdims=True), weights)
        broken = attack_readouts(problems, images, readouts, radius, box(images, radius, 0.0, 1.0), 20)
        assert broken.tolist() == [reached] * 3


@pytest.mark.parametrize("hidden_gradient", [False, True])
def test_the_score_falls_where_the_gradient_is_hidden(test_images, hidden_gradient):
    found = binarisation_test(linear_model(hidden_gradient), representation_of("category"), PIXELS, test_images.images[:4],
                              stream=("stripes", 0), steps=10, batch_size=256)
    assert found | {"seconds": 0} == {
        "images": 4, "left_out": 0, "epsilon": 8.0, "steps": 10, "score": 0 if hidden_gradient else 1, "random_score": 0,
        "seconds": 0}
    assert binarisation_sign(found | {"images": 20}).holds is not hidden_gradient


@pytest.mark.parametrize(("label", "shape"), [("category", (16,)), ("random", (16, 16))])
def test_features_are_what_scores_are_linear_in(label, shape):
    representation = representation_of(label)
    assert feature_model(convolutional_model(representation), representation).output_shape[1:] == shape


def test_without_readouts_there_is_no_score():
    found = {"images": 0, "left_out": 3, "epsilon": 8.0, "steps": 5, "score": None, "random_score": None, "seconds": 1.0}
    assert binarisation_sign(found).holds is None


def test_a_score_of_a_few_images_says_nothing():
    found = {"images": 19, "left_out": 1, "epsilon": 8.0, "steps": 5, "score": 1.0, "random_score": 0.0, "seconds": 1.0}
    assert binarisation_sign(found).holds is None
    assert "--binarisation" in binarisation_sign(found).message
    assert binarisation_sign(found | {"images": 20}).holds


@pytest.mark.parametrize(("score", "random", "holds"), [(0.95, 0.1, True), (0.9, 0.1, False), (1.0, 0.5, None)])
def test_a_test_that_random_points_pass_says_nothing(score, random, holds):
    found = {"images": 20, "left_out": 0, "epsilon": 8.0, "steps": 5, "score": score, "random_score": random, "seconds": 1.0}
    assert binarisation_sign(found).holds is holds
