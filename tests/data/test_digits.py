"""Digits: real images, a fixed balanced test set, pinned constants."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tfrepr.data.dataset import channel_statistics
from tfrepr.data.splits import split
from tfrepr.registry import DATASETS


@pytest.fixture(scope="module")
def digits():
    return DATASETS["digits"](None, None)


def test_sizes_types_and_names(digits):
    assert digits.class_names == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert digits.train_images.shape == (1438, 32, 32, 3)
    assert digits.test_images.shape == (359, 32, 32, 3)
    assert digits.image_shape == (32, 32, 3)
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert not digits.flip


def test_test_set_is_a_fifth_of_every_class(digits):
    everyone = np.bincount(load_digits().target)
    assert np.abs(np.bincount(digits.test_ids) - 0.2 * everyone).max() <= 0.5
    np.testing.assert_array_equal(np.bincount(digits.train_ids) + np.bincount(digits.test_ids), everyone)


def test_pinned_constants(digits):
    mean, std = channel_statistics(digits.train_images)
    np.testing.assert_allclose(digits.mean, mean, atol=5e-5)
    np.testing.assert_allclose(digits.std, std, atol=5e-5)


def test_images_are_the_digits_of_their_class(digits):
    """Mean of each 4x4 block against the 8x8 source: every image is found among its class, and nowhere nearer."""
    bunch = load_digits()
    small = digits.train_images[:200, ..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4)).reshape(200, -1)
    source = bunch.images.reshape(len(bunch.images), -1) * 255 / 16
    distance = ((small[:, None] - source[None]) ** 2).mean(axis=-1)
    np.testing.assert_array_equal(bunch.target[distance.argmin(axis=1)], digits.train_ids[:200])
    assert np.sqrt(distance.min(axis=1)).max() < 25
    assert (digits.train_images[..., 0] == digits.train_images[..., 2]).all()


def test_the_same_at_every_call_and_for_every_seed(digits):
    assert DATASETS["digits"](None, None).fingerprint == digits.fingerprint
    parts = split(digits.train_ids, validation=digits.validation, seed=1, class_names=digits.class_names)
    assert len(parts.train) + len(parts.validation) == 1438
    assert np.ptp(np.bincount(digits.train_ids[parts.validation])) <= 1


def test_no_image_is_in_training_and_test(digits):
    train, test = ({image.tobytes() for image in images} for images in (digits.train_images, digits.test_images))
    assert not train & test
