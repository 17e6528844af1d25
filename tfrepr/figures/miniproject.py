"""Learning curves at several amounts of training data, as the student reproduction of the paper shows them (seed 000)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tfrepr.figures import style
from tfrepr.figures.accuracy import class_count, draw_chance, scale_accuracy
from tfrepr.figures.panels import (
    DEVIATION_BAND,
    RANGE_BAND,
    band_keys,
    draw_curve,
    label_keys,
    legend,
    log_scale,
    panel_grid,
    require,
)
from tfrepr.figures.series import DATA, NothingToPlotError, data_title, encoder_title, page_by, series_of
from tfrepr.registry import FIGURES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

TRAIN = "python scripts/train.py --experiment miniproject"
QUANTITIES = {"train_loss": "Training loss", "val_loss": "Validation loss", "val_accuracy": "Validation accuracy (%)"}


@FIGURES.register("miniproject")
@page_by(*DATA, "encoder")
@style.styled
def curves_by_amount_of_data(results: Results) -> Figure:
    """Training loss, validation loss and validation accuracy over epochs; one row for each amount of training data.

    Curves are means over seeds; bands as in the learning curves and the validation accuracy.
    """
    require(results.histories, "learning histories (history.csv)", TRAIN)
    levels = sorted(set(results.runs["percent"]), reverse=True)
    if len(levels) < 2:
        raise NothingToPlotError(f"These runs have one amount of training data only. Make others with: {TRAIN}")
    percent = results.histories.assign(val_accuracy=100 * results.histories["val_accuracy"])
    results, series = dataclasses.replace(results, histories=percent), series_of(results.runs)
    figure, grid = panel_grid(len(levels), len(QUANTITIES), 1.75)
    for row, level in zip(grid, levels, strict=True):
        part = results.where(results.runs["percent"] == level)
        shown = series_of(part.runs)
        for axes, (column, title) in zip(row, QUANTITIES.items(), strict=True):
            for one in shown:
                draw_curve(axes, part.histories[part.histories["run"].isin(set(one.runs["run"]))], column, one, "-",
                           log=column != "val_accuracy")
            axes.set(xlabel="Epoch" if level == levels[-1] else "", xlim=(0, None))
            if column != "val_accuracy":
                log_scale(axes)
            axes.set_title(title if level == levels[0] else "")
        row[0].set_ylabel(f"{level:g}% of the images\n{encoder_title(results.runs['encoder'].iloc[0], shown)}", fontsize=7)
    scale_accuracy(grid[:, -1])
    bands = [*band_keys(grid[:, :-1].ravel(), f"losses: {RANGE_BAND}"), *band_keys(grid[:, -1], f"accuracy: {DEVIATION_BAND}")]
    chance = draw_chance(grid[:, -1], class_count(results.runs))
    data = data_title(results.runs.assign(percent=100.0))
    figure.suptitle(f"{data}\nLosses: cross-entropy for category, smooth L1 otherwise; their heights cannot be compared")
    legend(figure, [*label_keys(series), *bands, *chance])
    return figure
