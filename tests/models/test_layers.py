"""Layers against loops and against hand-computed statistics."""

import keras
import numpy as np
import pytest

from tfrepr.models.layers import BatchNormalization, _batch_norm


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 2, 5)])
def test_batch_norm_uses_biased_batch_and_unbiased_moving_variance(shape):
    inputs = np.random.default_rng(1).normal(3.0, 2.0, shape).astype("float32")
    layer = BatchNormalization()
    outputs = np.asarray(layer(inputs, training=True))
    axes = tuple(range(len(shape) - 1))
    mean, biased, unbiased = inputs.mean(axes), inputs.var(axes), inputs.var(axes, ddof=1)
    np.testing.assert_allclose(outputs, (inputs - mean) / np.sqrt(biased + 1e-5), atol=2e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * unbiased, rtol=1e-5)
    inference = np.asarray(layer(inputs, training=False))
    expected = (inputs - 0.1 * mean) / np.sqrt(0.9 + 0.1 * unbiased + 1e-5)
    np.testing.assert_allclose(inference, expected, atol=2e-5)


def test_batch_norm_of_one_value_keeps_the_biased_variance():
    layer = BatchNormalization()
    layer(np.ones((1, 3), "float32"), training=True)
    np.testing.assert_allclose(layer.moving_variance, 0.9, rtol=1e-6)


def test_fused_kernel_equals_the_portable_form():
    inputs = np.random.default_rng(2).normal(size=(8, 4, 4, 3)).astype("float32")
    gamma, beta = np.float32([1, 2, 3]), np.float32([0, -1, 1])
    layer = BatchNormalization()
    layer.build(inputs.shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    outputs, mean, variance = (np.asarray(value) for value in _batch_norm(inputs, gamma, beta, 1e-5))
    np.testing.assert_allclose(np.asarray(layer(inputs, training=True)), outputs, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, atol=1e-6)


def test_frozen_batch_norm_keeps_its_statistics():
    layer = BatchNormalization()
    inputs = np.random.default_rng(3).normal(5.0, 1.0, (8, 3)).astype("float32")
    layer.build(inputs.shape)
    layer.trainable = False
    layer(inputs, training=True)
    assert not np.asarray(layer.moving_mean).any()


def test_transposed_convolution_equals_pytorchs_padding_one():
    """Kernel 4, stride 2, `same` against the definition: every input pixel adds its kernel at 2 * position - 1."""
    rng = np.random.default_rng(4)
    image, kernel = rng.normal(size=(1, 5, 5, 2)).astype("float32"), rng.normal(size=(4, 4, 3, 2)).astype("float32")
    layer = keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same", use_bias=False)
    layer.build(image.shape)
    layer.set_weights([kernel])
    expected = np.zeros((10 + 2, 10 + 2, 3))
    for row in range(5):
        for column in range(5):
            patch = np.einsum("hwoi,i->hwo", kernel, image[0, row, column])
            expected[2 * row:2 * row + 4, 2 * column:2 * column + 4] += patch
    np.testing.assert_allclose(np.asarray(layer(image))[0], expected[1:-1, 1:-1], atol=1e-5)
