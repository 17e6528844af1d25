"""A student reproduction of Chen et al. (ICLR 2021), which ran the authors' code for 30 epochs."""

from __future__ import annotations

import itertools

from tfrepr.config import CIFAR_TRAINING_IMAGES, RunConfig
from tfrepr.registry import EXPERIMENTS

LABELS = ("category", "speech", "constant")
SUBSETS = ((100.0, None), (4.0, CIFAR_TRAINING_IMAGES), (1.0, CIFAR_TRAINING_IMAGES))
"""Percent of the training images, and of which count."""
EPOCHS = 30


@EXPERIMENTS.register("miniproject")
def miniproject() -> list[RunConfig]:
    """Student report: CIFAR-10, ResNet-110, 30 epochs, 100, 4 and 1 percent; losses and validation accuracy over epochs.

    What the report calls uniform is the authors' name for `constant`. Its 30 epochs are the authors' script cut short, whose
    first drop of the rate comes at epoch 300: schedule `constant`. Each cell has a second one whose drops come at epochs 15
    and 23, as `--epochs 30` means elsewhere here. The report gives its levels once as 4 and 1 percent and once as 4 and 2;
    it states no number of runs, so there is one seed (`--seed 1` adds another).

    Command: `python scripts/train.py --experiment miniproject`, then `python scripts/plot_results.py --experiment miniproject`.
    Expected: with all images speech is about equal to category and above constant; with 1 percent speech is above both.
    Cost: 18 runs, about 35 minutes on one data-centre GPU (the report: 5 hours for its nine on a cloud GPU).
    """
    return [RunConfig(dataset="cifar10", encoder="resnet110", label=label, percent=percent, percent_of=percent_of,
                      epochs=EPOCHS, schedule=schedule)
            for schedule, (percent, percent_of), label in itertools.product(("constant", "step"), SUBSETS, LABELS)]
