#!/usr/bin/env python
"""Train where labels are wrong: find the wrong ones by confident learning and train again without them."""

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import given, record_options, user_errors, voice_list_option
from tfrepr.experiments.weak_labels import configs_from_options, run_configs
from tfrepr.labels.options import LabelOptions
from tfrepr.weak_labels.options import CleaningConfig


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--experiment", metavar="NAME", default=None, help="noisy-labels; other options then change every run of it")
@record_options(CleaningConfig, leave_out=("folder",))
@record_options(LabelOptions)
@voice_list_option
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="folder with the data set's files")
@click.option("--output", type=click.Path(path_type=Path), default=Path("output"), show_default=True,
              help="folder of all results; runs go to its sub-folder weak_labels")
@click.option("--plots", type=click.Path(path_type=Path), default=Path("plots"), show_default=True,
              help="folder for table and figure")
@user_errors
def main(experiment: str | None, data_dir: Path | None, output: Path, plots: Path, **options) -> None:
    """Confident learning: train with cross-validation, find wrong labels with cleanlab, train again without them.

    Makes labels of a data source wrong (--noise-rate), or takes a folder of pictures as it is. The run directory holds a list
    of all labels, the most suspect first, and a picture sheet of these. A finished run is skipped, an interrupted one goes on
    where it stopped.
    """
    configs = configs_from_options(CleaningConfig, experiment, given(options), data_dir)
    from tfrepr.weak_labels.cleaning import run_cleaning

    sys.exit(run_configs(run_cleaning, configs, output, plots, experiment or configs[0].run_name, data_dir=data_dir))


if __name__ == "__main__":
    main()
