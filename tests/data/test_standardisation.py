"""One standardisation for training, evaluation, attacks and finished runs."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfrepr.attacks.spaces import ImageSpace
from tfrepr.data import pipeline, resizing
from tfrepr.data.standardisation import scale_and_shift, standardised
from tfrepr.training.trained import TrainedModel

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
IMAGES = np.random.default_rng(3).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def in_training(images):
    batches = pipeline.training_batches(images, np.arange(len(images)), mean=MEAN, std=STD, flip=False, batch_size=5, seed=0,
                                        last_epoch=1, augment=False)
    (pixels, ids), = batches.as_numpy_iterator()
    return pixels[np.argsort(ids)]


def in_evaluation(images):
    return next(pipeline.evaluation_batches(images, np.arange(len(images)), mean=MEAN, std=STD).as_numpy_iterator())[0]


def of_a_finished_run(images):
    return TrainedModel.standardise(SimpleNamespace(mean=MEAN, std=STD), images)


def of_an_attack(images):
    return ImageSpace("normalised", MEAN, STD).from_bytes(images)


def test_it_is_the_formula():
    expected = (IMAGES / 255 - np.array(MEAN)) / np.array(STD)
    np.testing.assert_allclose(standardised(IMAGES.astype(np.float32), MEAN, STD), expected, atol=1e-6)
    np.testing.assert_allclose(standardised((IMAGES / 255).astype(np.float32), MEAN, STD, white=1), expected, atol=1e-6)
    assert standardised(IMAGES.astype(np.float32), MEAN, STD).dtype == np.float32


@pytest.mark.parametrize("place", [in_training, in_evaluation, of_a_finished_run, of_an_attack])
def test_every_place_gives_the_network_the_same_bits(place):
    scale, shift = scale_and_shift(MEAN, STD)
    np.testing.assert_array_equal(place(IMAGES), IMAGES.astype(np.float32) * scale - shift)


def test_the_pixel_map_of_resized_images_has_the_same_numbers():
    scale, shift = scale_and_shift(MEAN, STD)
    pixel_map = resizing.standardisation(MEAN, STD)
    np.testing.assert_array_equal(pixel_map.matrix, np.diag(scale))
    np.testing.assert_array_equal(pixel_map.offset, -shift)
