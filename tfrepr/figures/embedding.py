"""t-SNE pictures of features (paper Figures 5 and 8), with what the features themselves measure written under each.

A picture shows one run. Of the seeds that every label has, the one with the highest mean test accuracy is shown (the paper
shows "the models with highest accuracy", trained "with the same random seed").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.figures import style
from tfrepr.figures.series import AMOUNT, DATA, NothingToPlotError, data_title, encoders, not_shown, page_by, style_names
from tfrepr.reading import damaged, noted
from tfrepr.registry import FIGURES
from tfrepr.results.features import (
    FOLDER,
    PROGRESS,
    Scores,
    embed,
    kept_epochs,
    measure,
    milestones,
    read_class_ids,
    read_features,
)
from tfrepr.runs import RunDirectory

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

FIGURE5_LABELS = ("speech", "category", "category-smoothing")
FIGURE8_LABELS = ("constant", "speech", "category", "category-smoothing")
"""Rows of Figure 5 and columns of Figure 8, in the paper's order; smoothed category, which it does not show there, is last."""
COMMAND = "python scripts/train.py --features, or for the end of finished runs python scripts/analyse.py RUN_DIR"
MOST_NAMED_CLASSES = 20
FEWEST = 4
"""Images in a picture."""


@FIGURES.register("figure5")
@page_by(*DATA, *AMOUNT, "encoder")
@style.styled
def embedding_progress(results: Results) -> Figure:
    """t-SNE of features at 10, 30, 50, 70 and 100% of training (paper Figure 5), one row a label."""
    runs = _with_features(results.runs, more_than_one=True)
    labels = [name for name in FIGURE5_LABELS if name in set(runs["style"])] or _by_rank(runs)
    chosen = _same_seed(runs, labels)
    figure = style.new_figure(style.FULL_WIDTH, 0.55 + 1.55 * len(labels))
    grid = figure.subplots(len(labels), len(PROGRESS), squeeze=False)
    for row, label in zip(grid, labels, strict=True):
        _draw_progress(row, RunDirectory(chosen[label]))
        row[0].set_ylabel(style.label_style(label).title, fontsize=8)
    for axes, share in zip(grid[0], PROGRESS, strict=True):
        axes.set_title(f"{share:.0%} of training")
    encoder = style.ENCODER_TITLES.get(*[runs["encoder"].iloc[0]] * 2)
    figure.suptitle(f"t-SNE of {encoder} features, {data_title(runs)}"
                    f"{_seed_title(runs, chosen.values())}{not_shown(runs['style'], labels)}")
    _name_classes(figure, RunDirectory(next(iter(chosen.values()))))
    return figure


@FIGURES.register("figure8")
@page_by(*DATA, *AMOUNT)
@style.styled
def embedding_of_labels(results: Results) -> Figure:
    """t-SNE of features at the end of training (paper Figure 8), one row an encoder, one column a label."""
    runs = _with_features(results.runs, more_than_one=False)
    labels = [name for name in FIGURE8_LABELS if name in set(runs["style"])] or _by_rank(runs)[:3]
    left_out, runs = not_shown(runs["style"], labels), runs[runs["style"].isin(labels)]
    names = encoders(runs)
    figure = style.new_figure(min(1.75 * len(labels) + 0.3, style.FULL_WIDTH), 0.65 + 1.9 * len(names))
    grid = figure.subplots(len(names), len(labels), squeeze=False)
    for row, encoder in zip(grid, names, strict=True):
        rows = runs[runs["encoder"] == encoder]
        chosen = _same_seed(rows, [name for name in labels if name in set(rows["style"])])
        for axes, label in zip(row, labels, strict=True):
            _draw_last(axes, RunDirectory(chosen[label])) if label in chosen else axes.set_visible(False)
        row[0].set_ylabel(style.ENCODER_TITLES.get(encoder, encoder) + _seed_title(rows, chosen.values()), fontsize=8)
        row[0].set_visible(True)
    for axes, label in zip(grid[0], labels, strict=True):
        axes.set_title(style.label_style(label).title)
    figure.suptitle(f"t-SNE of features\n{data_title(runs)}{left_out}")
    _name_classes(figure, RunDirectory(runs["path"].iloc[0]))
    return figure


def _with_features(runs: pd.DataFrame, more_than_one: bool) -> pd.DataFrame:
    """The runs that have features (of several epochs), with the column `style`.

    Raises:
        NothingToPlotError: There are none; the message says how to get them.
    """
    kept = [len(noted(lambda path=path: _readable_epochs(RunDirectory(path), more_than_one), ())) > more_than_one
            for path in runs["path"]]
    found = runs.assign(style=style_names(runs))[np.array(kept, dtype=bool)]
    if found.empty:
        which = "features of several epochs" if more_than_one else "features"
        raise NothingToPlotError(f"These runs have no {which} yet. Make them with: {COMMAND}")
    return found


def _readable_epochs(run: RunDirectory, more_than_one: bool) -> Collection[int]:
    """Epochs whose features can be drawn; files are opened only where there are enough of them.

    Raises:
        UserError: The names of the classes or the class ids of the images cannot be read.
    """
    if len(kept_epochs(run)) <= more_than_one:
        return ()
    names, class_ids = run.environment("class_names")["class_names"], read_class_ids(run)
    if not 0 <= class_ids.min(initial=0) <= class_ids.max(initial=0) < len(names):
        raise damaged(run / FOLDER / "images.npz", "its class ids are not those of the run", "The run is left out.")
    return read_features(run)


def _by_rank(runs: pd.DataFrame) -> list[str]:
    return sorted(set(runs["style"]), key=style.label_rank)


def _same_seed(runs: pd.DataFrame, labels: Sequence[str]) -> dict[str, Path]:
    """One run directory a label: the best seed that all labels have, or where there is none the best run of each."""
    members = {label: runs[runs["style"] == label].fillna({"test_accuracy": 0.0}) for label in labels}
    shared = set.intersection(*(set(rows["seed"]) for rows in members.values()))
    if shared:
        best = max(sorted(shared), key=lambda seed: sum(rows.loc[rows["seed"] == seed, "test_accuracy"].max()
                                                        for rows in members.values()))
        members = {label: rows[rows["seed"] == best] for label, rows in members.items()}
    return {label: Path(rows.sort_values("test_accuracy", ascending=False, kind="stable")["path"].iloc[0])
            for label, rows in members.items()}


def _seed_title(runs: pd.DataFrame, chosen: Sequence[Path]) -> str:
    """`", seed 0"`; nothing where the pictures show runs of different seeds."""
    seeds = set(runs.loc[runs["path"].isin([str(path) for path in chosen]), "seed"])
    return f", seed {seeds.pop()}" if len(seeds) == 1 else ""


def _draw_progress(row: Sequence[Axes], run: RunDirectory) -> None:
    """One run at each share of its training; what was not kept stays empty."""
    stored = read_features(run)
    epoch_of = {share: epoch for epoch, share in milestones(run.config().epochs).items()}
    for axes, share in zip(row, PROGRESS, strict=True):
        epoch = epoch_of.get(share)
        if epoch in stored:
            _draw(axes, run, stored[epoch], epoch)
        else:
            _say(axes, "not kept")


def _draw_last(axes: Axes, run: RunDirectory) -> None:
    epoch, features = list(read_features(run).items())[-1]
    _draw(axes, run, features, epoch)


def _say(axes: Axes, why: str) -> None:
    """An empty panel, and why."""
    _empty(axes)
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", fontsize=7, color="#777777")


def _draw(axes: Axes, run: RunDirectory, features: np.ndarray, epoch: int) -> None:
    class_ids = read_class_ids(run)
    if len(features) < FEWEST or not np.isfinite(features).all():
        _say(axes, f"epoch {epoch}:\n" + ("too few images" if len(features) < FEWEST else "features\noverflowed"))
        return
    scores, plane = measure(features, class_ids, epoch, run.config().epochs), embed(features)
    looks = [style.class_look(class_id) for class_id in class_ids]
    for marker in dict.fromkeys(marker for _, marker in looks):
        rows = [row for row, look in enumerate(looks) if look[1] == marker]
        axes.scatter(*plane[rows].T, c=[looks[row][0] for row in rows], marker=marker, s=2.5, linewidths=0, rasterized=True)
    _empty(axes)
    axes.set_xlabel(f"epoch {epoch}\nsilhouette {scores.silhouette:.2f}\n{_purity(scores)}", fontsize=6.5)


def _purity(scores: Scores) -> str:
    """`"10-NN purity 0.68"`; `"4 to 10-NN purity 0.68"` where k is smaller for small classes."""
    smallest = f"{scores.fewest_neighbours} to " if scores.fewest_neighbours < scores.neighbours else ""
    return f"{smallest}{scores.neighbours}-NN purity {scores.knn_purity:.2f}"


def _empty(axes: Axes) -> None:
    axes.set(xticks=(), yticks=())
    axes.grid(visible=False)
    axes.spines[:].set(visible=True, linewidth=0.4, color="#aaaaaa")


def _name_classes(figure: Figure, run: RunDirectory) -> None:
    """A legend of the classes, unless there are too many to tell their colours apart."""
    from matplotlib.lines import Line2D

    names = run.environment()["class_names"]
    if len(names) > MOST_NAMED_CLASSES:
        return
    keys = [Line2D([], [], color=color, marker=marker, markersize=4, linestyle="", label=name)
            for name, (color, marker) in zip(names, map(style.class_look, range(len(names))), strict=True)]
    width, height = figure.get_size_inches()
    columns = max(1, int(width / (0.35 + 0.062 * max(map(len, names)))))
    rows = -(-len(names) // columns)
    figure.set_size_inches(width, height + 0.15 * rows + 0.1)
    figure.legend(handles=keys, loc="outside lower center", ncols=-(-len(names) // rows), columnspacing=0.9, handletextpad=0.1)
