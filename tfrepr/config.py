"""`RunConfig`: everything that decides the outcome of one training run, and nothing else."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from tfrepr.data.loading import check_source
from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions
from tfrepr.options import (
    LARGEST_BATCH,
    LARGEST_RATE,
    LARGEST_SEED,
    MOST_EPOCHS,
    MOST_IMAGES,
    digest,
    from_dict,
    off_default,
    option,
    to_dict,
    validate,
)
from tfrepr.paper import paper_epochs, paper_weight_decay
from tfrepr.registry import CORRUPTIONS, DATASETS, ENCODERS, LABELS

SCHEDULES = ("step", "constant", "exponential")
PREPROCESSING = ("dataset", "per-image")
SINGLE = "float32"
"""What networks compute in unless they are being trained in mixed precision."""
PRECISIONS = ("off", "float16", "bfloat16")
"""Mixed precision of a training; off is `SINGLE`."""
CIFAR_TRAINING_IMAGES = 50_000
"""Images of which the paper takes its percent levels (section 3.2: "of the original training data")."""


@dataclass(frozen=True)
class RunConfig:
    """One cell of an experiment. The same config gives the same run: where files lie and how output looks is not here.

    Fields left at None take the paper's value for the label and encoder (A.4.1): 200 epochs for one-hot labels and 600 for
    the others; weight decay 5e-4 for VGG19 with one-hot labels and 1e-4 elsewhere. `percent_of` is the exception: None is a
    rule of its own, percent of the images that validation leaves. The paper's rule is a number (`CIFAR_TRAINING_IMAGES`), which
    the command line and the experiments write into the config.
    """

    dataset: str = option("digits", "data source", choices=DATASETS.names)
    encoder: str = option("resnet32", "image encoder", choices=ENCODERS.names)
    label: str = option("category", "label representation", choices=LABELS.names)
    percent: float = option(100.0, "percent of the training images that is used", above=0, at_most=100)
    percent_of: int | None = option(None, "count of which --percent is taken (default for CIFAR: all 50000, as in the paper; "
                                          "elsewhere: the images that validation leaves)", at_least=1, at_most=MOST_IMAGES)
    seed: int = option(0, "seed of split, initialisation, shuffling and augmentation", at_least=0, at_most=LARGEST_SEED)
    epochs: int | None = option(None, "epochs; the rate drops scale with them (default: the paper's 200 or 600)", at_least=1,
                                at_most=MOST_EPOCHS)
    batch_size: int = option(128, "training batch size", at_least=1, at_most=LARGEST_BATCH)
    learning_rate: float = option(0.1, "initial learning rate", above=0, at_most=LARGEST_RATE)
    momentum: float = option(0.9, "momentum", at_least=0, at_most=1)
    weight_decay: float | None = option(None, "L2 factor on every trainable variable (default: the paper's)", at_least=0,
                                        at_most=LARGEST_RATE)
    schedule: str = option("step", "learning rate: step (times 0.1 at 1/2 and 3/4) or exponential (times 0.95 an epoch)",
                           choices=SCHEDULES)
    label_smoothing: float = option(0.0, "label smoothing of the category label; our curves of it use 0.1", at_least=0,
                                    at_most=0.99)
    validation_every: int = option(1, "epochs between validations (the last epoch is always validated)", at_least=1,
                                  at_most=MOST_EPOCHS)
    validation: str = option("split", "none: train on all images, log the accuracy on training batches, test the last epoch",
                             choices=("split", "none"))
    corruption: str = option("true_labels", "corruption of all images or labels, those for validation and test too",
                             choices=CORRUPTIONS.names)
    corruption_level: float = option(1.0, "random_labels: share of the labels that is replaced", at_least=0, at_most=1)
    preprocessing: str = option("dataset", "per-image: centre crop of 28x28, then each image's own mean and deviation",
                                choices=PREPROCESSING)
    augmentation: str = option("crop-flip", "random crops, and flips where they keep the class", choices=("crop-flip", "off"))
    mixed_precision: str = option("off", "type in which the encoder computes while it is trained", choices=PRECISIONS)
    jit: str = option("auto", "XLA compilation; auto: on a GPU and with JAX", choices=("auto", "on", "off"))
    deterministic: bool = option(False, "deterministic GPU kernels (the CPU is deterministic anyway)")
    folder: str | None = option(None, "folder of the `folder` data source")
    image_size: int | None = option(None, "image side of the `folder` data source, pixels", at_least=8, at_most=512)
    label_options: LabelOptions = dataclasses.field(default_factory=LabelOptions)

    def __post_init__(self) -> None:
        validate(self)
        if self.label_smoothing and self.label != "category":
            raise UserError(f"label-smoothing applies to the label category only (the authors' code would silently train a "
                            f"category model). Received: label {self.label!r}. Use --label category or drop the option.")
        check_source(self)
        if self.corruption_level != 1 and self.corruption != "random_labels":
            raise UserError("corruption-level applies to --corruption random_labels only. Received: level "
                            f"{self.corruption_level:g} with corruption {self.corruption!r}.")
        paper = {"epochs": paper_epochs(self.label), "weight_decay": paper_weight_decay(self.encoder, self.label)}
        for name, value in paper.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for name in ("percent", "corruption_level"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with other values; fields that follow from label and encoder keep their present value."""
        return dataclasses.replace(self, **changes)

    def off_default(self) -> dict[str, Any]:
        """Fields that differ from those of a run with the same data set, encoder, label and folder."""
        plain = RunConfig(dataset=self.dataset, encoder=self.encoder, label=self.label, folder=self.folder)
        return off_default(self, plain)

    def to_dict(self) -> dict[str, Any]:
        """JSON values of every field."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """Inverse of `to_dict`.

        Raises:
            UserError: An unknown key, or a value that is not allowed.
        """
        return from_dict(cls, values)

    @property
    def identity(self) -> str:
        """Eight hex digits that tell this config from any other.

        Only fields off their default enter, so that a field added later leaves the identity of older runs unchanged.
        """
        essential = {"dataset": self.dataset, "encoder": self.encoder, "label": self.label, "folder": self.folder,
                     **self.off_default()}
        if "label_options" in essential:
            essential["label_options"] = off_default(self.label_options)
        return digest(essential)

    @property
    def run_name(self) -> str:
        """Name of the run directory: what a reader wants to know, then `identity`."""
        parts = [self.dataset, self.encoder, self.label, f"p{self.percent:g}", f"s{self.seed}"]
        extra = self.off_default()
        extra.update(off_default(extra.pop("label_options", LabelOptions())))
        for name in ("percent", "seed"):
            extra.pop(name, None)
        parts += [name.replace("_", "") + _file_name(value) for name, value in sorted(extra.items())]
        return "-".join([*parts, self.identity])


def in_any_precision(cell: RunConfig) -> list[RunConfig]:
    """The cell as it is, then, where it asks for no mixed precision, the cell in each: a run of any of them stands for it."""
    return [cell] if cell.mixed_precision != "off" else [cell.replace(mixed_precision=other) for other in PRECISIONS]


def _file_name(value: Any) -> str:
    """A short form of an option value that is safe in a file name; `identity` tells what it leaves out."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(char for char in text if char.isalnum() or char in "._")[-24:]


def rate_drops(epochs: int) -> tuple[int, int]:
    """First epochs (counted from 0) with a tenth and a hundredth of the rate: 1/2 and 3/4 of the run, rounded up.

    Paper A.4.1: 100 and 150 of 200 epochs, 300 and 450 of 600.
    """
    return math.ceil(epochs / 2), math.ceil(3 * epochs / 4)
