"""Batches for training and evaluation, as tf.data: crop, flip and standardise (paper A.5), made for speed.

An epoch's order, crop offsets and flips are arrays with one entry per image, drawn by NumPy from the run's seed and the
epoch's number. So the pixels that image i shows in epoch e depend on (seed, e, i) alone: a run that resumes at epoch e sees
what an uninterrupted one sees, whatever the machine and the number of threads.

Images are kept once, padded, as uint8. A batch is one gather of pixels, in which crop offset and flip are part of the index;
no operation works on a single image. All of it runs on the CPU, whichever backend Keras has. AutoGraph has nothing to convert
here; it would warn about closures on newer Pythons, and write temporary files that a killed process leaves behind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfrepr.data.class_ids import checked_ids
from tfrepr.data.standardisation import scale_and_shift
from tfrepr.seeds import generator

if TYPE_CHECKING:
    import tensorflow as tf

PADDING = 4
"""Black pixels added on every side before the random crop (paper A.5)."""

WORKERS = 2
"""Threads that make batches; one alone outruns a GPU on 32x32 images."""

PREFETCHED_BATCHES = 8


class Augmentation(NamedTuple):
    """What happens to each image in one epoch; every array is `(n,)` and indexed by image.

    Attributes:
        top, left: int32, offset of the crop in the padded image, 0..2 * PADDING; PADDING is the image itself.
        mirrored: bool, whether the crop is flipped from left to right.
    """

    top: np.ndarray
    left: np.ndarray
    mirrored: np.ndarray


def epoch_order(count: int, *, seed: int, epoch: int) -> np.ndarray:
    """The order in which epoch `epoch` visits `count` images, int64, `(count,)`."""
    return generator(seed, "shuffling", epoch).permutation(count)


def epoch_augmentation(count: int, *, flip: bool, seed: int, epoch: int) -> Augmentation:
    """Crop offsets and flips of all `count` images in epoch `epoch`; flips are drawn with probability 1/2."""
    rng = generator(seed, "augmentation", epoch)
    top, left = rng.integers(0, 2 * PADDING + 1, size=(2, count), dtype=np.int32)
    mirrored = rng.random(count) < 0.5 if flip else np.zeros(count, dtype=bool)
    return Augmentation(top, left, mirrored)


def _untouched(count: int) -> Augmentation:
    """For images that are kept without padding."""
    offset = np.zeros(count, dtype=np.int32)
    return Augmentation(offset, offset, np.zeros(count, dtype=bool))


def training_batches(images: np.ndarray, ids: np.ndarray, *, mean: tuple[float, float, float], std: tuple[float, float, float],
                     flip: bool, batch_size: int, seed: int, first_epoch: int = 0, last_epoch: int,
                     augment: bool = True, per_image: bool = False,
                     label_changes: Callable[[int], np.ndarray] | None = None) -> tf.data.Dataset:
    """All epochs in a row, each in a fresh order and with fresh crops.

    Args:
        images: uint8, or float32 in the unit of uint8, `(n, height, width, 3)`.
        ids: Class ids, integers, `(n,)` or `(n, 1)`.
        mean, std: Per channel, of pixels scaled to [0, 1].
        flip: Whether half of the images are mirrored.
        batch_size: Images a batch; the last batch of an epoch holds the rest.
        seed: The run's seed; its streams `"shuffling"` and `"augmentation"` are used.
        first_epoch, last_epoch: Epochs first_epoch, ..., last_epoch - 1 are produced.
        augment: False: the order changes each epoch, the images stay as they are.
        per_image: Standardise each image by its own mean and deviation instead of `mean` and `std`.
        label_changes: Function of the epoch that draws integers `(n, k)`, what to change in the label of each image.

    Returns:
        `(last_epoch - first_epoch) * ceil(n / batch_size)` batches of (float32 `(batch, height, width, 3)`, int32 `(batch,)`),
        the class ids; with `label_changes` int32 `(batch, 1 + k)`, the class id and what was drawn.

    Reference:
        Paper A.5. As in the authors' code the padding precedes the standardisation: padded pixels are black.
    """
    import tensorflow as tf

    count = len(images)
    steps = math.ceil(count / batch_size)
    label_width = label_changes(first_epoch).shape[1] if label_changes else None

    def draw(epoch: np.ndarray) -> tuple[np.ndarray, ...]:
        order = epoch_order(count, seed=seed, epoch=int(epoch))
        changes = epoch_augmentation(count, flip=flip, seed=seed, epoch=int(epoch)) if augment else _untouched(count)
        labels = [label_changes(int(epoch))] if label_changes else []
        return order, *(array[order] for array in (*changes, *labels))

    @tf.autograph.experimental.do_not_convert
    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        kinds = [tf.int64, tf.int32, tf.int32, tf.bool] + [tf.int32] * (label_width is not None)
        drawn = tf.numpy_function(draw, [epoch], kinds, stateful=False)
        for array, shape in zip(drawn, [(count,)] * 4 + [(count, label_width)], strict=False):
            array.set_shape(shape)
        return tf.data.Dataset.range(steps).map(
            lambda step: tuple(array[step * batch_size : (step + 1) * batch_size] for array in drawn))

    with tf.device("/cpu:0"):
        standardise = _standardiser(images.shape[1:], mean, std, per_image)
        assemble = _batch_assembler(images, ids, standardise, padding=PADDING if augment else 0)
        batches = tf.data.Dataset.range(first_epoch, last_epoch).flat_map(epoch_batches)
        return assembled(batches, assemble).apply(tf.data.experimental.assert_cardinality(steps * (last_epoch - first_epoch)))


def evaluation_batches(images: np.ndarray, ids: np.ndarray, *, mean: tuple[float, float, float],
                       std: tuple[float, float, float], batch_size: int = 100, per_image: bool = False) -> tf.data.Dataset:
    """The images as they are, standardised, in order; arguments and elements as for `training_batches`."""
    import tensorflow as tf

    with tf.device("/cpu:0"):
        pixels, class_ids = tf.constant(images), tf.constant(checked_ids(ids, images=len(images)), tf.int32)
        standardise = _standardiser(images.shape[1:], mean, std, per_image)

        @tf.autograph.experimental.do_not_convert
        def assemble(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = slice(step * batch_size, (step + 1) * batch_size)
            return standardise(pixels[rows]), class_ids[rows]

        return assembled(tf.data.Dataset.range(math.ceil(len(images) / batch_size)), assemble)


def assembled(batches: tf.data.Dataset, assemble: Callable) -> tf.data.Dataset:
    """The batches that `assemble` makes of what says what is in them: some at a time, in order, a few ahead."""
    return batches.map(assemble, num_parallel_calls=WORKERS, deterministic=True).prefetch(PREFETCHED_BATCHES)


def _batch_assembler(images: np.ndarray, ids: np.ndarray, standardise: Callable, padding: int) -> Callable:
    """A function of (image indices, top, left, mirrored), each `(batch,)`, and perhaps label changes, that returns a batch."""
    import tensorflow as tf

    count, height, width, channels = images.shape
    padded_height, padded_width = height + 2 * padding, width + 2 * padding
    border = (padding, padding)
    pixels = tf.constant(np.pad(images, ((0, 0), border, border, (0, 0))).reshape(-1, channels))
    class_ids = tf.constant(checked_ids(ids, images=count), tf.int32)
    index_type = tf.int32 if count * padded_height * padded_width < 2**31 else tf.int64
    row_starts = tf.range(height, dtype=index_type)[None, :, None] * padded_width
    columns = tf.range(width, dtype=index_type)[None, None, :]
    @tf.autograph.experimental.do_not_convert
    def assemble(indices: tf.Tensor, top: tf.Tensor, left: tf.Tensor, mirrored: tf.Tensor,
                 label: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        corner = (tf.cast(indices, index_type) * padded_height + tf.cast(top, index_type)) * padded_width
        first = corner + tf.cast(left, index_type) + tf.where(mirrored, tf.cast(width - 1, index_type), 0)
        direction = tf.where(mirrored, tf.cast(-1, index_type), 1)
        index = (first[:, None, None] + direction[:, None, None] * columns) + row_starts
        targets = tf.gather(class_ids, indices)
        if label is not None:
            targets = tf.concat([targets[:, None], label], axis=1)
        return standardise(tf.gather(pixels, index)), targets

    return assemble


def _standardiser(shape: tuple[int, int, int], mean: tuple[float, float, float], std: tuple[float, float, float],
                  per_image: bool) -> Callable:
    """The function from uint8 pixels to standardised float32 ones, both `(batch, *shape)`: by the data set or by the image."""
    return _per_image_standardiser(shape) if per_image else _data_set_standardiser(shape[1], mean, std)


def _per_image_standardiser(shape: tuple[int, int, int]) -> Callable:
    """The function (x - mean) / max(std, 1 / sqrt(N)) of x = pixels / 255, over all N values of each image.

    That is `tf.image.per_image_standardization` of x, as Zhang et al. 2016 (appendix A) prepare their images; the lower
    limit keeps an image of one colour finite.
    """
    import tensorflow as tf

    size = math.prod(shape)

    def standardise(pixels: tf.Tensor) -> tf.Tensor:
        values = tf.cast(tf.reshape(pixels, (-1, size)), tf.float32) / 255
        values -= tf.reduce_mean(values, axis=1, keepdims=True)
        deviation = tf.sqrt(tf.reduce_mean(values * values, axis=1, keepdims=True))
        return tf.reshape(values / tf.maximum(deviation, 1 / math.sqrt(size)), (-1, *shape))

    return standardise


def _data_set_standardiser(width: int, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Callable:
    """The function `tfrepr.data.standardisation.standardised`.

    It treats a row of pixels as one vector: broadcasting over three channels alone is several times slower.
    """
    import tensorflow as tf

    scale, shift = (np.tile(values, width) for values in scale_and_shift(mean, std))

    def standardise(pixels: tf.Tensor) -> tf.Tensor:
        batch, height = tf.shape(pixels)[0], pixels.shape[1]
        rows = tf.cast(tf.reshape(pixels, (batch, height, 3 * width)), tf.float32)
        return tf.reshape(rows * scale - shift, (batch, height, width, 3))

    return standardise
