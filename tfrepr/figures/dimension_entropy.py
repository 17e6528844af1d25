"""Dimension against entropy of the label: accuracy and robust accuracy of a 2 x 2, its main effects and their interaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from tfrepr.claims.catalogue import ADAPTIVE_EPSILON
from tfrepr.claims.factorial import effects
from tfrepr.claims.verdicts import FEWEST_SEEDS, over_seeds
from tfrepr.claims.wording import with_minus
from tfrepr.experiments.dimension_entropy import FACTORS
from tfrepr.figures import style
from tfrepr.figures.panels import legend, line_keys, only_picture, panel_grid
from tfrepr.figures.series import AMOUNT, DATA, NothingToPlotError, data_title, page_by, seed_counts
from tfrepr.registry import FIGURES
from tfrepr.results.attack_rows import PIXEL_PROTOCOLS
from tfrepr.results.worst_cases import TOGETHER, worst_cases

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

TRAIN = "python scripts/train.py --experiment dimension-entropy"
NOT_ATTACKED = f"\nNot attacked with all of {', '.join(PIXEL_PROTOCOLS)}"
ENTROPY_LINES = {"high entropy": "-", "low entropy": (0, (4, 1.6))}
ASIDE = 0.05
"""How far beside their place the two entropies and single seeds are drawn, so that none hides another."""
GREY = "#777777"

Values = Mapping[str, Mapping[int, float]]
"""By label, the percentage of every seed."""


class Quantity(NamedTuple):
    """One row of panels."""

    title: str
    axis: str
    values: Values


@FIGURES.register("dimension-entropy")
@page_by(*DATA, "encoder", *AMOUNT, "epochs")
@style.styled
def dimension_against_entropy(results: Results) -> Figure:
    """Accuracy and robust accuracy of onehot, lowdim, blocks and random as a 2 x 2 of dimension and entropy.

    Left: means over seeds with Student's 95% interval (three seeds or more) and single seeds as small dots. Right: the effects
    that `tfrepr.claims.factorial` defines, dimension as its first factor, paired by seed, with intervals too; of one or two
    seeds the values alone. All runs of a page are trained in one way. Robust accuracy is that of the claims D1 to D3: what
    withstands the protocols `PIXEL_PROTOCOLS` together, by the nearest label, of all attacked images. A network that always
    answers the same class keeps the share of that class, so read it beside the accuracy.
    """
    runs = _one_way(results.runs)
    accuracy = runs.assign(value=100 * runs["test_accuracy"].astype(float))
    attacked = _robust(results, runs)
    rows = [Quantity("Accuracy", "Test accuracy (%)", _by_label(accuracy)),
            *([Quantity(_robust_title(attacked), "Robust accuracy (%)", _by_label(attacked))] if len(attacked) else [])]
    figure, grid = panel_grid(len(rows), 2, 2.0)
    for quantity, (left, right) in zip(rows, grid, strict=True):
        left.set_title(quantity.title)
        _draw_cells(left, quantity)
        _draw_effects(right, quantity.values)
    encoder = runs["encoder"].iloc[0]
    figure.suptitle(f"{style.ENCODER_TITLES.get(encoder, encoder)}, {data_title(runs)}, "
                    f"{seed_counts(runs.groupby('label').size())}" + ("" if len(attacked) else NOT_ATTACKED))
    legend(figure, [*_label_keys(), *line_keys(ENTROPY_LINES), *_seed_keys()])
    return figure


def _one_way(runs: pd.DataFrame) -> pd.DataFrame:
    """The finished runs of the four labels that agree in every setting but label and seed.

    Raises:
        NothingToPlotError: In no way, or in several ways, are all four labels trained.
    """
    from tfrepr.results.tables import CONFIG_DEFAULTS

    runs = runs[runs["finished"].astype(bool) & runs["test_accuracy"].notna() & runs["label"].isin(FACTORS)]
    settings = [name for name in CONFIG_DEFAULTS if name not in ("label", "seed") and runs[name].nunique(dropna=False) > 1]
    ways = [rows for _, rows in runs.groupby(settings, dropna=False)] if settings else [runs]
    whole = [rows for rows in ways if set(rows["label"]) == set(FACTORS)]
    if not whole:
        missing = ", ".join(name for name in FACTORS if name not in set(runs["label"]))
        fault = f"no finished one of {missing}" if missing else f"all four, but not alike in {', '.join(settings)}"
        raise NothingToPlotError(f"The 2 x 2 needs runs of {', '.join(FACTORS)} that are trained alike; here are {fault}. "
                                 f"Make them with: {TRAIN}")
    if len(whole) > 1:
        raise NothingToPlotError(f"These runs of the four labels differ in {', '.join(settings)}, and one picture shows one "
                                 "way of training. Choose with --experiment, or with --runs and a pattern of names.")
    return whole[0]


def _robust(results: Results, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that all protocols attacked, with the number of images and the share that withstood them, in percent."""
    cases = worst_cases(results)
    cases = cases[cases["run"].isin(runs["run"]) & (cases["epsilon"] == ADAPTIVE_EPSILON)]
    protocols = cases["protocol"].astype(str).str.split(",").str[0].groupby([cases["run"], cases["images"]])
    complete = protocols.transform(lambda names: set(PIXEL_PROTOCOLS) <= set(names)).astype(bool)
    rows = cases[complete & (cases["protocol"] == TOGETHER)]
    if len(rows):  # of several numbers of images that of the most runs, then the largest
        _, rows = max(rows.groupby("images"), key=lambda pair: (len(pair[1]), pair[0]))
    found = rows.assign(value=100 * rows["still_correct"] / rows["images"])[["run", "value", "images"]]
    return runs.merge(found, on="run")


def _by_label(rows: pd.DataFrame) -> dict[str, dict[int, float]]:
    return {label: dict(zip(part["seed"], part["value"], strict=True)) for label, part in rows.groupby("label")}


def _robust_title(attacked: pd.DataFrame) -> str:
    return f"Under all protocols together,\nε = {ADAPTIVE_EPSILON:g}/255, {attacked['images'].iloc[0]:,.0f} test images"


def _draw_cells(axes: Axes, quantity: Quantity) -> None:
    """Low and high dimension side by side, a line for each entropy."""
    means = {label: over_seeds(list(seeds.values())).mean for label, seeds in quantity.values.items()}
    for high_entropy, line in enumerate(reversed(ENTROPY_LINES.values())):
        labels = [label for label, factors in FACTORS.items() if factors[1] == high_entropy and label in means]
        places = [FACTORS[label][0] + (ASIDE if high_entropy else -ASIDE) for label in labels]
        axes.plot(places, [means[label] for label in labels], linestyle=line, color=GREY, linewidth=0.9, zorder=1)
        for place, label in zip(places, labels, strict=True):
            _draw_cell(axes, place, label, list(quantity.values[label].values()), means[label])
    axes.set_xticks((0, 1), ("low dimension\n(one number a class)", "high dimension\n(matrix)"))
    axes.set(xlim=(-0.4, 1.4), ylabel=quantity.axis)
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.15)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -0.05 * high), high)  # intervals may reach below 0, accuracies do not


def _draw_cell(axes: Axes, place: float, label: str, values: list[float], mean: float) -> None:
    look, interval = style.label_style(label), over_seeds(values).interval
    if interval is not None:
        axes.vlines(place, *interval, color=look.color, linewidth=1.2)
    if len(values) > 1:
        beside = place + (2 * ASIDE if FACTORS[label][1] else -2 * ASIDE)
        axes.plot([beside] * len(values), values, linestyle="none", marker="o", markersize=2.2, markeredgewidth=0,
                  color=style.tint(look.color, 0.6))
    axes.plot(place, mean, marker=look.marker, markersize=5, color=look.color)


def _draw_effects(axes: Axes, values: Values) -> None:
    """A row an effect: mean and interval, or the seeds' values, and the same in numbers."""
    found = effects({factors: values.get(label, {}) for label, factors in FACTORS.items()})
    if found is None:
        _say(axes, "no seed has all four labels yet")
        return
    rows = {"dimension\nhigh \N{MINUS SIGN} low": found.first, "entropy\nhigh \N{MINUS SIGN} low": found.second,
            "interaction\ndimension at high\n\N{MINUS SIGN} at low entropy": found.interaction}
    axes.axvline(0, color=GREY, linewidth=0.8)
    for height, effect in enumerate(rows.values()):
        shown = effect.values if effect.interval is None else (effect.mean,)
        if effect.interval is not None:
            axes.hlines(height, *effect.interval, color="#222222", linewidth=1.2)
        axes.plot(shown, [height] * len(shown), linestyle="none", marker="o", color="#222222", zorder=3)
        axes.text(1.03, height, with_minus(effect.text()), transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_title("Effects, paired by seed")
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=f"Effect, percentage points (n={len(found.first.values)})")
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)


def _say(axes: Axes, words: str) -> None:
    """Words in the place of a picture."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=7, color="#444444")
    only_picture(axes)


def _label_keys() -> list:
    from matplotlib.lines import Line2D

    looks = [style.label_style(label) for label in FACTORS]
    return [Line2D([], [], linestyle="none", color=look.color, marker=look.marker, markersize=5, label=look.title)
            for look in looks]


def _seed_keys() -> list:
    from matplotlib.lines import Line2D

    return [Line2D([], [], linestyle="none", marker="o", markersize=2.2, color=GREY, label="single seed"),
            Line2D([], [], linestyle="none", marker="|", markersize=7, markeredgewidth=1.2, color=GREY,
                   label=f"95% interval (n \N{GREATER-THAN OR EQUAL TO} {FEWEST_SEEDS})")]
