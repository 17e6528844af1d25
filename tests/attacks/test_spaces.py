"""Normalised and pixel space."""

import numpy as np
import pytest

from tfrepr.attacks.spaces import ImageSpace
from tfrepr.data.pipeline import evaluation_batches

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)


def test_normalised_images_are_bit_for_bit_those_of_evaluation():
    batch, _ = next(iter(evaluation_batches(IMAGES, np.zeros(6, int), mean=MEAN, std=STD)))
    np.testing.assert_array_equal(ImageSpace("normalised", MEAN, STD).from_bytes(IMAGES), batch.numpy())


def test_both_spaces_show_the_network_the_same_image():
    pixel, normalised = (ImageSpace(name, MEAN, STD) for name in ("pixel", "normalised"))
    np.testing.assert_allclose(pixel.to_network(pixel.from_bytes(IMAGES)), normalised.from_bytes(IMAGES), atol=2e-6)
    np.testing.assert_allclose(normalised.to_pixels(normalised.from_bytes(IMAGES)), IMAGES / 255, atol=1e-6)
    np.testing.assert_array_equal(pixel.to_pixels(pixel.from_bytes(IMAGES)), (IMAGES / np.float32(255)).astype(np.float32))


def test_limits_are_black_and_white():
    low, high = ImageSpace("normalised", MEAN, STD).limits()
    np.testing.assert_allclose(low, -np.array(MEAN) / STD, rtol=1e-6)
    np.testing.assert_allclose(high, (1 - np.array(MEAN)) / STD, rtol=1e-6)
    assert [end.tolist() for end in ImageSpace("pixel", MEAN, STD).limits()] == [[0, 0, 0], [1, 1, 1]]


def test_epsilon_of_pixels_counts_in_steps_of_one_byte():
    assert ImageSpace("pixel", MEAN, STD).radius(8) == 8 / 255
    assert ImageSpace("normalised", MEAN, STD).radius(0.3) == 0.3


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="space must be one of"):
        ImageSpace("raw", MEAN, STD)
