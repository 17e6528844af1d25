"""The pipeline against an image-by-image NumPy reference, and what a resumed run may rely on."""

import math

import numpy as np
import pytest

from tfrepr.data.pipeline import (
    PADDING,
    epoch_augmentation,
    epoch_order,
    evaluation_batches,
    training_batches,
)

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
COUNT = 37
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (COUNT, 12, 10, 3), dtype=np.uint8)
IDS = RNG.permutation(COUNT)
FIXED = {"mean": MEAN, "std": STD}


def batches(first_epoch=0, last_epoch=2, **changes):
    arguments = {**FIXED, "flip": True, "batch_size": 8, "seed": 3, **changes}
    data = training_batches(IMAGES, IDS, first_epoch=first_epoch, last_epoch=last_epoch, **arguments)
    return list(data.as_numpy_iterator())


def standardised(image):
    """(x / 255 - mean) / std in double precision."""
    return (image / 255 - np.array(MEAN)) / np.array(STD)


def cropped(image, top, left, mirrored):
    """The crop of one image, pixel by pixel."""
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            source_row, source_column = row + top - PADDING, column + left - PADDING
            if 0 <= source_row < height and 0 <= source_column < width:
                result[row, column] = image[source_row, source_column]
    return result[:, ::-1] if mirrored else result


def reference_epoch(epoch, *, flip, seed):
    """All images and ids of an epoch in its order."""
    order = epoch_order(COUNT, seed=seed, epoch=epoch)
    top, left, mirrored = epoch_augmentation(COUNT, flip=flip, seed=seed, epoch=epoch)
    images = [standardised(cropped(IMAGES[i], top[i], left[i], mirrored[i])) for i in order]
    return np.stack(images), IDS[order]


@pytest.mark.parametrize("flip", [True, False])
def test_pixels_and_order_equal_the_reference(flip):
    found = batches(first_epoch=1, last_epoch=3, flip=flip, seed=11)
    per_epoch = math.ceil(COUNT / 8)
    assert len(found) == 2 * per_epoch
    for number, epoch in enumerate((1, 2)):
        images, ids = (np.concatenate(part) for part in zip(*found[number * per_epoch :][:per_epoch], strict=True))
        expected_images, expected_ids = reference_epoch(epoch, flip=flip, seed=11)
        np.testing.assert_array_equal(ids, expected_ids)
        np.testing.assert_allclose(images, expected_images, atol=2e-6)


def test_types_shapes_and_cardinality():
    data = training_batches(IMAGES, IDS, **FIXED, flip=True, batch_size=8, seed=0, first_epoch=2, last_epoch=5)
    assert int(data.cardinality()) == 15
    images, ids = data.element_spec
    assert (images.shape.as_list(), images.dtype.name) == ([None, 12, 10, 3], "float32")
    assert (ids.shape.as_list(), ids.dtype.name) == ([None], "int32")
    assert [len(ids) for _, ids in data.as_numpy_iterator()] == [8, 8, 8, 8, 5] * 3


def test_every_epoch_visits_every_image_once_in_a_new_order():
    found = batches(last_epoch=3)
    orders = [np.concatenate([ids for _, ids in found[start : start + 5]]) for start in (0, 5, 10)]
    for order in orders:
        assert sorted(order) == list(range(COUNT))
    assert len({tuple(order) for order in orders}) == 3


@pytest.mark.parametrize("augment", [True, False])
def test_a_resumed_run_sees_what_an_uninterrupted_one_sees(augment):
    whole, rest = batches(last_epoch=5, augment=augment), batches(first_epoch=3, last_epoch=5, augment=augment)
    for (images, ids), (resumed_images, resumed_ids) in zip(whole[15:], rest, strict=True):
        np.testing.assert_array_equal(images, resumed_images)
        np.testing.assert_array_equal(ids, resumed_ids)


def test_the_batch_size_does_not_change_an_images_pixels():
    by_size = []
    for size in (5, 64):
        found = batches(last_epoch=1, batch_size=size)
        images, ids = (np.concatenate(part) for part in zip(*found, strict=True))
        by_size.append(images[np.argsort(ids)])
    np.testing.assert_array_equal(*by_size)


def test_the_seed_changes_order_and_pixels():
    (images, ids), (other_images, other_ids) = batches(batch_size=COUNT)[0], batches(batch_size=COUNT, seed=4)[0]
    assert (ids != other_ids).any()
    assert (images[np.argsort(ids)] != other_images[np.argsort(other_ids)]).any()


def test_without_augmentation_the_images_are_untouched_and_the_order_is_the_same():
    plain, changed = (batches(augment=augment) for augment in (False, True))
    for (images, ids), (_, ids_with) in zip(plain, changed, strict=True):
        np.testing.assert_array_equal(ids, ids_with)
        np.testing.assert_allclose(images, standardised(IMAGES[np.argsort(IDS)[ids]]), atol=2e-6)


def test_padding_is_black_before_standardisation():
    """Images all of one level show exactly two levels: their own, and black."""
    white = np.full((200, 8, 8, 3), 255, np.uint8)
    data = training_batches(white, np.zeros(200, int), **FIXED, flip=True, batch_size=200, seed=0, last_epoch=1)
    images, _ = next(data.as_numpy_iterator())
    for channel in range(3):
        levels = np.unique(images[..., channel])
        np.testing.assert_allclose(levels, standardised(np.array([[0] * 3, [255] * 3]))[:, channel], atol=2e-6)


def test_crop_offsets_are_uniform_and_flips_fair():
    top, left, mirrored = epoch_augmentation(81_000, flip=True, seed=0, epoch=4)
    counts = np.histogram2d(top, left, bins=[np.arange(10)] * 2)[0]
    assert counts.sum() == 81_000
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert 40 < chi_square < 135, "80 degrees of freedom: mean 80, standard deviation 12.6"
    assert abs(mirrored.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(mirrored, top)[0, 1]) < 0.02
    assert not epoch_augmentation(100, flip=False, seed=0, epoch=4).mirrored.any()


def test_epochs_and_images_are_independent():
    first, second = (epoch_augmentation(50_000, flip=True, seed=0, epoch=epoch) for epoch in (0, 1))
    for a, b in zip(first, second, strict=True):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.025
        assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.025


def test_evaluation_keeps_order_and_pixels():
    found = list(evaluation_batches(IMAGES, IDS, **FIXED, batch_size=10).as_numpy_iterator())
    assert [len(ids) for _, ids in found] == [10, 10, 10, 7]
    images, ids = (np.concatenate(part) for part in zip(*found, strict=True))
    np.testing.assert_array_equal(ids, IDS)
    np.testing.assert_allclose(images, standardised(IMAGES), atol=2e-6)
    assert images.dtype == np.float32


def test_iterating_twice_gives_the_same():
    data = training_batches(IMAGES, IDS, **FIXED, flip=True, batch_size=16, seed=1, last_epoch=2)
    first, second = (list(data.as_numpy_iterator()) for _ in range(2))
    for (images, ids), (again, ids_again) in zip(first, second, strict=True):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(ids, ids_again)
