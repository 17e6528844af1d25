"""Trains a list of cells: one after the other, several at a time, or on a cluster. One that fails does not stop the rest."""

from __future__ import annotations

import itertools
import os
import queue
import re
import shutil
import subprocess
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import click

from tfrepr.config import RunConfig
from tfrepr.errors import RunInUseError, UserError
from tfrepr.experiments.marking import trial_name
from tfrepr.reading import noted
from tfrepr.registry import EXPERIMENTS
from tfrepr.running.cell_process import IN_USE, CellProcess, Task
from tfrepr.running.grid import GridOptions, shard_of
from tfrepr.running.shared import changed_labels, changed_pictures, grouped, say_faults, shared_faults
from tfrepr.runs import RunDirectory, record_experiment
from tfrepr.training.cost import cores

STATES = ("trained", "finished earlier", "in work elsewhere", "failed")
LONGEST_TABLE = 40
"""A list with more finished runs ends in counts alone; `scripts/report.py` shows such lists better."""


@dataclass(frozen=True)
class Outcome:
    """What became of a cell, one of `STATES`; with `"failed"` the exit code and why."""

    config: RunConfig
    state: str
    exit_code: int = 0
    message: str = ""


def run_cells(name: str, configs: Sequence[RunConfig], output: Path, *, data_dir: Path | None = None,
              progress_bar: bool = False, tensorboard: bool = False, log_steps: int | None = None,
              grid: GridOptions | None = None) -> int:
    """Trains what is not finished, notes the experiment, prints a summary.

    What cells share, their data and their label, is checked before the first one is trained.

    Args:
        name: Name under which the list is noted for `plot_results.py`; that of a trial gets an ending.
        configs: The cells. All of them are noted, also with `grid.shard`.
        output: Folder of all results.
        data_dir, progress_bar, tensorboard, log_steps: See `tfrepr.training.loop.run_cell`.
        grid: Which part of the list, how many cells at a time, where.

    Returns:
        0, or the exit code of the last cell that failed.
    """
    grid = grid or GridOptions()
    chosen = shard_of(configs, grid.shard)
    if chosen != list(configs):
        click.echo(f"Part {grid.shard} of {name}: {len(chosen)} of {len(configs)} cells.")
    if grid.scale != 1:
        click.echo(f"Epochs are scaled by {grid.scale:g}: these runs are shorter than the experiment asks for.")
    training = {"tensorboard": tensorboard, "strategy": grid.strategy, "log_steps": log_steps}
    tasks = [Task(config.to_dict(), str(output), str(data_dir) if data_dir else None, training) for config in chosen]
    answered = {config: _answered(config, output, alone=len(chosen) == 1) for config in chosen}
    left = [config for config in chosen if not answered[config]]
    faults = shared_faults(left, data_dir) | changed_pictures(chosen, output) | changed_labels(chosen, output)
    say_faults(faults, len(chosen))
    outcomes = [Outcome(config, "failed", error.exit_code, str(error)) for config, error in faults.items()]
    able = [task for task in zip(chosen, tasks, strict=True) if task[0] not in faults]
    outcomes += _outcomes([config for config, _ in able], [task for _, task in able], output, progress_bar, grid)
    finished = [run for run in (RunDirectory.of(config, output) for config in configs) if run.finished]
    if finished:
        title = noted_name(name, configs, grid.scale)
        record_experiment(output, title, [run.path.name for run in finished])
        if title != name:
            click.echo(f"Trial runs, shorter than {name} asks for: noted and drawn as {title}, and no part of it in a report.")
        if len(finished) <= LONGEST_TABLE:
            click.echo("\n" + summary(finished))
    if len(configs) > 1:
        click.echo("\n" + account(outcomes, len(configs), len(finished)))
    return next((outcome.exit_code for outcome in reversed(outcomes) if outcome.exit_code), 0)


def noted_name(name: str, configs: Sequence[RunConfig], scale: float) -> str:
    """Under which name a list is noted: its own, or that of a trial of it."""
    return trial_name(name, _on_trial(name, configs, scale))


def _on_trial(name: str, configs: Sequence[RunConfig], scale: float) -> bool:
    """Whether a list is a trial of the experiment, by its scale or because cells are shorter than any experiment asks for."""
    if scale != 1 or name not in EXPERIMENTS:
        return scale != 1
    from tfrepr.results.seeds import asked_epochs, is_trial
    from tfrepr.results.tables import config_columns

    asked = asked_epochs()
    return any(is_trial(config_columns(config), asked) for config in configs)


def _outcomes(configs: Sequence[RunConfig], tasks: Sequence[Task], output: Path, progress_bar: bool,
              grid: GridOptions) -> Iterable[Outcome]:
    """Trains the cells in the way that the options ask for."""
    if grid.engine == "ray":
        return _on_ray(configs, tasks, output, grid)
    if grid.jobs is not None:
        return _side_by_side(configs, tasks, output, grid.jobs, visible_gpus(grid.strategy) or [None])
    return [_in_this_process(config, task, output, progress_bar, alone=len(configs) == 1)
            for config, task in zip(configs, tasks, strict=True)]


def _on_ray(configs: Sequence[RunConfig], tasks: Sequence[Task], output: Path, grid: GridOptions) -> Iterator[Outcome]:
    """Trains on a cluster what needs training."""
    from tfrepr.running.ray_engine import on_ray

    answered = {config: _answered(config, output, alone=False) for config in configs}
    for outcome in filter(None, answered.values()):
        _say_answered(outcome, click.echo)
        yield outcome
    for ended in on_ray([cell for cell in zip(configs, tasks, strict=True) if not answered[cell[0]]], grid):
        outcome = _outcome(*ended)
        click.echo(f"{outcome.config.run_name}: {outcome.state}")
        yield outcome


def _answered(config: RunConfig, output: Path, alone: bool) -> Outcome | None:
    """The outcome of a cell that needs no training now, found without TensorFlow; a single cell is not passed over.

    A finished cell with a damaged config or result has failed: it is not trained over.
    """
    run = RunDirectory.of(config, output)
    try:
        run.restore_config(config)
        if run.finished and run.config() == config and run.metrics("test_accuracy"):
            return Outcome(config, "finished earlier")
    except UserError as error:
        return Outcome(config, "failed", error.exit_code, str(error))
    if not alone and run.in_use:
        return Outcome(config, "in work elsewhere")
    return None


def _say_answered(outcome: Outcome, show: Callable[[str], None]) -> None:
    """Says why a cell is not trained."""
    if outcome.state == "failed":
        click.secho(f"Error: {outcome.config.run_name}: {outcome.message}", fg="red", err=True)
    else:
        show(f"{outcome.config.run_name}: {outcome.state}, skipped.")


def _in_this_process(config: RunConfig, task: Task, output: Path, progress_bar: bool, alone: bool) -> Outcome:
    """Trains a cell here; an error is printed, and is raised where it is nobody's fault and the cell the only one."""
    cell = "" if alone else f"{config.run_name}: "
    if answered := _answered(config, output, alone):
        _say_answered(answered, click.echo)
        return answered
    try:
        task.run(progress_bar=progress_bar)
    except RunInUseError as error:
        click.secho(f"Error: {cell}{error}", fg="red", err=True)
        return Outcome(config, "in work elsewhere", exit_code=error.exit_code if alone else 0)
    except UserError as error:
        click.secho(f"Error: {cell}{error}", fg="red", err=True)
        return Outcome(config, "failed", error.exit_code, str(error))
    except BrokenPipeError:  # nobody reads what is printed: no cell's fault
        raise
    except Exception as error:
        if alone:
            raise
        traceback.print_exc()
        return Outcome(config, "failed", 1, f"{type(error).__name__}: {error}")
    return Outcome(config, "trained")


def _side_by_side(configs: Sequence[RunConfig], tasks: Sequence[Task], output: Path, jobs: int,
                  gpus: Sequence[str | None]) -> Iterator[Outcome]:
    """Trains up to `jobs` cells at a time in processes of their own, which share cores and GPUs evenly."""
    alone, jobs = len(configs) == 1, min(jobs, len(configs)) or 1
    threads = max(1, cores() // jobs)
    running: set[CellProcess] = set()
    stopped = False
    free: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    for _, gpu in zip(range(jobs), itertools.cycle(gpus)):
        free.put(gpu)

    def train(number: int, config: RunConfig, task: Task) -> Outcome:
        show = _numbered(number, len(configs))
        if stopped or (answered := _answered(config, output, alone)):
            outcome = Outcome(config, "failed", 1, "interrupted") if stopped else answered
            _say_answered(outcome, show)
            return outcome
        gpu = free.get()
        process = CellProcess(task, threads=threads, gpu=gpu)
        running.add(process)
        if stopped:  # since the look above: nobody else ends a process that was not in the list then
            process.kill()
        try:
            outcome = _outcome(config, *process.follow(show))
        finally:
            running.discard(process)
            free.put(gpu)
        if outcome.state == "trained" and not RunDirectory.of(config, output).finished:
            return Outcome(config, "failed", 1, "its process ended without a result")
        in_use_alone = alone and outcome.state == "in work elsewhere"
        return replace(outcome, exit_code=RunInUseError.exit_code) if in_use_alone else outcome

    with ThreadPoolExecutor(jobs) as pool:
        try:
            futures = [pool.submit(train, *cell) for cell in zip(itertools.count(1), configs, tasks)]
            yield from (future.result() for future in as_completed(futures))
        finally:  # after an interruption: no new cells, and an end to those that run
            stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.kill()


def _outcome(config: RunConfig, code: int, last_line: str) -> Outcome:
    """Reads a process's end."""
    if code == 0:
        return Outcome(config, "trained")
    if code == IN_USE:
        return Outcome(config, "in work elsewhere")
    return Outcome(config, "failed", max(1, code), last_line.removeprefix("Error: "))


def _numbered(number: int, count: int) -> Callable[[str], None]:
    """A printer of lines that says which cell they come from."""
    return lambda line: click.echo(f"[{number}/{count}] {line}")


def visible_gpus(strategy: str) -> list[str]:
    """The names of several GPUs, for processes in turn; none where there are fewer, or where a cell takes all of them."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None and shutil.which("nvidia-smi"):
        found = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
        listed = ",".join(re.findall(r"^GPU (\d+):", found, flags=re.M))
    names = [name.strip() for name in (listed or "").split(",") if name.strip()]
    return names if len(names) > 1 and strategy == "none" else []


def account(outcomes: Sequence[Outcome], cells: int, finished: int) -> str:
    """How the cells ended, and why the failed ones failed, each reason once."""
    counts = Counter(outcome.state for outcome in outcomes)
    lines = [f"{finished} of {cells} cells are finished. This time: "
             + (", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "nothing to do") + "."]
    failed = grouped((outcome for outcome in outcomes if outcome.state == "failed"), lambda outcome: outcome.message)
    lines += [f"  {same[0].config.run_name}{f' and {len(same) - 1} more' if same[1:] else ''}: {same[0].message}"
              for same in failed]
    if counts["failed"]:
        lines.append("The same command tries them again and leaves the finished ones as they are.")
    return "\n".join(lines)


def summary(runs: Sequence[RunDirectory]) -> str:
    """A table: label, test accuracy, threshold accuracy, training time, run directory."""
    rows = [("label", "test accuracy", "under threshold", "training", "run directory")]
    rows += [row for run in runs if (row := noted(lambda run=run: _summary_row(run), None))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _summary_row(run: RunDirectory) -> tuple[str, ...]:
    metrics = run.metrics("test_accuracy", "train_seconds")
    understood = metrics.get("test_threshold_accuracy")
    return (run.config().label, f"{metrics['test_accuracy']:.2%}", "-" if understood is None else f"{understood:.2%}",
            f"{metrics['train_seconds']:.0f} s", str(run.path))
