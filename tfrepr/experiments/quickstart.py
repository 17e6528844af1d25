"""The first thing that a newcomer runs."""

from tfrepr.config import RunConfig
from tfrepr.registry import EXPERIMENTS


@EXPERIMENTS.register("quickstart")
def quickstart() -> list[RunConfig]:
    """Digits, ResNet-32, one-hot labels against spoken ones, in minutes on two CPU cores.

    Command: `python scripts/train.py`. Not in the paper; a small stand-in for Table 1 on scikit-learn's 1,797 digits.
    """
    shared = {"dataset": "digits", "encoder": "resnet32", "epochs": 10, "batch_size": 32}
    return [RunConfig(label=label, **shared) for label in ("category", "speech")]
