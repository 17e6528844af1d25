"""The picture of the 2 x 2 of labels: which runs, which numbers, and what it says where something is missing."""

import json

import numpy as np
import pytest

from tests.figures.legibility import assert_legible, texts
from tests.synthetic_runs import write_csv, write_run
from tfrepr.claims.factorial import CELLS, effects
from tfrepr.claims.verdicts import over_seeds
from tfrepr.experiments.dimension_entropy import FACTORS
from tfrepr.figures.drawing import pages
from tfrepr.figures.series import NothingToPlotError
from tfrepr.figures.style import label_style
from tfrepr.registry import FIGURES
from tfrepr.results.attack_rows import COLUMNS, PIXEL_PROTOCOLS, Survivors
from tfrepr.results.tables import read_results
from tfrepr.selection import find_runs

NAME = "dimension-entropy"
DRAW = FIGURES[NAME]
ACCURACY = {"onehot": (0.30, 0.33, 0.35), "lowdim": (0.25, 0.31, 0.34), "blocks": (0.28, 0.29, 0.36),
            "random": (0.41, 0.42, 0.46)}


def write(output, label, seed, accuracy, *, attacked=None, **config):
    """A run with that test accuracy; `attacked` of its 1000 images withstand all protocols together at 4/255, 3 more each."""
    path = write_run(output, variant="CIFAR-10 (JPEG copy)", epochs=2, images=1000,
                     config={"label": label, "percent": 1.0, "seed": seed, **config})
    metrics = json.loads((path / "metrics.json").read_text())
    (path / "metrics.json").write_text(json.dumps({**metrics, "test_accuracy": accuracy}))
    if attacked is not None:
        rows, kept = [], {}
        for place, protocol in enumerate(PIXEL_PROTOCOLS):
            key = (protocol, "ensemble", "untargeted", "worst", "pixel", 4.0, 1100, 1, 0, "nearest", 1000)
            left = np.zeros(1000, bool)
            left[:attacked] = left[900 + 3 * place:903 + 3 * place] = True
            rows.append([*key, 950, attacked + 3, None, 0, 1.0])
            kept[key] = left
        write_csv(path / "attacks.csv", COLUMNS, rows)
        Survivors(path / "attack_survivors.npz").add(kept)
    return path


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three seeds with 1% of the images, of which the first is attacked; one run with all images."""
    output = tmp_path_factory.mktemp("factorial")
    for label, values in ACCURACY.items():
        for seed, accuracy in enumerate(values):
            write(output, label, seed, accuracy, attacked=int(100 * accuracy) if seed == 0 else None)
        write(output, label, 0, 0.7, percent=100.0)
    return read_results(find_runs(output))


def page_of(study, name):
    return next(page for suffix, page in pages(study, DRAW.page_by) if suffix == name)


def marker(axes, label):
    """Place and height of a label's mean."""
    return next(line for line in axes.lines if line.get_marker() == label_style(label).marker).get_xydata()[0]


def test_points_are_means_and_whiskers_students_intervals(study):
    axes = DRAW(page_of(study, "p1")).axes[0]
    for label, values in ACCURACY.items():
        place, height = marker(axes, label)
        assert height == pytest.approx(100 * np.mean(values))
        assert (round(place), place > round(place)) == tuple(map(int, FACTORS[label]))
        whisker = next(lines for lines in axes.collections if lines.get_segments()[0][0][0] == place)
        np.testing.assert_allclose(whisker.get_segments()[0][:, 1], over_seeds([100 * value for value in values]).interval)


def test_effects_are_those_of_the_factorial_module(study):
    axes = DRAW(page_of(study, "p1")).axes[1]
    cells = {factors: dict(enumerate(100 * np.array(ACCURACY[label]))) for label, factors in FACTORS.items()}
    found = effects(cells)
    assert [label.get_text().split()[0] for label in axes.get_yticklabels()] == ["dimension", "entropy", "interaction"]
    assert [text.get_text() for text in axes.texts] == [one.text() for one in (found.first, found.second, found.interaction)]
    for number, one in enumerate((found.first, found.second, found.interaction)):
        whisker = next(lines.get_segments()[0] for lines in axes.collections if lines.get_segments()[0][0][1] == number)
        np.testing.assert_allclose(whisker[:, 0], one.interval)
    assert "(n=3)" in axes.get_xlabel()


def test_without_one_of_the_protocols_nothing_is_robust(tmp_path):
    paths = [write(tmp_path, label, 0, 0.5, attacked=20) for label in FACTORS]
    assert len(DRAW(read_results(paths)).axes) == 4
    for path in paths:
        lines = (path / "attacks.csv").read_text().splitlines(keepends=True)
        (path / "attacks.csv").write_text("".join(line for line in lines if not line.startswith("autoattack")))
    figure = DRAW(read_results(paths))
    assert len(figure.axes) == 2
    assert "Not attacked with all of standard, adaptive, autoattack" in figure.get_suptitle()


def test_robust_accuracy_is_what_withstands_all_protocols_at_one_epsilon(study):
    figure = DRAW(page_of(study, "p1"))
    cells, effects_panel = figure.axes[2:]
    assert cells.get_title() == "Under all protocols together,\nε = 4/255, 1,000 test images"
    for label, values in ACCURACY.items():
        assert marker(cells, label)[1] == pytest.approx(int(100 * values[0]) / 10)
    assert not cells.collections  # one seed has no interval
    assert [text.get_text() for text in effects_panel.texts] == ["+0.7", "+0.4", "+1.8"]


def test_what_is_not_attacked_says_so(study):
    figure = DRAW(page_of(study, "p100"))
    assert len(figure.axes) == 2
    assert figure.get_suptitle() == ("ResNet-32, CIFAR-10 (JPEG copy), 2 epochs, n=1\n"
                                     "Not attacked with all of standard, adaptive, autoattack")


@pytest.mark.parametrize("page", ["p1", "p100"])
def test_words_can_be_read(study, page):
    figure = DRAW(page_of(study, page))
    assert_legible(figure)
    assert {label_style(label).title for label in FACTORS} <= {text.get_text() for text in texts(figure)}


def test_a_seed_without_all_labels_has_no_effects(tmp_path):
    results = read_results([write(tmp_path, label, seed, 0.5) for seed, label in enumerate(FACTORS)])
    assert DRAW(results).axes[1].texts[0].get_text() == "no seed has all four labels yet"


def test_missing_labels_are_named(tmp_path):
    results = read_results([write(tmp_path, label, 0, 0.5) for label in ("onehot", "random")])
    with pytest.raises(NothingToPlotError, match=r"no finished one of lowdim, blocks\. .*--experiment dimension-entropy"):
        DRAW(results)


def test_runs_trained_in_several_ways_are_not_mixed(tmp_path):
    paths = [write(tmp_path, label, 0, 0.5) for label in FACTORS]
    slow = [write(tmp_path, label, 0, 0.4, learning_rate=0.01) for label in FACTORS]
    with pytest.raises(NothingToPlotError, match="differ in learning_rate"):
        DRAW(read_results([*paths, *slow]))
    with pytest.raises(NothingToPlotError, match="not alike in learning_rate"):
        DRAW(read_results([*paths[:2], *slow[2:]]))
    figure = DRAW(read_results([*paths, *slow[:3]]))
    assert marker(figure.axes[0], "onehot")[1] == pytest.approx(50)


def test_every_corner_has_one_label():
    assert sorted(FACTORS.values()) == sorted(CELLS)
