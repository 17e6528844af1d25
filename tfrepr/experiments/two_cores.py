"""The paper's claims at the size that two CPU cores can train in an evening: fewer epochs, one encoder, CIFAR-10 alone.

These runs are first looks: the verdicts of README and RESULTS.md rest on those of `tfrepr.experiments.evidence`. Schedules are
the paper's, in proportion to the epochs.
"""

from __future__ import annotations

from tfrepr.config import RunConfig
from tfrepr.experiments.beyond_categorical import SEEDS, SMOOTHING
from tfrepr.experiments.marking import with_features
from tfrepr.registry import EXPERIMENTS

LOW_DATA_EPOCHS = 100
LOW_DATA_LABELS = ("category", "speech", "random", "composite", "shuffle", "constant", "lowdim")
ALL_DATA_EPOCHS = 10


@EXPERIMENTS.register("two-cores-low-data")
def low_data() -> list[RunConfig]:
    """Figure 4 in small: 1% with eight labels and three seeds, 4% with four and two; ResNet-32, and VGG19 once.

    With 1% of the images 100 epochs are 400 steps, which suit a one-hot label better than one that must be drawn pixel by
    pixel. So category and speech are trained for the paper's 200 and 600 epochs, too.

    Commands: `python scripts/train.py --experiment two-cores-low-data --jobs 2 --data-dir data`, then
    `python scripts/plot_results.py --experiment two-cores-low-data --figure figure4`.
    Expected: as `figure4`, but 100 epochs instead of 200 and 600 do not bring a network to its end.
    Cost: 40 runs, about five hours on two CPU cores.
    """
    one_percent = [run for seed in SEEDS for run in (
        *(_low_data(label, 1.0, seed) for label in LOW_DATA_LABELS),
        _low_data("category", 1.0, seed).replace(label_smoothing=SMOOTHING))]
    vgg19 = [RunConfig(dataset="cifar10", encoder="vgg19", label=label, percent=1.0, epochs=LOW_DATA_EPOCHS,
                       validation_every=10) for label in LOW_DATA_LABELS[:2]]
    four_percent = [_low_data(label, 4.0, seed) for seed in SEEDS[:2] for label in LOW_DATA_LABELS[:4]]
    as_long_as_the_paper = [RunConfig(dataset="cifar10", encoder="resnet32", label=label, percent=1.0, seed=seed,
                                      validation_every=20) for seed in SEEDS for label in LOW_DATA_LABELS[:2]]
    return [*one_percent, *vgg19, *four_percent, *as_long_as_the_paper]


@EXPERIMENTS.register("two-cores-all-data")
@with_features
def all_data() -> list[RunConfig]:
    """Table 1 and Figures 2, 3 and 5 to 7 in small: all training images for ten epochs, four labels, ResNet-32, one seed.

    Commands: `python scripts/train.py --experiment two-cores-all-data --data-dir data`, then
    `python scripts/attack.py --experiment two-cores-all-data` with each protocol, then `python scripts/plot_results.py`.
    Expected: the order of the labels in Table 1; ten epochs end some points below the paper's 200 and 600.
    Cost: 4 runs, about 80 minutes on two CPU cores.
    """
    return [RunConfig(dataset="cifar10", encoder="resnet32", label=label, epochs=ALL_DATA_EPOCHS)
            for label in ("category", "speech", "random", "constant")]


def _low_data(label: str, percent: float, seed: int) -> RunConfig:
    return RunConfig(dataset="cifar10", encoder="resnet32", label=label, percent=percent, seed=seed, epochs=LOW_DATA_EPOCHS,
                     validation_every=10)
