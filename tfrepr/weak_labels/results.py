"""Finished runs as tables: one row a run, and means over seeds for print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfrepr.figures.style import DATASET_TITLES, ENCODER_TITLES, label_rank
from tfrepr.labels.options import LabelOptions
from tfrepr.options import off_default, plain_text
from tfrepr.reading import noted
from tfrepr.results.tables import named_classes
from tfrepr.text_tables import markdown_table, markdown_text
from tfrepr.weak_labels.options import WeakLabelConfig
from tfrepr.weak_labels.runs import WeakLabelRun

if TYPE_CHECKING:
    import pandas as pd

LEVELS = {"missing": "labelled_percent", "noisy": "noise_rate"}
"""What an experiment varies."""
ONE_TABLE = ("dataset", "data_variant", "encoder", "settings")
"""Columns in which the rows of one table agree."""
SCORES = {"missing": ("pseudo_label_accuracy",), "noisy": ("precision", "recall", "f1")}
TITLES = {"labelled_percent": "labelled", "noise_rate": "noise", "pseudo_label_accuracy": "kept pseudo-labels right",
          "precision": "precision", "recall": "recall", "f1": "F1", "test_accuracy_before": "test before",
          "test_accuracy_after": "test after", "seeds": "seeds"}


def result_table(runs: Sequence[WeakLabelRun]) -> pd.DataFrame:
    """One row a finished run: `run`, `task`, data, encoder, label, seed, classes, level, figures; accuracies are fractions.

    A run whose files cannot be read is left out, with a note on standard error.
    """
    import pandas as pd

    rows = [noted(lambda run=run: _row(run), None) for run in runs if run.finished]
    return pd.DataFrame([row for row in rows if row is not None])


def _row(run: WeakLabelRun) -> dict[str, Any]:
    config, environment = run.config(), run.environment("data_variant")
    metrics = run.metrics("test_accuracy_before", "test_accuracy_after")
    level = LEVELS[config.task]
    rounds = metrics.get("pseudo_labels") or [{}]
    figures = {**metrics, "pseudo_label_accuracy": rounds[-1].get("kept_accuracy")}
    wanted = (*SCORES[config.task], "test_accuracy_before", "test_accuracy_after")
    return {"run": run.path.name, "task": config.task, "dataset": config.dataset, "data_variant": environment["data_variant"],
            "encoder": config.encoder, "label": config.label, "seed": config.seed, "settings": _settings(config),
            "classes": named_classes(environment),
            level: getattr(config, level), **{name: figures.get(name) for name in wanted}}


def _settings(config: WeakLabelConfig) -> str:
    """What else is off its default, as `"batch size 32, crop area 0.7"`."""
    plain = type(config)(dataset=config.dataset, encoder=config.encoder, label=config.label, folder=config.folder)
    extra = off_default(config, plain)
    extra.update(off_default(extra.pop("label_options", LabelOptions())))
    return ", ".join(f"{name.replace('_', ' ')} {plain_text(value)}" for name, value in sorted(extra.items())
                     if name not in ("seed", LEVELS[config.task]))


def mean_table(table: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, and over nothing else, with the number of seeds; labels in the order of the figures."""
    task = table["task"].iloc[0]
    level, scores = LEVELS[task], [*SCORES[task], "test_accuracy_before", "test_accuracy_after"]
    numbers = table.assign(**{name: table[name].astype(float) for name in scores})
    groups = numbers.groupby([*ONE_TABLE, "label", level], sort=False, dropna=False)
    means = groups[scores].mean().assign(seeds=groups.size()).reset_index()
    return means.sort_values([*ONE_TABLE, "label", level], key=lambda column: column.map(label_rank) if column.name == "label"
                             else column, ignore_index=True)


def markdown(table: pd.DataFrame) -> str:
    """`mean_table` as Markdown, accuracies in percent: a table for each data, encoder and settings, which stand above it."""
    level = next(name for name in LEVELS.values() if name in table)
    columns = ["label", level, *(name for name in TITLES if name in table and name not in (level, "seeds")), "seeds"]
    blocks = []
    for (dataset, data, encoder, settings), part in table.groupby([*ONE_TABLE], sort=False):
        rows = [[_cell(name, row[name]) for name in columns] for _, row in part.iterrows()]
        title = f"{DATASET_TITLES.get(dataset, dataset)} ({data})"
        head = ", ".join(filter(None, (title, ENCODER_TITLES.get(encoder, encoder), settings)))
        lines = markdown_table([TITLES.get(name, name) for name in columns], rows)
        blocks.append("\n".join([f"{markdown_text(head)}:", "", *lines, ""]))
    return "\n".join(blocks)


def _cell(name: str, value: Any) -> str:
    if name in ("label", "seeds"):
        return str(value)
    if value is None or value != value:
        return "own" if name in LEVELS.values() else "-"
    if name == "labelled_percent":
        return f"{value:g}%"
    return f"{value:.0%}" if name == "noise_rate" else f"{value:.1%}"
