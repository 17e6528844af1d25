"""Pictures of adversarial images: what was shown, what was added, what the network then answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfrepr.figures import style
from tfrepr.figures.adversarial import EPSILON_TITLES, attack_title
from tfrepr.figures.panels import only_picture
from tfrepr.figures.series import NothingToPlotError, data_title, page_by, series_of
from tfrepr.registry import FIGURES

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from tfrepr.results.tables import Results

IMAGES = 8
"""Images across the figure; the first ones of `gallery.npz` are shown."""
CHANGED_COLOR = "#D55E00"


@FIGURES.register("adversarial-gallery")
@page_by("run")
@style.styled
def adversarial_gallery(results: Results) -> Figure:
    """Originals, perturbations (contrast stretched) and adversarial images of one run, with the predicted names.

    Shows the arrays of `gallery.npz` that `tfrepr.results.tables.Results.galleries` describes.
    """
    if not results.galleries:
        raise NothingToPlotError("These runs have no gallery.npz with adversarial images. Make it with: "
                                 "python scripts/attack.py RUN_DIR")
    gallery = next(iter(results.galleries.values()))
    count = min(IMAGES, len(gallery["original"]))
    figure = style.new_figure(style.FULL_WIDTH, 1.05 + 2.85 * style.FULL_WIDTH / IMAGES)
    grid = figure.subplots(3, count, squeeze=False)
    stretch = _stretch(gallery, count)
    for place in range(count):
        _draw_column(grid[:, place], gallery, place, stretch)
    for axes, title in zip(grid[:, 0], ("original", f"perturbation\n(times {stretch:.3g})", "adversarial"), strict=True):
        axes.set_ylabel(title)
    encoder = results.runs.iloc[0]["encoder"]
    figure.suptitle(f"{series_of(results.runs)[0].title}, {style.ENCODER_TITLES.get(encoder, encoder)}: "
                    f"{data_title(results.runs)}\n{_attack_title(gallery)}")
    return figure


def _attack_title(gallery: Mapping[str, np.ndarray]) -> str:
    """`"Untargeted iterative attack, protocol “paper”, ε in normalised units"`."""
    from tfrepr.results.tables import GALLERY_WORDS

    if not all(word in gallery for word in GALLERY_WORDS):
        return "attack not recorded"
    protocol, attack, goal, space = (str(gallery[word]) for word in GALLERY_WORDS)
    return f"{attack_title(attack, goal)} attack, protocol “{protocol}”, {EPSILON_TITLES.get(space, f'ε, {space}')}"


def _stretch(gallery: Mapping[str, np.ndarray], count: int) -> float:
    """The factor at which the largest perturbation shown spans black to white around mid-grey."""
    largest = abs(gallery["adversarial"][:count] - gallery["original"][:count]).max()
    return 0.5 / largest if largest > 0 else 1.0


def _draw_column(column: np.ndarray, gallery: Mapping[str, np.ndarray], place: int, stretch: float) -> None:
    original, adversarial = gallery["original"][place], gallery["adversarial"][place]
    pictures = (original, 0.5 + stretch * (adversarial - original), adversarial)
    for axes, picture in zip(column, pictures, strict=True):
        axes.imshow(picture.clip(0, 1), interpolation="nearest")
        only_picture(axes)
    name, predicted = str(gallery["names"][place]), str(gallery["predicted"][place])
    epsilon = gallery["epsilon"].reshape(-1)
    column[0].set_title(name)
    column[1].set_title(f"ε = {epsilon[min(place, len(epsilon) - 1)]:.3g}", fontsize=7)
    changed = predicted != name
    column[2].set_xlabel(f"→ {predicted}" if changed else predicted, color=CHANGED_COLOR if changed else "#000000")
