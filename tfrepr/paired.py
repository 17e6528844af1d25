"""Differences between two labels, paired by seed, with 95% confidence intervals (Student's t)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfrepr.comparison import Run, RunIndex, known
from tfrepr.config import RunConfig

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """What one label has more than another, over the seeds that were run with both.

    Attributes:
        mean: Mean of the differences.
        half_width: Half the width of the 95% interval around it; None for a single seed.
        count: Seeds.
    """

    mean: float
    half_width: float | None
    count: int

    def text(self, digits: int = 1) -> str:
        """`"+4.5 [+1.2, +7.8]"`, or `"+4.5"` for a single seed."""
        if self.half_width is None:
            return f"{self.mean:+.{digits}f}"
        ends = (self.mean - self.half_width, self.mean + self.half_width)
        return f"{self.mean:+.{digits}f} [{ends[0]:+.{digits}f}, {ends[1]:+.{digits}f}]"


def difference(values: Sequence[float]) -> Difference:
    """Mean and interval of paired differences, at least one."""
    from scipy.stats import t

    count, mean = len(values), math.fsum(values) / len(values)
    if count == 1:
        return Difference(mean, None, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return Difference(mean, float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * deviation / math.sqrt(count), count)


def runs_of(cell: RunConfig, index: RunIndex) -> dict[tuple[int, str], Run]:
    """The finished runs of a cell by seed and data, those alone that train its number of epochs in its precision.

    Of several with one seed, that with the cell's own config stands.
    """
    found = [run for seeds in index.seeds(cell) for run in seeds.runs
             if (run["epochs"], run["mixed_precision"]) == (cell.epochs, cell.mixed_precision)]
    found.sort(key=lambda run: (run["seed"], run["run"] == cell.replace(seed=run["seed"]).run_name))
    return {(run["seed"], str(run["data_variant"])): run for run in found}


def paired_difference(first: RunConfig, second: RunConfig, index: RunIndex,
                      value: Callable[[Run], float | None]) -> Difference | None:
    """`first` minus `second` on the same data; None where no seed has both.

    Args:
        first, second: Cells; their seeds do not matter.
        index: Where runs are looked up.
        value: What is compared.
    """
    ours, theirs = runs_of(first, index), runs_of(second, index)
    pairs = [(value(ours[key]), value(theirs[key])) for key in sorted(set(ours) & set(theirs))]
    values = [float(a) - float(b) for a, b in pairs if known(a) and known(b)]
    return difference(values) if values else None
