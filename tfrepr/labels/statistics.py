"""How much a label table says and how far apart its rows lie: the paper's Table 2, and what a reader asks next.

The paper prints "normalised L1 and L2 distance between pairs of labels" without saying how. Two normalisations and four
norms reproduce every cell from the authors' files; `PAPER_CONVENTIONS` says which cell used which.

Normalisations, both to [0, 1] by minimum and maximum: `per-label` scales every row by itself, `global` the table as a whole.
Norms of the difference of two rows: `element-L1` is the sum of absolute differences and `element-L2` the root of the sum of
squares (the Frobenius norm of a matrix); `operator-1` is the largest absolute column sum of the difference matrix and
`operator-2` its largest singular value (what `numpy.linalg.norm` returns for matrices and orders 1 and 2). For vectors the
operator norms are the element-wise ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfrepr.labels.build import row_distances
from tfrepr.labels.representation import THRESHOLD
from tfrepr.paper import Published, published

NORMALISATIONS = ("per-label", "global")
NORMS = ("element-L1", "element-L2", "operator-1", "operator-2")

PAPER_CONVENTIONS = {
    "category": ("global", "element-L1", "element-L2"),
    "constant": ("global", "operator-1", "element-L2"),
    "speech": ("per-label", "operator-1", "element-L2"),
    "shuffle": ("per-label", "operator-1", "element-L2"),
    "composite": ("per-label", "operator-1", "element-L2"),
    "speech-augmented": ("per-label", "operator-1", "element-L2"),
    "random": ("per-label", "operator-1", "element-L2"),
    "lowdim": ("global", "element-L1", "element-L2"),
    "bert": ("global", "operator-1", "operator-2"),
    "glove": ("global", "element-L1", "element-L2"),
    "onehot": ("global", "element-L1", "element-L2"),
    "blocks": ("per-label", "operator-1", "element-L2"),
    "hadamard": ("global", "element-L1", "element-L2"),
}
"""Normalisation, norm behind "L1" and norm behind "L2" of each row of Table 2.

Labels that are not in the table are measured as their kin: `random` and `blocks` as `composite`, `lowdim` as `glove`,
`speech-augmented` as `speech`, `onehot` and `hadamard` as `category`.
"""

OTHER_CONVENTION = ("global", "element-L1", "element-L2")
"""For labels that the paper does not know."""


@dataclass(frozen=True)
class Statistic:
    """One measured number of a label table.

    Attributes:
        quantity: `entropy`, `L1`, `L2` (as in Table 2), the name of a norm, `closest pair` or `effective rank`.
        normalisation: One of `NORMALISATIONS`, or `""` where the table is taken as it is.
        mean, spread: Mean and population standard deviation over labels or pairs of labels; single numbers have spread 0.
        detail: The convention behind `L1` and `L2`, or the pair of classes.
        paper: The printed cell beside it, if there is one.
    """

    quantity: str
    normalisation: str
    mean: float
    spread: float
    detail: str = ""
    paper: Published | None = None


def measure(table: np.ndarray, class_names: Sequence[str], *, label: str, dataset: str | None = None) -> list[Statistic]:
    """Everything that is known about one label table.

    Args:
        table: `(classes, n)` or `(classes, n, m)`, at least two classes.
        class_names: One name per row.
        label: Name of the label; it decides how `L1` and `L2` are taken and which row of Table 2 stands beside them.
        dataset: `"cifar10"` or `"cifar100"` to compare with the paper.

    Returns:
        Table 2's three numbers, every norm under both normalisations, closest pair, effective rank.
    """
    distances = {(normalisation, norm): pair_distances(normalised(table, normalisation), norm)
                 for normalisation in NORMALISATIONS for norm in NORMS}
    normalisation, first_norm, second_norm = PAPER_CONVENTIONS.get(label, OTHER_CONVENTION)
    rows = [_spread("entropy", "", entropies(table), "bits", label, dataset),
            _spread("L1", normalisation, distances[normalisation, first_norm], first_norm, label, dataset),
            _spread("L2", normalisation, distances[normalisation, second_norm], second_norm, label, dataset)]
    rows += [_spread(norm, normalisation, values) for (normalisation, norm), values in distances.items()]
    distance, first, second = closest_pair(table)
    rows.append(Statistic("closest pair", "", distance, 0.0, f"{class_names[first]} / {class_names[second]}"))
    rows.append(Statistic("effective rank", "", effective_rank(table), 0.0, f"at most {len(table) - 1}"))
    return rows


def _spread(quantity: str, normalisation: str, values: np.ndarray, detail: str = "", label: str = "",
            dataset: str | None = None) -> Statistic:
    paper = published("Table 2", dataset=dataset, label=label, quantity=quantity) if dataset else None
    return Statistic(quantity, normalisation, float(values.mean()), float(values.std()), detail, paper)


def entropy(label: np.ndarray) -> float:
    """Entropy in bits of how often each value occurs in one label.

    All values different gives log2(number of elements); only repeated values lower it, as the floor of -80 dB in speech. The
    paper's numbers come from the same function.
    """
    from skimage.measure import shannon_entropy

    return float(shannon_entropy(label)) + 0.0  # no minus before a zero


def entropies(table: np.ndarray) -> np.ndarray:
    """`entropy` of every row, float64, `(classes,)`."""
    return np.array([entropy(row) for row in table])


def normalised(table: np.ndarray, normalisation: str) -> np.ndarray:
    """Scales a table to [0, 1], row by row (`per-label`) or as a whole (`global`).

    What is constant, a row or the whole table, becomes 0.

    Returns:
        float64, the shape of `table`.
    """
    table = np.asarray(table, np.float64)
    axes = {"per-label": tuple(range(1, table.ndim)), "global": None}[normalisation]
    lowest, highest = table.min(axis=axes, keepdims=True), table.max(axis=axes, keepdims=True)
    return (table - lowest) / np.where(highest > lowest, highest - lowest, 1.0)


def pair_distances(table: np.ndarray, norm: str) -> np.ndarray:
    """Norm of the difference of every two rows i < j.

    Args:
        table: `(classes, n)` or `(classes, n, m)`.
        norm: One of `NORMS`.

    Returns:
        float64, `(classes * (classes - 1) / 2,)`, in the order (0, 1), (0, 2), ...
    """
    table = np.asarray(table, np.float64)
    if table.ndim == 2:
        norm = {"operator-1": "element-L1", "operator-2": "element-L2"}.get(norm, norm)
    return np.concatenate([_NORM_FUNCTIONS[norm](table[index + 1:] - row) for index, row in enumerate(table[:-1])])


_NORM_FUNCTIONS = {
    "element-L1": lambda differences: np.linalg.norm(differences.reshape(len(differences), -1), 1, axis=1),
    "element-L2": lambda differences: np.linalg.norm(differences.reshape(len(differences), -1), 2, axis=1),
    "operator-1": lambda differences: np.linalg.norm(differences, 1, axis=(1, 2)),
    "operator-2": lambda differences: np.linalg.norm(differences, 2, axis=(1, 2)),
}


def closest_pair(table: np.ndarray) -> tuple[float, int, int]:
    """The two rows that are easiest to mistake for each other.

    Returns:
        Their mean smooth L1 distance, the training loss (paper equation 7), and their class ids, the smaller first.
    """
    distances = row_distances(table)
    np.fill_diagonal(distances, np.inf)
    first, second = np.unravel_index(distances.argmin(), distances.shape)
    return float(distances[first, second]), int(first), int(second)


def effective_rank(table: np.ndarray) -> float:
    """In how many directions the rows spread.

    The exponential of the entropy of the normalised singular values (Roy and Vetterli, "The effective rank", EUSIPCO 2007),
    taken of the rows minus their mean, since neither loss nor nearest row notice a common offset. From 1 (all rows on a
    line, as in `constant`) to classes - 1 (a regular simplex, as in `category`); 0 for equal rows.
    """
    from scipy.stats import entropy as natural_entropy

    rows = np.asarray(table, np.float64).reshape(len(table), -1)
    singular = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    return float(np.exp(natural_entropy(singular))) if singular.max() > 0 else 0.0


def below_threshold(statistics: Sequence[Statistic], label: str) -> str | None:
    """A warning when the threshold criterion cannot tell the closest classes apart, else None.

    One-hot labels are not judged by the threshold, so none is given for `category`.
    """
    closest = next(row for row in statistics if row.quantity == "closest pair")
    if label == "category" or closest.mean >= THRESHOLD:
        return None
    return (f"The closest classes of {label}, {closest.detail}, lie {closest.mean:.2f} apart, under the threshold {THRESHOLD}: "
            "an answer can satisfy the threshold for both. Judge this label by its nearest row only.")
