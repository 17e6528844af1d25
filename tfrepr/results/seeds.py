"""Cells of experiments beside the runs that exist: which runs are seeds of one cell, and mean and spread over them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from tfrepr.config import SINGLE, RunConfig
from tfrepr.registry import EXPERIMENTS
from tfrepr.results.tables import CONFIG_DEFAULTS, config_columns
from tfrepr.runs import RunDirectory

NOT_MATCHED = ("seed", "epochs", "validation_every", "mixed_precision", "jit", "deterministic")
"""Config fields in which a run may differ from an experiment's cell and still stand for it: its seed, how long it was trained,
how often it was validated, and what changes speed and rounding. `SAID` are said beside the number; how often runs were
validated stands among the hyperparameters of the report."""
SAID = ("epochs", "mixed_precision", "data_variant")
"""Columns in which seeds of one mean agree."""

Run = Mapping[Hashable, Any]


@dataclass(frozen=True)
class Mean:
    """Mean and sample standard deviation over seeds; the deviation of a single run is None."""

    value: float
    spread: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean | None:
        """Of these values; None where there are none."""
        if not values:
            return None
        return cls(fmean(values), stdev(values) if values[1:] else None, len(values))

    def text(self, digits: int = 2) -> str:
        """`"92.34 ± 0.25"`, or `"92.34"` for a single run."""
        spread = "" if self.spread is None else f" ± {self.spread:.{digits}f}"
        return f"{self.value:.{digits}f}{spread}"


@dataclass(frozen=True)
class Seeds:
    """Runs that differ in the seed alone.

    Attributes:
        cell: A cell of an experiment; its seed stands for all, its epochs are the paper's.
        runs: Rows of `Results.runs`, all finished.
    """

    cell: RunConfig
    runs: tuple[Run, ...]

    def mean(self, value: Callable[[Run], float | None]) -> Mean | None:
        """Over the runs for which there is a value; None where there is none for any."""
        return Mean.of([float(number) for run in self.runs if known(number := value(run))])

    def said(self, column: str) -> str:
        """What the runs say in a column; several answers are joined by `"; "`."""
        return "; ".join(sorted({str(run[column]) for run in self.runs if known(run[column])})) or "not recorded"

    @property
    def epochs(self) -> int:
        """Epochs that these runs train."""
        return int(self.runs[0]["epochs"])

    @property
    def precision(self) -> str:
        """`"float32"`, or the type of mixed precision."""
        return precision_of(self.runs[0])

    @property
    def mixed_versions(self) -> bool:
        """Whether program or libraries changed between the runs."""
        return any(len({str(run[column]) for run in self.runs}) > 1 for column in ("versions", "commit", "backend"))


def precision_of(run: Run) -> str:
    """What a run was trained in: `"float32"`, or the type of mixed precision."""
    return SINGLE if run["mixed_precision"] == "off" else str(run["mixed_precision"])


def asked_epochs() -> dict[tuple, set[int]]:
    """The epochs that experiments ask for: a key for all cells that differ in `NOT_MATCHED` alone."""
    asked: dict[tuple, set[int]] = defaultdict(set)
    for name in EXPERIMENTS:
        for cell in EXPERIMENTS[name]():
            asked[_key(config_columns(cell))].add(cell.epochs)
    return asked


def is_trial(run: Run, asked: Mapping[tuple, set[int]]) -> bool:
    """Whether a run is shorter than experiments ask of its cell, as `--scale` makes it, and of a length that none asks for.

    Args:
        run: A row of `Results.runs`, or a config's columns.
        asked: From `asked_epochs`.
    """
    epochs = asked.get(_key(run), ())
    return bool(epochs) and known(run["epochs"]) and run["epochs"] not in epochs and run["epochs"] < max(epochs)


class RunIndex:
    """Finds the finished runs of a cell.

    Args:
        runs: `Results.runs`.
        trials: Those that `is_trial` alone, instead of all others: a trial stands for no cell of an experiment.
    """

    def __init__(self, runs: pd.DataFrame, *, trials: bool = False) -> None:
        self._by_cell: dict[tuple, list[Run]] = defaultdict(list)
        self._asked = asked_epochs()
        for run in runs[runs["finished"].astype(bool)].to_dict("records"):
            if is_trial(run, self._asked) == trials:
                self._by_cell[_key(run)].append(run)

    def seeds(self, cell: RunConfig) -> list[Seeds]:
        """Its runs in groups that agree in `SAID`, the most epochs first, then float32; none where it was not run.

        Of several runs with one seed, which differ in what is not said, that which agrees best with the cell stands.
        """
        groups: dict[tuple, dict[int, Run]] = defaultdict(dict)
        runs = self._by_cell.get(_key(config_columns(cell)), ())
        for run in sorted(runs, key=lambda run: sum(run[name] == getattr(cell, name) for name in NOT_MATCHED)):
            groups[tuple(str(run[column]) for column in SAID)][run["seed"]] = run
        found = [Seeds(cell, tuple(seeds[seed] for seed in sorted(seeds))) for seeds in groups.values()]
        return sorted(found, key=lambda seeds: (-seeds.epochs, seeds.precision != SINGLE, seeds.said("data_variant")))

    def trained(self, cells: Sequence[RunConfig]) -> tuple[list[RunConfig], list[Seeds]]:
        """Which cells have a run as they ask for it, with whatever seed, and runs of others: shorter, or in another precision.

        A cell that asks for no mixed precision may have been trained in one.
        """
        whole, others = [], []
        for cell in dict.fromkeys(cell.replace(seed=0) for cell in cells):
            found = self.seeds(cell)
            if any(seeds.epochs == cell.epochs and cell.mixed_precision in ("off", seeds.runs[0]["mixed_precision"])
                   for seeds in found):
                whole.append(cell)
            else:
                others += found
        return whole, others

    def in_mixed_precision(self, cell: RunConfig) -> list[Seeds]:
        """The runs that stand for a cell of `trained`, where none of them has the cell's own precision; else none."""
        found = [seeds for seeds in self.seeds(cell) if seeds.epochs == cell.epochs]
        return [] if any(seeds.runs[0]["mixed_precision"] == cell.mixed_precision for seeds in found) else found

    def cells(self) -> list[RunConfig]:
        """Configs of the shortest runs, one for all seeds."""
        shortest = [min(runs, key=lambda run: run["epochs"]) for runs in self._by_cell.values()]
        return [RunDirectory(run["path"]).config() for run in shortest]

    def other_cells(self) -> list[RunConfig]:
        """Those of `cells` that are cells of no experiment."""
        return [cell for cell in self.cells() if _key(config_columns(cell)) not in self._asked]


def distinct_cells(cells: Sequence[RunConfig]) -> Iterator[RunConfig]:
    """The cells without those that differ from an earlier one in the seed alone."""
    seen = set()
    for cell in cells:
        if (key := _key(config_columns(cell))) not in seen:
            seen.add(key)
            yield cell


def _key(run: Run) -> tuple:
    return tuple(run[name] if known(run[name]) else None for name in CONFIG_DEFAULTS if name not in NOT_MATCHED)


def known(value: Any) -> bool:
    """Whether a cell of a table holds something: pandas writes what is missing as NaN where a column has numbers."""
    return value is not None and value == value
