"""Grad-CAM maps over images (paper Figure 9), from the `gradcam.npz` of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfrepr.analysis.gradcam import FILE, STAGE_TITLES, read_gradcam
from tfrepr.figures import style
from tfrepr.figures.series import DATA, NothingToPlotError, data_title, page_by, style_name
from tfrepr.reading import noted
from tfrepr.registry import FIGURES
from tfrepr.runs import RunDirectory

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tfrepr.results import Results

LABELS = ("category", "speech")
"""The second and third picture of each triplet, as in the paper; other labels where neither is there."""
TRIPLETS = 4
GAP = 0.2
"""Between two triplets, in widths of a picture."""
WRONG_COLOR = "#D55E00"


@FIGURES.register("figure9")
@page_by(*DATA, "percent", "encoder", "seed")
@style.styled
def gradcam_triplets(results: Results) -> Figure:
    """Grad-CAM at three stages of an encoder (paper Figure 9): image, category, speech; below each, what is answered."""
    maps = _maps_by_label(results.runs)
    first = next(iter(maps.values()))
    count = min(TRIPLETS, len(first["images"]))
    figure, grid = _grid(count, len(maps) + 1)
    for place in range(count):
        _draw_triplet(grid[:, place], maps, place)
    for axes, title in zip(grid[:, 0, 0], STAGE_TITLES, strict=True):
        axes.set_ylabel(title, fontsize=6.5)
    run = results.runs.iloc[0]
    encoder = style.ENCODER_TITLES.get(run["encoder"], run["encoder"])
    stages = ", ".join(str(name) for name in first["stages"])
    figure.suptitle(f"Grad-CAM of {encoder} ({stages}), {data_title(results.runs)}, seed {run['seed']}")
    return figure


def _maps_by_label(runs: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """Arrays of `gradcam.npz` by label: category and speech, or what there is; all of the same images.

    Raises:
        NothingToPlotError: No run has them.
    """
    names = [style_name(*pair) for pair in zip(runs["label"], runs["label_smoothing"], strict=True)]
    found = {}
    for name, path in sorted(zip(names, runs["path"], strict=True), key=lambda pair: style.label_rank(pair[0])):
        if name not in found and (arrays := noted(lambda path=path: read_gradcam(RunDirectory(path)), {})):
            found[name] = arrays
    if not found:
        raise NothingToPlotError(f"These runs have no {FILE} yet. Make it with: python scripts/analyse.py RUN_DIR")
    chosen = {name: found[name] for name in LABELS if name in found} or dict(list(found.items())[:2])
    first = next(iter(chosen.values()))
    return {name: arrays for name, arrays in chosen.items() if np.array_equal(arrays["images"], first["images"])}


def _grid(groups: int, members: int) -> tuple[Figure, np.ndarray]:
    """A figure and its panels, `(stages, groups, members)`, with a gap between groups."""
    figure = style.new_figure(style.FULL_WIDTH, 0.62 + len(STAGE_TITLES) * 0.96 * style.FULL_WIDTH / (groups * (members + GAP)))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    widths = [*[1.0] * members, GAP] * groups
    panels = figure.subplots(len(STAGE_TITLES), len(widths) - 1, squeeze=False, gridspec_kw={"width_ratios": widths[:-1]})
    for axes in panels[:, members::members + 1].flat:
        axes.set_visible(False)
    return figure, np.stack([panels[:, start:start + members] for start in range(0, len(widths), members + 1)], axis=1)


def _draw_triplet(grid: np.ndarray, maps: dict[str, dict[str, np.ndarray]], place: int) -> None:
    """One image in every row, and beside it each label's map of that stage laid over it."""
    first = next(iter(maps.values()))
    image, true = first["images"][place] / 255, int(first["class_ids"][place])
    for stage, row in enumerate(grid):
        row[0].imshow(image, interpolation="nearest")
        for axes, arrays in zip(row[1:], maps.values(), strict=True):
            axes.imshow(_overlay(image, arrays["maps"][place, stage].astype(np.float32)), interpolation="nearest")
        for axes in row:
            axes.set(xticks=(), yticks=())
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
    grid[0, 0].set_title(str(first["class_names"][true]).replace("_", "\n"), fontsize=7)
    for line, (axes, below, (name, arrays)) in enumerate(zip(grid[0, 1:], grid[-1, 1:], maps.items(), strict=True)):
        axes.set_title(style.label_style(name).title, fontsize=7)
        _name_answer(below, arrays, place, true, line)


def _name_answer(axes: Axes, arrays: dict[str, np.ndarray], place: int, true: int, line: int) -> None:
    """Writes the predicted class below, each label's on a line of its own, since long names are wider than a picture."""
    predicted = int(arrays["predicted"][place])
    color = "#000000" if predicted == true else WRONG_COLOR
    axes.set_xlabel(str(arrays["class_names"][predicted]), fontsize=6.5, color=color, labelpad=2 + 9 * line)


def _overlay(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The image, half covered by the map in the colours blue (0) to red (1); opaque, since EPS knows no transparency."""
    from matplotlib import colormaps

    return 0.5 * image + 0.5 * colormaps["jet"](weights)[..., :3]
