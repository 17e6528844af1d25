"""Batches of any image side: random resized crops and flips for training, whole images for evaluation.

As in `tfrepr.data.pipeline`, what happens to an image in an epoch is drawn by NumPy from (seed, epoch), and the work is done
by few operations on whole batches. A crop is a box in the image, and one operation cuts all boxes of a batch and resizes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfrepr.data.class_ids import checked_ids
from tfrepr.data.pipeline import assembled, epoch_order
from tfrepr.data.standardisation import scale_and_shift
from tfrepr.seeds import generator

if TYPE_CHECKING:
    import tensorflow as tf

ATTEMPTS = 10
RATIOS = (3 / 4, 4 / 3)
WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)
KEY_RANGE = 2**30


class PixelMap(NamedTuple):
    """What the network sees of a pixel: pixel @ matrix + offset.

    Attributes:
        matrix: float32, `(3, 3)`.
        offset: float32, `(3,)`.
    """

    matrix: np.ndarray
    offset: np.ndarray


class Recipe(NamedTuple):
    """How training images are varied.

    Attributes:
        flip: Whether half of them are mirrored.
        crop_area: Smallest share of the image that a crop keeps, in (0, 1]; 1 keeps the image whole.
        erasing: Probability of a patch of noise.
        mixup: Parameter alpha of the weights; 0: no MixUp.
    """

    flip: bool
    crop_area: float
    erasing: float = 0.0
    mixup: float = 0.0


def standardisation(mean: tuple[float, float, float], std: tuple[float, float, float]) -> PixelMap:
    """`tfrepr.data.standardisation.standardised` as a pixel map."""
    scale, shift = scale_and_shift(mean, std)
    return PixelMap(np.diag(scale), -shift)


def crop_boxes(count: int, *, height: int, width: int, recipe: Recipe, seed: int, epoch: int) -> np.ndarray:
    """Boxes of random resized crops, by torchvision's rule.

    Area: uniform between `crop_area` and 1. Ratio of width to height in pixels: log-uniform between 3/4 and 4/3. The first of
    ten attempts that fits into the image counts; where none does, the image stays whole.

    Args:
        count: Number of images.
        height, width: Pixels.
        recipe: `flip` and `crop_area` are read.
        seed, epoch: Of the stream `"augmentation"`.

    Returns:
        float32, `(count, 4)`: top, left, bottom, right as shares of the image. Left and right are exchanged where the crop
        is mirrored.

    Reference: Szegedy et al. 2015, https://arxiv.org/abs/1409.4842, section 6; `torchvision.transforms.RandomResizedCrop`.
    """
    rng = generator(seed, "augmentation", "crop", epoch)
    area = rng.uniform(recipe.crop_area, 1.0, (count, ATTEMPTS))
    ratio = np.exp(rng.uniform(*np.log(RATIOS), (count, ATTEMPTS)))
    size = np.stack([np.sqrt(area / ratio * width / height), np.sqrt(area * ratio * height / width)], axis=-1)
    fits = (size <= 1).all(axis=-1)
    chosen = size[np.arange(count), fits.argmax(axis=1)]
    corner = rng.random((count, 2)) * (1 - chosen)
    boxes = np.concatenate([corner, corner + chosen], axis=1)
    boxes[~fits.any(axis=1)] = WHOLE_IMAGE
    mirrored = recipe.flip & (rng.random(count) < 0.5)
    boxes[mirrored] = boxes[mirrored][:, [0, 3, 2, 1]]
    return boxes.astype(np.float32)


def training_batches(images: np.ndarray, ids: np.ndarray, *, side: int, pixel_map: PixelMap, recipe: Recipe, batch_size: int,
                     seed: int, first_epoch: int = 0, last_epoch: int) -> tf.data.Dataset:
    """All epochs in a row, each in a fresh order and with fresh crops, patches and partners.

    Args:
        images: uint8, `(n, height, width, 3)`.
        ids: Class ids, integers, `(n,)` or `(n, 1)`.
        side: Side of the square images that come out, pixels.
        pixel_map: What the network sees of a pixel.
        recipe: How images are varied.
        batch_size: Images a batch; the last batch of an epoch holds the rest.
        seed: The run's seed; its streams `"shuffling"` and `"augmentation"` are used.
        first_epoch, last_epoch: Epochs first_epoch, ..., last_epoch - 1 are produced.

    Returns:
        `(last_epoch - first_epoch) * ceil(n / batch_size)` batches of float32 images `(batch, side, side, 3)` and int32 class
        ids `(batch,)`; with MixUp float32 `(batch, 3)`, see `tfrepr.data.mixing.PairMixUp`.
    """
    import tensorflow as tf

    count, height, width, _ = images.shape
    steps = math.ceil(count / batch_size)

    def draw(epoch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order = epoch_order(count, seed=seed, epoch=int(epoch))
        boxes = crop_boxes(count, height=height, width=width, recipe=recipe, seed=seed, epoch=int(epoch))
        keys = generator(seed, "augmentation", "batch", int(epoch)).integers(0, KEY_RANGE, (steps, 4), dtype=np.int32)
        return order, boxes[order], keys

    @tf.autograph.experimental.do_not_convert  # nothing to convert; newer Pythons make AutoGraph warn about closures
    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        order, boxes, keys = tf.numpy_function(draw, [epoch], [tf.int64, tf.float32, tf.int32], stateful=False)
        for array, shape in ((order, (count,)), (boxes, (count, 4)), (keys, (steps, 4))):
            array.set_shape(shape)
        return tf.data.Dataset.range(steps).map(
            lambda step: (order[step * batch_size : (step + 1) * batch_size],
                          boxes[step * batch_size : (step + 1) * batch_size], keys[step]))

    with tf.device("/cpu:0"):
        assemble = _assembler(images, ids, side, pixel_map, recipe)
        batches = tf.data.Dataset.range(first_epoch, last_epoch).flat_map(epoch_batches)
        return assembled(batches, assemble).apply(tf.data.experimental.assert_cardinality(steps * (last_epoch - first_epoch)))


def evaluation_batches(images: np.ndarray, ids: np.ndarray, *, side: int, pixel_map: PixelMap,
                       batch_size: int = 100) -> tf.data.Dataset:
    """The whole images at that side, in order; arguments and elements as for `training_batches`."""
    import tensorflow as tf

    with tf.device("/cpu:0"):
        pixels, class_ids = tf.constant(images), tf.constant(checked_ids(ids, images=len(images)), tf.int32)
        resize, map_pixels = _resizer(side), _pixel_mapper(pixel_map)

        @tf.autograph.experimental.do_not_convert
        def assemble(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = slice(step * batch_size, (step + 1) * batch_size)
            batch = pixels[rows]
            boxes = tf.tile(tf.constant([WHOLE_IMAGE]), (tf.shape(batch)[0], 1))
            return map_pixels(resize(batch, boxes)), class_ids[rows]

        return assembled(tf.data.Dataset.range(math.ceil(len(images) / batch_size)), assemble)


def _assembler(images: np.ndarray, ids: np.ndarray, side: int, pixel_map: PixelMap, recipe: Recipe) -> Callable:
    """A function of (image indices, boxes, key of the batch) that returns a batch."""
    import tensorflow as tf

    from tfrepr.data.mixing import KEY_LENGTH, erasing, mixup

    pixels, class_ids = tf.constant(images), tf.constant(checked_ids(ids, images=len(images)), tf.int32)
    resize, map_pixels = _resizer(side), _pixel_mapper(pixel_map)
    erase = erasing(recipe.erasing) if recipe.erasing else None
    mix = mixup(recipe.mixup) if recipe.mixup else None

    @tf.autograph.experimental.do_not_convert
    def assemble(indices: tf.Tensor, boxes: tf.Tensor, keys: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch, targets = resize(tf.gather(pixels, indices), boxes), tf.gather(class_ids, indices)
        if erase:
            batch = erase({"images": batch, "key": keys[:KEY_LENGTH]})["images"]
        if mix:
            mixed = mix({"images": batch, "labels": targets, "key": keys[KEY_LENGTH:]})
            batch, targets = mixed["images"], mixed["labels"]
        return map_pixels(batch), targets

    return assemble


def _resizer(side: int) -> Callable:
    """Cuts one box out of each uint8 image and resizes it to float32 0..255, `(batch, side, side, 3)`.

    Bilinear, anti-aliased where it shrinks, as Pillow and `tf.image.resize(antialias=True)` do it: a triangle around the centre
    of every output pixel. The two axes are one matrix product each. A whole image at its own side keeps its pixels.
    """
    import tensorflow as tf

    def weights(start: tf.Tensor, end: tf.Tensor, length: int) -> tf.Tensor:
        """Share of each input pixel in each output pixel of one axis, `(batch, side, length)`."""
        step = (end - start)[:, None] * length / side
        centre = start[:, None] * length + (tf.range(side, dtype=tf.float32) + 0.5) * step - 0.5
        distance = tf.abs(centre[:, :, None] - tf.range(length, dtype=tf.float32))
        triangle = tf.maximum(0.0, 1.0 - distance / tf.maximum(1.0, tf.abs(step))[:, :, None])
        return triangle / tf.reduce_sum(triangle, axis=-1, keepdims=True)

    def resize(images: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
        height, width, channels = images.shape[1:]
        top, left, bottom, right = tf.unstack(boxes, axis=1)
        rows = weights(top, bottom, height) @ tf.reshape(tf.cast(images, tf.float32), (-1, height, width * channels))
        columns = tf.reshape(tf.transpose(tf.reshape(rows, (-1, side, width, channels)), (0, 2, 1, 3)),
                             (-1, width, side * channels))
        resized = weights(left, right, width) @ columns
        return tf.transpose(tf.reshape(resized, (-1, side, side, channels)), (0, 2, 1, 3))

    return resize


def _pixel_mapper(pixel_map: PixelMap) -> Callable:
    """Applies a pixel map to float32 images `(batch, side, side, 3)`."""
    import tensorflow as tf

    matrix, offset = tf.constant(pixel_map.matrix), tf.constant(pixel_map.offset)

    def map_pixels(images: tf.Tensor) -> tf.Tensor:
        return tf.tensordot(images, matrix, axes=1) + offset

    return map_pixels
