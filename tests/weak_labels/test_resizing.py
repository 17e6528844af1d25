"""Crops and sizes against Pillow and TensorFlow's own resize; what a resumed stage may rely on."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfrepr.data.resizing import (
    PixelMap,
    Recipe,
    crop_boxes,
    evaluation_batches,
    standardisation,
    training_batches,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (37, 20, 20, 3), dtype=np.uint8)
IDS = RNG.permutation(37)
PLAIN = PixelMap(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))


def batches(first_epoch=0, last_epoch=2, side=20, recipe=None, **changes):
    arguments = {"pixel_map": PLAIN, "recipe": recipe or Recipe(True, 0.35), "batch_size": 8, "seed": 3, **changes}
    return list(training_batches(IMAGES, IDS, side=side, first_epoch=first_epoch, last_epoch=last_epoch, **arguments)
                .as_numpy_iterator())


@pytest.mark.parametrize("side", [12, 20, 33])
def test_whole_images_are_resized_as_tensorflow_does(side):
    found = np.concatenate([images for images, _ in evaluation_batches(IMAGES, IDS, side=side, pixel_map=PLAIN)])
    np.testing.assert_allclose(found, tf.image.resize(IMAGES, (side, side), antialias=True), atol=1e-3)


def test_crops_and_mirrors_are_those_of_pillow():
    """The images of an epoch are its boxes, cut out and resized by Pillow."""
    recipe = Recipe(True, 0.35)
    boxes = crop_boxes(37, height=20, width=20, recipe=recipe, seed=3, epoch=1)
    found = np.concatenate([images for images, _ in batches(1, 2, side=16, recipe=recipe)])
    order = np.concatenate([ids for _, ids in batches(1, 2, side=16, recipe=recipe)])
    for image, class_id in zip(found, order, strict=True):
        number = int(np.flatnonzero(class_id == IDS)[0])
        top, left, bottom, right = map(float, boxes[number] * 20)
        box = (min(left, right), top, max(left, right), bottom)
        expected = np.asarray(Image.fromarray(IMAGES[number]).resize((16, 16), Image.Resampling.BILINEAR, box=box))
        np.testing.assert_allclose(image, expected[:, ::-1] if left > right else expected, atol=1.01)


def test_boxes_keep_area_and_ratio():
    boxes = crop_boxes(20_000, height=20, width=20, recipe=Recipe(True, 0.25), seed=0, epoch=0)
    height, width = boxes[:, 2] - boxes[:, 0], np.abs(boxes[:, 3] - boxes[:, 1])
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    assert (height * width).min() > 0.249
    assert 0.99 < (height * width).max() <= 1.0001
    assert 0.749 < (width / height).min() < 0.76
    assert 1.32 < (width / height).max() < 1.3335
    assert abs(np.mean(boxes[:, 1] > boxes[:, 3]) - 0.5) < 0.02


def test_area_one_without_flip_keeps_images_whole():
    images, ids = (np.concatenate(part) for part in zip(*batches(0, 1, recipe=Recipe(False, 1.0)), strict=True))
    np.testing.assert_allclose(images, IMAGES[np.argsort(IDS)[ids]], atol=1e-4)


@pytest.mark.parametrize("recipe", [Recipe(True, 0.35), Recipe(True, 0.35, erasing=0.5, mixup=0.4)])
def test_a_resumed_stage_sees_what_an_uninterrupted_one_sees(recipe):
    whole, rest = batches(0, 4, recipe=recipe), batches(2, 4, recipe=recipe)
    assert len(whole) == 20
    for (images, targets), (images_again, targets_again) in zip(whole[10:], rest, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)


def test_standardisation():
    pixel_map = standardisation((0.5, 0.4, 0.3), (0.2, 0.1, 0.3))
    images = np.concatenate([images for images, _ in evaluation_batches(IMAGES, IDS, side=20, pixel_map=pixel_map)])
    np.testing.assert_allclose(images, (IMAGES / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.1, 0.3], atol=2e-5)


def test_pixels_of_the_pretrained_resnet50_are_those_of_keras():
    from keras.applications.resnet50 import preprocess_input

    from tfrepr.models.encoders.resnet50 import pretrained_pixels

    images = np.concatenate([images for images, _ in evaluation_batches(IMAGES, IDS, side=20, pixel_map=pretrained_pixels())])
    np.testing.assert_allclose(images, preprocess_input(IMAGES.astype("float32")), atol=1e-3)
