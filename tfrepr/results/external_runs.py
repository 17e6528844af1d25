"""What others measured with the authors' code: data beside the numbers that the paper prints.

`external/accuracy.csv` and `external/attacks.csv` hold what notebooks in two public repositories print, each number with
its notebook and cell. All of it is CIFAR-10 in its official files.

- `cdu890/robust_labels` (2022, commit 864bb3e): ResNet-32, ResNet-110 and VGG19 with nine labels, on all images and on less,
  one seed; 100 epochs for category (200 for VGG19 on less than all images) and 200 for the others. FGSM and the iterative
  attack on ResNet-32 and VGG19: all 10,000 test images, the checkpoint that was best on validation, arg max or nearest label.
- `ImaneChafi/label_representations` (2021, commit c58c584): ResNet-110 with category and speech on 1 to 10% of the
  images, three seeds, 50 epochs for both labels.

They differ from the paper, and from the runs here, in this:

- Accuracies are those of the best checkpoint on the 5,000 validation images that chose it. Ours are on test images. Only the
  attacks, with their strength of zero, are on test images.
- Training ends before the first drop of the learning rate, which their scripts put at epoch 300. Those of their training
  scripts that are public decay all weights by 1e-4, where the paper has 5e-4 for VGG19 with category.
- The iterative attack adds up the gradients of all its steps and FGSM clips by the image's own range: protocol `authors` here.
- Images are CIFAR-10's official files. Ours are a JPEG copy where the records say so.
- Spoken labels are the authors' recordings; ours have another voice. Labels that are drawn are the same tables, bit for bit.

Shares of the data are percent of all 50,000 images, as in the paper. Left out are labels that only those groups have, and PGD
of another library, which no protocol here repeats.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfrepr.config import CIFAR_TRAINING_IMAGES, RunConfig
from tfrepr.reading import read_csv

FOLDER = Path(__file__).with_name("external")
TITLE = "others (authors' code)"
"""Of their points in figures."""
STEPS = {"fgsm": 1, "iterative": 5}
"""Gradient steps of their attacks."""
PROTOCOLS = ("paper", "authors")
"""Attack protocols with these attacks at these strengths: `authors` as they ran them, `paper` without the sums and clips."""


@dataclass(frozen=True)
class OtherAccuracy:
    """One group's validation accuracies of one cell.

    Attributes:
        repository: Whose.
        epochs: Of training.
        values: Percent, one a seed.
    """

    repository: str
    epochs: int
    values: tuple[float, ...]


def other_accuracies(run: Mapping[Any, Any]) -> tuple[OtherAccuracy, ...]:
    """Their accuracies of a run's encoder, label and amount of data; none where the run follows another recipe.

    Args:
        run: A row of `Results.runs`, or a config's columns (`results.tables.config_columns`).
    """
    found = _accuracies().get((run["encoder"], run["label"], run["percent"]), ())
    return found if found and _is_comparable(run) else ()


def other_attack(run: Mapping[Any, Any], attack: str, goal: str) -> dict[float, float]:
    """Their accuracy under an attack, percent by epsilon (normalised images); empty where they have none for such a run.

    Args:
        run: As for `other_accuracies`.
        attack: `fgsm` or `iterative`; they ran no other.
        goal: `untargeted` or `targeted`.
    """
    found = _attacks().get((run["encoder"], run["label"], attack, goal), {})
    return dict(found) if found and run["percent"] == 100 and _is_comparable(run) else {}


def attacked_models() -> list[tuple[str, str]]:
    """Encoder and label of each model that they attacked."""
    return list(dict.fromkeys(key[:2] for key in _attacks()))


def _is_comparable(run: Mapping[Any, Any]) -> bool:
    """Whether a run is of CIFAR-10, counts its images as they did, and has no other setting of its own than its length."""
    from tfrepr.results.seeds import NOT_MATCHED, known
    from tfrepr.results.tables import config_columns

    if run["dataset"] != "cifar10" or not (run["percent"] == 100 or run["percent_of"] == CIFAR_TRAINING_IMAGES):
        return False
    plain = config_columns(RunConfig(dataset="cifar10", encoder=run["encoder"], label=run["label"]))
    return all(run[name] == value for name, value in plain.items()
               if known(run[name]) and name not in (*NOT_MATCHED, "percent", "percent_of"))


@functools.cache
def _accuracies() -> dict[tuple[str, str, float], tuple[OtherAccuracy, ...]]:
    values: dict[tuple, list[float]] = defaultdict(list)
    for row in read_rows("accuracy.csv"):
        cell = row["encoder"], row["label"], float(row["percent"])
        values[cell, row["repository"], int(row["epochs"])].append(100 * float(row["validation_accuracy"]))
    found: dict[tuple, tuple[OtherAccuracy, ...]] = defaultdict(tuple)
    for (cell, repository, epochs), accuracies in values.items():
        found[cell] += (OtherAccuracy(repository, epochs, tuple(accuracies)),)
    return found


@functools.cache
def _attacks() -> dict[tuple[str, str, str, str], dict[float, float]]:
    found: dict[tuple, dict[float, float]] = defaultdict(dict)
    for row in read_rows("attacks.csv"):
        key = row["encoder"], row["label"], row["attack"], row["goal"]
        found[key][float(row["epsilon"])] = 100 * int(row["still_correct"]) / int(row["images"])
    return found


def read_rows(name: str) -> list[dict[str, str]]:
    """The rows of one of the two files, every cell as text."""
    return read_csv(FOLDER / name, ()).rows()
