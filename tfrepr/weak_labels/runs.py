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

from pathlib import Path

from tfrepr.runs import RunDirectory
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

    def lists(self) -> list[Path]:
        """What the run has written for people: lists of labels and the sheet of suspect pictures, those that there are."""
        return [path for pattern in ("pseudo_labels-*.csv", "label_errors.csv", "suspects.png")
                for path in sorted(self.path.glob(pattern))]
