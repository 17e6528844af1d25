"""The numbers that Chen et al. (ICLR 2021) print, each with the table and the cell where it stands.

Means and spreads are given as printed; a comparison allows one unit of the last printed digit: a few cells are cut off, not
rounded. Figures print no numbers; for them `STATEMENTS` says what the text reads off them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TOLERANCE = 0.01
"""Largest difference at which a number still counts as the printed one."""


@dataclass(frozen=True)
class Published:
    """One printed cell.

    Attributes:
        table: For example `"Table 2"`.
        dataset: `"cifar10"` or `"cifar100"`.
        label: Our name of the label.
        quantity: What was measured.
        mean, spread: The number and its +-, as printed.
        encoder: Our name of the image encoder, where the number depends on one.
        note: Why the number cannot be had from the authors' own files, where that is so.
        tolerance: Largest difference at which a number still counts as the printed one.
    """

    table: str
    dataset: str
    label: str
    quantity: str
    mean: float
    spread: float
    encoder: str | None = None
    note: str = ""
    tolerance: float = TOLERANCE

    @property
    def cell(self) -> str:
        """Where the number stands, for example `"Table 2, bert, cifar10, entropy"`."""
        return ", ".join(part for part in (self.table, self.label, self.dataset, self.encoder, self.quantity) if part)

    def agrees(self, mean: float, spread: float) -> bool:
        """Whether both numbers are the printed ones, within the tolerance."""
        return max(abs(mean - self.mean), abs(spread - self.spread)) <= self.tolerance


DATASETS = ("cifar10", "cifar100")

_BERT_ENTROPY_NOTE = ("11.17 is log2(2304), the entropy of 2304 different values: it was taken before outliers were set to "
                      "zero. The published tables hold those zeros, which are equal values, and have 11.05 (CIFAR-10) and "
                      "11.02 (CIFAR-100).")

# label: entropy, L1, L2 on CIFAR-10, then the same on CIFAR-100; each as mean and spread.
_TABLE_2 = {
    "category": ((0.47, 0.00), (2.00, 0.00), (1.41, 0.00), (0.08, 0.00), (2.00, 0.00), (1.41, 0.00)),
    "constant": ((0.00, 0.00), (26.07, 15.72), (26.07, 15.72), (0.00, 0.00), (21.76, 15.16), (21.76, 15.16)),
    "speech": ((11.35, 0.35), (23.80, 5.16), (12.95, 2.70), (11.37, 0.32), (21.45, 5.53), (13.15, 2.19)),
    "shuffle": ((11.35, 0.35), (35.29, 2.18), (18.87, 1.53), (11.37, 0.32), (34.40, 2.59), (17.81, 1.24)),
    "composite": ((12.00, 0.00), (24.13, 3.36), (19.41, 1.47), (12.00, 0.00), (25.75, 4.72), (20.60, 2.96)),
    "bert": ((11.17, 0.00), (5.71, 0.94), (2.06, 0.24), (11.17, 0.00), (7.89, 2.84), (2.63, 0.70)),
    "glove": ((5.64, 0.00), (7.35, 1.69), (1.30, 0.31), (5.64, 0.00), (5.62, 0.90), (0.99, 0.16)),
}


def _table_2() -> tuple[Published, ...]:
    columns = [(dataset, quantity) for dataset in DATASETS for quantity in ("entropy", "L1", "L2")]
    return tuple(
        Published("Table 2", dataset, label, quantity, *cell,
                  note=_BERT_ENTROPY_NOTE if (label, quantity) == ("bert", "entropy") else "")
        for label, cells in _TABLE_2.items()
        for (dataset, quantity), cell in zip(columns, cells, strict=True))


# (label, criterion): VGG19, ResNet-32, ResNet-110 on CIFAR-10, then on CIFAR-100; each as mean and spread, percent.
_TABLE_1 = {
    ("category", "nearest"): ((92.82, 0.08), (92.34, 0.25), (93.23, 0.29), (70.98, 0.10), (68.05, 0.72), (70.03, 0.49)),
    ("speech", "threshold"): ((91.97, 0.17), (91.90, 0.04), (92.44, 0.11), (69.13, 0.75), (61.08, 0.27), (67.88, 0.16)),
    ("speech", "nearest"): ((92.12, 0.18), (92.34, 0.01), (92.73, 0.08), (70.27, 0.61), (64.74, 0.36), (69.51, 0.25)),
    ("shuffle", "threshold"): ((92.27, 0.16), (91.49, 0.22), (92.44, 0.05), (67.04, 0.41), (51.95, 0.85), (63.00, 1.45)),
    ("shuffle", "nearest"): ((92.64, 0.19), (92.72, 0.20), (92.92, 0.24), (70.88, 0.31), (64.23, 0.80), (69.41, 0.66)),
    ("composite", "threshold"): ((91.53, 0.24), (91.49, 0.22), (92.36, 0.02), (68.06, 0.28), (60.54, 0.54), (67.17, 0.40)),
    ("composite", "nearest"): ((91.94, 0.22), (92.39, 0.17), (93.07, 0.03), (70.20, 0.23), (66.72, 0.44), (70.62, 0.20)),
    ("constant", "threshold"): ((88.27, 0.63), (88.50, 0.25), (89.27, 0.15), (62.99, 0.11), (55.70, 0.36), (58.78, 0.18)),
    ("constant", "nearest"): ((88.33, 0.65), (88.61, 0.27), (89.37, 0.13), (34.29, 2.40), (19.00, 1.19), (24.46, 3.70)),
}
ENCODERS = ("vgg19", "resnet32", "resnet110")
"""In the order of the paper's tables."""


def paper_epochs(label: str) -> int:
    """Epochs of a label's whole schedule (A.4.1); the authors' code has 600 for all."""
    return 200 if label == "category" else 600


def paper_weight_decay(encoder: str, label: str) -> float:
    """L2 factor of an encoder with a label (A.4.1); the authors' code has 1e-4 for all."""
    return 5e-4 if (encoder, label) == ("vgg19", "category") else 1e-4


# VGG19, ResNet-32, ResNet-110: trainable parameters.
_PARAMETERS = {
    ("Table 3", "cifar10", "category"): (2e7, 4.67e5, 1.73e6),
    ("Table 3", "cifar10", "high-dimensional"): (2.01e7, 5.80e5, 1.84e6),
    ("Table 4", "cifar100", "category"): (2.01e7, 4.73e5, 1.74e5),
    ("Table 4", "cifar100", "high-dimensional"): (2.02e7, 5.80e5, 1.84e5),
}
_MISPRINT = "printed with exponent 5, meant is 6: the encoder is the same as in Table 3"

TABLE_5 = (
    ("Dense", "I_e out", "64", "-", "-", "-"),
    ("ConvTranspose 2D", "64 x 1 x 1", "64 x 4 x 4", "4 x 4", "1 x 1", "0"),
    ("ConvTranspose 2D", "64 x 4 x 4", "32 x 8 x 8", "4 x 4", "2 x 2", "1 x 1"),
    ("ConvTranspose 2D", "32 x 8 x 8", "16 x 16 x 16", "4 x 4", "2 x 2", "1 x 1"),
    ("ConvTranspose 2D", "16 x 16 x 16", "8 x 32 x 32", "4 x 4", "2 x 2", "1 x 1"),
    ("ConvTranspose 2D", "8 x 32 x 32", "1 x 64 x 64", "4 x 4", "2 x 2", "1 x 1"),
)
"""Table 5, the label decoder: layer, input, output, kernel, stride, padding."""


def _table_1() -> tuple[Published, ...]:
    columns = [(dataset, encoder) for dataset in DATASETS for encoder in ENCODERS]
    return tuple(Published("Table 1", dataset, label, criterion, *cell, encoder=encoder)
                 for (label, criterion), cells in _TABLE_1.items()
                 for (dataset, encoder), cell in zip(columns, cells, strict=True))


def _tables_3_and_4() -> tuple[Published, ...]:
    return tuple(Published(table, dataset, label, "parameters", count, 0.0, encoder=encoder,
                           note=_MISPRINT if (table, encoder) == ("Table 4", "resnet110") else "",
                           tolerance=10 ** (math.floor(math.log10(count)) - 2))
                 for (table, dataset, label), counts in _PARAMETERS.items()
                 for encoder, count in zip(ENCODERS, counts, strict=True))


PUBLISHED: tuple[Published, ...] = (*_table_1(), *_table_2(), *_tables_3_and_4())
"""Every printed cell: accuracies (Table 1, percent), label statistics (Table 2), trainable parameters (Tables 3 and 4)."""

STATEMENTS = {
    "figure2": "Section 5.1: the model of constant labels takes longer to converge than the others, and to a higher loss.",
    "figure3": "Section 5.2: speech, shuffle and composite are consistently much more robust than category, for all encoders, "
               "attacks and both data sets; constant is worse than every other high-dimensional label.",
    "figure4": "Section 5.3: speech, shuffle, composite and random are more accurate than category for VGG19 and ResNet-110, "
               "comparable for ResNet-32; smoothing and low-dimensional labels do not help; constant is the worst of the "
               "high-dimensional labels.",
    "figure5": "Section 5.5: speech forms clusters at earlier stages of training, and they are better separated in the end.",
    "figure6": "A.2: every curve starts at 100%; the general trend is that of Figure 3.",
    "figure7": "Section 5.2: random is about as robust as speech. Section 5.4: so is the low-dimensional label, and smoothing "
               "is more robust than plain category labels.",
    "figure8": "A.6: speech has the best separated clusters of the three, constant worse ones.",
    "figure9": "A.6: the activations of the speech model conform more tightly to the object, at all three stages.",
    "a1-threshold": "A.1: listeners agree with the threshold's decision in 99.4% of all answers, the majority of three in "
                    "99.8%.",
    "miniproject": "Student report: with all images speech is about equal to category and constant is worse; with 1% speech "
                   "is better than both.",
}
"""What the text says of each figure, by experiment."""


def published(table: str, *, dataset: str, label: str, quantity: str, encoder: str | None = None) -> Published | None:
    """The printed cell, or None where the paper has none."""
    wanted = (table, dataset, label, quantity, encoder)
    return next((cell for cell in PUBLISHED
                 if (cell.table, cell.dataset, cell.label, cell.quantity, cell.encoder) == wanted), None)
