"""Train where labels are missing: label the unlabelled images with a first network and train again."""

import sys
from pathlib import Path

from tfrepr.cli import command, given, user_errors
from tfrepr.weak_labels.command import command_options, configs_from_options, list_name, run_configs
from tfrepr.weak_labels.options import PseudoLabelConfig


@command()
@command_options(PseudoLabelConfig, "missing-labels")
@user_errors
def main(experiment: str | None, data_dir: Path | None, output: Path, plots: Path, **options) -> None:
    """Pseudo-labelling: train on the labelled images, label the others with the network, train on both, and again.

    Hides labels of a data source (--labelled-percent), or takes a folder of pictures with a sub-folder `unlabelled`. A finished
    run is skipped, an interrupted one goes on where it stopped.
    """
    configs = configs_from_options(PseudoLabelConfig, experiment, given(options), data_dir)
    from tfrepr.weak_labels.pseudo_labelling import run_pseudo_labelling

    sys.exit(run_configs(run_pseudo_labelling, configs, output, plots, list_name(experiment, configs), data_dir=data_dir))
