"""Corruptions of labels and pixels, one registered function each (Zhang et al. 2016, section 2.1, https://arxiv.org/abs/1611.03530).

A corruption maps a data set to a data set, training and test images alike, before the split's images are batched and before
any standardisation. It acts on the images that the network sees, after a centre crop. What it draws comes from the run's
stream `"corruption"`, so that every network of a seed sees the same corrupted data, and every epoch shows them again.

Names without a suffix are the paper's. `uniform_pixels` and `gaussian_report` are what a student's reproduction ran under the
names of `random_pixels` and `gaussian`; its shuffled pixels left the images as they were, so its curve of that name is one of
true labels and needs no name here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tfrepr.data.dataset import ImageDataset, channel_statistics
from tfrepr.registry import CORRUPTIONS
from tfrepr.seeds import generator

ROWS_AT_ONCE = 1000
"""Images that are permuted together, to bound the memory that their indices take."""


def corrupted(dataset: ImageDataset, name: str, *, level: float, seed: int) -> ImageDataset:
    """The data set under a corruption.

    Args:
        dataset: Images as the network sees them, uint8.
        name: Registered name.
        level: Probability with which a label is replaced, 0..1; pixel corruptions do not read it.
        seed: The run's seed; its stream `"corruption"` is used.

    Returns:
        A data set of the same size, with new ids or new images (float32 where the noise is Gaussian, in units of 0..255).
    """
    return CORRUPTIONS[name](dataset, level, seed)


@CORRUPTIONS.register("true_labels")
def true_labels(dataset: ImageDataset, level: float, seed: int) -> ImageDataset:
    """The data set as it is."""
    return dataset


@CORRUPTIONS.register("random_labels")
def random_labels(dataset: ImageDataset, level: float, seed: int) -> ImageDataset:
    """Labels drawn evenly from all classes; --corruption-level replaces only that share of them.

    Each label is replaced with probability `level`, by any class, the true one included (section 2.1, "partially corrupted
    labels"). Levels are nested: what is replaced at one level is replaced by the same class at every higher one.
    """
    def drawn(ids: np.ndarray, part: str) -> np.ndarray:
        rng = generator(seed, "corruption", "random_labels", part)
        replacement = rng.integers(0, len(dataset.class_names), size=len(ids))
        return np.where(rng.random(len(ids)) < level, replacement, ids)

    return dataclasses.replace(dataset, train_ids=drawn(dataset.train_ids, "train"), test_ids=drawn(dataset.test_ids, "test"))


@CORRUPTIONS.register("shuffled_pixels")
def shuffled_pixels(dataset: ImageDataset, level: float, seed: int) -> ImageDataset:
    """One random permutation of the pixels, the same for all images, training and test; a pixel keeps its three channels."""
    height, width, _ = dataset.image_shape
    order = generator(seed, "corruption", "shuffled_pixels").permutation(height * width)
    return _with_images(dataset, lambda images, part: _flat(images)[:, order].reshape(images.shape))


@CORRUPTIONS.register("random_pixels")
def random_pixels(dataset: ImageDataset, level: float, seed: int) -> ImageDataset:
    """An own random permutation of the pixels for every image; a pixel keeps its three channels."""
    def permuted(images: np.ndarray, part: str) -> np.ndarray:
        rng = generator(seed, "corruption", "random_pixels", part)
        result = _flat(images).copy()
        places = np.arange(result.shape[1])
        for start in range(0, len(result), ROWS_AT_ONCE):
            rows = result[start : start + ROWS_AT_ONCE]
            order = rng.permuted(np.broadcast_to(places, (len(rows), len(places))), axis=1)
            rows[:] = np.take_along_axis(rows, order[..., None], axis=1)
        return result.reshape(images.shape)

    return _with_images(dataset, permuted)


@CORRUPTIONS.register("gaussian")
def gaussian(dataset: ImageDataset, level: float, seed: int) -> ImageDataset:
    """Gaussian noise with the mean and the standard deviation that each channel has in the training images.

    The values stay float32: rounding and clipping to 0..255 would narrow the distribution.
    """
    mean, std = (np.float32(255) * np.asarray(values, np.float32) for values in channel_statistics(dataset.train_images))
    return _with_images(dataset, lambda images, part: _normal(images.shape, seed, "gaussian", part) * std + mean)


@CORRUPTIONS.register("uniform_pixels")
def uniform_pixels(dataset: ImageDataset, level: float, seed: int) -> ImageDataset:
    """Uniform noise over all levels, 0 to 255, in every channel: the report's `random_pixels`.

    The report draws it in [0, 1] after standardisation, here it is drawn before: per-image standardisation then centres it.
    """
    def noise(images: np.ndarray, part: str) -> np.ndarray:
        return generator(seed, "corruption", "uniform_pixels", part).integers(0, 256, images.shape, dtype=np.uint8)

    return _with_images(dataset, noise)


@CORRUPTIONS.register("gaussian_report")
def gaussian_report(dataset: ImageDataset, level: float, seed: int) -> ImageDataset:
    """Gaussian noise with mean and deviation of every pixel location and channel, clipped to 0..255: the report's `gaussian`.

    The report draws and clips, to [0, 1], after standardisation, where half of all values are cut off; here both happen before.
    As there, training and test images take the statistics of their own part.
    """
    def noise(images: np.ndarray, part: str) -> np.ndarray:
        mean, std = images.mean(axis=0, dtype=np.float64), images.std(axis=0, dtype=np.float64)
        drawn = _normal(images.shape, seed, "gaussian_report", part) * std.astype(np.float32) + mean.astype(np.float32)
        return np.clip(drawn, 0, 255, out=drawn)

    return _with_images(dataset, noise)


def _with_images(dataset: ImageDataset, change: Callable[[np.ndarray, str], np.ndarray]) -> ImageDataset:
    """The data set with other images; `change` gets the images and the part's name, `"train"` or `"test"`."""
    return dataclasses.replace(dataset, train_images=change(dataset.train_images, "train"),
                               test_images=change(dataset.test_images, "test"))


def _flat(images: np.ndarray) -> np.ndarray:
    """`(n, height * width, channels)`."""
    return images.reshape(len(images), -1, images.shape[-1])


def _normal(shape: tuple[int, ...], seed: int, *keys: str) -> np.ndarray:
    return generator(seed, "corruption", *keys).standard_normal(shape, dtype=np.float32)
