"""The tables and figures of "Beyond Categorical Label Representations for Image Classification" (Chen et al., ICLR 2021).

Experiments refer to cells: equal configs are one run, whichever experiment trains it. So Figures 2, 3, 5, 6, 8 and 9 and A.1
cost nothing beyond Table 1, and Figure 7 adds its further labels only. Costs are estimates from the guessed
speeds of a data-centre GPU in `tfrepr.training.cost`; `--dry-run` prints them for what is left to do, and `--scale` cuts them.

The paper's expected values, number by number, are in `tfrepr.paper`; `scripts/report.py` puts ours beside them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from tfrepr.config import CIFAR_TRAINING_IMAGES, RunConfig
from tfrepr.experiments.marking import measured_by, with_features
from tfrepr.experiments.measurements import architectures, label_statistics
from tfrepr.labels.embeddings import embedded_labels
from tfrepr.paper import ENCODERS
from tfrepr.registry import EXPERIMENTS

TABLE_1_LABELS = ("category", "speech", "shuffle", "composite", "constant")
FURTHER_LABELS = ("random", "lowdim")
SEEDS = (0, 1, 2)
"""Three random seeds, as the caption of Figure 3 says."""
LOW_DATA_SEEDS = (0, 1, 2, 3, 4)
LOW_DATA_PERCENT = (1.0, 2.0, 4.0, 8.0, 10.0, 20.0)
SMOOTHING = 0.1
"""Strength of label smoothing, which the paper does not give."""


@EXPERIMENTS.register("table1-cifar10")
def table1_cifar10() -> list[RunConfig]:
    """Table 1, left half: CIFAR-10 accuracy of five labels, three encoders, three seeds.

    Command: `python scripts/train.py --experiment table1-cifar10 --jobs 4`.
    Expected (nearest label, ResNet-32): category 92.34, speech 92.34, shuffle 92.72, composite 92.39, constant 88.61 percent.
    Cost: 45 runs, about 34 GPU hours.
    """
    return _cells("cifar10", TABLE_1_LABELS, ENCODERS, SEEDS)


@EXPERIMENTS.register("table1-cifar100")
def table1_cifar100() -> list[RunConfig]:
    """Table 1, right half: CIFAR-100 accuracy of five labels, three encoders, three seeds.

    Command: `python scripts/train.py --experiment table1-cifar100 --jobs 4`.
    Expected (nearest label, ResNet-32): category 68.05, speech 64.74, shuffle 64.23, composite 66.72, constant 19.00 percent.
    Cost: 45 runs, about 34 GPU hours.
    """
    return _cells("cifar100", TABLE_1_LABELS, ENCODERS, SEEDS)


@EXPERIMENTS.register("figure2")
def figure2() -> list[RunConfig]:
    """Figure 2: losses over epochs, ResNet-110; the text says CIFAR-100, the caption CIFAR-10, so both.

    Command: `python scripts/train.py --experiment figure2`, then `python scripts/plot_results.py --experiment figure2`.
    Expected: `constant` converges later than speech, shuffle and composite, and to a higher loss.
    Cost: 30 runs, all of them cells of Table 1.
    """
    return [config for dataset in ("cifar10", "cifar100") for config in _cells(dataset, TABLE_1_LABELS, ("resnet110",), SEEDS)]


@EXPERIMENTS.register("figure3")
def figure3() -> list[RunConfig]:
    """Figure 3: accuracy under FGSM and iterative attacks, all models of Table 1.

    Commands: `python scripts/train.py --experiment figure3`, `python scripts/attack.py --experiment figure3`, then
    `python scripts/plot_results.py --experiment figure3 --figure figure3`.
    Expected: speech, shuffle and composite stay above category at every epsilon; constant is the lowest regressed label.
    Cost: the 90 runs of Table 1; the attacks take minutes a run.
    """
    return [*table1_cifar10(), *table1_cifar100()]


@EXPERIMENTS.register("figure6")
def figure6() -> list[RunConfig]:
    """Figure 6: as Figure 3, on the test images that each model gets right without an attack (A.2).

    Commands: as for `figure3`, with `--figure figure6`; the attacks are the same ones.
    Expected: every curve starts at 100%; the order of the labels is that of Figure 3.
    Cost: none beyond Figure 3.
    """
    return figure3()


@EXPERIMENTS.register("figure7")
def figure7() -> list[RunConfig]:
    """Figure 7: accuracy under attack of all labels on CIFAR-10, with random, lowdim and smoothed category (A.3).

    `bert` and `glove` belong to it where their files are at hand (see `tfrepr.labels.embeddings`).
    Commands: as for `figure3`, with `--experiment figure7 --figure figure7`.
    Expected: random and lowdim about as robust as speech; smoothed category above category.
    Cost: the 45 runs of Table 1's CIFAR-10 half and 27 more, about 18 GPU hours.
    """
    return [*table1_cifar10(), *_smoothed(ENCODERS, SEEDS),
            *_cells("cifar10", (*FURTHER_LABELS, *embedded_labels()), ENCODERS, SEEDS)]


@EXPERIMENTS.register("figure4")
def figure4() -> list[RunConfig]:
    """Figure 4: accuracy with 1, 2, 4, 8, 10 and 20 percent of CIFAR-10's 50,000 training images, five seeds.

    `bert` and `glove` belong to it where their files are at hand.
    Commands: `python scripts/train.py --experiment figure4 --jobs 8`, `python scripts/plot_results.py --experiment figure4`.
    Expected: speech, shuffle, composite and random above category for VGG19 and ResNet-110, about equal for ResNet-32;
    smoothing and lowdim do not help; constant is the worst high-dimensional label.
    Cost: 720 runs (900 with both embeddings), about 40 GPU hours.
    """
    labels = (*TABLE_1_LABELS, *FURTHER_LABELS, *embedded_labels())
    return [config for percent in LOW_DATA_PERCENT
            for config in (*_cells("cifar10", labels, ENCODERS, LOW_DATA_SEEDS, percent),
                           *_smoothed(ENCODERS, LOW_DATA_SEEDS, percent))]


@EXPERIMENTS.register("figure5")
@with_features
def figure5() -> list[RunConfig]:
    """Figure 5: t-SNE of ResNet-110's features on the CIFAR-10 test set while training, speech and category.

    Command: `python scripts/train.py --experiment figure5`, then `python scripts/plot_results.py --experiment figure5`.
    Expected: speech forms clusters earlier, and they are better separated in the end.
    Cost: 2 runs, both cells of Table 1. Features are kept while a run trains: where `table1-cifar10` comes first, add
    `--features` to it.
    """
    return _cells("cifar10", ("speech", "category"), ("resnet110",), SEEDS[:1])


@EXPERIMENTS.register("figure8")
@with_features
def figure8() -> list[RunConfig]:
    """Figure 8: t-SNE of the final features of all encoders, constant, speech and category.

    Command: `python scripts/train.py --experiment figure8`, then `python scripts/plot_results.py --experiment figure8`.
    Expected: speech has the best separated clusters, constant worse ones.
    Cost: 9 runs, all of them cells of Table 1 (the paper shows the best of several seeds; these are of one seed).
    """
    return _cells("cifar10", ("constant", "speech", "category"), ENCODERS, SEEDS[:1])


@EXPERIMENTS.register("figure9")
def figure9() -> list[RunConfig]:
    """Figure 9: Grad-CAM at a beginning, intermediate and final stage of every encoder, category and speech.

    Commands: `python scripts/train.py --experiment figure9`, `python scripts/analyse.py RUN_DIR...`, then
    `python scripts/plot_results.py --experiment figure9`.
    Expected: activations of the speech model conform more tightly to the object.
    Cost: 6 runs, all of them cells of Table 1.
    """
    return _cells("cifar10", ("category", "speech"), ENCODERS, SEEDS[:1])


@EXPERIMENTS.register("a1-threshold")
def a1_threshold() -> list[RunConfig]:
    """A.1: does the threshold 3.5 tell right from wrong answers of the VGG19 speech model?

    Commands: `python scripts/train.py --experiment a1-threshold`, then for each run
    `python scripts/speak.py --test-set --run RUN_DIR`.
    Expected: listeners agree with the threshold's decision in 99.4% of the answers, their majority in 99.8%. Ours asks no
    listeners: it compares the threshold's decision with the nearest label's and with the transcribed sound.
    Cost: 3 runs, all of them cells of Table 1.
    """
    return _cells("cifar10", ("speech",), ("vgg19",), SEEDS)


@EXPERIMENTS.register("table2")
@measured_by(label_statistics)
def table2() -> list[RunConfig]:
    """Table 2: entropy of the labels and distances between them; nothing is trained.

    Command: `python scripts/train.py --experiment table2`, which writes output/table2.json.
    Expected: all cells of category, constant and composite; those of speech and shuffle with the authors' recordings only,
    since another voice has other statistics: `scripts/label_stats.py --label speech --wav-dir` measures these. Glove, where its
    file is at hand. Bert is measured at 64 x 64, as the paper's text has it; the number of Table 2 is of the authors' 48 x 48
    (`scripts/label_stats.py --label bert --bert-side 48`).
    Cost: seconds on a CPU.
    """
    return []


@EXPERIMENTS.register("tables3-5")
@measured_by(architectures)
def tables3_5() -> list[RunConfig]:
    """Tables 3, 4 and 5: parameter counts and the label decoder, read from the models; nothing is trained.

    Command: `python scripts/train.py --experiment tables3-5`, which writes output/tables3-5.json.
    Expected: every cell, but for two misprints of the paper (ResNet-110 in Table 4: 1.74e5 and 1.84e5 for e6).
    Cost: half a minute on a CPU.
    """
    return []


def _cells(dataset: str, labels: Iterable[str], encoders: Iterable[str], seeds: Iterable[int],
           percent: float = 100.0) -> list[RunConfig]:
    """Every combination, in the paper's settings; seeds vary slowest, so that a part of the list has one of everything."""
    percent_of = None if percent == 100 else CIFAR_TRAINING_IMAGES
    return [RunConfig(dataset=dataset, encoder=encoder, label=label, percent=percent, percent_of=percent_of, seed=seed)
            for seed, encoder, label in itertools.product(seeds, encoders, tuple(labels))]


def _smoothed(encoders: Sequence[str], seeds: Sequence[int], percent: float = 100.0) -> list[RunConfig]:
    """Categorical models with label smoothing."""
    return [config.replace(label_smoothing=SMOOTHING) for config in _cells("cifar10", ("category",), encoders, seeds, percent)]
