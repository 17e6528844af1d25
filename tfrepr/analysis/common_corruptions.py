"""Common corruptions of test images: noise, blur and JPEG at five strengths.

The strengths are those of CIFAR-10-C (Hendrycks and Dietterich 2019, https://arxiv.org/abs/1903.12261), made for 32x32 pixels;
images of another size get blur in proportion to their side. These corruptions change what a trained model is shown;
`tfrepr.data.corruption` changes what a model is trained on.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from tfrepr.errors import UserError
from tfrepr.registry import unknown_name
from tfrepr.seeds import generator

STRENGTHS = (1, 2, 3, 4, 5)
NOISE_DEVIATIONS = (0.04, 0.06, 0.08, 0.09, 0.10)
"""Standard deviation of Gaussian noise on every pixel and channel, pixels scaled to [0, 1]."""
BLUR_WIDTHS = (0.4, 0.6, 0.7, 0.8, 1.0)
"""Standard deviation of the Gaussian blur at 32 pixels, pixels."""
JPEG_QUALITIES = (80, 65, 58, 50, 40)


def noise(images: np.ndarray, strength: int) -> np.ndarray:
    """Gaussian noise; image i gets the same noise whatever the model, since a fixed seed draws it."""
    drawn = generator(0, "corruption", "noise", strength).standard_normal(images.shape, dtype=np.float32)
    return _pixels(images + 255 * NOISE_DEVIATIONS[strength - 1] * drawn)


def blur(images: np.ndarray, strength: int) -> np.ndarray:
    """Gaussian blur, the border repeated outwards."""
    from skimage.filters import gaussian

    width = BLUR_WIDTHS[strength - 1] * images.shape[1] / 32
    return _pixels(gaussian(images.astype(np.float32), sigma=(0, width, width, 0), mode="nearest", preserve_range=True))


def jpeg(images: np.ndarray, strength: int) -> np.ndarray:
    """Stored as JPEG and read again."""
    return np.stack([_through_jpeg(image, JPEG_QUALITIES[strength - 1]) for image in images])


COMMON_CORRUPTIONS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"noise": noise, "blur": blur, "jpeg": jpeg}
"""Functions of uint8 images `(n, height, width, 3)` and a strength of 1 to 5; uint8 images of the same shape."""


def corrupt(images: np.ndarray, name: str, strength: int) -> np.ndarray:
    """Images under a corruption.

    Args:
        images: uint8, `(n, height, width, 3)`.
        name: A name of `COMMON_CORRUPTIONS`, or `"none"`.
        strength: 1 to 5; 0 for `"none"`.

    Raises:
        UserError: Pixels that are no bytes, as of a run with `--corruption gaussian`.
    """
    if name != "none" and images.dtype != np.uint8:
        raise UserError(f"The corruption {name!r} is defined on bytes. Received: {images.dtype} pixels, as `--corruption "
                        "gaussian` makes them. Use --corruptions none.")
    return images if name == "none" else COMMON_CORRUPTIONS[name](images, strength)


def chosen_corruptions(text: str) -> tuple[tuple[str, int], ...]:
    """What `--corruptions` says: `"none"`, `"all"` or names with commas between; the plain images always come first.

    Raises:
        UserError: An unknown name.
    """
    names = {"none": (), "all": tuple(COMMON_CORRUPTIONS)}.get(text, tuple(name.strip() for name in text.split(",")))
    for name in names:
        if name not in COMMON_CORRUPTIONS:
            raise UserError(unknown_name("corruption", name, (*COMMON_CORRUPTIONS, "all", "none")))
    return (("none", 0), *((name, strength) for name in names for strength in STRENGTHS))


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content).convert("RGB"))
