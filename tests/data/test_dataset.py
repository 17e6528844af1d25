"""Channel statistics against NumPy, and the fingerprint."""

import dataclasses

import numpy as np

from tfrepr.data.dataset import ImageDataset, channel_statistics


def dataset(**changes) -> ImageDataset:
    images = np.arange(4 * 4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 4, 3)
    ids = np.array([0, 1, 0, 1])
    fields = {"name": "n", "variant": "v", "class_names": ("a", "b"), "train_images": images, "train_ids": ids,
              "test_images": images[:2], "test_ids": ids[:2], "mean": (0, 0, 0), "std": (1, 1, 1), "flip": True,
              "validation": 0.5}
    return ImageDataset(**(fields | changes))


def test_statistics_equal_numpys():
    images = np.random.default_rng(0).integers(0, 256, (50, 7, 9, 3), dtype=np.uint8)
    images[..., 1] //= 3
    mean, std = channel_statistics(images)
    np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, (images / 255).std(axis=(0, 1, 2)), rtol=1e-12)
    assert all(type(value) is float for value in (*mean, *std))


def test_a_constant_channel_can_be_divided_by():
    _, std = channel_statistics(np.full((2, 3, 3, 3), 90, np.uint8))
    assert std == (1 / 255,) * 3


def test_fingerprint_depends_on_names_ids_and_pixels_only():
    base = dataset()
    pixels = base.train_images.copy()
    pixels[3, 2, 1, 0] ^= 1
    changed = [dataset(class_names=("a", "c")), dataset(train_ids=np.array([1, 0, 0, 1])), dataset(train_images=pixels)]
    assert len({data.fingerprint for data in [base, *changed]}) == 4
    assert dataclasses.replace(base, name="other", variant="other").fingerprint == base.fingerprint
