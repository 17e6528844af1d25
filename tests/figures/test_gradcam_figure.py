"""Figure 9, confusion matrices, reliability and spoken pictures: layout and content."""

import numpy as np
import pytest
from matplotlib import colormaps
from skimage.color import rgb2lab

from tests.figures.legibility import assert_legible
from tests.figures.test_figures import panels
from tests.synthetic_runs import write_run
from tfrepr.analysis.calibration import reliability
from tfrepr.data.sources.cifar import CIFAR10_NAMES
from tfrepr.figures.confusion import draw_confusion, draw_reliability
from tfrepr.figures.gradcam import COLORS
from tfrepr.figures.series import NothingToPlotError
from tfrepr.figures.spoken import SpokenPicture, draw_spoken
from tfrepr.labels.representation import Candidate
from tfrepr.registry import FIGURES
from tfrepr.results.tables import read_results


def write_maps(path, images, predicted):
    """Weights of 0.25 with a one in the corner at the first stage, ones at the second, zeros at the last."""
    maps = np.zeros((len(images), 3, 8, 8), np.float16)
    maps[:, 0], maps[:, 0, 0, 0], maps[:, 1] = 0.25, 1, 1
    np.savez(path / "gradcam.npz", images=images, maps=maps, stages=np.array(["stage1", "stage2", "stage3"]),
             class_ids=np.arange(len(images)), predicted=np.array(predicted), class_names=np.array(CIFAR10_NAMES))


@pytest.fixture(scope="module")
def figure9(tmp_path_factory):
    output, images = tmp_path_factory.mktemp("maps"), np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), np.uint8)
    paths = [write_run(output, config={"label": label}) for label in ("speech", "category", "constant")]
    for path, predicted in zip(paths, ([0, 1, 2, 3, 4], [0, 1, 9, 3, 4], [0] * 5), strict=True):
        write_maps(path, images, predicted)
    return FIGURES["figure9"](read_results(paths)), images


def test_figure_9_is_the_papers_layout(figure9):
    figure, images = figure9
    grid = np.array(panels(figure)[:-1]).reshape(3, 4, 3)
    assert [axes.get_title() for axes in grid[0, 0]] == ["airplane", "Category", "Speech"]
    assert [axes.get_ylabel() for axes in grid[:, 0, 0]] == ["beginning", "middle", "final"]
    np.testing.assert_allclose(grid[1, 3, 0].images[0].get_array(), images[3] / 255)
    assert "ResNet-32 (stage1, stage2, stage3), CIFAR-10, 30 epochs, seed 0" in figure.get_suptitle()
    assert figure.get_suptitle().endswith("\nNot shown: Constant matrix")
    assert_legible(figure)


def test_maps_are_laid_over_the_image_and_answers_named(figure9):
    figure, images = figure9
    grid = np.array(panels(figure)[:-1]).reshape(3, 4, 3)
    quarter, one = (colormaps["inferno"](weight)[:3] for weight in (0.25, 1.0))
    for stage, color in enumerate((quarter, one)):
        shown = grid[stage, 2, 1].images[0].get_array()[4, 4]
        np.testing.assert_allclose(shown, 0.5 * images[2][4, 4] / 255 + 0.5 * np.array(color), atol=1e-6)
    assert [axes.get_xlabel() for axes in grid[2, 2]] == ["", "truck", "bird"]
    assert grid[2, 2, 1].xaxis.label.get_color() != grid[2, 2, 2].xaxis.label.get_color()


def test_a_map_of_zeros_says_so(figure9):
    *maps, scale = panels(figure9[0])
    grid = np.array(maps).reshape(3, 4, 3)
    for axes in grid[2, :, 1:].flat:
        assert [text.get_text() for text in axes.texts] == ["all zero"]
        assert np.ptp(axes.images[0].get_array(), axis=-1).max() < 1e-12, "without colour"
    assert not any(axes.texts for axes in grid[:2].flat)
    assert "all zero: at this stage nothing speaks for the answer" in scale.get_xlabel()


def test_colours_of_maps_grow_lighter_evenly():
    lightness = rgb2lab(colormaps[COLORS](np.linspace(0, 1, 64))[None, :, :3])[0, :, 0]
    steps = np.diff(lightness)
    assert (steps > 0).all()
    assert steps.max() < 2 * np.median(steps)


def test_smoothed_category_is_shown_in_figure_9(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), np.uint8)
    paths = [write_run(tmp_path, config={"label": label, "label_smoothing": smoothing})
             for label, smoothing in (("speech", 0.0), ("category", 0.0), ("category", 0.1))]
    for path in paths:
        write_maps(path, images, [0, 1, 2, 3, 4])
    figure = FIGURES["figure9"](read_results(paths))
    grid = np.array(panels(figure)[:-1]).reshape(3, -1, 4)
    assert [axes.get_title() for axes in grid[0, 0]] == ["airplane", "Category", "Category,\nsmoothed", "Speech"]
    assert_legible(figure)


def test_missing_maps_name_the_command(tmp_path):
    with pytest.raises(NothingToPlotError, match=r"python scripts/analyse\.py RUN_DIR"):
        FIGURES["figure9"](read_results([write_run(tmp_path)]))


def test_confusions_in_percent_of_the_true_class():
    counts = np.diag([8, 5, 0, *[10] * 7])
    counts[0, 3] = 2
    figure = draw_confusion(counts, CIFAR10_NAMES, "Speech, ResNet-32\nCIFAR-10, test set")
    axes = figure.axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert (shown[0, 0], shown[0, 3], shown[1, 1]) == (80, 20, 100)
    assert {text.get_text() for text in axes.texts} == {"80", "20", "100"}
    assert_legible(figure)


def test_many_classes_are_drawn_without_numbers():
    figure = draw_confusion(np.eye(100, dtype=int), [f"class {index}" for index in range(100)], "CIFAR-100")
    assert not figure.axes[0].texts
    assert_legible(figure)


def test_reliability_draws_filled_bins_as_points_with_their_uncertainty():
    confidences, correct = np.repeat([0.95, 0.9, 0.35], (20, 1, 1)), np.repeat([True, False, True], (16, 5, 1))
    table = reliability(confidences, correct)
    figure = draw_reliability({"T = 1: calibration error 0.2": table}, "Category, VGG19\nCIFAR-10")
    axes = figure.axes[0]
    few, many = axes.containers
    for container, rows in ((few, [5, 13]), (many, [14])):
        points, _, (whiskers,) = container
        assert points.get_linestyle() == "None"
        np.testing.assert_allclose(points.get_xydata(), table[rows, 1:])
        assert (points.get_markerfacecolor() == "white") == (container is few)
        for (_, low), (_, high) in whiskers.get_segments():
            assert 0 <= low < high <= 1
    # Wilson's interval of 16 in 20, by its formula.
    z2, share = 1.959964**2, 0.8
    centre, half = (share + z2 / 40) / (1 + z2 / 20), (z2 * (share * (1 - share) / 20 + z2 / 1600)) ** 0.5 / (1 + z2 / 20)
    np.testing.assert_allclose(many[2][0].get_segments()[0][:, 1], [centre - half, centre + half], rtol=1e-5)
    assert axes.get_legend() is None, "the legend stands below the panel"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == \
        ["T = 1: calibration error 0.2", "pale: less than 10 images", "as often right as confident"]
    assert_legible(figure)


def test_spoken_pictures_show_answer_label_and_ranking():
    answer, label = np.full((64, 64), -30.0), np.full((64, 64), -20.0)
    candidates = [Candidate(9, "truck", 4.0, 2.0), Candidate(1, "automobile", 18.0, 13.0), Candidate(4, "deer", 19.0, 14.0)]
    pictures = [SpokenPicture(f"{name}.png", np.zeros((32, 32, 3), np.uint8), answer, candidates, label)
                for name in ("truck", "a_name_that_is_too_long_for_its_picture")]
    figure = draw_spoken(pictures, "What ResNet-110 says")
    row = figure.axes[:4]
    assert (row[1].images[0].get_array()[0, 0], row[2].images[0].get_array()[0, 0]) == (-30, -20)
    assert (row[2].get_xlabel(), row[3].get_xlabel()) == ("truck", "loss 2.00, under 3.5: understood")
    assert [bar.get_width() for bar in row[3].patches] == [4, 18, 19]
    assert_legible(figure)
