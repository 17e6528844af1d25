"""One rule for every comparison: an estimate with its interval, a margin, and one of three words.

A comparison asks whether a difference lies above a margin, below it, or within plus and minus it ("comparable"). It is
*supported* where the data rule out the opposite, *contradicted* where they rule out what is claimed, and *inconclusive*
otherwise. Each is a one-sided test at the level 0.025 (two of them for "comparable"), which is the same as to ask on which side
of the margin the 95% interval lies. Over the comparisons of one claim the p-values are corrected after Holm, so that the chance
of one false word in a claim stays under 0.025, however many comparisons the claim has.

What varies decides the interval. Three seeds or more: Student's t over the differences within a seed. Two seeds: none, the
values stand for themselves. One seed: the networks are given, and the test images are drawn anew (paired bootstrap); a verdict
then holds for these networks only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

ALPHA = 0.025
"""Level of each one-sided test; the intervals shown are two-sided, 95%."""
FEWEST_SEEDS = 3
"""For an interval over seeds."""
RESAMPLES = 9999
"""Of the bootstrap over test images."""
SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
ABOVE, BELOW, COMPARABLE = "above", "below", "comparable"


@dataclass(frozen=True)
class Estimate:
    """A difference and what is known of it.

    Attributes:
        mean: The difference.
        values: One a seed; for an estimate over test images the difference itself.
        over: `"seeds"` or `"images"`.
        count: Seeds or test images.
        interval: Ends of the 95% interval; None where there is none.
        at_most: The p-value of "the difference is at most this", for any number; None where there is no interval.
        at_least: The p-value of "the difference is at least this".
    """

    mean: float
    values: tuple[float, ...]
    over: str
    count: int
    interval: tuple[float, float] | None = None
    at_most: Callable[[float], float] | None = None
    at_least: Callable[[float], float] | None = None

    def text(self, digits: int = 1) -> str:
        """`"+4.5 [+1.2, +7.8]"`; without an interval the values, as `"+4.5, +3.1"`."""
        if self.interval is None:
            return ", ".join(f"{value:+.{digits}f}" for value in self.values)
        return f"{self.mean:+.{digits}f} [{self.interval[0]:+.{digits}f}, {self.interval[1]:+.{digits}f}]"


def over_seeds(values: Sequence[float]) -> Estimate:
    """Student's t over differences, one a seed; fewer than three have no interval."""
    from scipy.stats import t, ttest_1samp

    mean = fmean(values)
    if len(values) < FEWEST_SEEDS:
        return Estimate(mean, tuple(values), "seeds", len(values))
    spread = stdev(values) / math.sqrt(len(values))
    if not spread:
        return Estimate(mean, tuple(values), "seeds", len(values), (mean, mean), lambda margin: float(mean <= margin),
                        lambda margin: float(mean >= margin))
    ends = ttest_1samp(values, 0).confidence_interval(1 - 2 * ALPHA)
    known = t(len(values) - 1, mean, spread)
    return Estimate(mean, tuple(values), "seeds", len(values), (float(ends.low), float(ends.high)),
                    lambda margin: float(known.cdf(margin)), lambda margin: float(known.sf(margin)))


def over_images(differences: np.ndarray) -> Estimate:
    """Paired percentile bootstrap over test images; the draw is seeded, so that equal data give equal intervals.

    Differences of right and wrong answers have few values, so that a resample is one draw of how often each comes. That is the
    distribution of `scipy.stats.bootstrap`, which would draw ten thousand images one by one for each of the resamples.

    Args:
        differences: float, `(images,)`: what every test image contributes; their mean is the difference.
    """
    kinds, counts = np.unique(differences, return_counts=True)
    draws = np.random.default_rng(0).multinomial(len(differences), counts / len(differences), size=RESAMPLES)
    means = np.sort(draws @ kinds / len(differences))
    low, high = np.quantile(means, [ALPHA, 1 - ALPHA])
    mean = float(np.mean(differences))

    def share(above: int) -> float:
        return (above + 1) / (RESAMPLES + 1)

    return Estimate(mean, (mean,), "images", len(differences), (float(low), float(high)),
                    lambda margin: share(int(np.searchsorted(means, margin, side="right"))),
                    lambda margin: share(RESAMPLES - int(np.searchsorted(means, margin, side="left"))))


def p_values(estimate: Estimate, expected: str, margin: float) -> tuple[float, float] | None:
    """Of the two one-sided questions: the first is small where the claim is right, the second where it is wrong.

    Args:
        estimate: The difference.
        expected: `ABOVE` or `BELOW` the margin, or `COMPARABLE`: within plus and minus the margin.
        margin: In the unit of the difference.

    Returns:
        None without an interval.
    """
    if estimate.at_most is None or estimate.at_least is None:
        return None
    if expected == ABOVE:
        return estimate.at_most(margin), estimate.at_least(margin)
    if expected == BELOW:
        return estimate.at_least(margin), estimate.at_most(margin)
    return (max(estimate.at_most(-margin), estimate.at_least(margin)),
            min(estimate.at_least(-margin), estimate.at_most(margin)))


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected for being several (Holm 1979), at most 1, in the order given."""
    order = np.argsort(values, kind="stable")
    steps = [min(1.0, (len(values) - rank) * values[place]) for rank, place in enumerate(order)]
    corrected = np.empty(len(values))
    corrected[order] = np.maximum.accumulate(steps) if steps else []
    return corrected.tolist()


def words(questions: Sequence[tuple[float, float] | None]) -> list[str]:
    """The verdict of each comparison of one claim, from its `p_values`; None, which has no interval, is inconclusive."""
    asked = [place for place, question in enumerate(questions) if question is not None]
    right, wrong = (holm([questions[place][side] for place in asked]) for side in (0, 1))
    found = [INCONCLUSIVE] * len(questions)
    for place, support, opposite in zip(asked, right, wrong, strict=True):
        found[place] = SUPPORTED if support <= ALPHA else CONTRADICTED if opposite <= ALPHA else INCONCLUSIVE
    return found
