"""Learning curves and accuracies of "Beyond Categorical Label Representations for Image Classification" (ICLR 2021).

Curves and bars are means over seeds; bands and whiskers are the sample standard deviation, but for losses, where bands run from
the lowest to the highest seed. Runs that are still training are drawn as far as they got and marked.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfrepr.figures import style
from tfrepr.figures.accuracy import class_count, draw_chance, scale_accuracy
from tfrepr.figures.panels import (
    DEVIATION_BAND,
    RANGE_BAND,
    band_keys,
    draw_curve,
    label_keys,
    legend,
    line_keys,
    log_scale,
    panel_grid,
    require,
)
from tfrepr.figures.series import AMOUNT, DATA, Series, data_title, encoder_title, encoders, page_by, series_of
from tfrepr.registry import FIGURES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

ROW_HEIGHT = 1.75
"""Height of one row of panels, inches."""
TRAIN = "python scripts/train.py"


@FIGURES.register("learning-curves")
@page_by(*DATA, *AMOUNT)
@style.styled
def learning_curves(results: Results) -> Figure:
    """Training and validation loss over epochs (paper Figure 2): regressed labels left, category right.

    One row an encoder. The two losses are different quantities (smooth L1, cross-entropy), hence two panels.
    """
    require(results.histories, "learning histories (history.csv)", TRAIN)
    series = series_of(results.runs)
    panels = {"Smooth L1 loss": [one for one in series if not one.name.startswith("category")],
              "Cross-entropy loss": [one for one in series if one.name.startswith("category")]}
    lines = {"training": style.TRAINING_LINE, "validation": style.VALIDATION_LINE}
    columns = {"train_loss": style.TRAINING_LINE, "val_loss": style.VALIDATION_LINE}
    filled = {title: (members, columns) for title, members in panels.items() if members}
    figure, drawn = _curve_figure(results, filled, log=True)
    for axes in drawn:
        log_scale(axes)
    figure.suptitle(f"Losses: {_run_title(results)}")
    legend(figure, [*label_keys(series), *line_keys(lines), *band_keys(drawn, RANGE_BAND)])
    return figure


@FIGURES.register("validation-accuracy")
@page_by(*DATA, *AMOUNT)
@style.styled
def validation_accuracy(results: Results) -> Figure:
    """Validation accuracy over epochs: nearest label left, threshold right.

    One row an encoder. For the category label the nearest label is the arg max, and there is no threshold.
    """
    criteria = {"Nearest label": "val_accuracy", "Threshold": "val_threshold_accuracy"}
    percent = results.histories[list(criteria.values())] * 100
    require(percent.dropna(how="all"), "validation accuracies (val_accuracy in history.csv)", TRAIN)
    results = dataclasses.replace(results, histories=results.histories.assign(**percent))
    series = series_of(results.runs)
    panels = {f"{title}: accuracy (%)": (series, {column: "-"}) for title, column in criteria.items()
              if percent[column].notna().any()}
    figure, drawn = _curve_figure(results, panels)
    scale_accuracy(drawn)
    bands = band_keys(drawn, DEVIATION_BAND)
    nearest = [axes for axes in drawn if axes.get_ylabel().startswith("Nearest")]
    chance = draw_chance(nearest, class_count(results.runs))
    figure.suptitle(f"Validation accuracy: {_run_title(results)}")
    legend(figure, [*label_keys(series), *bands, *chance])
    return figure


def _curve_figure(results: Results, panels: dict[str, tuple[list[Series], dict[str, Any]]], *,
                  log: bool = False) -> tuple[Figure, list[Axes]]:
    """Curves over epochs, one row an encoder.

    Args:
        panels: By title of the y axis, the series of one column of panels, and line styles by history column.
        log: Whether the y axes are to be logarithmic.

    Returns:
        The figure and the panels in which anything was drawn.
    """
    names, drawn = encoders(results.runs), []
    figure, grid = panel_grid(len(names), len(panels), ROW_HEIGHT)
    for encoder, row in zip(names, grid, strict=True):
        for axes, (title, (series, columns)) in zip(row, panels.items(), strict=True):
            shown = [one for one in series if _draw_series(axes, results, one, encoder, columns, log)]
            axes.set_visible(bool(shown))
            if shown:
                axes.set(title=encoder_title(encoder, shown), xlabel="Epoch", ylabel=title, xlim=(0, None))
                drawn.append(axes)
    return figure, drawn


def _draw_series(axes: Axes, results: Results, series: Series, encoder: str, columns: dict[str, Any], log: bool) -> bool:
    history = results.histories[results.histories["run"].isin(series.of(encoder))]
    return any([draw_curve(axes, history, column, series, line, log=log) for column, line in columns.items()])


def _run_title(results: Results) -> str:
    unfinished = int((~results.runs["finished"].astype(bool)).sum())
    remark = f" ({unfinished} of {len(results.runs)} runs unfinished)" if unfinished else ""
    return data_title(results.runs) + remark


@FIGURES.register("test-accuracy")
@page_by(*DATA, *AMOUNT)
@style.styled
def accuracy_bars(results: Results) -> Figure:
    """Test accuracy of every label (paper Table 1 as bars): nearest label plain, threshold hatched.

    One panel an encoder; beside each bar mean, standard deviation and number of seeds. Rows without a finished run say that
    they have no result.
    """
    finished = results.where(results.runs["finished"] & results.runs["test_accuracy"].notna())
    require(finished.runs, "test accuracies (metrics.json, written when a run is finished)", TRAIN)
    names, bars = encoders(results.runs), series_of(results.runs)
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    lines = max(_bar_name(series).count("\n") + 1 for series in bars)
    figure, grid = panel_grid(rows, columns, 0.45 + max(0.3, 0.14 * lines) * len(bars), sharey=True)
    for axes, encoder in zip(grid.flat, names, strict=False):
        _draw_bars(axes, bars, encoder)
    for axes in grid.flat[len(names):]:
        axes.set_visible(False)
    drawn = list(grid.flat[:len(names)])
    scale_accuracy(drawn, horizontal=True)
    chance = draw_chance(drawn, class_count(finished.runs), horizontal=True)
    figure.suptitle(f"Test accuracy: {_run_title(results)}")
    _bar_legend(figure, chance)
    return figure


def _draw_bars(axes: Axes, bars: Sequence[Series], encoder: str) -> None:
    """Two bars a label, nearest above threshold, or one in the middle where there is no threshold."""
    for place, series in enumerate(bars):
        members = series.runs[series.runs["encoder"] == encoder]
        measured = [column for column in ("test_accuracy", "test_threshold_accuracy") if members[column].notna().any()]
        if not measured:
            _write_beside(axes, place, "no result")
        for half, column in enumerate(measured):
            height = place + (half - (len(measured) - 1) / 2) * 0.38
            _draw_bar(axes, height, members[column].dropna() * 100, series, hatched=column == "test_threshold_accuracy")
    axes.set(xlabel="Test accuracy (%)", ylim=(len(bars) - 0.45, -0.55))
    axes.set_title(style.ENCODER_TITLES.get(encoder, encoder))
    axes.set_yticks(range(len(bars)), list(map(_bar_name, bars)))
    axes.grid(axis="y", visible=False)


def _bar_name(series: Series) -> str:
    return textwrap.fill(series.title, style.LONGEST)


def _draw_bar(axes: Axes, height: float, values: pd.Series, series: Series, hatched: bool) -> None:
    spread = values.std(ddof=1) if len(values) > 1 else None
    axes.barh(height, values.mean(), 0.36, color=style.tint(series.color, 0.35) if hatched else series.color,
              edgecolor=series.color, hatch="////" if hatched else None, linewidth=0.6, xerr=spread,
              error_kw={"ecolor": "#444444", "elinewidth": 0.8})
    number = f"{values.mean():.1f}" if spread is None else f"{values.mean():.1f} ± {spread:.1f}"
    _write_beside(axes, height, f"{number} (n={len(values)})")


def _write_beside(axes: Axes, height: float, words: str) -> None:
    axes.text(1.03, height, words, transform=axes.get_yaxis_transform(), va="center", fontsize=6)


def _bar_legend(figure: Figure, chance: Sequence[Artist]) -> None:
    from matplotlib.patches import Patch

    keys = [Patch(facecolor="#777777", edgecolor="#777777", label="nearest label (category: arg max)"),
            Patch(facecolor="#d5d5d5", edgecolor="#777777", hatch="////", label="threshold (smooth L1 under 3.5)")]
    legend(figure, [*keys, *chance])
