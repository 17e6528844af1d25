"""Axes of a few measured values: amounts of data, strengths of an attack, shares of wrong labels.

A line between two points looks like a measured course. So lines join four values or more, on an axis to scale; fewer are points
at equal distances, where the series stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST_JOINED = 4
WIDTH = 0.6
"""What the points of one level take of the distance to the next level."""


class Levels:
    """The values along the x axis of a panel.

    Args:
        values: Those that were measured, in any order, repeated or not.
        series: How many series stand side by side at each value.
        logarithmic: Whether the axis is logarithmic where lines join the values. There, series are side by side as well, so
            that points and whiskers of equal height do not cover each other.
    """

    def __init__(self, values: Iterable[float], series: int, *, logarithmic: bool = False) -> None:
        self.values = np.array(sorted(set(values)), dtype=float)
        self.joined = len(self.values) >= FEWEST_JOINED
        self._series, self._logarithmic = series, logarithmic

    def places(self, values: Any, rank: int) -> np.ndarray:
        """Where the points of series number `rank` (from 0) go."""
        offset = WIDTH * ((rank + 0.5) / self._series - 0.5)
        if not self.joined:
            return np.searchsorted(self.values, values) + offset
        closest = np.diff(np.log(self.values)).min() if self._logarithmic else 0.0
        return np.asarray(values, float) * np.exp(closest * offset)

    def line(self, style: Any) -> Any:
        """`style` where lines join the points, or no line."""
        return style if self.joined else "none"

    def name(self, axes: Axes) -> None:
        """Writes the values at the x axis, which becomes logarithmic or, without lines, is divided between the values."""
        if self.joined and self._logarithmic:
            axes.set_xscale("log")
        places = self.values if self.joined else np.arange(len(self.values))
        axes.set_xticks(places, [f"{value:g}" for value in self.values])
        axes.xaxis.minorticks_off()
        if not self.joined:
            axes.set_xlim(-0.5, len(places) - 0.5)
            axes.set_xticks(places[:-1] + 0.5, minor=True)
            axes.tick_params(axis="x", which="minor", length=0)
            axes.grid(visible=False, axis="x")
            axes.grid(visible=True, axis="x", which="minor")
