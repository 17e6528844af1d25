"""What an experiment measures without training: label statistics (Table 2) and the architectures (Tables 3 to 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tfrepr.errors import UserError
from tfrepr.files import json_bytes, write_atomically
from tfrepr.paper import ENCODERS
from tfrepr.reading import damaged, fits, noted, read_json
from tfrepr.registry import EXPERIMENTS

if TYPE_CHECKING:
    import keras

Row = dict[str, Any]
DATASETS = {"cifar10": 10, "cifar100": 100}
IMAGE_SIDE = 32
LAYER = ("layer", "input", "output", "kernel", "stride", "padding")
"""Columns of Table 5."""
ROW_FORMS = {
    "table2": {"label": str, "dataset": str, "quantity": str, "classes": int, "mean": float, "spread": float,
               "paper_cell": str | None, "paper_mean": float | None, "paper_spread": float | None},
    "tables3-5": {"table": str, "dataset": str, "encoder": str, "label": str, "value": int},
}
"""Types of the columns of the experiments' rows, but for those of Table 5."""


def measurement_file(experiment: str, output: Path) -> Path:
    """Where an experiment without cells keeps its rows: `<output>/<experiment>.json`."""
    return output / f"{experiment}.json"


def read_measurement(experiment: str, output: Path) -> list[Row]:
    """The rows of `measure`; none where it has not been done, or its file is damaged, which is noted on standard error."""
    path = measurement_file(experiment, output)
    advice = f"Make it again: python scripts/train.py --experiment {experiment}"

    def rows() -> list[Row]:
        found = read_json(path, list[dict[str, Any]], advice=advice)
        kinds = [ROW_FORMS[experiment] if row.get("table") != "Table 5" else dict.fromkeys(LAYER, str) for row in found]
        if not all(form.keys() <= row.keys() and fits(row, form) for form, row in zip(kinds, found, strict=True)):
            raise damaged(path, "its rows lack columns, or hold values of other types", advice)
        return found

    return noted(rows, []) if path.exists() else []


def measure(experiment: str, output: Path) -> None:
    """Measures, prints and keeps the rows of an experiment without cells.

    Raises:
        UserError: The folder cannot be written.
    """
    path = measurement_file(experiment, output)
    rows = EXPERIMENTS[experiment].measurement()
    write_atomically(path, json_bytes(rows))
    click.echo(f"Written: {path}")


def label_statistics() -> list[Row]:
    """Rows of `tfrepr.labels.statistics_text` for every label that can be made here, printed as well (paper Table 2)."""
    from tfrepr.data.class_names import class_names
    from tfrepr.labels.embeddings import embedded_labels
    from tfrepr.labels.options import LabelOptions
    from tfrepr.labels.statistics import measure as measure_table
    from tfrepr.labels.statistics_text import as_text, rows, summary
    from tfrepr.labels.tables import default_labels, make_table

    measured = []
    for dataset in DATASETS:
        for label in (*default_labels(), *embedded_labels()):
            try:
                table = make_table(label, class_names(dataset), dataset=dataset, image_side=IMAGE_SIDE, options=LabelOptions())
            except UserError as error:
                click.secho(f"{label}, {dataset}: {error}", fg="yellow", err=True)
                continue
            measured.append((table, measure_table(table.table, table.class_names, label=label, dataset=dataset)))
            click.echo(as_text(*measured[-1]) + "\n")
    click.echo(summary(measured))
    return rows(measured)


def architectures() -> list[Row]:
    """Parameter counts of category and high-dimensional models and the layers of the label decoder (paper Tables 3 to 5).

    Returns:
        Rows with `table`, `dataset`, `encoder`, `label` and `value`; those of Table 5 have `layer`, `input`, `output`,
        `kernel`, `stride` and `padding` instead.
    """
    from tfrepr.models.build import parameter_count

    found: list[Row] = []
    for table, (dataset, classes) in zip(("Table 3", "Table 4"), DATASETS.items(), strict=True):
        for encoder in ENCODERS:
            for label, model in _models(encoder, classes):
                count = parameter_count(model)
                found.append({"table": table, "dataset": dataset, "encoder": encoder, "label": label, "value": count})
                click.echo(f"{table}, {dataset}, {encoder}, {label}: {count:,} trainable parameters")
    found += _decoder_layers(model)
    click.echo("\nTable 5:")
    for row in found[-6:]:
        click.echo("  {layer:16} {input:>12} -> {output:12} kernel {kernel}, stride {stride}, padding {padding}".format(**row))
    return found


def _models(encoder: str, classes: int) -> Iterator[tuple[str, keras.Model]]:
    """The model of an encoder with either head."""
    import numpy as np

    from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
    from tfrepr.models.build import build_model

    names = tuple(f"class {index}" for index in range(classes))
    table = np.zeros((classes, 2 * IMAGE_SIDE, 2 * IMAGE_SIDE))
    for label, representation in (("category", CategoryRepresentation("category", names)),
                                  ("high-dimensional", RegressionRepresentation("constant", names, table))):
        yield label, build_model(encoder, (IMAGE_SIDE, IMAGE_SIDE, 3), representation)


def _decoder_layers(model: keras.Model) -> Iterator[Row]:
    """Table 5's rows, shapes as channels x height x width."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            yield _decoder_row("Dense", "I_e out", str(layer.units), "-", "-", "-")
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            doubling = layer.padding == "same"
            yield _decoder_row("ConvTranspose 2D", _channels_first(layer.input.shape), _channels_first(layer.output.shape),
                               _square(layer.kernel_size), _square(layer.strides), "1 x 1" if doubling else "0")


def _decoder_row(*values: str) -> Row:
    return {"table": "Table 5", **dict(zip(LAYER, values, strict=True))}


def _channels_first(shape: tuple) -> str:
    _, height, width, channels = shape
    return f"{channels} x {height} x {width}"


def _square(sizes: tuple[int, int]) -> str:
    return f"{sizes[0]} x {sizes[1]}"
