"""Lists of cells on a Ray cluster: the processes of `tfrepr.running.cell_process`, started wherever there is room.

Every machine needs this repository, its Python environment and the output folder (and the data) under the same paths, as on a
shared disk. `RAY_ADDRESS` names the cluster; without it Ray starts one on this machine. A cell whose machine or process dies is
tried again, up to `RETRIES` times, and goes on from its last epoch.
"""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from tfrepr.config import RunConfig
from tfrepr.errors import UserError, how_to_install
from tfrepr.running.cell_process import CellProcess, Task, python_path
from tfrepr.running.grid import GridOptions

RETRIES = 3


class KilledError(RuntimeError):
    """A cell's process was ended by a signal, for example for want of memory."""


def on_ray(cells: Sequence[tuple[RunConfig, Task]], grid: GridOptions) -> Iterator[tuple[RunConfig, int, str]]:
    """Trains cells on the cluster.

    Args:
        cells: Configs and what to do for them.
        grid: `jobs`, `cell_cpus` and `cell_gpus` are read.

    Yields:
        Config, exit code and last line of output of each cell, in the order in which they end.

    Raises:
        UserError: Ray is not installed, or its cluster cannot be reached.
    """
    if not cells:
        return
    ray = _connect()
    try:
        cpus, gpus = shares(ray.cluster_resources(), len(ray.nodes()), grid)
        click.echo(f"Ray: {len(cells)} cells, each with {cpus:g} cores and {gpus:g} GPUs.")
        train = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES, retry_exceptions=[KilledError])(train_cell)
        pending = {train.remote(asdict(_absolute(task)), int(max(1, cpus))): config for config, task in cells}
        while pending:
            (ended, *_), _ = ray.wait(list(pending))
            yield pending.pop(ended), *_result(ray, ended)
    finally:
        ray.shutdown()


def shares(resources: Mapping[str, float], machines: int, grid: GridOptions) -> tuple[float, float]:
    """Cores and GPUs of a cell: the given ones, else the cluster's divided by the number of jobs.

    Without `jobs` there is one cell a GPU, or one a machine where there are none.
    """
    jobs = grid.jobs or max(int(resources.get("GPU", 0)), machines)
    cpus = grid.cell_cpus or max(1, math.floor(resources.get("CPU", 1) / jobs))
    gpus = grid.cell_gpus if grid.cell_gpus is not None else min(1.0, resources.get("GPU", 0) / jobs)
    return float(cpus), math.floor(gpus * 10_000) / 10_000  # Ray counts GPUs in ten-thousandths


def train_cell(task: dict[str, Any], threads: int) -> tuple[int, str]:
    """Runs on the cluster: one cell in a process of its own, which sees the GPUs that Ray gives to this task.

    Returns:
        Exit code and last line of output.

    Raises:
        KilledError: A signal ended the process.
    """
    name = RunConfig.from_dict(task["config"]).run_name
    code, last = CellProcess(Task(**task), threads=threads).follow(lambda line: print(f"{name}: {line}", flush=True))
    if code < 0:
        raise KilledError(last)
    return code, last


def _connect() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UserError(f"--engine ray needs the package ray. {how_to_install('ray')}") from None
    termination = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(logging_level="warning", runtime_env={"env_vars": {"PYTHONPATH": python_path()}})
    except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
        raise UserError(f"The Ray cluster cannot be reached ({error}). Set RAY_ADDRESS to its address, or unset it to use this "
                        "machine alone.") from None
    signal.signal(signal.SIGTERM, termination)  # Ray's own way would leave without a word
    return ray


def _absolute(task: Task) -> Task:
    """The task with paths that hold in any working directory."""
    data_dir = str(Path(task.data_dir).resolve()) if task.data_dir else None
    return replace(task, output=str(Path(task.output).resolve()), data_dir=data_dir)


def _result(ray: Any, ended: Any) -> tuple[int, str]:
    try:
        return ray.get(ended)
    except (ray.exceptions.RayError, KilledError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return 1, lines[-1]
