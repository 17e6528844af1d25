"""What an evaluation shows: which classes are taken for which, and how far confidence can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.figures import style
from tfrepr.figures.panels import legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure

FEW_IMAGES = 10
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
    """Accuracy over confidence, a point for each bin that has images, with the 95% interval of its accuracy (Wilson's).

    Bins of less than `FEW_IMAGES` images are pale and hollow.

    Args:
        tables: By title for the legend, tables of `calibration.reliability`.
        title: Above the panel.
    """
    from matplotlib.lines import Line2D

    figure = style.new_figure(style.COLUMN_WIDTH, style.COLUMN_WIDTH + 0.3)
    axes, keys = figure.subplots(), []
    diagonal, = axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=style.VALIDATION_LINE,
                          label="as often right as confident")
    for (name, table), color, marker in zip(tables.items(), ("#0072B2", "#D55E00"), "os", strict=False):
        few = table[:, 0] < FEW_IMAGES
        _draw_bins(axes, table[few], style.tint(color, 0.4), marker=marker, markerfacecolor="white", zorder=1.5)
        keys.append(_draw_bins(axes, table[~few], color, marker=marker, label=name))
    keys.append(Line2D([], [], color="#999999", marker="o", markerfacecolor="white", linestyle="none",
                       label=f"pale: less than {FEW_IMAGES} images"))
    axes.set(xlabel="confidence: softmax of scores / T", ylabel="accuracy", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02),
             aspect="equal")
    figure.suptitle(title)
    legend(figure, [*keys, diagonal])
    return figure


def _draw_bins(axes: Axes, table: np.ndarray, color: Any, **look: Any) -> ErrorbarContainer:
    """The bins that have images."""
    counts, confidence, accuracy = table[table[:, 0] > 0].T
    return axes.errorbar(confidence, accuracy, yerr=_uncertainty(counts, accuracy), color=color, markersize=3.5,
                         linestyle="none", elinewidth=0.7, capsize=0, **look)


def _uncertainty(counts: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """How far Wilson's 95% intervals reach below and above the accuracies, `(2, bins)`."""
    from scipy.stats import binomtest

    intervals = [binomtest(round(share * count), int(count)).proportion_ci(method="wilson")
                 for count, share in zip(counts, accuracy, strict=True)]
    ends = np.array([(found.low, found.high) for found in intervals]).reshape(-1, 2).T
    return np.abs(ends - accuracy)
