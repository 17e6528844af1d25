"""How a list of cells is trained: how much of it, how many at a time and on what. None of this decides what a run gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.options import option, validate
from tfrepr.options import scaled as scaled_count

ENGINES = ("local", "ray")
STRATEGIES = ("none", "mirrored")
MOST_PARTS = 10_000
"""Of processes, cores and GPUs."""


@dataclass(frozen=True)
class GridOptions:
    """Options of the grid runner."""

    scale: float = option(1.0, "epochs of every cell times X, rounded up", above=0, at_most=1)
    jobs: int | None = option(None, "cells trained at the same time, each in a process of its own (default: one after the "
                              "other in this process)", at_least=1, at_most=MOST_PARTS)
    shard: str | None = option(None, "I/N: the I-th of N parts of the list, for job arrays")
    engine: str = option("local", "what runs the processes; ray: a cluster (the extra ray)", choices=ENGINES)
    cell_cpus: float | None = option(None, "ray: cores reserved for a cell (default: the cluster's divided by --jobs)", above=0,
                                     at_most=MOST_PARTS)
    cell_gpus: float | None = option(None, "ray: GPUs reserved for a cell, such as 0.25 (default: the same)", at_least=0,
                                     at_most=MOST_PARTS)
    strategy: str = option("none", "mirrored: every batch of a cell is divided over all GPUs of the machine",
                           choices=STRATEGIES)
    dry_run: bool = option(False, "show which cells are left and what they would take, and train nothing")

    def __post_init__(self) -> None:
        validate(self)
        parse_shard(self.shard)
        if self.engine != "ray" and (self.cell_cpus, self.cell_gpus) != (None, None):
            raise UserError("cell-cpus and cell-gpus belong to --engine ray. Received: engine local.")


def parse_shard(text: str | None) -> tuple[int, int]:
    """`"2/5"` as (2, 5), None as (1, 1).

    Raises:
        UserError: Anything else.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text or "1/1")
    index, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= index <= count:
        raise UserError(f"shard must be I/N with I from 1 to N, for example 2/5. Received: {text!r}.")
    return index, count


def shard_of(configs: Sequence[RunConfig], shard: str | None) -> list[RunConfig]:
    """Every N-th cell from the I-th on; the N parts together are the list, without overlap."""
    index, count = parse_shard(shard)
    return list(configs[index - 1::count])


def scaled(configs: Sequence[RunConfig], scale: float) -> list[RunConfig]:
    """The cells with their epochs times `scale`, rounded up; rate drops move in proportion."""
    return [config.replace(epochs=scaled_count(config.epochs, scale)) for config in configs]
