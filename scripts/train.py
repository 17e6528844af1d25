#!/usr/bin/env python
"""Train one cell, or a named list of cells. Without arguments: the experiment `quickstart`."""

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.analysis.features import request_features
from tfrepr.cli import given, record_options, user_errors, voice_list_option
from tfrepr.config import RunConfig
from tfrepr.experiments.cells import cells_from_options
from tfrepr.experiments.grid import GridOptions, scaled
from tfrepr.experiments.measurements import measure, measurement_file
from tfrepr.experiments.overview import experiment_list, forecast
from tfrepr.experiments.runner import run_cells
from tfrepr.labels.options import LabelOptions
from tfrepr.registry import EXPERIMENTS


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--experiment", metavar="NAME", default=None,
              help=f"a named list of cells; other options then change every cell ({', '.join(EXPERIMENTS.names())})")
@record_options(RunConfig, leave_out=("folder",))
@record_options(LabelOptions)
@voice_list_option
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="folder with the data set's files")
@click.option("--output", type=click.Path(path_type=Path), default=Path("output"), show_default=True,
              help="folder of all results")
@click.option("--tensorboard", is_flag=True, help="write TensorBoard events to the run directory as well")
@click.option("--features", is_flag=True, help="keep features of test images at 10, 30, 50, 70 and 100% of the training")
@user_errors
def main(experiment: str | None, data_dir: Path | None, output: Path, tensorboard: bool, features: bool, **options) -> None:
    """Train an image classifier on a label representation.

    Without options: the experiment `quickstart`. With --experiment: a named list of cells. Otherwise the options describe one
    cell. A finished cell is skipped, an interrupted one goes on where it stopped.
    """
    name, configs = cells_from_options(experiment, given(options), data_dir)
    for run_name in request_features(configs, output) if features else ():
        click.secho(f"{run_name}: finished without --features; only those of its last epoch can still be had, with "
                    "scripts/analyse.py.", fg="yellow", err=True)
    sys.exit(run_cells(name, configs, output, data_dir=data_dir, progress_bar=sys.stdout.isatty(), tensorboard=tensorboard))


if __name__ == "__main__":
    main()
