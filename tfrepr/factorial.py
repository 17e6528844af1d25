"""A 2 x 2 design: main effects and interaction of two factors, paired by seed, with Student intervals over the seeds.

With y(a, b) the value of one seed at level a of the first factor and b of the second, each False (low) or True (high):

- effect of the first factor: [y(high, low) + y(high, high) - y(low, low) - y(low, high)] / 2, the mean over the second factor
  of high minus low;
- effect of the second factor: [y(low, high) + y(high, high) - y(low, low) - y(high, low)] / 2;
- interaction: [y(high, high) - y(low, high)] - [y(high, low) - y(low, low)], what the first factor does at the high level of
  the second more than at its low level.

Each is computed within a seed, so that what a seed does to all four cells cancels. Reported is the mean over the seeds that
have all four cells, with Student's interval of as many degrees of freedom as seeds but one. The three intervals are not
corrected for being three. Two seeds or one have no interval; their values stand for themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
FEWEST_SEEDS = 3
"""For an interval."""

Cell = tuple[bool, bool]
CELLS: tuple[Cell, ...] = ((False, False), (False, True), (True, False), (True, True))
"""Whether the first and the second factor are high."""


@dataclass(frozen=True)
class Effect:
    """One effect over seeds.

    Attributes:
        values: One a seed, in the order of the seeds; at least one.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return math.fsum(self.values) / len(self.values)

    @property
    def interval(self) -> tuple[float, float] | None:
        """See `student_interval`."""
        return student_interval(self.values)

    def text(self, digits: int = 1) -> str:
        """`"+4.5 [+1.2, +7.8]"`; the values of two seeds as `"+4.5, +3.1"`, of one as `"+4.5"`."""
        if self.interval is None:
            return ", ".join(f"{value:+.{digits}f}" for value in self.values)
        low, high = self.interval
        return f"{self.mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


@dataclass(frozen=True)
class Effects:
    """Both main effects and the interaction, over the same seeds."""

    first: Effect
    second: Effect
    interaction: Effect


def effects(cells: Mapping[Cell, Mapping[int, float]]) -> Effects | None:
    """Main effects and interaction as the module defines them.

    Args:
        cells: For each of `CELLS` the value of every seed.

    Returns:
        None where no seed has all four cells.
    """
    seeds = sorted(set.intersection(*(set(cells[cell]) for cell in CELLS)))
    if not seeds:
        return None

    def effect(weight: Mapping[Cell, float]) -> Effect:
        return Effect(tuple(math.fsum(weight[cell] * cells[cell][seed] for cell in CELLS) for seed in seeds))

    first, second = ({cell: 0.5 if cell[factor] else -0.5 for cell in CELLS} for factor in (0, 1))
    return Effects(effect(first), effect(second), effect({cell: 4 * first[cell] * second[cell] for cell in CELLS}))


def student_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95% interval of a mean by Student's t, None for fewer than three values."""
    from scipy.stats import sem, t

    if len(values) < FEWEST_SEEDS:
        return None
    mean = math.fsum(values) / len(values)
    half_width = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * sem(values))
    return mean - half_width, mean + half_width
