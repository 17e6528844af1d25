"""Parameter counts of the paper and the report, local response normalisation and the Inception module against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrepr.errors import UserError
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.models.build import build_model
from tfrepr.models.encoders.mini_inception import _conv, _downsample, _inception
from tfrepr.models.response_normalisation import LocalResponseNormalization
from tfrepr.training.checkpoint import load_model, save_model

NAMES = tuple("abcdefghij")
CATEGORY = CategoryRepresentation("category", NAMES)
COUNTS = {"mini-inception": 1_649_402, "mini-inception-nobn": 1_649_402, "mini-inception-nobn-report": 1_647_690,
          "alexnet-small": 1_387_786, "alexnet-small-report": 796_490, "mlp1x512": 1_209_866, "mlp3x512": 1_735_178}


@pytest.mark.parametrize("encoder", COUNTS)
def test_parameter_counts(encoder):
    model = build_model(encoder, (28, 28, 3), CATEGORY)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == COUNTS[encoder]
    assert model.get_layer("features").output.shape[0] is None


def test_mini_inception_has_convolutions_shifts_and_one_dense_layer():
    kinds = {}
    for variable in build_model("mini-inception", (28, 28, 3), CATEGORY).trainable_variables:
        kind = "dense" if variable.path.startswith("head") else variable.name
        kinds[kind] = kinds.get(kind, 0) + int(np.prod(variable.shape))
    assert kinds == {"kernel": 1_644_320, "beta": 1_712, "dense": 3_370}


@pytest.mark.parametrize("encoder", COUNTS)
def test_matrix_labels_of_28x28_images_have_side_56(encoder):
    table = np.random.default_rng(0).uniform(0, 80, (10, 56, 56))
    model = build_model(encoder, (28, 28, 3), RegressionRepresentation("random", NAMES, table))
    assert model(np.zeros((2, 28, 28, 3), "float32")).shape == (2, 56, 56)


@pytest.mark.parametrize(("encoder", "side"), [("mini-inception", 8), ("alexnet-small", 8), ("mlp1x512", 8),
                                               ("alexnet-small-report", 25)])
def test_small_images(encoder, side):
    model = build_model(encoder, (side, side, 3), CATEGORY)
    assert np.isfinite(model(np.ones((1, side, side, 3), "float32"))).all()


def test_the_reports_alexnet_refuses_images_that_vanish():
    with pytest.raises(UserError, match="at least 25 pixels"):
        build_model("alexnet-small-report", (24, 28, 3), CATEGORY)


CONSTANTS = [{"depth_radius": 2, "bias": 2.0, "alpha": 1e-4, "beta": 0.75},
             {"depth_radius": 5, "bias": 1.0, "alpha": 1.0, "beta": 0.5},
             {"depth_radius": 1, "bias": 0.5, "alpha": 0.3, "beta": 1.0}]


@pytest.mark.parametrize("constants", CONSTANTS)
def test_response_normalisation_equals_tensorflows_and_a_loop(constants):
    inputs = np.random.default_rng(2).normal(0, 3, (2, 3, 4, 7)).astype("float32")
    found = LocalResponseNormalization(**constants)(inputs)
    np.testing.assert_allclose(found, tf.nn.local_response_normalization(inputs, **constants), rtol=1e-5)
    radius = constants["depth_radius"]
    for channel in range(7):
        near = inputs[..., max(0, channel - radius) : channel + radius + 1].astype(np.float64)
        divisor = (constants["bias"] + constants["alpha"] * (near**2).sum(-1)) ** constants["beta"]
        np.testing.assert_allclose(found[..., channel], inputs[..., channel] / divisor, rtol=1e-5)


def test_response_normalisation_survives_a_file(tmp_path):
    model = build_model("alexnet-small", (12, 12, 3), CATEGORY)
    images = np.random.default_rng(3).normal(size=(2, 12, 12, 3)).astype("float32")
    save_model(model, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), model(images))
    assert loaded.get_layer("stage1").get_config()["alpha"] == 1e-4


def convolved(image, kernel, bias, stride):
    """`same` convolution and ReLU of one image by loops; padding as TensorFlow's, the odd pixel at the bottom right."""
    size = kernel.shape[0]
    rows, columns = (-(-length // stride) for length in image.shape[:2])
    pads = [max((count - 1) * stride + size - length, 0) for count, length in zip((rows, columns), image.shape, strict=False)]
    padded = np.pad(image, [(pad // 2, pad - pad // 2) for pad in pads] + [(0, 0)])
    result = np.zeros((rows, columns, kernel.shape[-1]))
    for row in range(rows):
        for column in range(columns):
            patch = padded[row * stride : row * stride + size, column * stride : column * stride + size]
            result[row, column] = np.einsum("hwi,hwio->o", patch, kernel) + bias
    return np.maximum(result, 0)


def weights_of(model, name):
    kernel, bias = model.get_layer(f"{name}_conv").get_weights()
    bias[:] = np.linspace(-0.3, 0.3, len(bias))
    model.get_layer(f"{name}_conv").set_weights([kernel, bias])
    return kernel.astype(np.float64), bias


def test_inception_module_against_numpy():
    inputs = keras.Input((6, 5, 3))
    model = keras.Model(inputs, _inception(inputs, (4, 2), _conv, name="m"))
    image = np.random.default_rng(4).normal(size=(6, 5, 3))
    parts = [convolved(image, *weights_of(model, f"m_{kernel}"), stride=1) for kernel in ("1x1", "3x3")]
    np.testing.assert_allclose(model(image[None].astype("float32"))[0], np.concatenate(parts, axis=-1), atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 6, 3), (7, 5, 3)])
def test_downsample_module_against_numpy(shape):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, _downsample(inputs, 4, _conv, name="m"))
    image = np.random.default_rng(5).normal(size=shape)
    convolution = convolved(image, *weights_of(model, "m_3x3"), stride=2)
    rows, columns = convolution.shape[:2]
    windows = [[_window(place, count, length) for place in range(count)]
               for count, length in zip((rows, columns), shape, strict=False)]
    pooled = [[image[down, across].max(axis=(0, 1)) for across in windows[1]] for down in windows[0]]
    expected = np.concatenate([convolution, pooled], axis=-1)
    np.testing.assert_allclose(model(image[None].astype("float32"))[0], expected, atol=1e-5)


def _window(place, count, length):
    """The pixels that a 3-wide `same` window of stride 2 sees at one place of `count`."""
    first = 2 * place - max((count - 1) * 2 + 3 - length, 0) // 2
    return slice(max(0, first), first + 3)
