"""From options to the list of cells that they describe."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfrepr.config import CIFAR_TRAINING_IMAGES, RunConfig
from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions, with_read_options
from tfrepr.paper import paper_epochs, paper_weight_decay
from tfrepr.registry import EXPERIMENTS

LABEL_FIELDS = {field.name for field in dataclasses.fields(LabelOptions)}
CIFAR = ("cifar10", "cifar100")
WITHOUT_FILES = ("digits",)
"""Data sources that come with a library."""
LISTED = {field.name for field in dataclasses.fields(RunConfig) if field.metadata.get("choices")}
"""Fields whose values are names; on the command line several may be given, as `a,b`."""


def cells_from_options(experiment: str | None, options: dict[str, Any],
                       data_dir: Path | None) -> tuple[str, list[RunConfig]]:
    """The experiment's name and its cells.

    An option whose value some cells of the experiment have keeps these cells and drops the others; a value that none of them
    has takes the place of theirs, and that of a label option in the cells whose label reads it. Several names, as `a,b`, keep
    the cells with any of them, or make a cell for each.

    Args:
        experiment: A registered name; with None, `options` describe one cell, or, where there are none, `quickstart` is meant.
        options: Fields of `RunConfig` and `LabelOptions` that were given.
        data_dir: Folder with the data; it becomes part of a config for the data source `folder` only.

    Returns:
        The name under which the list is noted (`"single"` without an experiment), and the configs without repetition.

    Raises:
        UserError: An unknown name, a value that is not allowed, options of which no cell has all, or a label option that has
            no part in the label of any cell.
    """
    lists = {name: _values(name, value) for name, value in options.items()}
    name = experiment if experiment is not None else "single" if options else "quickstart"
    cells = [{}] if experiment is None and options else [dataclasses.asdict(config) for config in EXPERIMENTS[name]()]
    chosen = {field: values for field, values in lists.items() if any(_value(cell, field) in values for cell in cells)}
    kept = [cell for cell in cells if all(_value(cell, field) in values for field, values in chosen.items())]
    if cells:  # an experiment that only measures has none
        _check(name, cells, kept, chosen)
    others = {field: values for field, values in lists.items() if field not in chosen}
    configs = with_read_options([changed(cell, change, data_dir) for cell in kept for change in _combinations(others)])
    if data_dir is not None and configs and all(config.dataset in WITHOUT_FILES for config in configs):
        raise UserError(f"--data-dir names files, and the data source {configs[0].dataset!r} needs none. Add --dataset (folder "
                        "for your own pictures), or leave --data-dir out.")
    return name, list(dict.fromkeys(configs))


def changed(values: dict[str, Any], options: dict[str, Any], data_dir: Path | None) -> RunConfig:
    """The config with `values`, some of them replaced by `options`.

    A new percent level of CIFAR counts as in the paper, and another label or encoder takes the paper's epochs and weight decay
    with it where the cell had those of its own.
    """
    label_options = {**values.get("label_options", {}), **{k: v for k, v in options.items() if k in LABEL_FIELDS}}
    fields = {**values, **{k: v for k, v in options.items() if k not in LABEL_FIELDS}}
    if {"percent", "dataset"} & options.keys() and "percent_of" not in options:
        few = fields.get("percent", 100) != 100 and fields.get("dataset") in CIFAR
        fields["percent_of"] = (fields.get("percent_of") or CIFAR_TRAINING_IMAGES) if few else None
    for name, value in _papers(values).items() if {"label", "encoder"} & options.keys() else ():
        if name not in options and values[name] == value:
            fields[name] = None  # the config fills in the paper's for the new label and encoder
    if fields.get("dataset") == "folder" and data_dir is not None:
        fields["folder"] = str(data_dir)
    return RunConfig(**{**fields, "label_options": LabelOptions(**label_options)})


def _papers(values: dict[str, Any]) -> dict[str, Any]:
    """The paper's epochs and weight decay for a cell; none for one that is not described yet."""
    if not values:
        return {}
    label, encoder = values["label"], values["encoder"]
    return {"epochs": paper_epochs(label), "weight_decay": paper_weight_decay(encoder, label)}


def _values(field: str, value: Any) -> list[Any]:
    """The values of one option."""
    return [part.strip() for part in value.split(",")] if field in LISTED else [value]


def _value(cell: dict[str, Any], field: str) -> Any:
    return cell.get("label_options", {}).get(field) if field in LABEL_FIELDS else cell.get(field)


def _combinations(lists: dict[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """One value of each list, in all combinations."""
    return (dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values()))


def _check(name: str, cells: Sequence[dict[str, Any]], kept: Sequence[dict[str, Any]], chosen: dict[str, list[Any]]) -> None:
    """Refuses lists of which only some values occur, and values that occur in no one cell together."""
    for field, values in chosen.items():
        present = sorted({str(_value(cell, field)) for cell in cells})
        foreign = [value for value in values if str(value) not in present]
        if foreign:
            raise UserError(f"No cell of the experiment {name} has the {field.replace('_', '-')} "
                            f"{', '.join(map(str, foreign))}, though it has others of your list. Choose from "
                            f"{', '.join(present)}, or name new values alone.")
    if not kept:
        wanted = ", ".join(f"--{field.replace('_', '-')} {','.join(map(str, values))}" for field, values in chosen.items())
        raise UserError(f"No cell of the experiment {name} has all of: {wanted}. Leave one of these options out.")
