"""From options to the list of cells that they describe."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfrepr.config import RunConfig
from tfrepr.labels.options import LabelOptions
from tfrepr.registry import EXPERIMENTS

LABEL_FIELDS = {field.name for field in dataclasses.fields(LabelOptions)}


def cells_from_options(experiment: str | None, options: dict[str, Any],
                       data_dir: Path | None) -> tuple[str, list[RunConfig]]:
    """The experiment's name and its cells.

    Args:
        experiment: A registered name; with None, `options` describe one cell, or, where there are none, `quickstart` is meant.
        options: Fields of `RunConfig` and `LabelOptions` that were given.
        data_dir: Folder with the data; it becomes part of a config for the data source `folder` only.

    Returns:
        The name under which the list is noted (`"single"` for one cell), and the configs without repetition.

    Raises:
        UserError: An unknown name or a value that is not allowed.
    """
    if experiment is None and options:
        return "single", [changed({}, options, data_dir)]
    name = experiment or "quickstart"
    configs = [changed(dataclasses.asdict(config), options, data_dir) for config in EXPERIMENTS[name]()]
    return name, list(dict.fromkeys(configs))


def changed(values: dict[str, Any], options: dict[str, Any], data_dir: Path | None) -> RunConfig:
    """The config with `values`, some of them replaced by `options`."""
    label_options = {**values.get("label_options", {}), **{k: v for k, v in options.items() if k in LABEL_FIELDS}}
    fields = {**values, **{k: v for k, v in options.items() if k not in LABEL_FIELDS}}
    if fields.get("dataset") == "folder" and data_dir is not None:
        fields["folder"] = str(data_dir)
    return RunConfig(**{**fields, "label_options": LabelOptions(**label_options)})
