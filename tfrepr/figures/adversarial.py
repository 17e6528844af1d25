"""Accuracy under attack, from `attacks.csv` (paper Figures 3, 6 and 7), and pictures of adversarial images.

Curves are means over seeds, whiskers the sample standard deviation. As in the paper, solid lines show the threshold criterion
and dotted ones the nearest label; the category label has the arg max only, drawn solid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tfrepr.figures import style
from tfrepr.figures.panels import label_keys, legend, line_keys, over_runs, panel_grid, require
from tfrepr.figures.series import DATA, Series, data_title, encoder_title, encoders, page_by, series_of
from tfrepr.registry import FIGURES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results import Results

PAGE = (*DATA, "percent", "protocol", "attack_seed", "images")
ATTACK = "python scripts/attack.py RUN_DIR"
PAPER_LABELS = ("category", "speech", "shuffle", "composite", "constant")
"""The labels in the paper's Figures 3 and 6."""
ATTACK_TITLES = {"fgsm": "FGSM", "iterative": "iterative", "pgd": "PGD", "transfer": "transfer", "square": "Square",
                 "ensemble": "ensemble"}
GOALS = ("untargeted", "targeted")
LOSSES = ("training", "cross_entropy", "margin", "worst")
MOST_COLUMNS = 5
PANEL_HEIGHT = 1.35
EPSILON_TITLES = {"normalised": "ε, normalised images", "pixel": "ε in 1/255"}


class Panel(NamedTuple):
    """One attack: all rows of a panel agree in these columns of `attacks.csv`."""

    attack: str
    goal: str
    loss: str
    steps: float
    restarts: float

    @property
    def rank(self) -> tuple:
        """Sorts panels as the paper does: both goals of FGSM, then both of the iterative method."""
        orders = (tuple(ATTACK_TITLES), GOALS, LOSSES)
        places = [(order.index(name) if name in order else len(order), name) for order, name in zip(orders, self, strict=False)]
        return (*places, self.steps, self.restarts)


@FIGURES.register("figure3")
@page_by(*PAGE)
@style.styled
def accuracy_under_attack(results: Results) -> Figure:
    """Accuracy over epsilon on all test images (paper Figure 3), for the labels that the paper shows there."""
    return _attack_figure(_with_labels(results, PAPER_LABELS), "images", "Accuracy under attack")


@FIGURES.register("figure6")
@page_by(*PAGE)
@style.styled
def subset_robustness(results: Results) -> Figure:
    """Accuracy over epsilon on the images that were correct at first (paper Figure 6): every curve starts at 100%."""
    return _attack_figure(_with_labels(results, PAPER_LABELS), "clean_correct", "Accuracy on initially correct images")


@FIGURES.register("figure7")
@page_by(*PAGE)
@style.styled
def accuracy_of_all_labels(results: Results) -> Figure:
    """Accuracy over epsilon on all test images, for all labels (paper Figure 7)."""
    return _attack_figure(results, "images", "Accuracy under attack, all labels")


def _with_labels(results: Results, labels: Sequence[str]) -> Results:
    return results.where(results.runs["label"].isin(labels) & (results.runs["label_smoothing"] == 0))


def _attack_figure(results: Results, reference: str, title: str) -> Figure:
    """Panels of accuracy over epsilon; `reference` is the column by which the surviving images are divided."""
    results = results.where(results.runs["run"].isin(results.attacks["run"]))
    require(results.attacks, "attack results (attacks.csv) for the labels of this figure", ATTACK)
    series, panels = series_of(results.runs), _panels(results.attacks, reference)
    lines = _lines_of(list(panels))
    rows = list(itertools.product(encoders(results.runs), lines))
    figure, grid = panel_grid(len(rows), len(lines[0]), PANEL_HEIGHT, sharey=True)
    for number, (row, (encoder, line)) in enumerate(zip(grid, rows, strict=True)):
        row[0].set_ylabel(f"{encoder_title(encoder, series)}\naccuracy (%)")
        for axes, panel in zip(row, line, strict=False):
            _draw_panel(axes, panels[panel], series, encoder)
            if number == 0 or len(lines) > 1:
                axes.set_title(_panel_title(panel, panels))
        for axes in row[len(line):]:
            axes.set_visible(False)
    _name_epsilon(grid, results.attacks)
    figure.suptitle(f"{title}: {data_title(results.runs)}\n{_attack_settings(results.attacks)}")
    criteria = {"threshold (category: arg max)": style.THRESHOLD_LINE, "nearest label": style.NEAREST_LINE}
    legend(figure, [*label_keys(series), *line_keys(criteria)])
    return figure


def _panels(attacks: pd.DataFrame, reference: str) -> dict[Panel, pd.DataFrame]:
    """Rows of each attack, with the column `accuracy` (percent), in the paper's order of attacks."""
    survived = 100 * attacks["still_correct"] / attacks[reference].where(attacks[reference] > 0)
    panels = {Panel(*key): rows for key, rows in attacks.assign(accuracy=survived).groupby(list(Panel._fields))}
    return dict(sorted(panels.items(), key=lambda item: item[0].rank))


def _lines_of(panels: Sequence[Panel]) -> list[Sequence[Panel]]:
    """The panels in rows of equal length, the last one perhaps shorter."""
    columns = math.ceil(len(panels) / math.ceil(len(panels) / MOST_COLUMNS))
    return [panels[start:start + columns] for start in range(0, len(panels), columns)]


def _panel_title(panel: Panel, panels: Iterable[Panel]) -> str:
    """`"Untargeted FGSM"`; loss, steps and restarts only where they are needed to tell panels apart."""
    same_loss = [other for other in panels if other[:3] == panel[:3]]
    name = f"{panel.goal} {ATTACK_TITLES.get(panel.attack, panel.attack)}" if panel.loss != "worst" else "worst of all attacks"
    parts = [name[0].upper() + name[1:]]
    parts += [panel.loss.replace("_", "-")] if panel.loss in LOSSES[1:-1] else []
    parts += [f"{panel.steps:g} steps"] if len({other.steps for other in same_loss}) > 1 else []
    parts += [f"{panel.restarts:g} restarts"] if len({other.restarts for other in same_loss}) > 1 else []
    return "\n".join(parts)


def _draw_panel(axes: Axes, attacks: pd.DataFrame, series: Sequence[Series], encoder: str) -> None:
    for one in series:
        rows = attacks[attacks["run"].isin(one.of(encoder))]
        for criterion in ("nearest", "threshold"):
            curve = over_runs(rows[rows["criterion"] == criterion], "epsilon", "accuracy")
            solid = criterion == "threshold" or one.name.startswith("category")
            if curve.empty:
                continue
            axes.plot(curve.index, curve["mean"], color=one.color, linewidth=1, marker=one.style.marker, markersize=2.5,
                      markeredgewidth=0, linestyle=style.THRESHOLD_LINE if solid else style.NEAREST_LINE)
            if curve["std"].any():
                axes.vlines(curve.index, curve["mean"] - curve["std"], curve["mean"] + curve["std"], color=one.color,
                            linewidth=0.7)
    axes.set_ylim(0, 103)


def _name_epsilon(grid: np.ndarray, attacks: pd.DataFrame) -> None:
    """Titles the epsilon axes; pixel strengths, which run from 2 to 128, are spaced by their logarithm."""
    space, values = attacks["space"].iloc[0], sorted(set(attacks["epsilon"]))
    for column in grid.T:
        [axes for axes in column if axes.get_visible()][-1].set_xlabel(EPSILON_TITLES.get(space, f"ε, {space}"))
    for axes in grid.flat if space == "pixel" else ():
        axes.set_xscale("symlog", base=2, linthresh=min((value for value in values if value > 0), default=1))
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xlim(min(values), max(values) * 1.05)
        axes.xaxis.minorticks_off()


def _attack_settings(attacks: pd.DataFrame) -> str:
    first = attacks.iloc[0]
    return f"{first['images']:,.0f} test images, protocol “{first['protocol']}”"
