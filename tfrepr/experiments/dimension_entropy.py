"""Is it the dimension of a label or its entropy? A 2 x 2 with one loss and one recipe, which the paper does not have."""

from __future__ import annotations

from tfrepr.config import RunConfig
from tfrepr.experiments.beyond_categorical import SEEDS
from tfrepr.experiments.evidence import EQUAL_EPOCHS, one_percent, whole_data
from tfrepr.registry import EXPERIMENTS

FACTORS = {"onehot": (False, False), "lowdim": (False, True), "blocks": (True, False), "random": (True, True)}
"""By label: whether its dimension is high (64 x 64, not 10 numbers), whether its entropy is high (every value another)."""


@EXPERIMENTS.register("dimension-entropy")
def dimension_entropy() -> list[RunConfig]:
    """Dimension against entropy: onehot, lowdim, blocks and random, with 1% of CIFAR-10 and with all of it; ResNet-32.

    The paper ascribes robustness and data efficiency to labels of high dimension and high entropy (section 1), but compares
    labels that differ in the loss, too. These four share the loss (smooth L1), the encoder and the recipe of section A.4.1;
    labels of one dimension share the head, those of one entropy the kind of row. 1% is counted of 50,000 images, as in
    section 3.2: 500 images, the paper's 600 epochs, three seeds. All images: 60 epochs, a tenth of the schedule, one seed;
    these are the cells of `--scale 0.1` of the paper's experiments.

    What is not held apart: rows of high entropy lie farther from each other (mean smooth L1 of two rows: onehot 15.9, blocks
    14.9, lowdim 26.6, random 26.2), and where nine rows of ten are 0, the best constant answer is 0, a plateau that training
    must leave first. A label that stays on it in so many steps counts as it is.

    Commands: `python scripts/train.py --experiment dimension-entropy --jobs 2`, `python scripts/attack.py --experiment
    dimension-entropy --protocol adaptive --images 1000` (with `--no-transfer` where there are no categorical runs of the same
    data and seeds), then `python scripts/plot_results.py --experiment dimension-entropy --figure dimension-entropy`.
    Expected: by the paper's hypothesis both main effects are above zero, in accuracy with 1% and in robust accuracy.
    Cost: 12 runs with 1%, about 5 core-hours, and 4 with all images, about 13 (ResNet-32, 235 images/s on one core).
    """
    few = [one_percent(label, seed) for seed in SEEDS for label in FACTORS]
    return [*few, *(whole_data(label, EQUAL_EPOCHS) for label in FACTORS)]
