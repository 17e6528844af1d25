"""Train one cell, or a named list of cells. Without arguments: the experiment `quickstart`."""

import sys
from pathlib import Path
from typing import Any

import click

from tfrepr.cli import (
    command,
    command_line,
    data_dir_option,
    given,
    output_option,
    record_from,
    record_options,
    say_next,
    user_errors,
    voice_list_option,
)
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.experiments.cells import cells_from_options
from tfrepr.experiments.marking import is_measured, keeps_features
from tfrepr.experiments.measurements import measure
from tfrepr.labels.options import LabelOptions
from tfrepr.options import MOST_STEPS, off_default
from tfrepr.registry import EXPERIMENTS
from tfrepr.results.features import request_features
from tfrepr.running.grid import GridOptions, scaled
from tfrepr.running.overview import experiment_list, forecast
from tfrepr.running.runner import noted_name, run_cells
from tfrepr.runs import RunDirectory


@command()
@click.option("--experiment", metavar="NAME", default=None,
              help="a named list of cells; an option then keeps the cells that have its value, or, where none has it, changes "
                   f"every cell; names may be listed, as a,b ({', '.join(EXPERIMENTS.names())})")
@record_options(RunConfig, leave_out=("folder",))
@record_options(LabelOptions)
@record_options(GridOptions)
@voice_list_option
@click.option("--list", "show_list", is_flag=True, help="show all experiments, with what is done and left, and leave")
@data_dir_option("folder with the data set's files")
@output_option("folder of all results")
@click.option("--tensorboard", is_flag=True, help="write TensorBoard events to the run directory as well")
@click.option("--features", is_flag=True, help="keep features of test images at 10, 30, 50, 70 and 100% of the training")
@click.option("--log-steps", type=click.IntRange(1, MOST_STEPS), metavar="N", default=None,
              help="write the training loss of every N steps to steps.csv in the run directory")
@user_errors
def main(experiment: str | None, data_dir: Path | None, output: Path, tensorboard: bool, features: bool, show_list: bool,
         log_steps: int | None, **options) -> None:
    """Train an image classifier on a label representation.

    Without options: the experiment `quickstart`. With --experiment: a named list of cells. Otherwise the options describe one
    cell. A finished cell is skipped, an interrupted one goes on where it stopped, one that another process trains is left to
    it. A cell that fails does not stop the others.
    """
    grid = record_from(GridOptions, options)
    if show_list:
        _check_list_alone(experiment, grid, options)
        click.echo(experiment_list(output, grid.scale))
        say_next(command_line("train", experiment="NAME", dry_run=True, output=output))
        return
    if experiment is not None and is_measured(experiment) and (others := given(options)):
        raise UserError(f"--experiment {experiment} measures everything as it is by default, and takes no "
                        f"--{next(iter(others)).replace('_', '-')}. Leave the option out; scripts/label_stats.py measures "
                        "labels that are made in other ways.")
    name, configs = cells_from_options(experiment, given(options), data_dir)
    configs = scaled(configs, grid.scale)
    if grid.dry_run:
        click.echo(forecast(name, configs, output, grid, features or keeps_features(name)))
        click.echo("Next: the same command without --dry-run")
        return
    if is_measured(name):
        measure(name, output)
        say_next(command_line("report", output=output))
        return
    for run_name in request_features(configs, output) if features or keeps_features(name) else ():
        click.secho(f"{run_name}: finished without --features; only those of its last epoch can still be had, with "
                    "scripts/analyse.py.", fg="yellow", err=True)
    exit_code = run_cells(name, configs, output, data_dir=data_dir, progress_bar=sys.stdout.isatty(), tensorboard=tensorboard,
                          log_steps=log_steps, grid=grid)
    if exit_code == 0 and any(RunDirectory.of(config, output).finished for config in configs):
        noted = noted_name(name, configs, grid.scale)
        attack = [command_line("attack", experiment=noted, data_dir=data_dir, output=output)]  # no attack crops images
        say_next(command_line("plot_results", experiment=noted, output=output),
                 *(attack if all(config.preprocessing == "dataset" for config in configs) else []))
    sys.exit(exit_code)


def _check_list_alone(experiment: str | None, grid: GridOptions, options: dict[str, Any]) -> None:
    """Refuses `--list` beside options that it does not read.

    Raises:
        UserError: Names them.
    """
    others = {"experiment": experiment, **off_default(grid), **options}
    if flags := ", ".join(f"--{name.replace('_', '-')}" for name in given(others) if name != "scale"):
        raise UserError(f"--list shows all experiments and takes --output and --scale only. Received as well: {flags}. For the "
                        "cells of one experiment: --experiment NAME --dry-run.")
