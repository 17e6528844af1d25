"""Which training images a run learns from and which it is validated on.

Two rules, chosen by the kind of `validation`:

- a count, as for CIFAR (paper section 4): the first images of one seeded permutation validate, the following ones train. A
  percent level takes a prefix of the latter, so that levels are nested; neither is stratified, as in the authors' code;
- a fraction, for other sources: validation and percent levels keep the proportions of the classes, and are nested as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfrepr.data.class_ids import checked_ids, one_per_image
from tfrepr.errors import UserError
from tfrepr.seeds import generator


@dataclass(frozen=True)
class Split:
    """Indices into the training images of a data set, int64; no index is in both."""

    train: np.ndarray
    validation: np.ndarray


def split(ids: np.ndarray, *, validation: int | float, percent: float = 100.0, percent_of: int | None = None, seed: int,
          class_names: tuple[str, ...]) -> Split:
    """Draws validation and training images; the validation set does not depend on the percent level.

    Args:
        ids: Class id of every training image, integers, `(n,)` or `(n, 1)`.
        validation: An int is a count drawn regardless of class; a float in (0, 1) is a stratified fraction.
        percent: Percent level in (0, 100].
        percent_of: Number of images of which `percent` is taken; None: the images that validation leaves. The paper takes it
            of the original training data, all 50,000 CIFAR images (`percent_of=50000`).
        seed: The run's seed; its stream `"split"` is used.
        class_names: One name per class id, for messages.

    Raises:
        UserError: The validation set leaves nothing, the level asks for more images than there are or for none, or a class
            is without training images.

    Reference:
        Paper section 4, "Dataset" (5,000 of 50,000 training images validate), and section 3.2, "1% (...) of the original
        training data".
    """
    ids, rng = checked_ids(ids, classes=len(class_names)), generator(seed, "split")
    if isinstance(validation, float):
        kept, held = stratified_holdout(ids, validation, rng)
        kept = kept[stratified_order(ids[kept], rng)]
    else:
        order = rng.permutation(len(ids))
        held, kept = order[:validation], order[validation:]
    if not len(kept):
        raise UserError(f"The validation set takes {validation} of the training images, but there are only {len(ids)}. Use a "
                        "data set with more training images.")
    base = len(kept) if percent_of is None else percent_of
    train = kept[: _level_count(percent, base, available=len(kept))]
    _check_classes(ids, kept, train, base, class_names)
    return Split(train=train, validation=held)


def share_in_words(percent: float, percent_of: float | None) -> str:
    """How much of the data a run learns from, empty for all of it.

    Example:
        >>> share_in_words(1, 50_000), share_in_words(4, None), share_in_words(100, None)
        ('1% of 50,000 training images', '4% of the training images beside validation', '')
    """
    if percent == 100:
        return ""
    counted = percent_of is not None and percent_of == percent_of  # tables of runs hold NaN for None
    return f"{percent:g}% of " + (f"{percent_of:,.0f} training images" if counted else "the training images beside validation")


def stratified_holdout(ids: np.ndarray, fraction: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Divides images in two so that every class is divided alike.

    A class of two or more images has at least one on either side; a single image is kept.

    Args:
        ids: Class id of every image, `(n,)` or `(n, 1)`.
        fraction: Share of every class that is held out, in (0, 1), rounded to whole images.
        rng: Source of randomness.

    Returns:
        Indices kept and held out, each ascending.
    """
    ids = one_per_image(ids)
    held = np.zeros(len(ids), dtype=bool)
    for class_id in np.unique(ids):
        members = rng.permutation(np.flatnonzero(ids == class_id))
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held[members[:count]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def stratified_order(ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random order of all images of which every prefix holds the classes in their proportions, to about one image.

    Within its class, the j-th of m images (in random order) gets the place (j + 1/2) / m; the order sorts by place, and
    images of equal place by chance.
    """
    ids = one_per_image(ids)
    places = np.empty(len(ids))
    for class_id in np.unique(ids):
        members = rng.permutation(np.flatnonzero(ids == class_id))
        places[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((rng.permutation(len(ids)), places))


def _level_count(percent: float, base: int, available: int) -> int:
    """Number of images of a percent level, rounded down; the inner rounding removes binary dust (29% of 100 is 29)."""
    count = math.floor(round(percent * base / 100, 6))
    if count > available:
        largest = math.floor(10_000 * available / base) / 100
        raise UserError(f"{percent:g}% of {base} images are {count}, but only {available} remain beside the validation set. "
                        f"Use --percent {largest:g} or less, or --percent-of {available}.")
    if count < 1:
        raise UserError(f"{percent:g}% of {base} training images is not one image. Use --percent "
                        f"{_percent_for(1, base):g} or more.")
    return count


def _percent_for(count: int, base: int) -> float:
    """Smallest percent level, in hundredths (in finer steps for very many images), that reaches `count` images."""
    digits = max(2, len(str(base)) - 2)
    scale = 10**digits
    return math.ceil(round(100 * count * scale / base, 6)) / scale


def _check_classes(ids: np.ndarray, kept: np.ndarray, train: np.ndarray, base: int, class_names: tuple[str, ...]) -> None:
    """Raises UserError where a class has no training image."""
    empty = np.setdiff1d(np.arange(len(class_names)), ids[train])
    if not len(empty):
        return
    names = ", ".join(class_names[class_id] for class_id in empty[:5]) + (", ..." if len(empty) > 5 else "")
    message = (f"{len(empty)} of {len(class_names)} classes ({names}) would have no image among the {len(train)} training "
               "images, and a network cannot learn a label that it never sees. ")
    present, first = np.unique(ids[kept], return_index=True)
    if len(present) < len(class_names):
        raise UserError(message + "The level does not matter here: add images of these classes, or use another data set.")
    needed = _percent_for(int(first.max()) + 1, base)
    raise UserError(message + "Which images a level takes is drawn by --seed. The smallest level of this seed with every "
                    f"class is --percent {needed:g}; another seed may do with less, and larger levels contain smaller ones.")
