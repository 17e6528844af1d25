"""Pictures and sounds of the page: small PNG and MP3 files, which every browser shows and plays."""

from __future__ import annotations

import io

import numpy as np

from tfrepr.labels.frontends import DYNAMIC_RANGE
from tfrepr.labels.waveforms import Waveform

COLORS = "viridis"
TILE, TILES, GAP = 64, 5, 2
"""Side of a label in the gallery in pixels, how many stand side by side, and the pixels between them."""


def spectrogram_png(label: np.ndarray) -> bytes:
    """A log-mel spectrogram, low frequencies at the bottom; from -80 dB to the peak in every picture.

    Args:
        label: `(side, side)`, decibels below the peak; values outside [-80, 0] are cut off.
    """
    return _png(_coloured(label[::-1], -DYNAMIC_RANGE, 0.0))


def photo_png(image: np.ndarray) -> bytes:
    """An image as it is, uint8 `(height, width, 3)`."""
    return _png(image)


def gallery_png(table: np.ndarray, *, upside_down: bool) -> bytes:
    """The labels of at most ten classes as tiles, five in a row, in one colour scale; vectors are strips.

    Args:
        table: `(classes, ...)`, one row a class.
        upside_down: For spectrograms, whose rows begin with low frequencies.
    """
    shown = table[:2 * TILES]
    rows = -(-len(shown) // TILES)
    canvas = np.full((rows * (TILE + GAP) - GAP, TILES * (TILE + GAP) - GAP, 3), 255, np.uint8)
    for number, label in enumerate(shown):
        tile = _coloured(_tile(label[::-1] if upside_down else label), float(table.min()), float(table.max()))
        top, left = (TILE + GAP) * (number // TILES), (TILE + GAP) * (number % TILES)
        canvas[top:top + TILE, left:left + TILE] = tile
    return _png(canvas)


def mp3(sound: Waveform) -> bytes:
    """A sound as an MP3 file."""
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, sound.samples, sound.rate, format="MP3")
    return content.getvalue()


def _tile(label: np.ndarray) -> np.ndarray:
    """A matrix or a vector stretched to a tile, each element a block."""
    matrix = np.atleast_2d(label)
    rows, columns = (np.arange(TILE) * length // TILE for length in matrix.shape)
    return matrix[np.ix_(rows, columns)]


def _coloured(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 `(height, width, 3)`."""
    from matplotlib import colormaps

    return colormaps[COLORS](np.clip((values - low) / (high - low), 0, 1), bytes=True)[..., :3]


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, "PNG", optimize=True)
    return content.getvalue()
