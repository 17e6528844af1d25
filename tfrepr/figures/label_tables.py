"""A picture of label tables side by side, as the paper's Figure 1: one row a representation, one column a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.errors import UserError
from tfrepr.figures.style import DATASET_TITLES, FULL_WIDTH, label_rank, label_style, new_figure, styled
from tfrepr.labels.options import SPOKEN
from tfrepr.labels.tables import LabelTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COLUMNS = 20
TITLE_WIDTH = 1.1
LARGEST_CELL = 0.9
TWO_LINES = 0.24
LINE = 0.12
GAP = 0.06
"""Inches: the row titles, one side of a square label at most, a strip with room for two lines of text, one line, and the space
between rows."""

LONGEST_LINE = 25
COLORS = "viridis"


@styled
def draw_gallery(tables: Sequence[LabelTable], columns: int = 10) -> Figure:
    """Draws labels of the first classes, in the paper's order of labels.

    Every row has its own colour scale, from the lowest to the highest value of its whole table, given beneath its name. Square
    labels are shown as pictures and vectors as strips, in lines of at most 25 elements.

    Args:
        tables: Of the same classes; one row each.
        columns: How many classes are shown, from class id 0.

    Raises:
        UserError: No table, tables of different classes, or too many columns to see anything.
    """
    if not tables or len({table.class_names for table in tables}) > 1:
        raise UserError("A gallery shows one or more labels of the same classes.")
    if not 1 <= columns <= MOST_COLUMNS:
        raise UserError(f"A gallery has 1 to {MOST_COLUMNS} columns. Received: {columns}.")
    columns = min(columns, len(tables[0].class_names))
    ordered = sorted(tables, key=lambda table: label_rank(table.label))
    cell = min((FULL_WIDTH - TITLE_WIDTH) / columns, LARGEST_CELL)
    heights = [cell if table.table.ndim == 3 else TWO_LINES for table in ordered]
    titles = [_column_title(name) for name in tables[0].class_names[:columns]]
    lines = max(title.count("\n") for title in titles) + 1 + (columns < len(tables[0].class_names))
    figure = new_figure(TITLE_WIDTH + columns * cell, (lines + 1) * LINE + sum(heights) + GAP * len(heights))
    axes = figure.subplots(len(tables), columns + 1, squeeze=False,
                           gridspec_kw={"height_ratios": heights, "width_ratios": [TITLE_WIDTH, *[cell] * columns]})
    figure.get_layout_engine().set(w_pad=0.015, h_pad=GAP / 2, wspace=0, hspace=0)
    for row, table in zip(axes, ordered, strict=True):
        _row(row, table)
    for axis, title in zip(axes[0, 1:], titles, strict=True):
        axis.set_title(title, fontsize=7 if columns <= 10 else 5, pad=2)
    if len(tables[0].class_names) > columns:
        figure.supxlabel(f"The first {columns} of {len(tables[0].class_names)} classes{_of(tables[0].dataset)}", fontsize=7)
    return figure


def _row(axes: Sequence[Axes], table: LabelTable) -> None:
    lowest, highest = float(table.table.min()), float(table.table.max())
    axes[0].axis("off")
    axes[0].text(0.0, 0.5, f"{_row_title(table.label)}\n{_size(table)}, {_range(lowest, highest)}",
                 transform=axes[0].transAxes, va="center", ha="left", fontsize=7, linespacing=1.3)
    origin = "lower" if table.label in SPOKEN else "upper"  # rows are mel bands, low frequencies first
    for axis, label in zip(axes[1:], table.table, strict=False):
        axis.imshow(_picture(label), vmin=lowest, vmax=highest, cmap=COLORS, origin=origin, interpolation="nearest",
                    aspect="equal" if label.ndim == 2 else "auto")
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set(visible=True, linewidth=0.4, color="#888888")


def _picture(label: np.ndarray) -> np.ndarray:
    """A matrix as it is; a vector in lines of `LONGEST_LINE` elements, so that each stays visible."""
    if label.ndim == 2:
        return label
    lines = -(-len(label) // LONGEST_LINE)
    width = -(-len(label) // lines)
    return np.pad(label, (0, lines * width - len(label)), constant_values=np.nan).reshape(lines, width)


def _row_title(label: str) -> str:
    """The label's name in two short lines at most."""
    title = label_style(label).title
    return title if len(title) <= 16 else title.replace(" ", "\n", 1)


def _column_title(name: str) -> str:
    return "\n".join(name.replace("-", "_").replace(" ", "_").split("_"))


def _size(table: LabelTable) -> str:
    return " \N{MULTIPLICATION SIGN} ".join(str(length) for length in table.table.shape[1:])


def _range(lowest: float, highest: float) -> str:
    """Both values, with a decimal where the span is small, for example `"-2.8 to 3.2"`."""
    decimals = 0 if highest - lowest >= 10 else 1
    return " to ".join(f"{round(value, decimals) + 0.0:.{decimals}f}".removesuffix(".0").replace("-", "\N{MINUS SIGN}")
                       for value in (lowest, highest))


def _of(dataset: str | None) -> str:
    return f" of {DATASET_TITLES.get(dataset, dataset)}" if dataset else ""
