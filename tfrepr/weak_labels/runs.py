"""Run directories of the two pipelines, `output/weak_labels/<run name>/`.

    config.json, environment.json, label_table.npy    as in every run
    given_labels.npy          int64, the labels as the pipeline gets them, -1 where there is none
    <training>/               one training: a folder a stage (`tfrepr.training.stages`), then training.json
    <training>/model.keras    the lowest validation loss of the last stage
    pseudo_labels-<n>.csv     pseudo-labelling: class and confidence of every unlabelled image
    probabilities.npy, label_errors.csv, suspects.png    cleaning
    metrics.json              all figures; only a finished run has it
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.reading import noted, read_json
from tfrepr.runs import RunDirectory
from tfrepr.weak_labels.options import WeakLabelConfig

FOLDER = "weak_labels"
METRICS_FORM = {"trainings": list[dict[str, Any]], "pseudo_labels": list[dict[str, float | None]], "precision": float | None,
                "recall": float | None, "f1": float | None, "test_accuracy_before": float, "test_accuracy_after": float}


class WeakLabelRun(RunDirectory):
    """The files of one run with missing or noisy labels."""

    forms: ClassVar[Mapping[str, Mapping[str, Any]]] = {**RunDirectory.forms, "metrics.json": METRICS_FORM}

    @classmethod
    def of(cls, config: WeakLabelConfig, output: Path | str) -> WeakLabelRun:
        """The directory of `config` under the output folder."""
        return cls(Path(output) / FOLDER / config.run_name)

    def config(self) -> WeakLabelConfig:
        """The run's config.

        Raises:
            UserError: The folder is not such a run directory, or its config cannot be read.
        """
        return self.read_config(WeakLabelConfig)

    def lists(self) -> list[Path]:
        """What the run has written for people: lists of labels and the sheet of suspect pictures, those that there are."""
        return [path for pattern in ("pseudo_labels-*.csv", "label_errors.csv", "suspects.png")
                for path in sorted(self.path.glob(pattern))]


def is_from_same_images(config: WeakLabelConfig) -> bool:
    """Whether the network that `--init-from` names was trained on the images of this run, as far as its run's config says.

    Such a network may know the labels that are hidden here, and takes the wrong ones for right.
    """
    if config.init_from is None:
        return False
    start = user_path(config.init_from).absolute()
    for folder in islice((start, *start.parents), 4):  # a file of weights lies in a run, a training of it or a stage of that
        if (folder / "config.json").is_file():
            found = noted(lambda folder=folder: read_json(folder / "config.json", dict[str, Any]), {})
            return found.get("dataset") == config.dataset and _same_folder(found.get("folder"), config.folder)
    return False


def _same_folder(first: str | None, second: str | None) -> bool:
    if first is None or second is None:
        return first == second
    return user_path(first).resolve() == user_path(second).resolve()


def starting_weights(path: Path) -> Path:
    """The file that `--init-from` means: itself, or the weights after the last epoch of a run, of its last training.

    Raises:
        UserError: Neither a `.keras` file nor a finished run that has kept its weights.
    """
    if path.is_file():
        return path
    run = RunDirectory(path)
    trainings = run.metrics().get("trainings") if run.finished else None  # a run of scripts/train.py is one training
    stages = [path / "last.keras"] if not trainings else sorted(
        (path / trainings[-1]["name"]).glob("*/last.keras"), key=lambda file: int(file.parent.name.partition("-")[0]))
    found = [file for file in stages if file.is_file()]
    if not found:
        raise UserError("--init-from wants a .keras file or the directory of a finished run of scripts/train.py, "
                        f"scripts/pseudo_label.py or scripts/clean_labels.py, with its weights. Received: {path}.")
    return found[-1]
