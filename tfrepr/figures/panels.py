"""Parts that several figures share: rows of panels, curves with bands, titles and legends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfrepr.figures import style
from tfrepr.figures.series import NothingToPlotError, Series, legend_titles
from tfrepr.results.external_runs import TITLE as OTHERS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


USUAL, FAR_ABOVE = 0.95, 3.0
"""A logarithmic axis ends at this multiple of the value that this share of all values do not exceed."""
RANGE_BAND, DEVIATION_BAND = "lowest to highest seed", "\N{PLUS-MINUS SIGN} 1 standard deviation"


def require(rows: pd.DataFrame, what: str, command: str) -> None:
    """Raises NothingToPlotError, naming the command that makes what is missing, if there are no rows."""
    if rows.empty:
        raise NothingToPlotError(f"These runs have no {what} yet. Make them with: {command}")


def panel_grid(rows: int, columns: int, height: float, **sharing: Any) -> tuple[Figure, Any]:
    """A figure and its panels, `(rows, columns)`, each row `height` inches high; a single panel is one column wide.

    Half an inch is added for the title and the names of the lowest axes.
    """
    width = style.FULL_WIDTH if columns > 1 else style.COLUMN_WIDTH
    figure = style.new_figure(width, height * rows + 0.5)
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def only_picture(axes: Axes) -> None:
    """Takes ticks, grid and frame away from a panel."""
    axes.set(xticks=(), yticks=())
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def over_runs(table: pd.DataFrame, by: str, value: str) -> pd.DataFrame:
    """Mean, sample standard deviation (`ddof` 1; 0 for a single run), least, greatest and count of `value`, by `by`."""
    known = table.dropna(subset=[value]).groupby(by)[value].agg(["mean", "std", "min", "max", "count"])
    return known.fillna({"std": 0.0})


def log_scale(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers, as high as the curves and as low as their bands.

    A few values far above all others, as losses of the first epochs can be, would squeeze the rest. The axis ends below them,
    and the highest of them is written where its curve leaves the panel.
    """
    import numpy as np
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

    values = np.concatenate([line.get_ydata() for line in axes.lines])
    values = np.sort(values[np.isfinite(values) & (values > 0)])
    bands = np.concatenate([[np.inf], *(path.vertices[:, 1] for band in axes.collections for path in band.get_paths())])
    axes.set_yscale("log")
    if len(values):
        low, high = min(values[0], bands[bands > 0].min()), min(values[-1], FAR_ABOVE * values[int(USUAL * (len(values) - 1))])
        axes.set_ylim(low / 1.3, high * 1.3)
        axes.yaxis.set_major_locator(LogLocator(subs=(1,) if high > 100 * low else (1, 2, 5)))
        if values[-1] > high * 1.3:
            _write_peak(axes, high * 1.3)
    axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.yaxis.set_minor_locator(NullLocator())


def _write_peak(axes: Axes, top: float) -> None:
    """Names the highest value above the panel: right of where its curve comes back, or left of it where there is no room."""
    import numpy as np

    peaks = [np.max(line.get_ydata(), where=np.isfinite(line.get_ydata()), initial=0) for line in axes.lines]
    line, peak = axes.lines[int(np.argmax(peaks))], max(peaks)
    epochs, values = line.get_data()
    place = int(np.flatnonzero(values == peak)[0])
    back = next((epoch for epoch, value in zip(epochs[place:], values[place:], strict=True) if value < top), np.inf)
    beside, side = (back, "left") if back < 0.6 * max(epochs) else (epochs[max(place - 1, 0)], "right")
    number = f"{peak:,.0f}" if peak >= 100 else f"{peak:.3g}"
    axes.text(beside, 1.0, f"\N{UPWARDS ARROW} {number} at epoch {epochs[place]:g}", color=line.get_color(), fontsize=6.5,
              ha=side, va="top", transform=axes.get_xaxis_transform())


def draw_curve(axes: Axes, history: pd.DataFrame, column: str, series: Series, line: Any, *, log: bool = False) -> bool:
    """The mean over runs by epoch, with a band and a few markers.

    The band is one standard deviation to each side. On a logarithmic axis, where a mean less its deviation may lie below zero,
    it spans the runs, from the lowest to the highest.

    Args:
        axes: The panel.
        history: Rows of `Results.histories`.
        column: What is shown.
        series: Whose colour and marker are taken.
        line: Line style.
        log: Whether the y axis is to be logarithmic, see `log_scale`.

    Returns:
        False if there are no values.
    """
    curve = over_runs(history, "epoch", column)
    if curve.empty:
        return False
    if (curve["std"] > 0).any():
        low, high = (curve["min"], curve["max"]) if log else (curve["mean"] - curve["std"], curve["mean"] + curve["std"])
        axes.fill_between(curve.index, low, high, color=style.tint(series.color, 0.22), linewidth=0, zorder=1)
    step = max(1, len(curve) // 6)
    axes.plot(curve.index, curve["mean"], linestyle=line, color=series.color, marker=series.style.marker, markersize=3,
              markevery=(style.label_rank(series.name) * step // 10 % step, step))
    axes.locator_params(axis="x", integer=True)
    return True


def band_keys(panels: Sequence[Axes], title: str) -> list[Artist]:
    """A legend entry that says what bands show, if one of the panels has any."""
    from matplotlib.patches import Patch

    return [Patch(color="#cccccc", linewidth=0, label=title)] if any(axes.collections for axes in panels) else []


def draw_others(axes: Axes, places: Any, accuracies: Sequence[float], series: Series) -> None:
    """Large hollow markers, which no line joins, of what others measured for a label (`tfrepr.results.external_runs`).

    Args:
        axes: The panel.
        places: On the x axis, `(n,)`.
        accuracies: Percent, `(n,)`.
        series: Ours of the same label, whose colour and marker are taken.
    """
    axes.plot(places, accuracies, label=OTHERS, **_others_look(series.style.marker, series.color))


def others_keys(panels: Sequence[Axes], note: str = "") -> list[Artist]:
    """A legend entry for the markers of others, if one of the panels has any."""
    from matplotlib.lines import Line2D

    drawn = any(line.get_label() == OTHERS for axes in panels for line in axes.lines)
    return [Line2D([], [], label=OTHERS + note, **_others_look("o", "#555555"))] if drawn else []


def _others_look(marker: str, color: Any) -> dict[str, Any]:
    return {"color": "none", "linestyle": "none", "marker": marker, "markersize": 5, "markerfacecolor": "none",
            "markeredgecolor": color, "markeredgewidth": 0.8, "clip_on": False}


def label_keys(series: Sequence[Series], line: Any = "-") -> list[Artist]:
    """Legend entries for labels."""
    from matplotlib.lines import Line2D

    return [Line2D([], [], color=one.color, marker=one.style.marker, linestyle=line, label=title)
            for one, title in zip(series, legend_titles(series), strict=True)]


def line_keys(lines: dict[str, Any]) -> list[Artist]:
    """Legend entries for line styles, by name."""
    from matplotlib.lines import Line2D

    return [Line2D([], [], color="#555555", linestyle=line, label=name) for name, line in lines.items()]


def legend(figure: Figure, keys: Sequence[Any]) -> None:
    """One legend below the panels, in as many columns as fit; the figure grows by its height, and to its width."""
    width, height = figure.get_size_inches()
    column = 0.5 + 0.056 * max(len(key.get_label()) for key in keys)
    columns = max(1, int(width / column))
    rows = math.ceil(len(keys) / columns)
    figure.set_size_inches(max(width, column), height + 0.15 * rows + 0.1)
    figure.legend(handles=keys, loc="outside lower center", ncols=min(columns, len(keys)), columnspacing=1.2)
