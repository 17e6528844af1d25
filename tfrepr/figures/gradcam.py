"""Grad-CAM maps over images (paper Figure 9), from the `gradcam.npz` of runs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.figures import style
from tfrepr.figures.panels import only_picture
from tfrepr.figures.series import AMOUNT, DATA, NothingToPlotError, data_title, not_shown, page_by, style_names
from tfrepr.reading import noted
from tfrepr.registry import FIGURES
from tfrepr.results.gradcam import FILE, STAGE_TITLES, read_gradcam
from tfrepr.runs import RunDirectory

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

LABELS = ("category", "category-smoothing", "speech")
"""The pictures beside each image, as in the paper, and smoothed category; other labels where none of them is there."""
GROUPS, LEAST_WIDTH = 4, 0.48
"""Images across the figure, fewer where a picture would be narrower than that, inches."""
COLORS = "inferno"
"""Of the maps: even steps for the eye, and for eyes that take red for green."""
GAP = 0.2
"""Between two triplets, in widths of a picture."""
WRONG_COLOR = "#D55E00"


@FIGURES.register("figure9")
@page_by(*DATA, *AMOUNT, "encoder", "seed")
@style.styled
def gradcam_triplets(results: Results) -> Figure:
    """Grad-CAM at three stages of an encoder (paper Figure 9): image, category, speech; below each, what is answered."""
    maps, left_out = _maps_by_label(results.runs)
    first, members = next(iter(maps.values())), len(maps) + 1
    count = min(GROUPS, int(style.FULL_WIDTH / LEAST_WIDTH / (members + GAP)), len(first["images"]))
    figure, grid = _grid(count, members)
    for place in range(count):
        _draw_group(grid[:, place], maps, place)
    _scale(figure, grid)
    for axes, title in zip(grid[:, 0, 0], STAGE_TITLES, strict=True):
        axes.set_ylabel(title, fontsize=6)
    run = results.runs.iloc[0]
    encoder = style.ENCODER_TITLES.get(run["encoder"], run["encoder"])
    stages = ", ".join(str(name) for name in first["stages"])
    figure.suptitle(f"Grad-CAM of {encoder} ({stages}), {data_title(results.runs)}, seed {run['seed']}{left_out}")
    return figure


def _maps_by_label(runs: pd.DataFrame) -> tuple[dict[str, dict[str, np.ndarray]], str]:
    """Arrays of `gradcam.npz` by label: `LABELS`, or what there is; all of the same images. And which labels are left out.

    Raises:
        NothingToPlotError: No run has them.
    """
    found = {}
    for name, path in sorted(zip(style_names(runs), runs["path"], strict=True), key=lambda pair: style.label_rank(pair[0])):
        if name not in found and (arrays := noted(lambda path=path: read_gradcam(RunDirectory(path)), {})):
            found[name] = arrays
    if not found:
        raise NothingToPlotError(f"These runs have no {FILE} yet. Make it with: python scripts/analyse.py RUN_DIR")
    chosen = {name: found[name] for name in LABELS if name in found} or dict(list(found.items())[:2])
    first = next(iter(chosen.values()))
    maps = {name: arrays for name, arrays in chosen.items() if np.array_equal(arrays["images"], first["images"])}
    return maps, not_shown(found, maps)


def _grid(groups: int, members: int) -> tuple[Figure, np.ndarray]:
    """A figure and its panels, `(stages, groups, members)`, with a gap between groups."""
    side = style.FULL_WIDTH / (groups * (members + GAP))
    figure = style.new_figure(style.FULL_WIDTH, 1.0 + 0.15 * members + len(STAGE_TITLES) * side)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.04, wspace=0, hspace=0)
    widths = [*[1.0] * members, GAP] * groups
    panels = figure.subplots(len(STAGE_TITLES), len(widths) - 1, squeeze=False, gridspec_kw={"width_ratios": widths[:-1]})
    for axes in panels[:, members::members + 1].flat:
        axes.set_visible(False)
    return figure, np.stack([panels[:, start:start + members] for start in range(0, len(widths), members + 1)], axis=1)


def _draw_group(grid: np.ndarray, maps: dict[str, dict[str, np.ndarray]], place: int) -> None:
    """One image in every row, and beside it each label's map of that stage laid over it."""
    first = next(iter(maps.values()))
    image, true = first["images"][place] / 255, int(first["class_ids"][place])
    for stage, row in enumerate(grid):
        row[0].imshow(image, interpolation="nearest")
        for axes, arrays in zip(row[1:], maps.values(), strict=True):
            _draw_map(axes, image, arrays["maps"][place, stage].astype(np.float32))
        for axes in row:
            only_picture(axes)
    grid[0, 0].set_title(str(first["class_names"][true]).replace("_", "\n"), fontsize=7)
    for line, (axes, below, (name, arrays)) in enumerate(zip(grid[0, 1:], grid[-1, 1:], maps.items(), strict=True)):
        axes.set_title(textwrap.fill(style.label_style(name).title, 10, break_long_words=False), fontsize=6.5)
        _name_answer(below, arrays, place, true, line)


def _name_answer(axes: Axes, arrays: dict[str, np.ndarray], place: int, true: int, line: int) -> None:
    """Writes the predicted class below, each label's on a line of its own, since long names are wider than a picture."""
    predicted = int(arrays["predicted"][place])
    color = "#000000" if predicted == true else WRONG_COLOR
    axes.set_xlabel(str(arrays["class_names"][predicted]), fontsize=6.5, color=color, labelpad=2 + 9 * line)


def _draw_map(axes: Axes, image: np.ndarray, weights: np.ndarray) -> None:
    """The image, half covered by its map; where the map is zero all over, the image in grey, which says so."""
    if weights.any():
        axes.imshow(_overlay(image, weights), interpolation="nearest")
        return
    grey = image.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    axes.imshow(0.4 * grey + 0.6, interpolation="nearest")
    axes.text(0.5, 0.5, "all zero", transform=axes.transAxes, ha="center", va="center", fontsize=6)


def _overlay(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The image, half covered by the map in colours from dark (0) to bright (1); opaque, since EPS knows no transparency."""
    from matplotlib import colormaps

    return 0.5 * image + 0.5 * colormaps[COLORS](weights)[..., :3]


def _scale(figure: Figure, grid: np.ndarray) -> None:
    """The colours of the maps, and what a map of zeros means where there is one."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), COLORS), ax=grid.ravel().tolist(), location="bottom", shrink=0.4,
                          aspect=40, pad=0.02, ticks=(0, 1))
    zeros = any(text.get_text() == "all zero" for axes in grid.flat for text in axes.texts)
    bar.set_label("weight of a place, in parts of its map's maximum" +
                  ("\nall zero: at this stage nothing speaks for the answer" if zeros else ""), fontsize=6.5)
    bar.ax.set_xticklabels(["0", "1"])
