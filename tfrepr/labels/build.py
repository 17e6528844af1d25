"""From the name of a label to a representation that has been checked."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.labels.augmentation import AugmentedRepresentation
from tfrepr.labels.options import LARGEST_LABEL, LabelOptions, check_read
from tfrepr.labels.representation import THRESHOLD, CategoryRepresentation, LabelRepresentation, RegressionRepresentation
from tfrepr.names import class_names_from, equal_classes
from tfrepr.options import from_keywords
from tfrepr.reading import UnreadableFileError, read_array
from tfrepr.registry import LABELS

SHOWN_PAIRS = 5


class ThresholdWarning(UserWarning):
    """Rows of a label that the threshold criterion cannot tell apart."""


def build_representation(name: str, class_names: Sequence[str], *, image_side: int, options: LabelOptions | None = None,
                         smoothing: float = 0.0) -> LabelRepresentation:
    """Makes or reads the label table and wraps it with its loss and decision rule.

    Args:
        name: A name of `LABELS`.
        class_names: One name per class id.
        image_side: Side of the images; square labels are twice as large (paper section 4).
        options: With `label_file`, that table takes the place of the one that `name` stands for.
        smoothing: Label smoothing, for `category` only.

    Raises:
        UserError: Fewer than two classes, equal names or names that cannot be shown, equal rows, or a table that does not fit.

    Warns:
        ThresholdWarning: Rows closer than the threshold 3.5, which the threshold criterion cannot tell apart.
    """
    options = options or LabelOptions()
    class_names = class_names_from(class_names, f"label {name!r}")
    LABELS.check(name)
    if len(class_names) < 2:
        raise UserError(f"A classifier needs at least two classes. Received: {', '.join(class_names) or 'none'}.")
    if name == "category":
        if sentence := options.unread(name).get("label_file"):
            raise UserError(sentence)
        return CategoryRepresentation(name, class_names, smoothing)
    if options.label_file is not None:
        table = read_table(user_path(options.label_file), len(class_names))
    else:
        table = LABELS[name](class_names, 2 * image_side, options)
    check_table(table, class_names, name)
    if name == "speech-augmented":
        return AugmentedRepresentation(name, class_names, table, options)
    return RegressionRepresentation(name, class_names, table)


def make_representation(class_names: Sequence[str], label: str = "speech", *, side: int = 64, label_smoothing: float = 0.0,
                        **options: Any) -> LabelRepresentation:
    """What a network is to answer for each class.

    Args:
        class_names: One name per class id; `speech` says them.
        label: A name that `tfrepr train --help` lists, such as `speech`, `random`, `composite` or `category`.
        side: Of square labels, an even number; the paper takes twice the side of the images.
        label_smoothing: For `category` only.
        options: Fields of `tfrepr.labels.options.LabelOptions`, such as `voice="en-gb"` or `label_file="table.npy"`.

    Returns:
        The table with its rules. `losses` is a loss and `accuracy` a metric for `compile`, both of integer class ids;
        `decode(outputs)` gives class ids. Equal arguments give equal tables.

    Raises:
        UserError: An unknown label or option, an option that has no part in the label, or class names that the label cannot
            tell apart.

    Example:
        >>> import tfrepr
        >>> tfrepr.make_representation(["cat", "dog"], "random", label_seed=1).table.shape
        (2, 64, 64)
    """
    if side % 2 or not 16 <= side <= LARGEST_LABEL:
        raise UserError(f"side must be an even number from 16 to {LARGEST_LABEL}. Received: {side}.")
    if label_smoothing and label != "category":
        raise UserError(f"label_smoothing is for the label category only. Received: the label {label!r}.")
    LABELS.check(label)
    chosen = from_keywords(LabelOptions, options, "label option")
    check_read(chosen, [label])
    made = build_representation(label, class_names, image_side=side // 2, options=chosen, smoothing=label_smoothing)
    if isinstance(made, AugmentedRepresentation):
        raise UserError("The label 'speech-augmented' changes with every image and epoch, which the command tfrepr train does. "
                        "Take the label 'speech' here.")
    return made


def read_table(path: Path, classes: int | None) -> np.ndarray:
    """Reads a label table.

    Args:
        path: A `.npy` file with one row a class, a vector or a square matrix.
        classes: Number of rows that it must have; None allows any.

    Returns:
        float32, `(classes, n)` or `(classes, n, n)`.

    Raises:
        UserError: Not such a file, pickled objects, a wrong number or shape of rows, or values that are not finite.
    """
    try:
        table = read_array(path)
    except UnreadableFileError as error:
        raise UserError(f"The label table {path} cannot be read as a .npy array of numbers: {error} Write it with "
                        "numpy.save(path, table).") from None
    count = "rows" if classes is None else f"{classes} rows"
    wanted = f"Wanted are {count} (one a class) of finite numbers, each a vector or a square matrix."
    if table.dtype.kind not in "fiu":
        raise UserError(f"The label table {path} does not hold one array of real numbers. {wanted}")
    square = table.ndim == 2 or (table.ndim == 3 and table.shape[1] == table.shape[2])
    if not square or table.size == 0 or classes not in (None, len(table)):
        raise UserError(f"The label table {path} has shape {table.shape}. {wanted}")
    with np.errstate(over="ignore"):
        table = table.astype(np.float32)
    if not np.isfinite(table).all():
        raise UserError(f"The label table {path} holds NaN, infinite or too large values. {wanted}")
    return table


def check_table(table: np.ndarray, class_names: Sequence[str], label: str) -> None:
    """Refuses equal rows and warns of rows under the threshold.

    Args:
        table: `(classes, ...)`.
        class_names: One name per row.
        label: Name of the label, for messages.

    Raises:
        UserError: Equal rows; the classes are named.

    Warns:
        ThresholdWarning: Rows closer than 3.5 mean smooth L1; the closest pairs are named.
    """
    if alike := equal_classes((row.tobytes() for row in table), class_names):
        raise UserError(f"The label {label!r} is the same for these classes: {alike}. No network can tell them apart. Rename a "
                        "class or choose another label.")
    distances = row_distances(table)
    first, second = np.nonzero(np.triu(distances < THRESHOLD, k=1))
    if len(first):
        closest = np.argsort(distances[first, second], kind="stable")[:SHOWN_PAIRS]
        pairs = ", ".join(f"{class_names[first[k]]}/{class_names[second[k]]} ({distances[first[k], second[k]]:.2f})"
                          for k in closest)
        warnings.warn(f"Label {label!r}: {len(first)} of {len(table) * (len(table) - 1) // 2} pairs of classes lie closer than "
                      f"the threshold {THRESHOLD}, so threshold accuracy cannot tell them apart (nearest-label accuracy can). "
                      f"Closest: {pairs}.", ThresholdWarning, stacklevel=3)


def row_distances(table: np.ndarray) -> np.ndarray:
    """Mean smooth L1 between every two rows, float64, `(classes, classes)` (paper equation 7)."""
    rows = np.asarray(table, np.float32).reshape(len(table), -1)
    distances = np.zeros((len(rows), len(rows)))
    for index, row in enumerate(rows):
        error = np.abs(rows[index + 1:] - row)
        smooth = np.where(error < 1.0, 0.5 * error * error, error - 0.5)
        distances[index, index + 1:] = smooth.mean(axis=1, dtype=np.float64)
    return distances + distances.T
