"""The numbers that Chen et al. (ICLR 2021) print, each with the table and the cell where it stands.

Means and spreads are given as printed, two decimals, so a comparison allows 0.01: a few cells are cut off, not rounded.
"""

from __future__ import annotations

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
    """

    table: str
    dataset: str
    label: str
    quantity: str
    mean: float
    spread: float
    encoder: str | None = None
    note: str = ""

    @property
    def cell(self) -> str:
        """Where the number stands, for example `"Table 2, bert, cifar10, entropy"`."""
        return ", ".join(part for part in (self.table, self.label, self.dataset, self.encoder, self.quantity) if part)

    def agrees(self, mean: float, spread: float) -> bool:
        """Whether both numbers are the printed ones, within `TOLERANCE`."""
        return max(abs(mean - self.mean), abs(spread - self.spread)) <= TOLERANCE


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


PUBLISHED: tuple[Published, ...] = _table_2()
"""Every cell of Table 2: entropy in bits, and the "normalised" distances of pairs of labels."""


def published(table: str, *, dataset: str, label: str, quantity: str, encoder: str | None = None) -> Published | None:
    """The printed cell, or None where the paper has none."""
    wanted = (table, dataset, label, quantity, encoder)
    return next((cell for cell in PUBLISHED
                 if (cell.table, cell.dataset, cell.label, cell.quantity, cell.encoder) == wanted), None)
