"""Corruptions against SciPy and Pillow, and their strengths."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from tfrepr.analysis.common_corruptions import BLUR_WIDTHS, COMMON_CORRUPTIONS, STRENGTHS, chosen_corruptions, corrupt
from tfrepr.errors import UserError
from tfrepr.registry import DATASETS


@pytest.fixture(scope="module")
def images():
    return DATASETS["digits"](None, None).test_images[:40]


@pytest.mark.parametrize("name", COMMON_CORRUPTIONS)
def test_stronger_is_farther_from_the_image_and_always_the_same(images, name):
    changes = [np.mean((corrupt(images, name, strength) / 255 - images / 255) ** 2) for strength in STRENGTHS]
    assert changes == sorted(changes)
    assert changes[0] > 0
    again = corrupt(images, name, 3)
    assert (again.dtype, again.shape) == (np.uint8, images.shape)
    np.testing.assert_array_equal(again, corrupt(images, name, 3))


def test_noise_has_the_stated_deviation():
    grey = np.full((50, 32, 32, 3), 128, np.uint8)
    assert np.std(corrupt(grey, "noise", 5) / 255) == pytest.approx(0.10, rel=0.01)
    assert np.mean(corrupt(grey, "noise", 5)) == pytest.approx(128, abs=0.2)


def test_blur_is_scipys(images):
    for strength, width in zip(STRENGTHS, BLUR_WIDTHS, strict=True):
        expected = gaussian_filter(images.astype(np.float32), (0, width, width, 0), mode="nearest")
        assert np.abs(corrupt(images, "blur", strength) - np.round(expected)).max() <= 1


def test_jpeg_is_pillows(images):
    content = io.BytesIO()
    Image.fromarray(images[3]).save(content, "JPEG", quality=40)
    np.testing.assert_array_equal(corrupt(images, "jpeg", 5)[3], np.asarray(Image.open(content)))


def test_plain_images_come_first():
    assert chosen_corruptions("none") == (("none", 0),)
    assert chosen_corruptions("jpeg")[:3] == (("none", 0), ("jpeg", 1), ("jpeg", 2))
    assert len(chosen_corruptions("all")) == 1 + 5 * len(COMMON_CORRUPTIONS)
    with pytest.raises(UserError, match=r"Unknown corruption 'nois'\. Did you mean 'noise'"):
        chosen_corruptions("nois,jpeg")
