#!/usr/bin/env python
"""Train where labels are missing: label the unlabelled images with a first network and train again."""

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import given, record_options, user_errors, voice_list_option
from tfrepr.experiments.weak_labels import configs_from_options, run_configs
from tfrepr.labels.options import LabelOptions
from tfrepr.weak_labels.options import PseudoLabelConfig


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--experiment", metavar="NAME", default=None, help="missing-labels; other options then change every run of it")
@record_options(PseudoLabelConfig, leave_out=("folder",))
@record_options(LabelOptions)
@voice_list_option
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="folder with the data set's files")
@click.option("--output", type=click.Path(path_type=Path), default=Path("output"), show_default=True,
              help="folder of all results; runs go to its sub-folder weak_labels")
@click.option("--plots", type=click.Path(path_type=Path), default=Path("plots"), show_default=True,
              help="folder for table and figure")
@user_errors
def main(experiment: str | None, data_dir: Path | None, output: Path, plots: Path, **options) -> None:
    """Pseudo-labelling: train on the labelled images, label the others with the network, train on both, and again.

    Hides labels of a data source (--labelled-percent), or takes a folder of pictures with a sub-folder `unlabelled`. A finished
    run is skipped, an interrupted one goes on where it stopped.
    """
    configs = configs_from_options(PseudoLabelConfig, experiment, given(options), data_dir)
    from tfrepr.weak_labels.pseudo_labelling import run_pseudo_labelling

    sys.exit(run_configs(run_pseudo_labelling, configs, output, plots, experiment or configs[0].run_name, data_dir=data_dir))


if __name__ == "__main__":
    main()
