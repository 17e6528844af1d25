"""Labels that are drawn, not spoken: constant, random, low-dimensional and composed of Gaussians (paper section 4).

With the default seeds every table equals the one that the paper's authors published, bit for bit. Row k of `random` and
`composite` depends on k, the side and the seed alone, never on the number of classes: ten classes get the first ten of a
hundred rows, and class 101 follows from going on drawing. Names of classes are not used, only their number.
"""

import math
import random

import numpy as np

from tfrepr.labels.options import LabelOptions
from tfrepr.registry import LABELS

TOP = 80.0
"""Labels reach from 0 to this value, the width of the decibel range of spoken labels."""

UNIFORM_SEED = 48
"""The authors' seed of `random` and `lowdim`."""

GAUSSIANS = 10
SHORT_SIGMA = 0.075
LONG_SIGMA = SHORT_SIGMA / 0.31
"""A composite's Gaussians: how many, and their standard deviations in image sides."""

OVERSAMPLING = 4
"""Composites are drawn on a grid this many times finer (the authors': 256 x 256) and every fourth pixel is kept."""


@LABELS.register("constant")
def constant_table(class_names: tuple[str, ...], side: int, options: LabelOptions) -> np.ndarray:
    """One value a class, evenly spaced from 0 to 80, in every element: high-dimensional, no entropy.

    The authors' code calls this label `uniform`.

    Returns:
        float32, `(classes, side, side)`, row i filled with 80 i / (classes - 1).
    """
    classes = len(class_names)
    values = (np.arange(classes) * TOP / (classes - 1)).astype(np.float32)
    return np.repeat(values, side * side).reshape(classes, side, side)


@LABELS.register("random")
def random_table(class_names: tuple[str, ...], side: int, options: LabelOptions) -> np.ndarray:
    """Uniform random matrices in [0, 80): high-dimensional, high entropy.

    NumPy's Mersenne Twister, seed 48 unless `options.label_seed` is given, fills row after row. Another side cuts the same
    stream into other matrices.

    Returns:
        float32, `(classes, side, side)`.
    """
    return _uniform((len(class_names), side, side), options)


@LABELS.register("lowdim")
def lowdim_table(class_names: tuple[str, ...], side: int, options: LabelOptions) -> np.ndarray:
    """Uniform random vectors in [0, 80) with as many elements as classes: low-dimensional, high entropy.

    The stream is that of `random`. The authors made it for ten classes only.

    Returns:
        float32, `(classes, classes)`; `side` is not used.
    """
    return _uniform((len(class_names), len(class_names)), options)


@LABELS.register("composite")
def composite_table(class_names: tuple[str, ...], side: int, options: LabelOptions) -> np.ndarray:
    """Sums of ten oriented Gaussians at random places, scaled to [0, 80]: high-dimensional, high entropy.

    Without `options.label_seed` places and angles are the authors' (`authors_gaussians`), also beyond their 100 classes;
    with it every Gaussian is drawn independently. Another side samples the same picture at other points.

    Returns:
        float32, `(classes, side, side)`.
    """
    classes = len(class_names)
    drawn = authors_gaussians(classes) if options.label_seed is None else independent_gaussians(classes, options.label_seed)
    return np.stack([compose(gaussians, side) for gaussians in drawn])


def authors_gaussians(classes: int) -> np.ndarray:
    """Places and angles of the authors' composites.

    One stream a seed of Python's `random`: in label k, Gaussian i takes its x from position 2k of stream i + 1, its y from
    position 2k + 1 of stream i + 2 and its angle from position k of stream i + 3. Neighbouring Gaussians therefore share
    streams, but no numbers.

    Returns:
        float64, `(classes, 10, 3)`: x, y in [-0.5, 0.5) with y upwards, angle in [0, pi).
    """
    streams = np.array([_python_stream(seed, 2 * classes) for seed in range(1, GAUSSIANS + 3)])
    x = streams[:GAUSSIANS, 0::2] - 0.5
    y = streams[1:GAUSSIANS + 1, 1::2] - 0.5
    angle = math.pi * streams[2:GAUSSIANS + 2, :classes]
    return np.stack([x, y, angle], axis=-1).transpose(1, 0, 2)


def independent_gaussians(classes: int, seed: int) -> np.ndarray:
    """Places and angles drawn independently and uniformly; shape and ranges as in `authors_gaussians`."""
    uniform = np.random.RandomState(seed).uniform(size=(classes, GAUSSIANS, 3))
    return (uniform - (0.5, 0.5, 0.0)) * (1.0, 1.0, math.pi)


def compose(gaussians: np.ndarray, side: int) -> np.ndarray:
    """Draws one composite.

    The order of operations and the stop at [0, 255] are the authors', who drew images first; they decide the last bit.

    Args:
        gaussians: float64, `(10, 3)`: x, y, angle.
        side: Side of the label in pixels.

    Returns:
        float32, `(side, side)`, in [0, 80].
    """
    centres = (np.arange(OVERSAMPLING * side) + 0.5) / (OVERSAMPLING * side) - 0.5
    total = np.zeros((len(centres), len(centres)))
    for x, y, angle in gaussians:
        total += _gaussian(centres[None, :] - x, -centres[:, None] - y, angle)
    lowest, highest = total.min(), total.max()
    grey = ((total - lowest) / (highest - lowest) * 255).astype(np.float32)
    kept = grey[OVERSAMPLING // 2::OVERSAMPLING, OVERSAMPLING // 2::OVERSAMPLING]
    return kept / np.float32(255) * np.float32(TOP)


def _gaussian(right: np.ndarray, up: np.ndarray, angle: float) -> np.ndarray:
    """exp(-(u^2/a^2 + v^2/b^2) / 2) for offsets from the centre, turned anticlockwise by `angle`."""
    along = math.cos(angle) * right + math.sin(angle) * up
    across = math.cos(angle) * up - math.sin(angle) * right
    return np.exp(-((along / LONG_SIGMA) ** 2 + (across / SHORT_SIGMA) ** 2) / 2)


def _python_stream(seed: int, count: int) -> list[float]:
    stream = random.Random(seed)
    return [stream.random() for _ in range(count)]


def _uniform(shape: tuple[int, ...], options: LabelOptions) -> np.ndarray:
    seed = UNIFORM_SEED if options.label_seed is None else options.label_seed
    return np.random.RandomState(seed).uniform(0, TOP, shape).astype(np.float32)
