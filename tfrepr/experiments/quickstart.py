"""The first thing that a newcomer runs."""

from tfrepr.config import RunConfig
from tfrepr.registry import EXPERIMENTS


@EXPERIMENTS.register("quickstart")
def quickstart() -> list[RunConfig]:
    """Digits, ResNet-32, one-hot labels against spoken ones, in minutes on two CPU cores.

    Not in the paper; a small stand-in for Table 1 on scikit-learn's 1,797 digits.

    Command: `python scripts/train.py --experiment quickstart`, which `python scripts/train.py` stands for.
    Expected: with each label 98% to 99% of the answers to test digits are right (nearest label).
    Cost: 2 runs, about two minutes on two CPU cores; `make demo`, which does more, was measured at 2.4.
    """
    shared = {"dataset": "digits", "encoder": "resnet32", "epochs": 10, "batch_size": 32}
    return [RunConfig(label=label, **shared) for label in ("category", "speech")]
