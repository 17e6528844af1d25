"""Markers of what others measured: only where our runs are of the same kind, and never joined."""

import itertools

import numpy as np
import pytest

from tests.figures.legibility import assert_legible
from tests.synthetic_runs import one_attack, write_csv, write_run
from tfrepr.figures import style
from tfrepr.registry import FIGURES
from tfrepr.results.attack_rows import COLUMNS as ATTACK_COLUMNS
from tfrepr.results.external_runs import TITLE, other_attack
from tfrepr.results.tables import read_results


def others(axes):
    """x and y of the markers, by the colour of the label."""
    lines = [line for line in axes.lines if line.get_label() == TITLE]
    assert all((line.get_linestyle(), line.get_markerfacecolor()) == ("None", "none") for line in lines)
    return {line.get_markeredgecolor(): line.get_xydata() for line in lines}


def color(label, strength=1.0):
    return style.tint(style.LABEL_STYLES[label].color, strength)


def keys(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Labels, one of which nobody else has, with two encoders, one of which nobody else attacked; a smoothed one too."""
    output = tmp_path_factory.mktemp("attacked")
    configs = [{"encoder": encoder, "label": label} for encoder, label in
               itertools.product(("vgg19", "resnet110"), ("category", "speech", "onehot"))]
    return read_results([write_run(output, attacks=True, config=config) for config in
                         [*configs, {"encoder": "vgg19", "label_smoothing": 0.1}]])


@pytest.mark.parametrize("name", ["figure3", "figure7"])
def test_attacks_of_others_are_shown_where_label_encoder_attack_and_goal_match(attacked, name):
    figure = FIGURES[name](attacked)
    grid = np.array(figure.axes).reshape(2, 4)
    assert grid[0, 0].get_ylabel().startswith("VGG19")
    for axes, (attack, goal) in zip(grid[0], itertools.product(("fgsm", "iterative"), ("untargeted", "targeted")), strict=True):
        found = others(axes)
        assert set(found) == {color("category"), color("speech")}
        for label in ("category", "speech"):
            known = other_attack({**attacked.runs.iloc[0], "label": label, "encoder": "vgg19"}, attack, goal)
            np.testing.assert_allclose(found[color(label)], list(known.items()))
    assert not any(others(axes) for axes in grid[1]), "ResNet-110"
    assert keys(figure).count(TITLE) == 1
    assert_legible(figure)


def test_figure_6_and_other_kinds_of_attack_have_none(attacked, tmp_path):
    figure = FIGURES["figure6"](attacked)
    assert not any(others(axes) for axes in figure.axes)
    assert TITLE not in keys(figure)
    path, noise = write_run(tmp_path, config={"label": "speech"}), np.random.default_rng(0)
    kinds = [("fgsm", "margin", 1), ("iterative", "training", 10)]
    write_csv(path / "attacks.csv", ATTACK_COLUMNS, [
        row for attack, loss, steps in kinds for row in
        one_attack("speech", 500, noise, ["paper", attack, "untargeted", loss, "normalised"], steps, [0, 0.1], 3.0)])
    figure = FIGURES["figure7"](read_results([path]))
    assert not any(others(axes) for axes in figure.axes)
    assert TITLE not in keys(figure)


@pytest.mark.parametrize(("protocol", "dataset", "shown"), [("authors", "cifar10", True), ("standard", "cifar10", False),
                                                            ("authors", "cifar100", False)])
def test_attacks_of_others_are_shown_for_the_papers_attacks_on_cifar10(tmp_path, protocol, dataset, shown):
    path, noise = write_run(tmp_path, config={"label": "speech", "dataset": dataset}), np.random.default_rng(0)
    write_csv(path / "attacks.csv", ATTACK_COLUMNS, one_attack(
        "speech", 500, noise, [protocol, "fgsm", "targeted", "training", "normalised"], 1, [0, 0.1, 0.17], 3.0))
    figure = FIGURES["figure7"](read_results([path]))
    found = others(figure.axes[0])
    assert (TITLE in keys(figure)) == bool(found) == shown
    if shown:
        (values,) = found.values()
        np.testing.assert_allclose(values[:, 1], [85.76, 31.19], err_msg="at the strengths of ours")
        ours = next(line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white")
        np.testing.assert_allclose(values[:, 0], ours.get_xdata()[:2], err_msg="in line with ours by the nearest label")
        assert_legible(figure)


def test_two_lengths_of_training_have_one_set_of_markers(tmp_path):
    paths = [write_run(tmp_path, attacks=True, epochs=epochs, config={"label": "speech", "seed": epochs})
             for epochs in (20, 60)]
    figure = FIGURES["figure7"](read_results(paths))
    assert {len(others(axes)) for axes in figure.axes} == {1}


def test_figure_4_shows_others_at_the_same_number_of_images(tmp_path):
    cells = itertools.product(("resnet32", "resnet110"), ("category", "lowdim", "onehot"), (1.0, 2.0, 4.0, 50.0))
    paths = [write_run(tmp_path, config={"encoder": encoder, "label": label, "percent": percent, "percent_of": 50_000})
             for encoder, label, percent in cells]
    figure = FIGURES["figure4"](read_results(paths))
    small, large = map(others, figure.axes)
    assert set(small) == set(large) == {color("category"), color("lowdim")}
    np.testing.assert_allclose(small[color("category")][:, 1], [34.92, 47.02, 56.96])
    np.testing.assert_allclose(small[color("category")][:, 0], [1, 2, 4], rtol=0.25)
    np.testing.assert_allclose(small[color("lowdim")][:, 1], [33.86, 62.64], err_msg="2% was not run by others")
    np.testing.assert_allclose(large[color("category")][:, 1], [25.72, 19.387, 27.24, 19.0, 44.24, 36.12], atol=0.05)
    assert keys(figure).count(f"{TITLE}, validation accuracy") == 1
    assert_legible(figure)


def test_figure_4_has_no_others_where_percent_counts_other_images(tmp_path):
    paths = [write_run(tmp_path, config={"percent": percent}) for percent in (1.0, 4.0)]
    figure = FIGURES["figure4"](read_results(paths))
    assert not others(figure.axes[0])
    assert not any(TITLE in key for key in keys(figure))
