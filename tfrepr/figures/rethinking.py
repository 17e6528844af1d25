"""Figure 1 of "Understanding deep learning requires rethinking generalization" (Zhang et al. 2016), in the style of its print.

Curves are means over seeds. Steps are training batches: `epoch * steps an epoch`. The shuffled pixels of the student's
reproduction are unshuffled images, so that only its other curves compare with ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tfrepr.figures import style
from tfrepr.figures.accuracy import CHANCE_LOOK, class_count, draw_chance, scale_accuracy
from tfrepr.figures.levels import FEWEST_JOINED
from tfrepr.figures.panels import legend, over_runs, require
from tfrepr.figures.series import AMOUNT, DATA, data_title, page_by
from tfrepr.registry import FIGURES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

TRAIN = "python scripts/train.py --experiment "
SIZE = (3.0, 2.85)
"""Inches; the report's 3 by 2.5, and two lines that name network and data. The legend below adds to it."""
PRINTED_STEPS = 25.0
"""Thousand steps on the printed axis; shorter and longer trainings have an axis of their own length."""


class Look(NamedTuple):
    """Name, colour and marker of a curve."""

    title: str
    color: str
    marker: str | None


CORRUPTION_LOOKS = {
    "true_labels": Look("true labels", "#0072B2", "s"),
    "random_labels": Look("random labels", "#D55E00", "o"),
    "shuffled_pixels": Look("shuffled pixels", "#009E73", "*"),
    "random_pixels": Look("random pixels", "#CC79A7", None),
    "gaussian": Look("gaussian", "#000000", "D"),
    "uniform_pixels": Look("uniform pixels", "#E69F00", "^"),
    "gaussian_report": Look("gaussian, report's", "#666666", "v"),
}
"""The print's order and markers, in those colours of our other figures that are nearest to its own; the last two are not in
it."""

NETWORK_LOOKS = {"mini-inception": ("#0072B2", "s"), "mini-inception-nobn": ("#56B4E9", "D"), "alexnet-small": ("#D55E00", "o"),
                 "mlp1x512": ("#009E73", "^"), "mlp3x512": ("#CC79A7", "v")}


@FIGURES.register("rethinking-loss")
@page_by(*DATA, *AMOUNT, "label", "encoder")
@style.styled
def loss_of_each_network(results: Results) -> Figure:
    """Zhang et al. 2016, Figure 1a: training loss over thousand steps under each corruption, one page a network."""
    results = _full_corruptions(results)
    encoder = results.runs["encoder"].iloc[0]
    return _loss_figure(results, style.ENCODER_TITLES.get(encoder, encoder))


@FIGURES.register("rethinking-loss-mean")
@page_by(*DATA, *AMOUNT, "label")
@style.styled
def loss_of_all_networks(results: Results) -> Figure:
    """The same as a mean over networks (the report's Figure 7)."""
    results = _full_corruptions(results)
    count = results.runs["encoder"].nunique()
    require(results.runs.iloc[: count - 1], "second network to average over", TRAIN + "rethinking-fig1")
    return _loss_figure(results, f"Mean of {count} networks")


def _full_corruptions(results: Results) -> Results:
    """The runs with all labels true or all corrupted, provided that some are corrupted."""
    runs = results.runs
    corrupted = runs["corruption"] != "true_labels"
    require(runs[corrupted & (runs["corruption_level"] == 1)], "corrupted training images", TRAIN + "rethinking-fig1")
    chosen = results.where(~corrupted | (runs["corruption_level"] == 1))
    require(chosen.histories, "learning histories (history.csv)", TRAIN + "rethinking-fig1")
    return chosen


def _loss_figure(results: Results, title: str) -> Figure:
    figure = style.new_figure(*SIZE)
    axes = figure.subplots()
    curves = loss_curves(results)
    for name, look in CORRUPTION_LOOKS.items():
        if name in curves:
            _draw(axes, curves[name], look)
    axes.set(xlabel="thousand steps", ylabel="average loss")
    _frame(axes, max(curve.index.max() for curve in curves.values()), results.runs["label"].iloc[0] == "category")
    figure.suptitle(f"{title}\n{data_title(results.runs)}")
    legend(figure, axes.get_legend_handles_labels()[0])
    return figure


def loss_curves(results: Results) -> dict[str, pd.Series]:
    """By corruption, the training loss by thousand steps: the mean over networks of each network's mean over seeds.

    Only steps at which every network has a loss are kept, so that the mean is always over the same networks.
    """
    from tfrepr.results.convergence import steps_per_epoch

    runs = results.runs.assign(steps=steps_per_epoch(results.runs))[["run", "encoder", "corruption", "steps"]]
    history = results.histories.merge(runs, on="run")
    history["thousand_steps"] = history["epoch"] * history["steps"] / 1000
    curves = {}
    for corruption, rows in history.groupby("corruption"):
        losses = rows.pivot_table(index="thousand_steps", columns="encoder", values="train_loss")
        curves[corruption] = losses.dropna().mean(axis=1)
    return {name: curve for name, curve in curves.items() if len(curve)}


def _draw(axes: Axes, curve: pd.Series, look: Look) -> None:
    """A line, with about 25 black-edged markers, above the lines, where the print has markers."""
    axes.plot(curve.index, curve, color=look.color, marker=look.marker, markersize=5 if look.marker == "*" else 3.5,
              markeredgecolor="black", markeredgewidth=0.4, markevery=max(1, len(curve) // 25), label=look.title,
              linewidth=1.0, zorder=5 if look.marker is None else 3)


def _frame(axes: Axes, thousand_steps: float, one_hot: bool) -> None:
    """Frame and inward ticks on all sides; axes 0 to 25 and 0 to 2.5, as printed, where they suit."""
    import numpy as np

    _inward_ticks(axes)
    length = PRINTED_STEPS if PRINTED_STEPS / 2 < thousand_steps <= PRINTED_STEPS else thousand_steps
    axes.set_xlim(0, length)
    axes.locator_params(axis="x", nbins=5)
    axes.set_ylim(0, 2.5 if one_hot else None)
    if one_hot:
        axes.set_yticks(np.arange(0, 2.6, 0.5))


def _inward_ticks(axes: Axes) -> None:
    axes.spines[:].set_visible(True)
    axes.grid(False)
    axes.tick_params(direction="in", top=True, right=True)


@FIGURES.register("rethinking-levels")
@page_by(*DATA, *AMOUNT, "label")
@style.styled
def convergence_by_level(results: Results) -> Figure:
    """Zhang et al. 2016, Figures 1b and 1c: time to convergence and final test error over the share of random labels.

    The time is the ratio of the steps until a training accuracy of 95% to those with true labels; networks that did not get
    there have no point. Test labels are corrupted as the training labels are.
    """
    from tfrepr.results.convergence import convergence_table

    runs = results.runs[results.runs["corruption"].isin(["true_labels", "random_labels"])]
    partial = runs[runs["corruption"].eq("random_labels") & runs["corruption_level"].between(0, 1, inclusive="left")]
    require(partial, "partially random labels", TRAIN + "rethinking-levels")
    table = convergence_table(results.where(results.runs["run"].isin(runs["run"])))
    require(table, "accuracy on the training images (--validation none)", TRAIN + "rethinking-levels")
    table["level"] = table["corruption_level"].where(table["corruption"] == "random_labels", 0.0)
    table["error"] = 1 - table["test_accuracy"]
    figure = style.new_figure(style.FULL_WIDTH * 0.8, 2.6)
    for axes, column, name in zip(figure.subplots(1, 2), ("ratio", "error"), ("time to convergence (relative)", "test error"),
                                  strict=True):
        _draw_levels(axes, table, column)
        axes.set(xlabel="label corruption", ylabel=name, xlim=(-0.03, 1.03))
        _inward_ticks(axes)
    axes.set_ylim(0, 1)
    networks = axes.get_legend_handles_labels()[0]
    classes = class_count(results.runs)
    if classes is not None:
        networks.append(axes.axhline(1 - 1 / classes, label=f"chance (1 in {classes})", **CHANCE_LOOK))
    figure.suptitle(data_title(results.runs))
    legend(figure, networks)
    return figure


def _draw_levels(axes: Axes, table: pd.DataFrame, column: str) -> None:
    known = table.dropna(subset=[column])
    order = list(NETWORK_LOOKS)
    for encoder in sorted(set(known["encoder"]), key=lambda name: (order.index(name) if name in order else len(order), name)):
        spare = style.label_style(encoder)
        color, marker = NETWORK_LOOKS.get(encoder, (spare.color, spare.marker))
        rows = known[known["encoder"] == encoder]
        means = over_runs(rows, "level", column)["mean"]
        axes.plot(means.index, means, color=color, marker=marker, label=style.ENCODER_TITLES.get(encoder, encoder),
                  linestyle="-" if len(means) >= FEWEST_JOINED else "none")


@FIGURES.register("labels-under-corruption")
@page_by(*DATA, *AMOUNT)
@style.styled
def memorising_labels(results: Results) -> Figure:
    """Accuracy on the training images over thousand steps, true labels solid and random ones dashed, one panel a network."""
    runs = results.runs[results.runs["corruption_level"] == 1]
    runs = runs[runs["corruption"].isin(["true_labels", "random_labels"])]
    command = TRAIN + "labels-under-corruption"
    require(runs[runs["corruption"] == "random_labels"], "random labels", command)
    require(runs[runs["label"] != "category"], "labels other than category", command)
    results = results.where(results.runs["run"].isin(runs["run"]))
    history = results.histories if "train_accuracy" in results.histories else results.histories.assign(train_accuracy=None)
    history = history.dropna(subset=["train_accuracy"])
    require(history, "accuracy on the training images (--validation none)", command)
    return _memory_figure(runs, history)


def _memory_figure(runs: pd.DataFrame, history: pd.DataFrame) -> Figure:
    from tfrepr.results.convergence import steps_per_epoch

    runs = runs.assign(steps=steps_per_epoch(runs))
    rows = history.merge(runs[["run", "encoder", "label", "corruption", "steps"]], on="run")
    rows["thousand_steps"] = rows["epoch"] * rows["steps"] / 1000
    names = list(dict.fromkeys(runs["encoder"]))
    figure = style.new_figure(style.FULL_WIDTH if len(names) > 1 else style.COLUMN_WIDTH, 2.6)
    grid = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for axes, encoder in zip(grid, names, strict=True):
        _draw_memory(axes, rows[rows["encoder"] == encoder])
        axes.set(title=style.ENCODER_TITLES.get(encoder, encoder), xlabel="thousand steps", xlim=(0, None))
    scale_accuracy(grid)
    chance = draw_chance(grid, class_count(runs))
    grid[0].set_ylabel("training accuracy (%)")
    figure.suptitle(data_title(runs))
    legend(figure, [*_memory_keys(runs), *chance])
    return figure


def _draw_memory(axes: Axes, rows: pd.DataFrame) -> None:
    for (label, corruption), curve in rows.groupby(["label", "corruption"]):
        means = over_runs(curve, "thousand_steps", "train_accuracy")["mean"] * 100
        line = style.TRAINING_LINE if corruption == "true_labels" else style.VALIDATION_LINE
        axes.plot(means.index, means, color=style.label_style(label).color, linestyle=line)


def _memory_keys(runs: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D

    labels = sorted(set(runs["label"]), key=style.label_rank)
    keys = [Line2D([], [], color=style.label_style(label).color, label=style.label_style(label).title) for label in labels]
    lines = {"true": style.TRAINING_LINE, "random": style.VALIDATION_LINE}
    return keys + [Line2D([], [], color="#555555", linestyle=line, label=name) for name, line in lines.items()]
