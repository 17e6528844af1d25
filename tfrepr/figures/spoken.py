"""What a network says about pictures: image, predicted spectrogram, the label of the nearest class, and the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.figures import style
from tfrepr.figures.panels import only_picture
from tfrepr.labels.representation import Candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADINGS = ("image", "predicted spectrogram", "nearest label", "distance (RMS, dB)")
MOST_ROWS = 8
NEAREST_COLOR, OTHER_COLOR = "#0072B2", "#999999"


@dataclass(frozen=True)
class SpokenPicture:
    """One row of the figure.

    Attributes:
        name: The picture's file name.
        image: uint8, as the network saw it.
        answer: Predicted spectrogram, decibels, `(side, side)`.
        candidates: The nearest classes, nearest first.
        label: Label of the nearest class, `(side, side)`.
    """

    name: str
    image: np.ndarray
    answer: np.ndarray
    candidates: Sequence[Candidate]
    label: np.ndarray


@style.styled
def draw_spoken(pictures: Sequence[SpokenPicture], title: str) -> Figure:
    """One row for each of the first eight pictures; time runs to the right and frequency upwards, colours are decibels."""
    pictures = pictures[:MOST_ROWS]
    figure = style.new_figure(style.FULL_WIDTH, 0.75 + 1.55 * len(pictures))
    grid = figure.subplots(len(pictures), 4, squeeze=False, gridspec_kw={"width_ratios": [1, 1, 1, 1.5]})
    for row, picture in zip(grid, pictures, strict=True):
        _draw_row(row, picture)
    for axes, heading in zip(grid[0], HEADINGS, strict=True):
        axes.set_title(heading)
    colors = figure.colorbar(grid[0, 1].images[0], ax=grid[:, 1:3].ravel().tolist(), location="bottom", shrink=0.5,
                             aspect=40, pad=0.02)
    colors.set_label("dB below the peak", fontsize=7)
    figure.suptitle(title)
    return figure


def _draw_row(row: Sequence[Axes], picture: SpokenPicture) -> None:
    row[0].imshow(picture.image, interpolation="nearest")
    for axes, spectrogram in zip(row[1:3], (picture.answer, picture.label), strict=True):
        axes.imshow(spectrogram, origin="lower", vmin=-80, vmax=0, cmap="viridis", interpolation="nearest", aspect="equal")
    for axes in row[:3]:
        only_picture(axes)
    row[0].set_xlabel(_short(picture.name), fontsize=6.5)
    row[2].set_xlabel(picture.candidates[0].name.replace("_", " "), fontsize=7)
    _draw_ranking(row[3], picture.candidates)


def _draw_ranking(axes: Axes, candidates: Sequence[Candidate]) -> None:
    """A bar for each class, the nearest on top; below, whether its loss lies under the threshold."""
    places, distances = range(len(candidates)), [one.distance for one in candidates]
    axes.barh(places, distances, 0.6, color=[NEAREST_COLOR, *[OTHER_COLOR] * (len(candidates) - 1)])
    axes.set_yticks(places, [one.name.replace("_", " ") for one in candidates])
    axes.set(ylim=(len(candidates) - 0.4, -0.6), xlim=(0, 1.2 * max(distances)), xticks=())
    axes.set_xlabel(candidates[0].verdict, fontsize=6.5)
    for place, distance in zip(places, distances, strict=True):
        axes.text(distance, place, f" {distance:.1f}", va="center", fontsize=6.5)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:21]}..."
