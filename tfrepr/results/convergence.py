"""How long networks take to fit their training images, and how much longer when labels or pixels are corrupted.

Reference: Zhang et al. 2016, section 2, https://arxiv.org/abs/1611.03530.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.files import write_atomically
from tfrepr.registry import CORRUPTIONS
from tfrepr.results.tables import CONFIG_DEFAULTS
from tfrepr.text_tables import guarded_frame, markdown_table

if TYPE_CHECKING:
    import pandas as pd

    from tfrepr.results.tables import Results

TARGET = 0.95
"""Accuracy on the training images from which on a network counts as converged."""
CLAIM = ("Zhang et al. 2016, section 2.2: networks fit random labels and random pixels with the hyperparameters of true ones, "
         "and training takes longer by a small constant factor only.")
CORRUPTION = ("corruption", "corruption_level")
SHOWN = ("dataset", "data_variant", "percent", "encoder", "label", *CORRUPTION)
NO_SETTING = ("seed", *CORRUPTION)
TABLE_COLUMNS = (*SHOWN, "seeds", "converged", "steps", "ratio", "train_accuracy", "train_loss", "test_accuracy")


def measures_training_accuracy(results: Results) -> bool:
    """Whether any run logged the accuracy on its training batches, and any of them is corrupted."""
    histories = results.histories
    return ("train_accuracy" in histories and bool(histories["train_accuracy"].notna().any())
            and bool((results.runs["corruption"] != "true_labels").any()))


def run_convergence(results: Results) -> pd.DataFrame:
    """When each run reached `TARGET`.

    The accuracy is the one of history.csv, a mean over the epoch's batches while the weights change; the resolution is an
    epoch. Runs without that accuracy are left out.

    Returns:
        The rows of `results.runs` with, in addition, `converged` (bool), `steps` (training steps at the end of the first
        epoch with at least that accuracy, NaN where there is none) and the last epoch's `train_accuracy` and `train_loss`.
    """
    import pandas as pd

    if "train_accuracy" not in results.histories:
        return results.runs.iloc[:0].assign(converged=[], steps=[], train_accuracy=[], train_loss=[])
    rows = []
    for run, history in results.histories.dropna(subset=["train_accuracy"]).groupby("run", sort=False):
        history = history.sort_values("epoch")
        reached = history.loc[history["train_accuracy"] >= TARGET, "epoch"]
        rows.append({"run": run, "converged": not reached.empty, "first_epoch": reached.min(),
                     **history.iloc[-1][["train_accuracy", "train_loss"]]})
    columns = ["run", "converged", "first_epoch", "train_accuracy", "train_loss"]
    measured = results.runs.merge(pd.DataFrame(rows, columns=columns), on="run")
    return measured.assign(steps=measured["first_epoch"] * steps_per_epoch(measured)).drop(columns="first_epoch")


def steps_per_epoch(runs: pd.DataFrame) -> pd.Series:
    """Training batches an epoch of each run, the last one possibly short."""
    return np.ceil(runs["train_images"].astype(float) / runs["batch_size"].astype(float))


def convergence_table(results: Results) -> pd.DataFrame:
    """Steps until `TARGET` for every network, label and corruption, and their ratio to true labels.

    Returns:
        One row a curve, that is, runs that differ in their seed alone: `SHOWN`, the number of `seeds` and of those that
        `converged`; means over seeds of `steps` (NaN unless all converged), of the last epoch's `train_accuracy` and
        `train_loss`, and of `test_accuracy`; `ratio`, the steps divided by those of the same curve with true labels.
    """
    runs = run_convergence(results)
    settings = [name for name in (*CONFIG_DEFAULTS, "data_variant") if name not in NO_SETTING]
    groups = runs.groupby([*settings, *CORRUPTION], dropna=False, sort=False)
    table = groups.agg(seeds=("run", "size"), converged=("converged", "sum"), steps=("steps", "mean"),
                       train_accuracy=("train_accuracy", "mean"), train_loss=("train_loss", "mean"),
                       test_accuracy=("test_accuracy", "mean")).reset_index()
    table["steps"] = table["steps"].where(table["converged"] == table["seeds"])
    true = table.loc[table["corruption"] == "true_labels", [*settings, "steps"]].rename(columns={"steps": "true_steps"})
    table = table.merge(true, on=settings, how="left")
    table = table.assign(ratio=table["steps"] / table["true_steps"])[list(TABLE_COLUMNS)]
    return table.sort_values(["encoder", "label", *CORRUPTION], key=_places, kind="stable", ignore_index=True)


def _places(column: pd.Series) -> pd.Series:
    """What rows are sorted by: corruptions as registered, levels as numbers, the rest as they first appear."""
    if column.name == "corruption_level":
        return column
    names = CORRUPTIONS.names() if column.name == "corruption" else tuple(dict.fromkeys(column))
    return column.map({name: place for place, name in enumerate(names)})


def markdown(table: pd.DataFrame) -> str:
    """`convergence_table` for people, under the claim that it tests."""
    head = ("network", "label", "corruption", f"steps until {TARGET:.0%}", "ratio to true labels",
            "training accuracy, last epoch", "test accuracy")
    return "\n".join([CLAIM, "", *markdown_table(head, map(_cells, table.to_dict("records")))]) + "\n"


def _cells(row: dict) -> tuple[str, ...]:
    corruption = row["corruption"].replace("_", " ")
    if row["corruption_level"] != 1:
        corruption += f", {row['corruption_level']:.0%}"
    never = f"not reached ({row['converged']} of {row['seeds']})" if row["seeds"] > 1 else "not reached"
    return (row["encoder"], row["label"], corruption, never if np.isnan(row["steps"]) else f"{row['steps']:,.0f}",
            _number(row["ratio"], "{:.2f}"), _number(row["train_accuracy"], "{:.1%}"), _number(row["test_accuracy"], "{:.1%}"))


def _number(value: float, form: str) -> str:
    return "-" if np.isnan(value) else form.format(value)


def write_convergence(results: Results, folder: Path, name: str) -> list[Path]:
    """Writes `<folder>/<name>-convergence.csv` and `.md`; nothing where no corrupted run logged its training accuracy.

    Returns:
        The paths written.
    """
    if not measures_training_accuracy(results):
        return []
    table = convergence_table(results)
    contents = {"csv": guarded_frame(table).to_csv(index=False, lineterminator="\n"), "md": markdown(table)}
    paths = {form: folder / f"{name}-convergence.{form}" for form in contents}
    for form, path in paths.items():
        write_atomically(path, contents[form].encode())
    return list(paths.values())
