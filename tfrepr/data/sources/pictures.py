"""Pictures of any size as square uint8 images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.errors import UserError
from tfrepr.names import printable

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")
"""By content; the ending of a file's name does not matter."""

MOST_BYTES = 2**30
"""Size of a file at most. The number of pixels is limited by Pillow, to about 179 million."""

DARK = 64
"""Where no picture of 16 bits a channel reaches this level of 256, they probably hold 14 bits or fewer."""


def read_pictures(paths: Sequence[Path], side: int) -> np.ndarray:
    """PNG, JPEG and WebP pictures, turned, laid on white, cropped to the square in their middle and resized.

    Pictures are turned as their EXIF orientation says. Of an animation the first picture counts.

    Args:
        paths: The files.
        side: Side of the square images, pixels.

    Returns:
        uint8, `(n, side, side, 3)`.

    Raises:
        UserError: A picture that is missing, too large or cannot be decoded.

    Warns:
        UserWarning: Pictures of 16 bits a channel that use only the lowest ones, and are nearly black for it.
    """
    images, deep = np.zeros((len(paths), side, side, 3), np.uint8), []
    for image, path in zip(images, paths, strict=True):
        image[:], is_deep = _read(path, side)
        if is_deep:
            deep.append((int(image.max()), path))
    if deep and 0 < max(deep)[0] < DARK:
        warnings.warn(f"{len(deep)} pictures have 16 bits a channel and are nearly black: the brightest value is about "
                      f"{257 * max(deep)[0]} of 65535. They probably hold 12 bits. Stretch them to 16 bits, or save them with "
                      f"8. The first one is {printable(str(deep[0][1]))}.", stacklevel=1)
    return images


def _read(path: Path, side: int) -> tuple[np.ndarray, bool]:
    """One picture, `(side, side, 3)`, and whether it has 16 bits a channel."""
    from PIL import Image, ImageOps, PngImagePlugin

    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # a single text may be as long as all may be together
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no regular file")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # at twice the size it is an error
            with Image.open(path, formats=FORMATS) as image:
                deep = any("16" in str(tile[3]) for tile in image.tile)
                image.draft(None, (4 * side, 4 * side))  # a large JPEG is decoded at a fraction of its size, still fine enough
                upright = _rgb(ImageOps.exif_transpose(image))
                return np.asarray(ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC)), deep
    except Exception as error:  # Pillow reports damaged files by a dozen kinds of error
        raise UserError(f"The picture {path} cannot be decoded ({_reason(path, error)}). Replace or remove it.") from error


def _reason(path: Path, error: Exception) -> str:
    """What is wrong, more closely than Pillow says where it does not know a file."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        with path.open("rb") as file:
            head = file.read(16)
        for factory, accept in (Image.OPEN[name] for name in FORMATS if name in Image.OPEN):
            try:
                if accept(head):
                    factory(path)
            except Exception as reason:
                return str(reason) or type(reason).__name__
        return f"it is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
    return str(error) or type(error).__name__


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16-bit grey scaled to 8 bits, transparency laid on white."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
