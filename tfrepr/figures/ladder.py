"""Attacks of one strength: a line an attack in one panel. With panels of their own each would have two points, one for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfrepr.figures.panels import over_runs
from tfrepr.figures.series import Series

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BASE, RUNG = 0.35, 0.24
"""Inches of a panel: its axis, and each line."""
SPREAD = 0.7
"""What the points of one line take of its height."""


def one_strength(attacks: pd.DataFrame) -> float | None:
    """The only strength above 0 of all attacks; None where there are several, or none."""
    strengths = attacks.loc[attacks["epsilon"] > 0, "epsilon"].unique()
    return float(strengths[0]) if len(strengths) == 1 else None


def rungs_of(panels: Mapping[str, pd.DataFrame], strength: float) -> dict[str, pd.DataFrame]:
    """What is drawn from top to bottom: no attack at all, then each attack; one row a run and criterion.

    Args:
        panels: The rows of each attack by its title.
        strength: The one above 0.
    """
    import pandas as pd

    plain = pd.concat([rows[rows["epsilon"] == 0] for rows in panels.values()]).drop_duplicates(["run", "criterion"])
    return ({"No attack": plain} if len(plain) else {}) | {
        title: rows[rows["epsilon"] == strength] for title, rows in panels.items()}


def draw_rungs(axes: Axes, rungs: Mapping[str, pd.DataFrame], series: Sequence[Series], encoder: str,
               criteria: Sequence[str], look: Callable[[Series, str], dict[str, Any]]) -> None:
    """One line a rung, accuracy to the right: means over runs, whiskers the sample standard deviation.

    Args:
        axes: The panel.
        rungs: From `rungs_of`, with the column `accuracy` in percent.
        series: The labels.
        encoder: Whose runs.
        criteria: Those shown, in the order of their points.
        look: Of the marker of a label and criterion.
    """
    import pandas as pd

    points = len(series) * len(criteria)
    table = pd.concat([rows.assign(height=height) for height, rows in enumerate(rungs.values())])
    for rank, (one, criterion) in enumerate((one, criterion) for one in series for criterion in criteria):
        chosen = over_runs(table[table["run"].isin(one.of(encoder)) & (table["criterion"] == criterion)], "height", "accuracy")
        if chosen.empty:
            continue
        places = chosen.index + SPREAD * ((rank + 0.5) / points - 0.5)
        axes.plot(chosen["mean"], places, linestyle="none", color=one.color, clip_on=False, zorder=3, **look(one, criterion))
        if chosen["std"].any():
            axes.hlines(places, chosen["mean"] - chosen["std"], chosen["mean"] + chosen["std"], color=one.color, linewidth=0.7)
    axes.set_yticks(range(len(rungs)), list(rungs))
    axes.set_yticks([height + 0.5 for height in range(len(rungs) - 1)], minor=True)
    axes.set(ylim=(len(rungs) - 0.5, -0.5), xlabel="accuracy (%)")
    axes.tick_params(axis="y", which="both", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="y", which="minor")
