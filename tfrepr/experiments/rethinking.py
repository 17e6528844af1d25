"""Experiments of "Understanding deep learning requires rethinking generalization" (Zhang et al. 2016), and one of our own.

The paper leaves epochs and batch size open; 100 epochs and batches of 200 on all 50,000 images give 25,000 steps, the length of
its Figure 1a. There is no validation set: the accuracy that matters is the one on the training images. Costs are counted in
steps, since the time of these networks on CIFAR-10 has not been measured.

Reference: https://arxiv.org/abs/1611.03530, section 2 and appendix A.
"""

from __future__ import annotations

from tfrepr.config import RunConfig
from tfrepr.registry import EXPERIMENTS

RATES = {"mini-inception": 0.1, "mini-inception-nobn": 0.1, "alexnet-small": 0.01, "mlp1x512": 0.01, "mlp3x512": 0.01}
"""The five networks and their initial learning rates (appendix A)."""
CORRUPTIONS = ("true_labels", "random_labels", "shuffled_pixels", "random_pixels", "gaussian")
LEVELS = (0.2, 0.4, 0.6, 0.8)
LEVEL_NETWORKS = ("mini-inception", "alexnet-small", "mlp1x512")
LABELS = ("category", "speech", "random", "constant")
LABEL_NETWORKS = ("mini-inception", "mlp3x512")


@EXPERIMENTS.register("rethinking-fig1")
def rethinking_fig1() -> list[RunConfig]:
    """Zhang et al. 2016, Figure 1a: five networks memorise CIFAR-10 under five corruptions, 25 runs.

    Command: `python scripts/train.py --experiment rethinking-fig1`, with `--encoder mlp1x512,mlp3x512` and
    `--corruption random_labels` for a part of it; then `python scripts/plot_results.py --network all` or `each`.

    Expected: with MiniInceptionV3 the training loss approaches 0 under every corruption; random labels take longer than true
    ones by a small constant factor, random pixels and Gaussian noise converge faster than random labels. The student's
    reproduction agrees for MiniInceptionV3 with batch normalisation and diverges strongly for the other four networks; its
    curve "shuffled pixels" shows unshuffled images.
    Cost: 25 runs of 25,000 steps.
    """
    return [cell(encoder, corruption=corruption) for encoder in RATES for corruption in CORRUPTIONS]


@EXPERIMENTS.register("rethinking-levels")
def rethinking_levels() -> list[RunConfig]:
    """Zhang et al. 2016, Figures 1b and 1c: time to convergence and test error when 0, 20 ... 100% of the labels are random.

    Command: `python scripts/train.py --experiment rethinking-levels`.

    Expected: convergence slows down as the level rises, by a small factor, and the test error rises to 90% at full corruption.
    Our test labels are corrupted at the same level.
    Cost: 18 runs of 25,000 steps; six of them, the levels 0 and 100%, are cells of `rethinking-fig1`.
    """
    return [config for encoder in LEVEL_NETWORKS for config in
            (cell(encoder), *(cell(encoder, corruption="random_labels", corruption_level=level) for level in (*LEVELS, 1.0)))]


@EXPERIMENTS.register("labels-under-corruption")
def labels_under_corruption() -> list[RunConfig]:
    """Does a network that must speak a random word memorise later than one that must tick a random box? 16 runs.

    Category, speech, random and constant labels, true and drawn at random, by two networks, each at its own rate whatever the
    label. With images of 28x28 the matrices have 56x56 elements.

    Command: `python scripts/train.py --experiment labels-under-corruption`; the steps until a training accuracy of 95%, and
    their ratio to true labels, are printed and written by `python scripts/plot_results.py --experiment
    labels-under-corruption`.
    Expected: nothing beforehand, since neither paper has it.
    Cost: 16 runs of 25,000 steps; four of them, those of category, are cells of `rethinking-fig1`.
    """
    return [cell(encoder, label=label, corruption=corruption) for encoder in LABEL_NETWORKS for label in LABELS
            for corruption in ("true_labels", "random_labels")]


def cell(encoder: str, **changes: object) -> RunConfig:
    """One network in the set-up of the paper's appendix A.

    Args:
        encoder: A key of `RATES`.
        changes: Further fields of `RunConfig`.
    """
    return RunConfig(dataset="cifar10", encoder=encoder, epochs=100, batch_size=200, learning_rate=RATES[encoder],
                     weight_decay=0.0, schedule="exponential", validation="none", preprocessing="per-image",
                     augmentation="off", **changes)
