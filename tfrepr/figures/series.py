"""Which runs belong together in a figure: what shares a page, what is one curve, and means over seeds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfrepr.config import SINGLE
from tfrepr.data.splits import share_in_words
from tfrepr.errors import UserError
from tfrepr.figures.style import DATASET_TITLES, ENCODER_TITLES, SPARE_MARKERS, LabelStyle, label_rank, label_style, tint
from tfrepr.paper import ENCODERS, paper_epochs

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

DATA = ("dataset", "data_variant", "folder")
"""Runs that differ in one of these saw other images; they never share a page."""
AMOUNT = ("percent", "percent_of")
"""How much of the data is trained on, and of how many images that is percent: 1% of 50,000 are not 1% of 45,000."""
CELL = (*DATA, "encoder", *AMOUNT)
LABEL_FILE = "label_options.label_file"


class NothingToPlotError(UserError):
    """The runs at hand lack what a figure shows."""


@dataclass(frozen=True)
class Series:
    """One curve or bar: a label, trained in one way.

    Attributes:
        title: For the legend, as `"Speech"` or `"Speech, learning rate 0.01"`.
        name: Key of `LABEL_STYLES`.
        style: Name, colour and marker of the label.
        color: The label's colour, paler for the second and further ways of training it, which have other markers, too.
        runs: The runs to average over.
    """

    title: str
    name: str
    style: LabelStyle
    color: Any
    runs: pd.DataFrame

    def of(self, encoder: str) -> pd.Series:
        """Names of the runs with that encoder."""
        return self.runs.loc[self.runs["encoder"] == encoder, "run"]


def page_by(*columns: str) -> Callable[[Callable], Callable]:
    """Decorator for figure functions: all runs of one page agree in these columns of `Results.runs`."""

    def mark(draw: Callable[[Results], Figure]) -> Callable[[Results], Figure]:
        draw.page_by = columns
        return draw

    return mark


def data_title(runs: pd.DataFrame) -> str:
    """What the runs of one page were trained on, as `"CIFAR-10 (JPEG copy), 10% of 50,000 training images, 20 to 60 epochs"`.

    Epochs are left out where they are the paper's (A.4.1), and the precision where it is float32.
    """
    first = runs.iloc[0]
    dataset = DATASET_TITLES.get(first["dataset"], first["dataset"])
    variant = first["data_variant"]
    if not isinstance(variant, str):
        dataset += " (variant not recorded)"
    elif variant != "official":
        dataset = variant
    share = share_in_words(first["percent"], first["percent_of"])
    return dataset + (share and f", {share}") + _epochs_title(runs) + _precision_title(runs)


def _epochs_title(runs: pd.DataFrame) -> str:
    """How long the runs were trained, where one of them was not for the paper's 200 or 600 epochs."""
    paper = runs["label"].map(paper_epochs)
    low, high = int(runs["epochs"].min()), int(runs["epochs"].max())
    if (runs["epochs"] == paper).all():
        return ""
    return f", {low} epochs" if low == high else f", {low} to {high} epochs"


def _precision_title(runs: pd.DataFrame) -> str:
    """In which type the encoders computed while they were trained, where that was not float32 for all."""
    mixed = sorted(set(runs["mixed_precision"]) - {"off"})
    if not mixed:
        return ""
    return f", {'partly ' if (runs['mixed_precision'] == 'off').any() else ''}{' and '.join(mixed)}"


def encoders(runs: pd.DataFrame) -> list[str]:
    """The encoders among the runs: the paper's order, then others by name."""
    return sorted(set(runs["encoder"]), key=lambda name: (ENCODERS.index(name) if name in ENCODERS else len(ENCODERS), name))


def encoder_title(name: str, series: Sequence[Series]) -> str:
    """The encoder's name and how many seeds stand behind its curves, as `"ResNet-32 (n=3)"`."""
    return f"{ENCODER_TITLES.get(name, name)} ({seed_counts([len(one.of(name)) for one in series])})"


def legend_titles(series: Sequence[Series]) -> list[str]:
    """Titles of the series, with the number of seeds where it is not the same for all of them."""
    seeds = [seed_counts([len(one.of(encoder)) for encoder in encoders(one.runs)]) for one in series]
    return [f"{one.title} ({count})" if len(set(seeds)) > 1 else one.title for one, count in zip(series, seeds, strict=True)]


def seed_counts(counts: Iterable[int]) -> str:
    """`"n=5"`, or `"n=1-5"` where not all are equal; zeros are left out."""
    counts = [count for count in counts if count]
    return f"n={min(counts)}-{max(counts)}" if len(set(counts)) > 1 else f"n={counts[0]}"


def style_names(runs: pd.DataFrame) -> pd.Series:
    """The key of `LABEL_STYLES` for every run; a smoothed category label is one of its own."""
    smoothed = (runs["label"] == "category") & (runs["label_smoothing"] > 0)
    return runs["label"].mask(smoothed, "category-smoothing")


def not_shown(names: Iterable[str], shown: Collection[str]) -> str:
    """A line for the title that names the labels, given as keys of `LABEL_STYLES`, that a figure leaves out; empty if none."""
    missing = sorted(set(names) - set(shown), key=label_rank)
    return f"\nNot shown: {'; '.join(label_style(name).title for name in missing)}" if missing else ""


def series_of(runs: pd.DataFrame) -> list[Series]:
    """The runs by label and way of training, in the order of the legend.

    Runs of one label that differ in anything but data, encoder, percent and seed are different series, named by what differs:
    a mean is taken over seeds and over nothing else. Where labels differ in precision, all series are named by it.
    """
    series, by_name = [], runs.assign(style=style_names(runs)).groupby("style")
    precisions = ["mixed_precision"] if runs["mixed_precision"].nunique() > 1 else []
    for name, rows in sorted(by_name, key=lambda pair: (label_rank(pair[0]), pair[0])):
        varying = _varying_settings(rows)
        settings = list(dict.fromkeys([*varying, *precisions]))
        ways = [((), rows)] if not settings else list(rows.groupby(settings, dropna=False))
        for rank, (values, members) in enumerate(ways):
            style = label_style(name)
            words = [_setting_words(key, value) for key, value in zip(settings, values, strict=True)
                     if key != LABEL_FILE and (key != "validation_every" or len(varying) == 1)]
            title = ", ".join([_label_title(style, members), *words])
            if rank:
                style = replace(style, marker=SPARE_MARKERS[(rank - 1) % len(SPARE_MARKERS)])
            series.append(Series(title, name, style, tint(style.color, 1 / (1 + 0.7 * rank)), members))
    return series


def _label_title(style: LabelStyle, runs: pd.DataFrame) -> str:
    """The label's title, or the name of the file whose rows took the place of the label's."""
    files = set(runs[LABEL_FILE].dropna())
    return f"Label file {Path(files.pop()).name}" if len(files) == 1 else style.title


def _varying_settings(runs: pd.DataFrame) -> list[str]:
    """Config columns, seed aside, in which runs of one cell differ."""
    from tfrepr.results.tables import CONFIG_DEFAULTS

    settings = [name for name in CONFIG_DEFAULTS if name not in (*CELL, "label", "seed")]
    counts = runs.groupby(list(CELL), dropna=False)[settings].nunique(dropna=False)
    return [name for name in settings if (counts[name] > 1).any()]


def _setting_words(column: str, value: Any) -> str:
    if column == "mixed_precision":
        return SINGLE if value == "off" else str(value)
    name = column.rpartition(".")[2].replace("_", " ")
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
