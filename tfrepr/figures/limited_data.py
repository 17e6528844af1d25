"""Test accuracy over the amount of training data (paper Figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from tfrepr.figures import style
from tfrepr.figures.accuracy import class_count, draw_chance, scale_accuracy
from tfrepr.figures.levels import Levels
from tfrepr.figures.panels import draw_others, legend, others_keys, over_runs, panel_grid, require
from tfrepr.figures.series import DATA, Series, data_title, encoders, page_by, seed_counts, series_of
from tfrepr.registry import FIGURES
from tfrepr.results.external_runs import other_accuracies
from tfrepr.results.seeds import known

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

TRAIN = "python scripts/train.py --experiment figure4"


@FIGURES.register("figure4")
@page_by(*DATA, "percent_of")
@style.styled
def accuracy_of_limited_data(results: Results) -> Figure:
    """Test accuracy (nearest label) over the percent of training data (paper Figure 4), one panel an encoder.

    Points are means over seeds, whiskers one sample standard deviation. Runs on all data are left out, as in the paper. A panel
    is as wide as its number of amounts of data asks for; one amount gives points beside each other. Hollow markers show what
    others reached with the authors' code on as many images (`tfrepr.results.external_runs`).
    """
    runs = results.runs[results.runs["finished"].astype(bool) & (results.runs["percent"] < 100)]
    runs = runs[runs["test_accuracy"].notna()]
    require(runs, "test accuracies of runs on less than 100% of the training images", TRAIN)
    names, series = encoders(runs), series_of(runs)
    shown = {encoder: [one for one in series if len(one.of(encoder))] for encoder in names}
    levels = {encoder: Levels(runs.loc[runs["encoder"] == encoder, "percent"], len(shown[encoder]), logarithmic=True)
              for encoder in names}
    figure, grid = panel_grid(1, len(names), 2.6, sharey=True,
                              gridspec_kw={"width_ratios": [len(one.values) + 0.5 for one in levels.values()]})
    for axes, encoder in zip(grid[0], names, strict=True):
        _draw_panel(axes, levels[encoder], shown[encoder], encoder)
        _draw_others(axes, levels[encoder], shown[encoder], encoder)
    scale_accuracy(grid[0])
    chance = draw_chance(grid[0], class_count(runs))
    grid[0, 0].set_ylabel("Test accuracy, nearest label (%)")
    base = runs["percent_of"].iloc[0]
    counted = f"% of {base:,.0f} images" if known(base) else "% of the images beside validation"
    figure.suptitle(f"{data_title(runs.assign(percent=100.0))}, limited training data ({counted})")
    line = "-" if any(one.joined for one in levels.values()) else "none"
    legend(figure, [*_keys(series, line), *others_keys(grid[0], ", validation accuracy"), *chance])
    return figure


def _draw_panel(axes: Axes, levels: Levels, series: Sequence[Series], encoder: str) -> None:
    for rank, one in enumerate(series):
        rows = one.runs[one.runs["encoder"] == encoder]
        curve = over_runs(rows.assign(accuracy=100 * rows["test_accuracy"].astype(float)), "percent", "accuracy")
        axes.errorbar(levels.places(curve.index, rank), curve["mean"], yerr=curve["std"] if curve["std"].any() else None,
                      color=one.color, marker=one.style.marker, markersize=3.5, linewidth=1, elinewidth=0.7,
                      linestyle=levels.line("-"))
    levels.name(axes)
    axes.set(xlabel="Training data (%)", title=f"{style.ENCODER_TITLES.get(encoder, encoder)} ({_seeds(series, encoder)})")


def _draw_others(axes: Axes, levels: Levels, series: Sequence[Series], encoder: str) -> None:
    """What others reached with the same label, encoder and number of images: each group's mean, once a label."""
    shown: set[tuple[str, float]] = set()
    for rank, one in enumerate(series):
        rows = one.runs[one.runs["encoder"] == encoder].drop_duplicates("percent").to_dict("records")
        points = [(run["percent"], fmean(other.values)) for run in rows
                  if (one.name, run["percent"]) not in shown for other in other_accuracies(run)]
        shown |= {(one.name, percent) for percent, _ in points}
        if points:
            percents, accuracies = zip(*points, strict=True)
            draw_others(axes, levels.places(percents, rank), accuracies, one)


def _seeds(series: Sequence[Series], encoder: str | None = None) -> str:
    """`"n=5"` or `"n=1-5"`: runs behind each point."""
    parts = [one.runs if encoder is None else one.runs[one.runs["encoder"] == encoder] for one in series]
    counts = [count for rows in parts for count in rows.groupby(["encoder", "percent"]).size()]
    return seed_counts(counts)


def _keys(series: Sequence[Series], line: str) -> list:
    """Legend entries, with the number of seeds where labels differ in it."""
    from matplotlib.lines import Line2D

    counts = [_seeds([one]) for one in series]
    return [Line2D([], [], color=one.color, marker=one.style.marker, linestyle=line,
                   label=f"{one.title} ({count})" if len(set(counts)) > 1 else one.title)
            for one, count in zip(series, counts, strict=True)]
