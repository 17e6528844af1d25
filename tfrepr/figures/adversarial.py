"""Accuracy under attack, from `attacks.csv` (paper Figures 3, 6 and 7), and pictures of adversarial images.

Curves are means over seeds, whiskers the sample standard deviation. As in the paper, solid lines show the threshold criterion
and dotted ones the nearest label, here with filled and with hollow markers; the category label has the arg max only, drawn as a
threshold. Where few strengths were measured, there are markers alone; attacks of one strength share a panel, a line each. In
Figures 3 and 7, large hollow markers show what others measured with the authors' code (`tfrepr.results.external_runs`), on
pages of the protocols `paper` and `authors`.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tfrepr.figures import style
from tfrepr.figures.accuracy import class_count, draw_chance, scale_accuracy
from tfrepr.figures.ladder import BASE, RUNG, draw_rungs, one_strength, rungs_of
from tfrepr.figures.levels import Levels
from tfrepr.figures.panels import draw_others, label_keys, legend, others_keys, over_runs, panel_grid, require
from tfrepr.figures.series import (
    AMOUNT,
    DATA,
    Series,
    data_title,
    encoder_title,
    encoders,
    not_shown,
    page_by,
    series_of,
    style_names,
)
from tfrepr.registry import FIGURES
from tfrepr.results.external_runs import PROTOCOLS, STEPS, other_attack

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

PAGE = (*DATA, *AMOUNT, "protocol", "attack_seed", "images")
ATTACK = "python scripts/attack.py RUN_DIR"
PAPER_LABELS = ("category", "speech", "shuffle", "composite", "constant")
"""The labels in the paper's Figures 3 and 6."""
ATTACK_TITLES = {"fgsm": "FGSM", "iterative": "iterative", "pgd": "PGD", "apgd": "Auto-PGD", "apgd-t": "Auto-PGD to rivals",
                 "transfer": "transfer", "square": "Square", "ensemble": "ensemble"}
GOALS = ("untargeted", "targeted")
LOSSES = ("training", "cross_entropy", "margin", "logits_ratio", "worst")
MOST_COLUMNS = 5
PANEL_HEIGHT = 1.6
CRITERIA = {"threshold": ("threshold (category: arg max)", style.THRESHOLD_LINE),
            "nearest": ("nearest label", style.NEAREST_LINE)}
"""Title and line style of a criterion."""
EPSILON_TITLES = {"normalised": "ε in normalised units", "pixel": "ε in 1/255"}


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
    return _attack_figure(results, "images", "Accuracy under attack", PAPER_LABELS)


@FIGURES.register("figure6")
@page_by(*PAGE)
@style.styled
def subset_robustness(results: Results) -> Figure:
    """Accuracy over epsilon on the images that were correct at first (paper Figure 6): every curve starts at 100%."""
    return _attack_figure(results, "clean_correct", "Accuracy on initially correct images", PAPER_LABELS)


@FIGURES.register("figure7")
@page_by(*PAGE)
@style.styled
def accuracy_of_all_labels(results: Results) -> Figure:
    """Accuracy over epsilon on all test images, for all labels (paper Figure 7)."""
    return _attack_figure(results, "images", "Accuracy under attack, all labels")


def _attack_figure(results: Results, reference: str, title: str, labels: Collection[str] | None = None) -> Figure:
    """Panels of accuracy over epsilon.

    Args:
        results: Those of one page.
        reference: Column by which the surviving images are divided.
        title: Start of the title, which also names the labels that are left out.
        labels: Those shown, None for all.
    """
    results = results.where(results.runs["run"].isin(results.attacks["run"]))
    names = style_names(results.runs)
    chosen = set(names) if labels is None else set(labels)
    left_out, results = not_shown(names, chosen), results.where(names.isin(chosen))
    require(results.attacks, "attack results (attacks.csv) for the labels of this figure", ATTACK)
    series, panels = series_of(results.runs), _panels(results.attacks, reference)
    figure, shown, line = _ladders(results, series, panels) if one_strength(results.attacks) else \
        _curves(results, series, panels, reference)
    across = line is None
    scale_accuracy(shown, horizontal=across)
    chance = draw_chance(shown, class_count(results.runs), horizontal=across) if reference == "images" else []
    figure.suptitle(f"{title}: {data_title(results.runs)}\n{_attack_settings(results.attacks)}{left_out}")
    criteria = _criterion_keys(joined=line not in (None, "none"))
    legend(figure, [*label_keys(series, line or "none"), *criteria, *others_keys(shown), *chance])
    return figure


def _ladders(results: Results, series: Sequence[Series],
             panels: Mapping[Panel, pd.DataFrame]) -> tuple[Figure, list[Axes], None]:
    """Attacks of one strength: a panel an encoder, a line an attack."""
    rungs = rungs_of({_panel_title(panel, panels).replace("\n", ", "): rows for panel, rows in panels.items()},
                     one_strength(results.attacks))
    shown = encoders(results.runs)
    height = BASE + RUNG * len(rungs)
    figure = style.new_figure(style.FULL_WIDTH, height + 0.5)
    grid = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    for axes, encoder in zip(grid, shown, strict=True):
        draw_rungs(axes, rungs, series, encoder, tuple(CRITERIA),
                   lambda one, criterion: _marker(one.style.marker, one.color, _shown_as(one, criterion)))
        axes.set_title(encoder_title(encoder, series))
    return figure, list(grid), None


def _shown_as(one: Series, criterion: str) -> str:
    """The category label has the arg max only, drawn as a threshold."""
    return "threshold" if one.name.startswith("category") else criterion


def _curves(results: Results, series: Sequence[Series], panels: Mapping[Panel, pd.DataFrame],
            reference: str) -> tuple[Figure, list[Axes], str]:
    """Several strengths: a panel an attack, in rows for each encoder."""
    lines = _lines_of(list(panels))
    rows = list(itertools.product(encoders(results.runs), lines))
    levels = Levels(results.attacks["epsilon"], len(CRITERIA) * len(series))
    figure, grid = panel_grid(len(rows), len(lines[0]), PANEL_HEIGHT, sharey=True)
    for number, (row, (encoder, line)) in enumerate(zip(grid, rows, strict=True)):
        row[0].set_ylabel(f"{encoder_title(encoder, series)}\naccuracy (%)")
        for axes, panel in zip(row, line, strict=False):
            _draw_panel(axes, panels[panel], series, encoder, levels)
            if reference == "images" and results.attacks["protocol"].iloc[0] in PROTOCOLS:
                _draw_others(axes, panel, panels[panel], series, encoder, levels)
            if number == 0 or len(lines) > 1:
                lines_of_title = _panel_title(panel, panels).split("\n")
                axes.set_title("\n".join(textwrap.fill(text, style.LONGEST) for text in lines_of_title))
        for axes in row[len(line):]:
            axes.set_visible(False)
    _name_epsilon(grid, results.attacks, levels)
    return figure, [axes for axes in grid.flat if axes.get_visible()], levels.line("-")


def _criterion_keys(joined: bool) -> list[Artist]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], color="#555555", linestyle=line if joined else "none", label=title,
                   **_marker("o", "#555555", criterion))
            for criterion, (title, line) in CRITERIA.items()]


def _marker(marker: str, color: Any, criterion: str) -> dict[str, Any]:
    """A filled marker for the threshold, a hollow one for the nearest label."""
    return {"marker": marker, "markersize": 3, "markeredgewidth": 0.6, "markeredgecolor": color,
            "markerfacecolor": "white" if criterion == "nearest" else color}


def _panels(attacks: pd.DataFrame, reference: str) -> dict[Panel, pd.DataFrame]:
    """Rows of each attack, with the column `accuracy` (percent), in the paper's order of attacks."""
    survived = 100 * attacks["still_correct"] / attacks[reference].where(attacks[reference] > 0)
    panels = {Panel(*key): rows for key, rows in attacks.assign(accuracy=survived).groupby(list(Panel._fields))}
    return dict(sorted(panels.items(), key=lambda item: item[0].rank))


def _lines_of(panels: Sequence[Panel]) -> list[Sequence[Panel]]:
    """The panels in rows of equal length, the last one perhaps shorter."""
    columns = math.ceil(len(panels) / math.ceil(len(panels) / MOST_COLUMNS))
    return [panels[start:start + columns] for start in range(0, len(panels), columns)]


def attack_title(attack: str, goal: str) -> str:
    """`"Untargeted FGSM"`."""
    return f"{goal.capitalize()} {ATTACK_TITLES.get(attack, attack)}"


def _panel_title(panel: Panel, panels: Iterable[Panel]) -> str:
    """`"Untargeted FGSM"`; loss, steps and restarts only where they are needed to tell panels apart."""
    same_loss = [other for other in panels if other[:3] == panel[:3]]
    parts = [attack_title(panel.attack, panel.goal) if panel.loss != "worst" else "Worst of all attacks"]
    parts += [panel.loss.replace("_", "-")] if panel.loss in LOSSES[1:-1] else []
    parts += [f"{panel.steps:g} steps"] if len({other.steps for other in same_loss}) > 1 else []
    parts += [f"{panel.restarts:g} restarts"] if len({other.restarts for other in same_loss}) > 1 else []
    return "\n".join(parts)


def _draw_panel(axes: Axes, attacks: pd.DataFrame, series: Sequence[Series], encoder: str, levels: Levels) -> None:
    for rank, one in enumerate(series):
        rows = attacks[attacks["run"].isin(one.of(encoder))]
        for place, criterion in enumerate(CRITERIA):
            curve = over_runs(rows[rows["criterion"] == criterion], "epsilon", "accuracy")
            if curve.empty:
                continue
            shown = _shown_as(one, criterion)
            epsilons = levels.places(curve.index, len(CRITERIA) * rank + place)
            axes.plot(epsilons, curve["mean"], color=one.color, linewidth=1, linestyle=levels.line(CRITERIA[shown][1]),
                      **_marker(one.style.marker, one.color, shown))
            if curve["std"].any():
                axes.vlines(epsilons, curve["mean"] - curve["std"], curve["mean"] + curve["std"], color=one.color,
                            linewidth=0.7)


def _draw_others(axes: Axes, panel: Panel, attacks: pd.DataFrame, series: Sequence[Series], encoder: str,
                 levels: Levels) -> None:
    """What others measured under the same attack with the same label and encoder, at the strengths of ours, once a label."""
    if (panel.loss, panel.steps, panel.restarts) != ("training", STEPS.get(panel.attack), 1):
        return
    shown: set[tuple[str, float]] = set()
    for rank, one in enumerate(series):
        runs = one.runs[one.runs["run"].isin(one.of(encoder)) & one.runs["run"].isin(attacks["run"])]
        known = other_attack(runs.iloc[0], panel.attack, panel.goal) if len(runs) else {}
        measured = attacks.loc[attacks["run"].isin(runs["run"]), "epsilon"].unique()
        points = {epsilon: known[epsilon] for epsilon in sorted(measured)
                  if epsilon in known and (one.name, epsilon) not in shown}
        shown |= {(one.name, epsilon) for epsilon in points}
        if points:
            place = len(CRITERIA) * rank + list(CRITERIA).index("nearest")
            draw_others(axes, levels.places(list(points), place), list(points.values()), one)


def _name_epsilon(grid: np.ndarray, attacks: pd.DataFrame, levels: Levels) -> None:
    """Titles the epsilon axes; pixel strengths that lines join, which run from 2 to 128, are spaced by their logarithm."""
    space, values = attacks["space"].iloc[0], levels.values
    for column in grid.T:
        [axes for axes in column if axes.get_visible()][-1].set_xlabel(EPSILON_TITLES.get(space, f"ε, {space}"))
    for axes in grid.flat:
        if space == "pixel" and levels.joined:
            least = min((value for value in values if value > 0), default=1)
            axes.set_xscale("symlog", base=2, linthresh=least)
            axes.set_xlim(min(values) - 0.15 * least, max(values) * 1.1)
        if space == "pixel" or not levels.joined:
            levels.name(axes)


def _attack_settings(attacks: pd.DataFrame) -> str:
    first, strength = attacks.iloc[0], one_strength(attacks)
    space = EPSILON_TITLES.get(first["space"], f"ε, {first['space']}")
    only = "" if strength is None else f", {space.replace('ε', f'ε {strength:g}', 1).replace(' in 1/', '/')}"
    return f"{first['images']:,.0f} test images, protocol “{first['protocol']}”{only}"
