"""What each protocol takes away: accuracy under attack over epsilon, one panel a label, one line a protocol.

A protocol's line is the worst case over its attacks. Curves are means over seeds, whiskers the sample standard deviation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tfrepr.figures import style
from tfrepr.figures.accuracy import scale_accuracy
from tfrepr.figures.levels import Levels
from tfrepr.figures.panels import legend, over_runs, panel_grid, require
from tfrepr.figures.series import AMOUNT, DATA, data_title, encoder_title, encoders, page_by, series_of
from tfrepr.registry import FIGURES
from tfrepr.results.attack_rows import PIXEL_PROTOCOLS
from tfrepr.results.worst_cases import TOGETHER, last_iterate, worst_cases

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

LARGEST = 16.0
"""Epsilon, in units of 1/255, at which the axis ends."""
MOST_COLUMNS = 4
PANEL_HEIGHT = 1.6
COMMANDS = "tfrepr attack RUN_DIR --protocol standard (then adaptive and autoattack)"


class Look(NamedTuple):
    """How the line of a protocol is drawn."""

    title: str
    color: str
    marker: str
    line: Any


DOTTED = (0, (1, 1.2))
LOOKS = {last_iterate("standard"): Look(last_iterate("standard"), "#999999", "o", DOTTED),
         "standard": Look("standard", "#999999", "o", "-"),
         last_iterate("adaptive"): Look(last_iterate("adaptive"), "#56B4E9", "s", DOTTED),
         "adaptive": Look("adaptive", "#56B4E9", "s", "-"), "autoattack": Look("autoattack", "#D55E00", "^", "-"),
         TOGETHER: Look("all protocols together", "#000000", "D", (0, (4, 1.6)))}
"""From the weakest to the strongest; later lines are drawn over earlier ones."""


@FIGURES.register("robustness")
@page_by(*DATA, *AMOUNT, "images")
@style.styled
def robustness(results: Results) -> Figure:
    """Accuracy over epsilon from 0 to 16/255, one line a protocol: what stronger attacks take away."""
    cases = worst_cases(results)
    cases = cases[cases["epsilon"] <= LARGEST]
    require(cases, f"worst cases of the protocols {', '.join(PIXEL_PROTOCOLS)} (attacks.csv)", COMMANDS)
    cases = cases.assign(accuracy=100 * cases["still_correct"] / cases["images"])
    runs = results.runs[results.runs["run"].isin(cases["run"])]
    series = series_of(runs)
    panels = [(encoder, one) for encoder, one in itertools.product(encoders(runs), series) if len(one.of(encoder))]
    shown = [name for name in LOOKS if (cases["protocol"] == name).any()]
    columns = math.ceil(len(panels) / math.ceil(len(panels) / MOST_COLUMNS))
    figure, grid = panel_grid(math.ceil(len(panels) / columns), columns, PANEL_HEIGHT, sharex=True, sharey=True)
    levels = Levels(cases["epsilon"], len(shown))
    for axes, (encoder, one) in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, cases[cases["run"].isin(one.of(encoder))], shown, levels)
        axes.set_title(f"{one.title}\n{encoder_title(encoder, [one])}")
        levels.name(axes)
    for axes in grid.flat[len(panels):]:
        axes.set_visible(False)
    for row in grid:
        row[0].set_ylabel("accuracy (%)")
    for column in grid.T:
        below = [axes for axes in column if axes.get_visible()][-1]
        below.set_xlabel("ε in 1/255")
        below.tick_params(labelbottom=True)
    scale_accuracy([axes for axes in grid.flat if axes.get_visible()])
    figure.suptitle(f"Accuracy under the worst attack of each protocol: {data_title(runs)}\n"
                    f"{cases['images'].iloc[0]:,.0f} test images, nearest label")
    legend(figure, _keys(shown, levels))
    return figure


def _draw_panel(axes: Axes, cases: pd.DataFrame, shown: Sequence[str], levels: Levels) -> None:
    """Lines end where a protocol was not run at a strength at which another one was."""
    strengths = sorted(set(cases["epsilon"]))
    for rank, name in enumerate(shown):
        curve = over_runs(cases[cases["protocol"] == name], "epsilon", "accuracy")
        if curve.empty:
            continue
        curve = curve.reindex(strengths)
        places = levels.places(curve.index, rank)
        axes.plot(places, curve["mean"], linewidth=1, **_line(LOOKS[name], levels))
        if curve["std"].any():
            low, high = curve["mean"] - curve["std"], curve["mean"] + curve["std"]
            axes.vlines(places, low, high, color=LOOKS[name].color, linewidth=0.7)


def _line(look: Look, levels: Levels) -> dict[str, Any]:
    return {"color": look.color, "linestyle": levels.line(look.line), "marker": look.marker, "markersize": 3}


def _keys(shown: Sequence[str], levels: Levels) -> list[Artist]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], label=LOOKS[name].title, **_line(LOOKS[name], levels)) for name in shown]
