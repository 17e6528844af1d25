"""Corruptions: what they keep, what they change, and their distributions at fixed seeds."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import chisquare

from tfrepr.config import RunConfig
from tfrepr.data.corruption import ROWS_AT_ONCE, corrupted
from tfrepr.data.dataset import ImageDataset, centre_cropped
from tfrepr.errors import UserError
from tfrepr.registry import CORRUPTIONS, DATASETS
from tfrepr.training.loop import load_cell

RNG = np.random.default_rng(0)
COUNT, TEST_COUNT, CLASSES = 2 * ROWS_AT_ONCE + 17, 300, 10
DATA = ImageDataset(name="noise", variant="noise", class_names=tuple("abcdefghij"),
                    train_images=(256 * RNG.beta(2, 3, (COUNT, 6, 5, 3))).astype(np.uint8),
                    train_ids=RNG.integers(0, CLASSES, COUNT),
                    test_images=RNG.integers(0, 256, (TEST_COUNT, 6, 5, 3), dtype=np.uint8),
                    test_ids=RNG.integers(0, CLASSES, TEST_COUNT), mean=(0.5,) * 3, std=(0.25,) * 3, flip=True, validation=0.1)


def corrupt(name, level=1.0, seed=0, data=DATA):
    return corrupted(data, name, level=level, seed=seed)


def pixels(images):
    """Each image's pixels in lexical order, `(n, height * width, 3)`: its multiset."""
    flat = images.reshape(len(images), -1, 3).astype(np.int64)
    code = flat @ np.array([65536, 256, 1])
    return np.sort(code, axis=1)


def test_true_labels_change_nothing():
    assert corrupt("true_labels") is DATA


@pytest.mark.parametrize("name", CORRUPTIONS.names())
def test_equal_seeds_give_equal_data_and_the_input_is_left_alone(name):
    before = DATA.fingerprint
    assert corrupt(name, seed=3).fingerprint == corrupt(name, seed=3).fingerprint
    assert dataclasses.replace(DATA).fingerprint == before
    if name != "true_labels":
        assert corrupt(name, seed=3).fingerprint not in (before, corrupt(name, seed=4).fingerprint)


@pytest.mark.parametrize("name", ["shuffled_pixels", "random_pixels"])
def test_permutations_keep_each_images_pixels_and_move_them(name):
    result = corrupt(name)
    for part in ("train_images", "test_images"):
        before, after = getattr(DATA, part), getattr(result, part)
        assert after.dtype == np.uint8
        np.testing.assert_array_equal(pixels(after), pixels(before))
        assert (after != before).mean() > 0.8
    np.testing.assert_array_equal(result.train_ids, DATA.train_ids)


def places(name):
    """Where each pixel of an image went: the corruption of images whose pixels hold their own place, `(n, 30)`."""
    own = np.repeat(np.arange(30, dtype=np.uint8).reshape(6, 5, 1), 3, axis=-1)
    data = dataclasses.replace(DATA, train_images=np.stack([own] * COUNT), test_images=np.stack([own] * TEST_COUNT))
    result = corrupt(name, data=data)
    return np.concatenate([result.train_images, result.test_images])[..., 0].reshape(-1, 30)


def test_shuffled_pixels_use_one_permutation_for_training_and_test():
    assert len(np.unique(places("shuffled_pixels"), axis=0)) == 1


def test_random_pixels_use_an_own_permutation_for_every_image():
    found = places("random_pixels")
    assert len(np.unique(found, axis=0)) == COUNT + TEST_COUNT
    for place in (0, 17, 29):
        assert chisquare(np.bincount(found[:, place], minlength=30)).pvalue > 0.01


def test_gaussian_has_the_mean_and_deviation_of_each_channel():
    result = corrupt("gaussian")
    values = DATA.train_images.astype(np.float64)
    for images in (result.train_images, result.test_images):
        assert images.dtype == np.float32
        count = images[..., 0].size
        mean, std = images.mean((0, 1, 2), dtype=np.float64), images.std((0, 1, 2), dtype=np.float64)
        wanted_mean, wanted_std = values.mean((0, 1, 2)), values.std((0, 1, 2))
        np.testing.assert_allclose(mean, wanted_mean, atol=4 * wanted_std.max() / np.sqrt(count))
        np.testing.assert_allclose(std, wanted_std, rtol=4 / np.sqrt(2 * count))


def test_gaussian_is_normal_and_independent():
    from scipy.stats import kstest

    values = corrupt("gaussian").train_images[:200].astype(np.float64)
    standard = (values - values.mean((0, 1, 2))) / values.std((0, 1, 2))
    assert kstest(standard.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(standard[:-1].ravel(), standard[1:].ravel())[0, 1]) < 0.03


def test_the_reports_gaussian_follows_each_location_and_is_clipped():
    images = np.full((2000, 2, 2, 3), 128, np.uint8)
    images[:, 0, 0] = np.where(np.arange(2000) % 2, 255, 0)[:, None]
    result = corrupt("gaussian_report", data=dataclasses.replace(
        DATA, train_images=images, train_ids=DATA.train_ids[:2000])).train_images
    np.testing.assert_array_equal(result[:, 1:], 128)
    corner = result[:, 0, 0]
    assert (corner.min(), corner.max()) == (0, 255)
    assert 0.13 < (corner == 0).mean() < 0.19, "a normal value lies more than one deviation below its mean in 15.9% of cases"


def test_uniform_pixels_fill_all_levels_evenly():
    result = corrupt("uniform_pixels")
    assert chisquare(np.bincount(result.train_images.ravel(), minlength=256)).pvalue > 0.01


def test_random_labels_are_uniform_and_know_nothing_of_the_true_ones():
    result = corrupt("random_labels")
    joint = np.histogram2d(result.train_ids, DATA.train_ids, bins=CLASSES)[0]
    assert chisquare(np.bincount(result.train_ids, minlength=CLASSES)).pvalue > 0.01
    expected = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True) / joint.sum()
    assert ((joint - expected) ** 2 / expected).sum() < 113.5, "99% point of chi-squared with 81 degrees of freedom"
    assert result.train_images is DATA.train_images
    assert (result.test_ids != DATA.test_ids).mean() > 0.8


@pytest.mark.parametrize("level", [0.0, 0.2, 0.6, 1.0])
def test_a_level_replaces_that_share_of_labels_by_any_class(level):
    changed = (corrupt("random_labels", level).train_ids != DATA.train_ids).mean()
    share = level * (1 - 1 / CLASSES)
    assert abs(changed - share) <= 3 * np.sqrt(share * (1 - share) / COUNT)


def test_levels_are_nested():
    low, high, full = (corrupt("random_labels", level).train_ids for level in (0.3, 0.7, 1.0))
    changed = low != DATA.train_ids
    np.testing.assert_array_equal(low[changed], high[changed])
    np.testing.assert_array_equal(high[high != DATA.train_ids], full[high != DATA.train_ids])


def test_a_level_of_a_pixel_corruption_is_refused():
    with pytest.raises(UserError, match="random_labels only"):
        RunConfig(corruption="gaussian", corruption_level=0.5)


def test_centre_crop_takes_the_middle():
    image = np.arange(6 * 5).reshape(1, 6, 5, 1).repeat(3, axis=-1).astype(np.uint8)
    data = dataclasses.replace(DATA, train_images=image, train_ids=DATA.train_ids[:1], test_images=image,
                               test_ids=DATA.test_ids[:1])
    np.testing.assert_array_equal(centre_cropped(data, 4).train_images[0, ..., 0], image[0, 1:5, 0:4, 0])
    with pytest.raises(UserError, match="6x6 pixels, and the images have 6x5"):
        centre_cropped(data, 6)


def test_pixel_corruptions_act_on_the_cropped_image():
    """The centre 28x28 pixels are permuted among themselves; a permutation of the whole image would bring in the border."""
    cell = load_cell(RunConfig(corruption="random_pixels", preprocessing="per-image", validation="none"), None)
    centre = DATASETS["digits"](None, None).train_images[:, 2:-2, 2:-2]
    assert cell.dataset.train_images.shape == centre.shape
    np.testing.assert_array_equal(pixels(cell.dataset.train_images), pixels(centre))


def test_the_split_does_not_depend_on_the_corruption():
    true, random = (load_cell(RunConfig(corruption=name), None) for name in ("true_labels", "random_labels"))
    np.testing.assert_array_equal(true.split.train, random.split.train)
    np.testing.assert_array_equal(true.split.validation, random.split.validation)
    assert (true.dataset.train_ids != random.dataset.train_ids).any()
