"""Train where labels are wrong: find the wrong ones by confident learning and train again without them."""

import sys
from pathlib import Path

from tfrepr.cli import command, given, user_errors
from tfrepr.weak_labels.command import command_options, configs_from_options, list_name, run_configs
from tfrepr.weak_labels.options import CleaningConfig


@command()
@command_options(CleaningConfig, "noisy-labels")
@user_errors
def main(experiment: str | None, data_dir: Path | None, output: Path, plots: Path, **options) -> None:
    """Confident learning: train with cross-validation, find wrong labels with cleanlab, train again without them.

    Makes labels of a data source wrong (--noise-rate), or takes a folder of pictures as it is. The run directory holds a list
    of all labels, the most suspect first, and a picture sheet of these; of a folder, the labels of test pictures too. A
    finished run is skipped, an interrupted one goes on where it stopped.
    """
    configs = configs_from_options(CleaningConfig, experiment, given(options), data_dir)
    from tfrepr.weak_labels.cleaning import run_cleaning

    sys.exit(run_configs(run_cleaning, configs, output, plots, list_name(experiment, configs), data_dir=data_dir))
