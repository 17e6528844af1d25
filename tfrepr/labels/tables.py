"""Label tables with what is known about them, made by name or read from a `.npy` file."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfrepr.data.class_names import FIXED_NAMES
from tfrepr.errors import UserError
from tfrepr.labels.build import ThresholdWarning, build_representation, read_table
from tfrepr.labels.options import LabelOptions
from tfrepr.names import normalised
from tfrepr.reading import noted, read_json
from tfrepr.registry import LABELS

AUTHORS_FILE_NAMES = {"uniform": "constant"}
"""What the authors' code and files call a label, where the paper and we call it otherwise."""

SIDECAR_FORM = {"dataset": str | None, "label": str, "class_names": list[str]}
"""Of the JSON file beside a table, see `tfrepr.labels.export`."""

ONLY_BY_NAME = ("bert", "glove", "speech-augmented")
"""Labels that are not made unless asked for: two need models from the web, and the third has the table of `speech`."""


@dataclass(frozen=True)
class LabelTable:
    """One table and its origin.

    Attributes:
        label: Name of the label, as registered where it was made here.
        dataset: Whose classes these are, None for names of the user's own.
        class_names: One name per row.
        table: float32, `(classes, ...)`.
        source: `"made"`, or the path of the file.
    """

    label: str
    dataset: str | None
    class_names: tuple[str, ...]
    table: np.ndarray
    source: str = "made"

    @property
    def shape_text(self) -> str:
        """For example `"10 labels of 64 x 64"`."""
        return f"{len(self.table)} labels of {' x '.join(str(length) for length in self.table.shape[1:])}"


def default_labels() -> tuple[str, ...]:
    """The labels that are made when none is named."""
    return tuple(name for name in LABELS if name not in ONLY_BY_NAME)


def make_table(label: str, class_names: tuple[str, ...], *, dataset: str | None, image_side: int,
               options: LabelOptions) -> LabelTable:
    """Makes a registered label.

    The warning that rows lie under the threshold is left to the statistics, which say it with the numbers.

    Raises:
        UserError: As `build_representation`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ThresholdWarning)
        representation = build_representation(label, class_names, image_side=image_side, options=options)
    return LabelTable(label, dataset, representation.class_names, representation.table)


def load_table(path: Path, *, class_names: tuple[str, ...] | None = None, dataset: str | None = None,
               label: str | None = None) -> LabelTable:
    """Reads a table.

    What is not given is taken from the JSON file that `make_labels.py` puts beside a table, else from a file name such as
    `cifar10_speech.npy`. Where that says nothing either, the label has the file's name and the classes are numbered.

    Raises:
        UserError: Not a table of finite numbers, fewer than two rows, or another number of rows than class names.
    """
    found_dataset, found_label, found_names = _from_sidecar(path) or _from_file_name(path.stem)
    if class_names is None:
        dataset = dataset or found_dataset
        class_names = FIXED_NAMES.get(dataset, found_names)
    table = read_table(path, None if class_names is None else len(class_names))
    if len(table) < 2:
        raise UserError(f"{path} holds {len(table)} row; labels are compared from two rows upwards.")
    names = class_names or tuple(f"class {index}" for index in range(len(table)))
    return LabelTable(label or found_label, dataset, names, table, str(path))


def _from_sidecar(path: Path) -> tuple[str | None, str, tuple[str, ...]] | None:
    """Data set, label and class names in the JSON file beside a table; None where there is no such file, or (and that is
    noted on standard error) it cannot be read."""
    sidecar = path.with_suffix(".json")
    values = noted(lambda: read_json(sidecar, SIDECAR_FORM, needed=("label", "class_names"), advice="It is passed over."),
                   None) if sidecar.exists() else None
    return None if values is None else (values.get("dataset"), values["label"], tuple(map(normalised, values["class_names"])))


def _from_file_name(stem: str) -> tuple[str | None, str, None]:
    """Data set and label in a file name such as the authors'."""
    match = re.fullmatch(rf"({'|'.join(FIXED_NAMES)})[_-](.+)", stem)
    dataset, label = match.groups() if match else (None, stem)
    label = AUTHORS_FILE_NAMES.get(label, label)
    return dataset, label if label in LABELS else stem, None
