"""Figures of missing and noisy labels: accuracy against how much is labelled or wrong, and a sheet of suspect images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfrepr.figures import style
from tfrepr.figures.accuracy import class_count, draw_chance, scale_accuracy
from tfrepr.figures.levels import Levels
from tfrepr.figures.panels import label_keys, legend, over_runs, panel_grid
from tfrepr.figures.series import Series, seed_counts

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_HEIGHT = 2.3
SHEET_COLUMNS, SHEET_ROWS = 8, 5
RIGHT, WRONG = (" \N{CHECK MARK}", "#009E73"), (" \N{BALLOT X}", "#D55E00")
"""Mark and colour of a given label where the truth is known."""
LINES = {"before": (0, (4, 1.6)), "after": "-"}
"""Line styles; the markers are hollow before and filled after."""
AXES = {"missing": ("labelled_percent", 1.0, "Labelled images (%)", "Missing labels: pseudo-labelling"),
        "noisy": ("noise_rate", 100.0, "Wrong labels (%)", "Noisy labels: confident learning")}
"""Column, factor, name of the axis and title of a task."""


@style.styled
def accuracy_against_level(table: pd.DataFrame) -> Figure:
    """Test accuracy before and after against the percentage of labelled images, or of wrong labels.

    Args:
        table: Rows of one task by `tfrepr.weak_labels.results.result_table`. Points are means over seeds, bars their sample
            standard deviation; one panel an encoder. Few levels are points, see `tfrepr.figures.levels`.
    """
    column, factor, axis, title = AXES[table["task"].iloc[0]]
    names = sorted(set(table["encoder"]))
    figure, grid = panel_grid(1, len(names), PANEL_HEIGHT, sharey=True)
    series = [Series(style.label_style(name).title, name, style.label_style(name), style.label_style(name).color, rows)
              for name, rows in sorted(table.groupby("label"), key=lambda pair: style.label_rank(pair[0]))]
    levels = Levels(factor * table[column].astype(float), len(LINES) * len(series))
    for axes, encoder in zip(grid[0], names, strict=True):
        for rank, one in enumerate(series):
            rows = one.runs[one.runs["encoder"] == encoder]
            _draw_points(axes, rows.assign(level=factor * rows[column].astype(float)), one, levels, rank)
        axes.set(title=style.ENCODER_TITLES.get(encoder, encoder), xlabel=axis)
        levels.name(axes)
    scale_accuracy(grid[0])
    chance = draw_chance(grid[0], class_count(table))
    grid[0, 0].set_ylabel("Test accuracy (%)")
    seeds = seed_counts(table.groupby(["encoder", "label", column]).size())
    figure.suptitle(f"{title}\n{table['data_variant'].iloc[0]} ({seeds})")
    legend(figure, [*label_keys(series, levels.line("-")), *_time_keys(levels), *chance])
    return figure


def _time_keys(levels: Levels) -> list[Artist]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], color="#555555", linestyle=levels.line(line), marker="o", markerfacecolor=_fill(name, "#555555"),
                   markeredgewidth=0.7,
                   label=name) for name, line in LINES.items()]


def _fill(name: str, color: Any) -> Any:
    return color if name == "after" else "white"


def _draw_points(axes: Axes, rows: pd.DataFrame, series: Series, levels: Levels, rank: int) -> None:
    """Accuracy before, and to the right of it after."""
    for place, (name, line) in enumerate(LINES.items()):
        percent = rows.assign(accuracy=100 * rows[f"test_accuracy_{name}"].astype(float))
        curve = over_runs(percent, "level", "accuracy")
        spread = curve["std"] if (curve["count"] > 1).any() else None
        axes.errorbar(levels.places(curve.index, len(LINES) * rank + place), curve["mean"], yerr=spread,
                      linestyle=levels.line(line), color=series.color, marker=series.style.marker, markersize=3.5,
                      markerfacecolor=_fill(name, series.color), markeredgewidth=0.7, elinewidth=0.7)


@style.styled
def suspect_sheet(images: np.ndarray, given: np.ndarray, suggested: np.ndarray, quality: np.ndarray,
                  truth: np.ndarray | None) -> Figure:
    """The most suspect images with their given label and the one that the network suggests.

    Args:
        images: uint8, `(n, height, width, 3)`, the most suspect first; 40 are shown.
        given, suggested: Class names, `(n,)`.
        quality: Of the given labels, in [0, 1], `(n,)`.
        truth: True class names, `(n,)`; the given name then has a cross where it is wrong and a tick where it is right.
    """
    count = min(len(images), SHEET_COLUMNS * SHEET_ROWS)
    rows = -(-count // SHEET_COLUMNS)
    figure = style.new_figure(style.FULL_WIDTH, 0.45 + 1.15 * rows)
    grid = figure.subplots(rows, SHEET_COLUMNS, squeeze=False)
    for place, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if place >= count:
            continue
        axes.imshow(images[place], interpolation="nearest")
        mark, color = ("", "black") if truth is None else WRONG if given[place] != truth[place] else RIGHT
        axes.set_title(f"{given[place]}{mark}", color=color, fontsize=7, pad=2)
        axes.text(0.5, -0.03, f"{suggested[place]}?  {quality[place]:.2g}", transform=axes.transAxes, ha="center", va="top",
                  fontsize=6)
    known = " (cross: wrong, tick: right)" if truth is not None else ""
    figure.suptitle(f"Most suspect labels: given label{known}, below it the suggestion and the given label's probability")
    return figure
