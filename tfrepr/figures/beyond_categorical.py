"""Learning curves and accuracies of "Beyond Categorical Label Representations for Image Classification" (ICLR 2021).

Curves and bars are means over seeds; bands and whiskers are the sample standard deviation. Runs that are still training are
drawn as far as they got and marked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfrepr.figures import style
from tfrepr.figures.series import (
    DATA,
    NothingToPlotError,
    Series,
    data_title,
    encoder_title,
    encoders,
    over_runs,
    page_by,
    series_of,
)
from tfrepr.figures.style import ENCODER_TITLES
from tfrepr.registry import FIGURES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results import Results

ROW_HEIGHT = 1.9
"""Height of one row of panels, inches."""


@FIGURES.register("learning-curves")
@page_by(*DATA, "percent")
@style.styled
def learning_curves(results: Results) -> Figure:
    """Training and validation loss over epochs (paper Figure 2): regressed labels left, category right.

    One row an encoder. The two losses are different quantities (smooth L1, cross-entropy), hence two panels.
    """
    require(results.histories, "learning histories (history.csv)")
    groups = {"Smooth L1 loss": results.runs["label"] != "category", "Cross-entropy loss": results.runs["label"] == "category"}
    groups = {title: results.runs[rows] for title, rows in groups.items() if rows.any()}
    figure, grid = panel_grid(results.runs, len(groups))
    for row, encoder in enumerate(encoders(results.runs)):
        for axes, (title, runs) in zip(grid[row], groups.items(), strict=True):
            for series in series_of(runs):
                members = series.runs[series.runs["encoder"] == encoder]
                for column, line in (("train_loss", style.TRAINING_LINE), ("val_loss", style.VALIDATION_LINE)):
                    draw_curve(axes, history_of(results, members), column, series, line)
            axes.set(ylabel=title, xlim=(0, None), title=encoder_title(encoder, runs))
            log_scale(axes)
    finish(figure, grid, results, "Losses", {"training": style.TRAINING_LINE, "validation": style.VALIDATION_LINE})
    return figure


@FIGURES.register("validation-accuracy")
@page_by(*DATA, "percent")
@style.styled
def validation_accuracy(results: Results) -> Figure:
    """Validation accuracy over epochs: nearest label left, threshold right.

    One row an encoder. For the category label the nearest label is the arg max, and there is no threshold.
    """
    require(results.histories.dropna(subset=["val_accuracy"]), "validation accuracies (val_accuracy in history.csv)")
    columns = {"Nearest label": "val_accuracy", "Threshold": "val_threshold_accuracy"}
    columns = {title: name for title, name in columns.items() if results.histories[name].notna().any()}
    figure, grid = panel_grid(results.runs, len(columns))
    for row, encoder in enumerate(encoders(results.runs)):
        for axes, (title, column) in zip(grid[row], columns.items(), strict=True):
            for series in series_of(results.runs):
                members = series.runs[series.runs["encoder"] == encoder]
                draw_curve(axes, history_of(results, members), column, series, "-", factor=100)
            axes.set(ylabel=f"{title}: accuracy (%)", xlim=(0, None), ylim=(0, 100), title=encoder_title(encoder, results.runs))
    finish(figure, grid, results, "Validation accuracy", {})
    return figure


@FIGURES.register("test-accuracy")
@page_by(*DATA, "percent")
@style.styled
def accuracy_bars(results: Results) -> Figure:
    """Test accuracy of every label (paper Table 1 as bars): nearest label plain, threshold hatched.

    One panel an encoder; beside each bar mean, standard deviation and number of seeds.
    """
    finished = results.where(results.runs["finished"] & results.runs["test_accuracy"].notna())
    require(finished.runs, "test accuracies (finished runs)")
    names, bars = encoders(finished.runs), series_of(finished.runs)
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    width = style.COLUMN_WIDTH if columns == 1 else style.FULL_WIDTH
    figure = style.new_figure(width, rows * (0.55 + 0.3 * len(bars)) + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, encoder in zip(grid.flat, names, strict=False):
        _draw_bars(axes, bars, encoder)
    for axes in grid.flat[len(names):]:
        axes.set_visible(False)
    figure.suptitle(data_title(finished.runs))
    _bar_legend(figure)
    return figure


def _draw_bars(axes: Axes, bars: Sequence[Series], encoder: str) -> None:
    for place, series in enumerate(bars):
        members = series.runs[series.runs["encoder"] == encoder]
        measured = [(column, hatch) for column, hatch in (("test_accuracy", None), ("test_threshold_accuracy", "////"))
                    if members[column].notna().any()]
        for half, (column, hatch) in enumerate(measured):
            values = members[column].dropna() * 100
            spread = values.std(ddof=1) if len(values) > 1 else 0.0
            height = place + (half - (len(measured) - 1) / 2) * 0.38
            axes.barh(height, values.mean(), 0.36, color=style.tint(series.color, 0.35) if hatch else series.color,
                      edgecolor=series.color, hatch=hatch, xerr=spread or None, linewidth=0.6,
                      error_kw={"ecolor": "#444444", "elinewidth": 0.8})
            text = f"{values.mean():.1f} ± {spread:.1f}" if len(values) > 1 else f"{values.mean():.1f}"
            axes.text(1.03, height, f"{text} (n={len(values)})", transform=axes.get_yaxis_transform(), va="center",
                      fontsize=6)
    axes.set(xlim=(0, 100), xlabel="Test accuracy (%)", ylim=(len(bars) - 0.45, -0.55))
    axes.set_title(ENCODER_TITLES.get(encoder, encoder))
    axes.set_yticks(range(len(bars)), [series.title for series in bars])
    axes.grid(axis="y", visible=False)


def _bar_legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    keys = [Patch(facecolor="#777777", edgecolor="#777777", label="nearest label (category: arg max)"),
            Patch(facecolor="#d5d5d5", edgecolor="#777777", hatch="////", label="threshold (smooth L1 under 3.5)")]
    legend(figure, keys)


def require(rows: pd.DataFrame, what: str) -> None:
    """Raises NothingToPlotError if there are no rows of what a figure shows."""
    if rows.empty:
        raise NothingToPlotError(f"These runs have no {what} yet. Make runs with: python scripts/train.py")


def panel_grid(runs: pd.DataFrame, columns: int) -> tuple[Figure, Any]:
    """A figure and its panels, `(encoders, columns)`."""
    rows = len(encoders(runs))
    figure = style.new_figure(style.FULL_WIDTH if columns > 1 else style.COLUMN_WIDTH, ROW_HEIGHT * rows)
    return figure, figure.subplots(rows, columns, squeeze=False)


def history_of(results: Results, runs: pd.DataFrame) -> pd.DataFrame:
    """Rows of the histories of these runs."""
    return results.histories[results.histories["run"].isin(runs["run"])]


def log_scale(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers at 1, 2 and 5 times the powers of ten."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1,) if high > 50 * low else (1, 2, 5)))
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())


def draw_curve(axes: Axes, history: pd.DataFrame, column: str, series: Series, line: Any, factor: float = 1) -> None:
    """The mean over runs by epoch, with a band of one standard deviation and a few markers."""
    curve = over_runs(history, "epoch", column) * [factor, factor, 1]
    if curve.empty:
        return
    if (curve["std"] > 0).any():
        axes.fill_between(curve.index, curve["mean"] - curve["std"], curve["mean"] + curve["std"],
                          color=style.tint(series.color, 0.22), linewidth=0, zorder=1)
    step = max(1, len(curve) // 6)
    axes.plot(curve.index, curve["mean"], linestyle=line, color=series.color, marker=series.style.marker, markersize=3,
              markevery=(style.label_rank(series.name) * step // 10 % step, step))


def finish(figure: Figure, grid: Any, results: Results, title: str, lines: dict[str, Any]) -> None:
    """Title, axis names and the legend of a figure of curves; `lines` names the line styles."""
    from matplotlib.lines import Line2D

    for axes in grid[-1]:
        axes.set_xlabel("Epoch")
    unfinished = int((~results.runs["finished"].astype(bool)).sum())
    remark = f" ({unfinished} of {len(results.runs)} runs unfinished)" if unfinished else ""
    figure.suptitle(f"{title}: {data_title(results.runs)}{remark}")
    keys = [Line2D([], [], color=series.color, marker=series.style.marker, label=series.title)
            for series in series_of(results.runs)]
    keys += [Line2D([], [], color="#555555", linestyle=line, label=name) for name, line in lines.items()]
    legend(figure, keys)


def legend(figure: Figure, keys: Sequence[Any]) -> None:
    """One legend below the panels, in as many columns as fit; the figure grows by its height."""
    width, height = figure.get_size_inches()
    columns = max(1, int(width / (0.5 + 0.056 * max(len(key.get_label()) for key in keys))))
    rows = math.ceil(len(keys) / columns)
    figure.set_size_inches(width, height + 0.15 * rows + 0.1)
    figure.legend(handles=keys, loc="outside lower center", ncols=min(columns, len(keys)), columnspacing=1.2)
