"""Do high-dimensional labels help when labels are missing or wrong? Two experiments, for three labels."""

from __future__ import annotations

from tfrepr.registry import WEAK_EXPERIMENTS
from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig

STUDIED_LABELS = ("category", "speech", "random")
GENTLE = {"crop_area": 0.7, "batch_size": 32}
"""For digits: crops of a third of a digit show no digit."""


@WEAK_EXPERIMENTS.register("missing-labels")
def missing_labels() -> list[PseudoLabelConfig]:
    """5, 10, 20 and 50% labelled, pseudo-labelling for two iterations; category, speech and random.

    Command: `python scripts/pseudo_label.py --experiment missing-labels`. The report on missing labels has 82.24% for its own
    images and ResNet-50, which are not public; here are digits and ResNet-8.
    """
    return [PseudoLabelConfig(label=label, labelled_percent=percent, **GENTLE)
            for label in STUDIED_LABELS for percent in (5.0, 10.0, 20.0, 50.0)]


@WEAK_EXPERIMENTS.register("noisy-labels")
def noisy_labels() -> list[CleaningConfig]:
    """0, 20 and 40% wrong labels, confident learning by cleanlab; category, speech and random.

    Command: `python scripts/clean_labels.py --experiment noisy-labels`. Both trainings have the same stages (`--retrain
    block`). They differ in the cleaning, and in the draw of initial weights, order and crops: where nothing was flagged,
    category differs by 1.1 points all the same. The report has 83% for its own images.
    """
    return [CleaningConfig(label=label, noise_rate=rate, folds=3, retrain="block", **GENTLE)
            for label in STUDIED_LABELS for rate in (0.0, 0.2, 0.4)]
