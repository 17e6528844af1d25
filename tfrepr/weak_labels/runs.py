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

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np

from tfrepr.data.dataset import ImageDataset
from tfrepr.errors import RunRefusedError
from tfrepr.runs import RunDirectory, replacing
from tfrepr.weak_labels.options import WeakLabelConfig

FOLDER = "weak_labels"


class WeakLabelRun(RunDirectory):
    """The files of one run with missing or noisy labels."""

    @classmethod
    def of(cls, config: WeakLabelConfig, output: Path | str) -> WeakLabelRun:
        """The directory of `config` under the output folder."""
        return cls(Path(output) / FOLDER / config.run_name)

    def config(self) -> WeakLabelConfig:
        """The run's config.

        Raises:
            UserError: The folder is not such a run directory, or its config cannot be read.
        """
        return WeakLabelConfig.from_dict(self.read_json("config.json"))

    def skipped(self, config: WeakLabelConfig) -> bool:
        """Whether the run is finished, which is said on standard output.

        Raises:
            RunRefusedError: It was made by another config.
        """
        if not self.finished:
            return False
        if self.config() != config:
            raise RunRefusedError(f"{self.path} was made by another config; nothing was overwritten.")
        click.echo(f"{config.run_name}: finished earlier, skipped.")
        return True

    @contextmanager
    def claimed(self, config: WeakLabelConfig) -> Iterator[None]:
        """Holds the lock; the directory belongs to this config.

        Raises:
            RunRefusedError: Another process works on it, or it belongs to another config.
        """
        with self.locked():
            self.claim(config)
            yield

    def claim_task(self, dataset: ImageDataset, label_table: np.ndarray, environment: dict) -> None:
        """Writes environment, given labels and label table; a resumed run must find its data and labels unchanged.

        Raises:
            RunRefusedError: They changed.
        """
        if (self / "environment.json").exists():
            earlier = self.environment()
            for key in ("data_fingerprint", "label_fingerprint"):
                if earlier[key] != environment[key]:
                    raise RunRefusedError(f"The {key.partition('_')[0]}s of {self.path} changed since the run began; nothing "
                                          "was overwritten. Restore them, or choose another --output.")
            return
        for name, array in (("given_labels.npy", dataset.train_ids), ("label_table.npy", label_table)):
            with replacing(self / name) as temporary:
                np.save(temporary, array)
        self.write_json("environment.json", environment)
