"""Forest plot: the comparisons of all claims, each with its difference, its interval, what is claimed, and its verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.claims.comparisons import Finding, Judgement
from tfrepr.claims.quantities import Accuracy
from tfrepr.claims.verdicts import CONTRADICTED, INCONCLUSIVE, NO_VERDICT, SUPPORTED
from tfrepr.claims.wording import count_text, difference_text
from tfrepr.figures import style
from tfrepr.figures.series import NothingToPlotError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {SUPPORTED: ("#009E73", "o"), CONTRADICTED: ("#D55E00", "X"), INCONCLUSIVE: ("#777777", "D"),
         NO_VERDICT: ("#777777", "s")}
HOLLOW = (INCONCLUSIVE, NO_VERDICT)
"""Colour and marker of a verdict; inconclusive ones are hollow."""
CLAIMED = "#E3EEF7"
"""Behind the differences of which the claim is true."""
MOST = 4
"""Comparisons of a claim with one pair and one unit that are all drawn; of more, the worst and the best for the claim."""
POINTS = "percentage points"
WIDEST = {POINTS: 32.0}
"""Differences farther from 0 are drawn as an arrow at the edge, so that margins of a few points can be seen."""
ROW_HEIGHT, AXIS_HEIGHT, LEGEND_HEIGHT = 0.15, 0.5, 0.5
"""Inches."""


@dataclass(frozen=True)
class Line:
    """One line of the plot: a claim's heading (no finding), or a comparison."""

    text: str
    finding: Finding | None = None


@style.styled
def forest(judgements: Sequence[Judgement], *, short: bool = False) -> Figure:
    """Draws the comparisons that have a difference, grouped by claim; quantities of one unit share an axis.

    A first look is left out once the claim that it was a first look at has data. Of a claim that compares one pair in more than
    `MOST` settings the worst and the best for the claim are drawn: by verdict, then by the distance to the margin.

    Args:
        judgements: Of all claims.
        short: One line a claim, the comparison that decides, and claims in percentage points alone.

    Raises:
        NothingToPlotError: No comparison has a difference.
    """
    chosen = [(judgement, [judgement.deciding()] if short else judgement.known) for judgement in _shown(judgements)]
    units = [POINTS] if short else dict.fromkeys(finding.comparison.quantity.unit for _, known in chosen for finding in known)
    panels = {unit: lines for unit in units if (lines := list(_lines(chosen, unit)))}
    if not panels:
        raise NothingToPlotError("No comparison of any claim has runs. Train with: python scripts/train.py --experiment "
                                 "evidence-low-data")
    heights = [len(lines) for lines in panels.values()]
    figure = style.new_figure(style.FULL_WIDTH, ROW_HEIGHT * sum(heights) + AXIS_HEIGHT * len(panels) + LEGEND_HEIGHT)
    grid = np.atleast_1d(figure.subplots(len(panels), 1, gridspec_kw={"height_ratios": heights}))
    for axes, (unit, lines) in zip(grid, panels.items(), strict=True):
        _draw(axes, lines, unit)
    _legend(figure, {line.finding.word for lines in panels.values() for line in lines if line.finding})
    return figure


def _shown(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Those with differences, first looks at claims that have data left out."""
    known = [judgement for judgement in judgements if judgement.known]
    settled = {judgement.claim.statement for judgement in known if not judgement.claim.mark}
    return [judgement for judgement in known if not (judgement.claim.mark and judgement.claim.statement in settled)]


def _lines(chosen: Sequence[tuple[Judgement, Sequence[Finding]]], unit: str) -> Iterator[Line]:
    for judgement, findings in chosen:
        known = [finding for finding in findings if finding.comparison.quantity.unit == unit]
        if known:
            first = " (first look)" if judgement.claim.mark else ""
            claim = judgement.claim
            yield Line(f"{claim.name.split(' first look')[0]}, {judgement.verdict(unit='')}: {claim.statement}{first}")
        for pair in dict.fromkeys(finding.comparison.what for finding in known):
            yield from _of_pair([finding for finding in known if finding.comparison.what == pair])


def _of_pair(findings: Sequence[Finding]) -> Iterator[Line]:
    """All findings of one pair, or the extreme ones."""
    if len(findings) <= MOST:
        for finding in findings:
            quantity = finding.comparison.quantity
            yield Line(finding.comparison.what + ("" if quantity == Accuracy() else f", {quantity.short}"), finding)
        return
    order = (CONTRADICTED, NO_VERDICT, INCONCLUSIVE, SUPPORTED)
    for word, choose in (("worst", min), ("best", max)):
        finding = choose(findings, key=lambda finding: (order.index(finding.word), finding.slack()))
        yield Line(f"{finding.comparison.what}, {finding.comparison.quantity.short} ({word} of {len(findings)})", finding)


def _draw(axes: Axes, lines: Sequence[Line], unit: str) -> None:
    known = [line.finding for line in lines if line.finding]
    ends = np.array([end for finding in known for end in _ends(finding)])
    widest = WIDEST.get(unit, np.inf)
    low, high = max(min(ends.min(), 0), -widest), min(max(ends.max(), 0), widest)
    beyond = 0.05 * max(high - low, 1e-9)
    limits = low - beyond, high + beyond
    for height, line in enumerate(lines):
        if line.finding:
            _draw_finding(axes, height, line.finding, limits)
    axes.locator_params(axis="x", nbins=6)
    axes.axvline(0, color="#444444", linewidth=0.7, zorder=1)
    axes.set(xlim=limits, ylim=(len(lines) - 0.4, -0.6), xlabel=f"Difference ({unit})")
    axes.set_yticks(range(len(lines)), [line.text if line.finding else "" for line in lines])
    for height, line in enumerate(lines):
        if not line.finding:
            axes.annotate(line.text, (0, height), xycoords=("figure fraction", "data"), xytext=(4, 0),
                          textcoords="offset points", va="center", fontsize=6.5, fontweight="bold", annotation_clip=False,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _ends(finding: Finding) -> tuple[float, ...]:
    return finding.estimate.interval or finding.estimate.values


def _draw_finding(axes: Axes, height: float, finding: Finding, limits: tuple[float, float]) -> None:
    from matplotlib.patches import Rectangle

    estimate, (color, marker) = finding.estimate, LOOKS[finding.word]
    low, high = np.clip(finding.comparison.holds_in(), *limits)
    axes.add_patch(Rectangle((low, height - 0.5), high - low, 1, facecolor=CLAIMED, linewidth=0, zorder=0))
    if estimate.interval is not None:
        axes.hlines(height, *np.clip(estimate.interval, *limits), color=color, linewidth=1.2, zorder=2)
        for end, limit, arrow in zip(estimate.interval, limits, "<>", strict=True):
            if abs(end) > abs(limit) and end * limit > 0:
                axes.plot(limit, height, marker=arrow, markersize=3, color=color, zorder=2, markeredgewidth=0, clip_on=False)
    shown = estimate.values if estimate.interval is None else (estimate.mean,)
    for value in shown:
        outside = "<" if value < limits[0] else ">" if value > limits[1] else marker
        axes.plot(np.clip(value, *limits), height, marker=outside, markersize=4, color=color, zorder=3, markeredgewidth=0.9,
                  markerfacecolor="white" if finding.word in HOLLOW else color, clip_on=False)
    axes.text(1.03, height, f"{difference_text(finding)}  {count_text(finding)}", transform=axes.get_yaxis_transform(),
              va="center", fontsize=6.5)


def _legend(figure: Figure, used: Collection[str]) -> None:
    """A key for each verdict that is drawn."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys = [Line2D([], [], linestyle="-", linewidth=1.2, marker=marker, markersize=4, color=color, label=word,
                   markerfacecolor="white" if word in HOLLOW else color)
            for word, (color, marker) in LOOKS.items() if word in used]
    figure.legend(handles=[*keys, Patch(facecolor=CLAIMED, label="where the claim is true")], loc="outside upper center",
                  ncols=4, title="Difference with 95% interval; without an interval, the value of every seed; "
                                 "an arrow points beyond the axis.\nVerdicts are corrected for the number of comparisons of a "
                                 "claim, intervals are not.")
