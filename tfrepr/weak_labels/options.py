"""The configs of the two pipelines: everything that decides the outcome of one run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from tfrepr.config import PRECISIONS
from tfrepr.data.loading import check_source
from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions
from tfrepr.names import normalised
from tfrepr.options import (
    LARGEST_BATCH,
    LARGEST_RATE,
    LARGEST_SEED,
    MOST_EPOCHS,
    MOST_STEPS,
    digest,
    from_dict,
    off_default,
    option,
    scaled,
    to_dict,
    validate,
)
from tfrepr.registry import DATASETS, ENCODERS, LABELS

FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given")
LARGEST_SIDE = 512
AUGMENTED = "speech-augmented"
"""The label that is another for every image of a class; both pipelines train with one row a class."""
CATEGORY_RATES, REGRESSION_RATES = (2e-3, 5e-4), (3e-2, 1e-2)
"""Rates of the two stages. Label rows lie tens away from 0, and a step of Adam is as long as the rate, whatever the loss."""


@dataclass(frozen=True)
class WeakLabelConfig:
    """What both pipelines share: data, network, label, and the two stages of a training block."""

    task: ClassVar[str]
    script: ClassVar[str]

    dataset: str = option("digits", "data source", choices=DATASETS.names)
    encoder: str = option("resnet8", "image encoder", choices=ENCODERS.names)
    label: str = option("category", "label representation", choices=LABELS.names)
    seed: int = option(0, "seed of task, split, initialisation, shuffling and augmentation", at_least=0,
                       at_most=LARGEST_SEED)
    weights: str = option("none", "trained weights of the encoder resnet50", choices=("none", "imagenet"))
    init_from: str | None = option(None, "start from a .keras file, or from the final weights of this run, a plain one too")
    sizes: str | None = option(None, "image sides of the blocks of a training, as 128,224 (default: the source's own)")
    frozen_epochs: int = option(8, "epochs of a block's first stage (flat-then-cosine; a trained backbone is frozen)",
                                at_least=1, at_most=MOST_EPOCHS)
    tuning_epochs: int = option(4, "epochs of a block's second stage (one-cycle, everything learns)", at_least=1,
                                at_most=MOST_EPOCHS)
    least_steps: int = option(300, "steps of the optimiser that a stage has at least; few images get more epochs", at_least=1,
                              at_most=MOST_STEPS)
    learning_rate: float | None = option(None, "highest rate of the first stage (Adam; default: 0.002, regressed labels 0.03)",
                                         above=0, at_most=LARGEST_RATE)
    tuning_rate: float | None = option(None, "highest rate of the second stage (Adam; default: 0.0005, regressed labels 0.01)",
                                       above=0, at_most=LARGEST_RATE)
    batch_size: int = option(64, "training batch size", at_least=1, at_most=LARGEST_BATCH)
    scale: float = option(1.0, "factor of all epochs and of --least-steps, for quick trials", above=0, at_most=1)
    crop_area: float = option(0.35, "smallest share of the image that a random crop keeps", above=0, at_most=1)
    mixup: float = option(0.0, "alpha of MixUp, 0: none", at_least=0, at_most=1)
    erasing: float = option(0.0, "probability of an erased patch", at_least=0, at_most=1)
    label_smoothing: float = option(0.0, "smoothing of the label category; others have none", at_least=0, at_most=0.99)
    mixed_precision: str = option("off", "type in which the encoder computes while it is trained", choices=PRECISIONS)
    jit: str = option("auto", "XLA compilation; auto: on a GPU and with JAX", choices=("auto", "on", "off"))
    deterministic: bool = option(False, "deterministic GPU kernels (the CPU is deterministic anyway)")
    folder: str | None = option(None, "folder of the `folder` data source")
    image_size: int | None = option(None, "image side of the `folder` data source, pixels", at_least=8, at_most=LARGEST_SIDE)
    label_options: LabelOptions = dataclasses.field(default_factory=LabelOptions)

    def __post_init__(self) -> None:
        validate(self)
        check_source(self)
        if self.label == AUGMENTED:
            raise UserError(f"The label {AUGMENTED!r} varies from image to image, which these commands do not do. Use --label "
                            "speech.")
        if self.weights != "none" and self.encoder != "resnet50":
            raise UserError(f"--weights {self.weights} belongs to the encoder resnet50. Received: encoder {self.encoder!r}. "
                            "Use --encoder resnet50 or --weights none.")
        if self.weights != "none" and self.init_from is not None:
            raise UserError("--weights and --init-from both say where to start. Give one of them.")
        parse_sizes(self.sizes)
        rates = CATEGORY_RATES if self.label == "category" else REGRESSION_RATES
        for name, rate in zip(("learning_rate", "tuning_rate"), rates, strict=True):
            if getattr(self, name) is None:
                object.__setattr__(self, name, rate)

    @property
    def smoothing(self) -> float:
        """Label smoothing of this label."""
        return self.label_smoothing if self.label == "category" else 0.0

    def sides(self, default: int) -> tuple[int, ...]:
        """Image sides of the blocks; `default` is the source's own."""
        return parse_sizes(self.sizes) or (default,)

    def scaled(self, full: int) -> int:
        """Epochs or steps of a stage after `scale`."""
        return scaled(full, self.scale)

    def to_dict(self) -> dict[str, Any]:
        """JSON values of every field, and the task."""
        return {"task": self.task, **to_dict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> WeakLabelConfig:
        """Inverse of `to_dict`; the task chooses the class.

        Raises:
            UserError: An unknown task or key, or a value that is not allowed.
        """
        values = {"least_steps": 1, **values}  # what runs had before there was such a field
        task = values.pop("task", None)
        record = {kind.task: kind for kind in (PseudoLabelConfig, CleaningConfig)}.get(task)
        if record is None:
            raise UserError(f"The config is of no run with missing or noisy labels: its task is {task!r}.")
        return from_dict(record, values)

    @property
    def run_name(self) -> str:
        """Name of the run directory; the last part, eight hex digits, tells this config from any other."""
        plain = {"dataset": self.dataset, "encoder": self.encoder, "label": self.label, "folder": self.folder,
                 "task": self.task}
        options = {**off_default(self), **plain}
        if "label_options" in options:
            options["label_options"] = off_default(self.label_options)
        return "-".join([self.task, self.dataset, self.encoder, self.label, *self._level(), f"s{self.seed}", digest(options)])

    def _level(self) -> list[str]:
        return []


def parse_sizes(text: str | None) -> tuple[int, ...]:
    """Image sides written as `128,224`; none for None.

    Raises:
        UserError: Not whole numbers between 8 and 512, or sides that do not grow.
    """
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 9 and 8 <= int(part) <= LARGEST_SIDE for part in parts):
        raise UserError(f"--sizes wants image sides from 8 to {LARGEST_SIDE}, as 128,224. Received: {text!r}.")
    sides = tuple(map(int, parts))
    if any(later <= earlier for earlier, later in pairwise(sides)):
        raise UserError(f"Image sides must grow from block to block (progressive resizing). Received: {text}. Write them in "
                        f"ascending order: {','.join(map(str, sorted(set(sides))))}.")
    return sides


@dataclass(frozen=True)
class PseudoLabelConfig(WeakLabelConfig):
    """Images of which some have no label."""

    task: ClassVar[str] = "missing"
    script: ClassVar[str] = "pseudo_label.py"

    labelled_percent: float | None = option(
        None, "percent of the training images that keep their label; the rest is hidden (default: 20; a folder with "
        "unlabelled/ brings its own)", above=0, at_most=100)
    iterations: int = option(2, "times that pseudo-labels are made and trained on", at_least=1, at_most=20)
    confidence: float | None = option(None, "keep only predictions at least this sure, as 0.95 (default: all)", at_least=0,
                                      at_most=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labelled_percent is None and self.dataset != "folder":
            object.__setattr__(self, "labelled_percent", 20.0)
        if self.labelled_percent == 100:
            raise UserError("There are no unlabelled images: --labelled-percent is 100. Give a smaller one.")

    def _level(self) -> list[str]:
        return ["own" if self.labelled_percent is None else f"l{self.labelled_percent:g}"]


@dataclass(frozen=True)
class CleaningConfig(WeakLabelConfig):
    """Images of which some have a wrong label. Label smoothing, MixUp and erasing are on, as in the report."""

    task: ClassVar[str] = "noisy"
    script: ClassVar[str] = "clean_labels.py"

    noise_rate: float | None = option(None, "share of the training labels of each class that is made wrong, with --noise-pairs "
                                            "of each class that has one (default: 0.2; a folder's labels are taken as they "
                                            "are)", at_least=0, at_most=1)
    noise: str = option("symmetric", "wrong labels: any other class, or the one of a pair", choices=("symmetric", "pairs"))
    noise_pairs: tuple[tuple[str, str], ...] = option((), "with --noise pairs: a class and what it is mistaken for, as cat=dog "
                                                          "(repeatable; default: each class for the next one)")
    folds: int = option(5, "parts of the cross-validation", at_least=2, at_most=50)
    filter_by: str = option("prune_by_noise_rate", "cleanlab's rule for label errors", choices=FILTERS)
    retrain: str = option("flat-cosine", "stages of the last training: flat-cosine alone, as the report, or a whole block",
                          choices=("flat-cosine", "block"))
    mixup: float = option(0.4, "alpha of MixUp, 0: none", at_least=0, at_most=1)
    erasing: float = option(0.5, "probability of an erased patch", at_least=0, at_most=1)
    label_smoothing: float = option(0.1, "smoothing of the label category; others have none", at_least=0, at_most=0.99)

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = tuple((normalised(first), normalised(second)) for first, second in self.noise_pairs)
        object.__setattr__(self, "noise_pairs", pairs)
        if self.noise_rate is None and self.dataset != "folder":
            object.__setattr__(self, "noise_rate", 0.2)
        if self.noise_rate is not None and self.noise_rate >= 1:
            raise UserError("noise-rate must be less than 1: at 1 no label is right, and nothing can be learned from them. "
                            f"Received: {self.noise_rate:g}.")
        if self.noise_rate is None and self.noise != "symmetric":
            raise UserError("--noise says which labels are made wrong, and the labels of a folder are taken as they are. Add "
                            "--noise-rate, or leave --noise out.")
        if self.noise_pairs and self.noise != "pairs":
            raise UserError("--noise-pairs belongs to --noise pairs. Add it, or leave the pairs out.")

    def _level(self) -> list[str]:
        return ["own" if self.noise_rate is None else f"n{self.noise_rate:g}"]
