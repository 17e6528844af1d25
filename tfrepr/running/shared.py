"""What the cells of a list share, checked once before the first one: their data can be read, their label can be made."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tfrepr.config import RunConfig
from tfrepr.data.loading import has_pictures, load_source
from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.reading import read_array
from tfrepr.runs import RunDirectory

Item = TypeVar("Item")
Cell = TypeVar("Cell", bound=Any)
"""A config of a run or of a pipeline: both name data, a label and its options."""


def shared_faults(configs: Sequence[Cell], data_dir: Path | None) -> dict[Cell, UserError]:
    """Cells that cannot be trained because of their data or their label; each source and each label is tried once.

    A single cell is not looked at: it says the same when it is trained.

    Args:
        configs: What is to be trained.
        data_dir: Folder with the data set's files.

    Returns:
        By config what is wrong, for those with which something is.
    """
    faults: dict[Cell, UserError] = {}
    for cells in grouped(configs if len(configs) > 1 else (), lambda cell: (cell.dataset, cell.folder, cell.image_size)):
        source = cells[0]
        try:
            dataset = load_source(source, data_dir)
        except UserError as error:
            faults |= dict.fromkeys(cells, error)
            continue
        names, side = dataset.class_names, dataset.image_shape[0]
        del dataset  # its images are large, and of no use here
        for same in grouped(cells, lambda cell: (cell.label, cell.label_options)):
            if fault := _label_fault(same[0], names, side):
                faults |= dict.fromkeys(same, fault)
    return faults


def changed_pictures(configs: Sequence[RunConfig], output: Path) -> dict[RunConfig, UserError]:
    """Finished cells on folders of pictures that are no longer what was trained on; each folder is read once."""
    faults: dict[RunConfig, UserError] = {}
    finished = [cell for cell in configs if has_pictures(cell) and RunDirectory.of(cell, output).finished]
    for cells in grouped(finished, lambda cell: (cell.folder, cell.image_size)):
        try:
            now = load_source(cells[0], None).fingerprint
        except UserError as error:
            faults |= dict.fromkeys(cells, error)
            continue
        for cell in cells:
            try:
                RunDirectory.of(cell, output).refuse_other_data(now)
            except UserError as error:
                faults[cell] = error
    return faults


def changed_labels(configs: Sequence[RunConfig], output: Path) -> dict[RunConfig, UserError]:
    """Finished cells whose label comes from files of the user's that are there and no longer say what was trained on."""
    faults: dict[RunConfig, UserError] = {}
    for cell in configs:
        places = (cell.label_options.label_file, cell.label_options.wav_dir)
        run = RunDirectory.of(cell, output)
        if run.finished and any(place is not None and user_path(place).exists() for place in places):
            try:
                run.refuse_other_label(_label_now(cell, run))
            except UserError as error:
                faults[cell] = error
    return faults


def say_faults(faults: dict[Cell, UserError], cells: int) -> None:
    """Prints each fault once, with the number of cells that it stops."""
    for stopped in grouped(faults, lambda config: str(faults[config])):
        click.secho(f"Error: {faults[stopped[0]]} This stops {len(stopped)} of {cells} cells.", fg="red", err=True)


def grouped(items: Iterable[Item], key: Callable[[Item], Hashable]) -> list[list[Item]]:
    """The items in groups of equal key, in the order of the first of each."""
    groups: dict[Hashable, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())


def _label_now(cell: RunConfig, run: RunDirectory) -> str:
    """The fingerprint of a finished cell's label, made anew."""
    from tfrepr.labels.build import build_representation

    table = read_array(run / "label_table.npy", "Put back a copy of it, or remove the run directory and train again.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build_representation(cell.label, run.environment("class_names")["class_names"],
                                    image_side=table.shape[-1] // 2, options=cell.label_options).fingerprint


def _label_fault(cell: Cell, class_names: tuple[str, ...], side: int) -> UserError | None:
    from tfrepr.labels.build import build_representation

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the training says them
            build_representation(cell.label, class_names, image_side=side, options=cell.label_options)
    except UserError as error:
        return error
    return None
