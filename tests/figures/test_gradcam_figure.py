"""Figure 9, confusion matrices, reliability and spoken pictures: layout and content."""

import numpy as np
import pytest

from tests.figures.legibility import assert_legible
from tests.figures.test_figures import panels
from tests.synthetic_runs import write_run
from tfrepr.analysis.calibration import reliability
from tfrepr.analysis.speaking import Candidate
from tfrepr.data.sources.cifar import CIFAR10_NAMES
from tfrepr.figures.confusion import draw_confusion, draw_reliability
from tfrepr.figures.series import NothingToPlotError
from tfrepr.figures.spoken import SpokenPicture, draw_spoken
from tfrepr.registry import FIGURES
from tfrepr.results import read_results


def write_maps(path, images, predicted):
    maps = np.zeros((len(images), 3, 8, 8), np.float16)
    maps[:, 1] = 1
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
    grid = np.array(panels(figure)).reshape(3, 4, 3)
    assert [axes.get_title() for axes in grid[0, 0]] == ["airplane", "Category", "Speech"]
    assert [axes.get_ylabel() for axes in grid[:, 0, 0]] == ["beginning", "middle", "final"]
    np.testing.assert_allclose(grid[1, 3, 0].images[0].get_array(), images[3] / 255)
    assert "ResNet-32 (stage1, stage2, stage3), CIFAR-10, 30 epochs, seed 0" in figure.get_suptitle()
    assert_legible(figure)


def test_maps_are_laid_over_the_image_and_answers_named(figure9):
    figure, images = figure9
    grid = np.array(panels(figure)).reshape(3, 4, 3)
    blue, red = (0, 0, 0.5), (0.5, 0, 0)
    for stage, color in enumerate((blue, red, blue)):
        np.testing.assert_allclose(grid[stage, 2, 1].images[0].get_array(), 0.5 * images[2] / 255 + 0.5 * np.array(color))
    assert [axes.get_xlabel() for axes in grid[2, 2]] == ["", "truck", "bird"]
    assert grid[2, 2, 1].xaxis.label.get_color() != grid[2, 2, 2].xaxis.label.get_color()


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


def test_reliability_draws_filled_bins_only():
    table = reliability(np.array([0.95, 0.9, 0.35]), np.array([True, False, True]))
    figure = draw_reliability({"temperature 1": table}, "Category, VGG19\nCIFAR-10")
    curve = figure.axes[0].lines[1].get_xydata()
    np.testing.assert_allclose(curve, table[table[:, 0] > 0][:, 1:])
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
