"""What an evaluation shows: which classes are taken for which, and how far confidence can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NUMBERS = 20
"""Classes up to which cells carry numbers and axes carry names."""


@style.styled
def draw_confusion(counts: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """A confusion matrix in percent of each true class, true classes in rows.

    Args:
        counts: Images by true and predicted class, `(classes, classes)`; a class without images stays empty.
        names: Class names.
        title: Above the matrix.
    """
    totals = counts.sum(axis=1, keepdims=True)
    shares = 100 * np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    few = len(names) <= MOST_NUMBERS
    side = min(style.FULL_WIDTH, max(style.COLUMN_WIDTH, 1.2 + 0.36 * len(names))) if few else 5.0
    figure = style.new_figure(side, side)
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, interpolation="nearest")
    axes.grid(visible=False)
    axes.set(xlabel="predicted", ylabel="true")
    figure.suptitle(title)
    if few:
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        _write_numbers(axes, shares)
    else:
        figure.colorbar(picture, ax=axes, label="percent of the true class", shrink=0.8)
        axes.set(xlabel="predicted class id", ylabel="true class id")
    return figure


def _write_numbers(axes: Axes, shares: np.ndarray) -> None:
    """The percentage of every cell that rounds to at least one."""
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.5:
            axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=6.5,
                      color="#ffffff" if share > 55 else "#000000")


@style.styled
def draw_reliability(tables: dict[str, np.ndarray], title: str) -> Figure:
    """Accuracy over confidence: one curve a name in `tables` (of `calibration.reliability`); dots grow with the images."""
    figure = style.new_figure(style.COLUMN_WIDTH, style.COLUMN_WIDTH)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=style.VALIDATION_LINE)
    for (name, table), color, marker in zip(tables.items(), ("#0072B2", "#D55E00"), "os", strict=False):
        counts, confidence, accuracy = table[table[:, 0] > 0].T
        axes.plot(confidence, accuracy, color=color, label=name, linewidth=1)
        axes.scatter(confidence, accuracy, s=4 + 40 * counts / counts.sum(), color=color, marker=marker, linewidths=0)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(loc="upper left")
    figure.suptitle(title)
    return figure
