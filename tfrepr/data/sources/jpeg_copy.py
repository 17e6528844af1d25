"""Tells a JPEG copy of CIFAR-10 from the original pixels.

A copy in circulation holds all images in official order, re-encoded as JPEG. Numbers measured on it must say so. Two signs are
looked for, either is enough: the names of the image files end in .jpg (the original's end in .png), or the brightness at
sixteen places of the first test images is that of the copy. The places are those where both differ most (by 15 to 30 levels),
so that the few levels by which JPEG decoders differ do not matter.
"""

from __future__ import annotations

import numpy as np

PROBES = np.array([
    (0, 20, 18, 80, 105), (1, 25, 24, 78, 96), (2, 8, 25, 122, 143), (3, 22, 23, 162, 143), (4, 14, 31, 86, 109),
    (5, 26, 29, 99, 79), (6, 13, 23, 157, 181), (7, 10, 6, 86, 110), (8, 16, 22, 146, 164), (9, 19, 25, 157, 131),
    (10, 16, 22, 169, 189), (11, 25, 4, 143, 117), (12, 22, 22, 145, 129), (13, 29, 8, 9, 36), (14, 13, 29, 187, 165),
    (15, 10, 22, 127, 157)])
"""Test image, row, column, brightness in the original and in the JPEG copy (Rec. 601 luma, 0..255)."""

LUMA = np.array([0.299, 0.587, 0.114])
TOLERANCE = 7
"""Brightness levels; less than half of the smallest difference between original and copy."""


def is_jpeg_copy(test_images: np.ndarray, filenames: tuple[str, ...]) -> bool:
    """Whether these are the test images of the JPEG copy.

    Args:
        test_images: uint8, `(n, 32, 32, 3)`, in official order.
        filenames: The image files' names as the test batch lists them; may be empty.
    """
    return any(name.lower().endswith((".jpg", ".jpeg")) for name in filenames) or _matches_copy(test_images)


def _matches_copy(test_images: np.ndarray) -> bool:
    """Whether at least three quarters of the probes have the copy's brightness."""
    image, row, column, _, copy = PROBES.T
    if len(test_images) <= image.max():
        return False
    brightness = test_images[image, row, column] @ LUMA
    return bool(np.mean(np.abs(brightness - copy) <= TOLERANCE) >= 0.75)
