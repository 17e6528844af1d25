"""Per-image standardisation and training without augmentation, against TensorFlow's own op and against the images."""

import numpy as np
import tensorflow as tf

from tfrepr.config import RunConfig
from tfrepr.data.pipeline import evaluation_batches, training_batches
from tfrepr.training.epoch_rates import learning_rate

RNG = np.random.default_rng(1)
IMAGES = RNG.integers(0, 256, (23, 9, 7, 3), dtype=np.uint8)
IMAGES[4] = 77
IDS = np.arange(23)
FIXED = {"mean": (0.4,) * 3, "std": (0.2,) * 3, "per_image": True}


def joined(batches):
    return (np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True))


def test_per_image_standardisation_equals_tensorflows():
    images, ids = joined(evaluation_batches(IMAGES, IDS, **FIXED, batch_size=10))
    np.testing.assert_array_equal(ids, IDS)
    np.testing.assert_allclose(images, tf.image.per_image_standardization(IMAGES / np.float32(255)), atol=2e-5)
    np.testing.assert_allclose(images[4], 0, atol=1e-5, err_msg="an image of one colour becomes zero")
    np.testing.assert_allclose([images[0].mean(), images[0].std()], [0, 1], atol=1e-5)


def test_training_without_augmentation_shows_the_images_themselves_in_a_new_order():
    data = training_batches(IMAGES, IDS, **FIXED, flip=True, batch_size=8, seed=0, last_epoch=1, augment=False)
    images, ids = joined(data)
    assert sorted(ids) == list(IDS)
    assert list(ids) != list(IDS)
    np.testing.assert_allclose(images, tf.image.per_image_standardization(IMAGES[ids] / np.float32(255)), atol=2e-5)


def test_float_images_are_taken_as_they_are():
    noise = (RNG.normal(100, 80, IMAGES.shape)).astype(np.float32)
    images, ids = joined(training_batches(noise, IDS, mean=(0.4,) * 3, std=(0.2,) * 3, flip=False, batch_size=8, seed=0,
                                          last_epoch=1, augment=False))
    np.testing.assert_allclose(images, (noise[ids] / 255 - 0.4) / 0.2, atol=1e-5)


def test_exponential_schedule():
    config = RunConfig(schedule="exponential", learning_rate=0.1)
    np.testing.assert_allclose([learning_rate(config, epoch) for epoch in (0, 1, 10, 99)],
                               [0.1, 0.095, 0.1 * 0.95**10, 0.1 * 0.95**99])
