"""One rule for every comparison: an estimate with its interval, a margin, and one of three words.

A comparison asks whether a difference lies above a margin, below it, or within plus and minus it ("comparable"). It is
*supported* where the data rule out the opposite, *contradicted* where they rule out what is claimed, and *inconclusive*
otherwise. Each is a one-sided test at the level 0.025 (two of them for "comparable"), which is the same as to ask on which side
of the margin the 95% interval lies. Over all comparisons of one claim, those without data too, the p-values are corrected after
Holm, so that the chance of one false word in a claim stays near 0.025, however many comparisons the claim has. (A false
"contradicted" of "comparable" may lie beyond either margin: with three seeds and margins of a third of a standard error its
chance is 0.033, with margins of one or more 0.025.)

What varies decides the interval. Three seeds or more: Student's t over the differences within a seed. Two seeds, or seeds that
are all equal: none, the values stand for themselves. One seed: the networks are given, and the test images are drawn anew
(paired bootstrap); a verdict then holds for these networks only.
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
ONE_IMAGE = 100.0
"""What an image contributes to a difference in percentage points if one network alone is right on it."""
SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
NO_VERDICT = "no verdict"
"""Where attacks are not shown to work, so that what they leave says nothing."""
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
    """Student's t over differences, one a seed; fewer than three, or equal ones, have no interval."""
    from scipy.stats import t, ttest_1samp

    mean = fmean(values)
    spread = stdev(values) / math.sqrt(len(values)) if len(values) >= FEWEST_SEEDS else 0.0
    if not spread:
        return Estimate(mean, tuple(values), "seeds", len(values))
    ends = ttest_1samp(values, 0).confidence_interval(1 - 2 * ALPHA)
    known = t(len(values) - 1, mean, spread)
    return Estimate(mean, tuple(values), "seeds", len(values), (float(ends.low), float(ends.high)),
                    lambda margin: float(known.cdf(margin)), lambda margin: float(known.sf(margin)))


def over_images(differences: np.ndarray) -> Estimate:
    """Paired percentile bootstrap over test images; the draw is seeded, so that equal data give equal intervals.

    Two images are added, one for each side (`ONE_IMAGE`), as Bonett and Price 2012 (https://doi.org/10.3102/1076998611411915)
    do for a difference of paired shares: without them a handful of images on which two networks differ would look certain.

    Differences of right and wrong answers have few values, so that a resample is one draw of how often each comes. That is the
    distribution of `scipy.stats.bootstrap`, which would draw ten thousand images one by one for each of the resamples.

    Args:
        differences: float, `(images,)`: what every test image contributes, in percentage points; their mean is the difference.
    """
    drawn = len(differences) + 2
    kinds, counts = np.unique(np.append(differences, (-ONE_IMAGE, ONE_IMAGE)), return_counts=True)
    draws = np.random.default_rng(0).multinomial(drawn, counts / drawn, size=RESAMPLES)
    means = np.sort(draws @ kinds / drawn)
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
    """The verdict of each comparison of one claim, from its `p_values`.

    None, which has no interval, is inconclusive, and counts: a comparison may not gain from others that were not run.
    """
    right, wrong = (holm([1.0 if question is None else question[side] for question in questions]) for side in (0, 1))
    return [SUPPORTED if support <= ALPHA else CONTRADICTED if opposite <= ALPHA else INCONCLUSIVE
            for support, opposite in zip(right, wrong, strict=True)]
