"""Axes of accuracies in percent: from zero, as high as what is shown, with the accuracy of guessing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

CHANCE_LOOK = {"color": "#777777", "linewidth": 0.7, "linestyle": (0, (5, 1.5, 1, 1.5))}
BELOW, ABOVE = 0.04, 0.03
"""Room under zero and over the top, so that no marker lies on an axis or is cut."""


def scale_accuracy(panels: Sequence[Axes], *, horizontal: bool = False) -> None:
    """One scale for all these panels: up to the next ten percent above what is drawn there, at most 100.

    Args:
        panels: Drawn, with accuracies in percent.
        horizontal: Whether accuracies run to the right, as bars, which begin at the axis.
    """
    limits = [axes.dataLim.x1 if horizontal else axes.dataLim.y1 for axes in panels]
    highest = max((limit for limit in limits if math.isfinite(limit)), default=100.0)
    top = min(100, 10 * max(1, math.ceil(highest / 10)))
    for axes in panels:
        if horizontal:
            axes.set_xlim(0, top)
        else:
            axes.set_ylim(-BELOW * top, (1 + ABOVE) * top)


def class_count(runs: pd.DataFrame) -> int | None:
    """The number of classes of all these runs; None where it is not recorded or not the same."""
    counts = set(runs["classes"])
    count = counts.pop()
    return int(count) if not counts and count == count and count else None


def draw_chance(panels: Sequence[Axes], classes: int | None, *, horizontal: bool = False) -> list[Artist]:
    """A thin line at the accuracy of guessing one class of that many; returns its entry for the legend, if there is one."""
    from matplotlib.lines import Line2D

    if classes is None:
        return []
    for axes in panels:
        (axes.axvline if horizontal else axes.axhline)(100 / classes, zorder=0.9, **CHANCE_LOOK)
    return [Line2D([], [], label=f"chance (1 in {classes})", **CHANCE_LOOK)]
