"""Runs a list of cells one after the other; one that fails does not stop the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.runs import RunDirectory, record_experiment


def run_cells(name: str, configs: Sequence[RunConfig], output: Path, *, data_dir: Path | None, progress_bar: bool,
              tensorboard: bool) -> int:
    """Trains what is not finished, notes the experiment, prints a table.

    Args:
        name: Name under which the list is noted for `plot_results.py`.
        configs: The cells.
        output: Folder of all results.
        data_dir, progress_bar, tensorboard: See `tfrepr.training.loop.run_cell`.

    Returns:
        0, or the exit code of the last cell that failed.
    """
    exit_code = 0
    for config in configs:
        try:
            _run_cell(config, output, data_dir, progress_bar, tensorboard)
        except UserError as error:
            cell = f"{config.run_name}: " if len(configs) > 1 else ""
            click.secho(f"Error: {cell}{error}", fg="red", err=True)
            exit_code = error.exit_code
    runs = [run for run in (RunDirectory.of(config, output) for config in configs) if run.finished]
    if runs:
        record_experiment(output, name, [run.path.name for run in runs])
        click.echo("\n" + summary(runs))
    return exit_code


def _run_cell(config: RunConfig, output: Path, data_dir: Path | None, progress_bar: bool, tensorboard: bool) -> None:
    run = RunDirectory.of(config, output)
    if run.finished and run.config() == config:  # answered here, before TensorFlow is imported
        click.echo(f"{config.run_name}: finished earlier, skipped.")
        return
    from tfrepr.training.loop import run_cell

    run_cell(config, output, data_dir=data_dir, progress_bar=progress_bar, tensorboard=tensorboard)


def summary(runs: Sequence[RunDirectory]) -> str:
    """A table: label, test accuracy, threshold accuracy, training time, run directory."""
    rows = [("label", "test accuracy", "under threshold", "training", "run directory")]
    for run in runs:
        metrics, understood = run.metrics(), run.metrics()["test_threshold_accuracy"]
        rows.append((run.config().label, f"{metrics['test_accuracy']:.2%}", "-" if understood is None else f"{understood:.2%}",
                     f"{metrics['train_seconds']:.0f} s", str(run.path)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
