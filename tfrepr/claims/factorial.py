"""A 2 x 2 design: main effects and interaction of two factors, paired by seed, with Student intervals over the seeds.

With y(a, b) the value of one seed at level a of the first factor and b of the second, each False (low) or True (high):

- effect of the first factor: [y(high, low) + y(high, high) - y(low, low) - y(low, high)] / 2, the mean over the second factor
  of high minus low;
- effect of the second factor: [y(low, high) + y(high, high) - y(low, low) - y(high, low)] / 2;
- interaction: [y(high, high) - y(low, high)] - [y(high, low) - y(low, low)], what the first factor does at the high level of
  the second more than at its low level.

Each is computed within a seed, so that what a seed does to all four cells cancels. Reported is the estimate over the seeds that
have all four cells (`tfrepr.claims.verdicts.over_seeds`). The three intervals are not corrected for being three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tfrepr.claims.verdicts import Estimate, over_seeds

Cell = tuple[bool, bool]
CELLS: tuple[Cell, ...] = ((False, False), (False, True), (True, False), (True, True))
"""Whether the first and the second factor are high."""
FIRST: Mapping[Cell, float] = {cell: 0.5 if cell[0] else -0.5 for cell in CELLS}
SECOND: Mapping[Cell, float] = {cell: 0.5 if cell[1] else -0.5 for cell in CELLS}
INTERACTION: Mapping[Cell, float] = {cell: 4 * FIRST[cell] * SECOND[cell] for cell in CELLS}
"""What each effect takes of every cell."""


@dataclass(frozen=True)
class Effects:
    """Both main effects and the interaction, over the same seeds."""

    first: Estimate
    second: Estimate
    interaction: Estimate


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
    return Effects(*(over_seeds([math.fsum(weight[cell] * cells[cell][seed] for cell in CELLS) for seed in seeds])
                     for weight in (FIRST, SECOND, INTERACTION)))
