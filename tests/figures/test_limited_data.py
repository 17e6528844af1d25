"""Figure 4 and the mini-project's curves, against numbers computed here."""

import itertools

import numpy as np
import pytest

from tests.figures.legibility import assert_legible
from tests.synthetic_runs import write_run
from tfrepr.figures import style
from tfrepr.figures.drawing import pages
from tfrepr.figures.series import NothingToPlotError
from tfrepr.registry import FIGURES
from tfrepr.results.tables import read_results
from tfrepr.selection import find_runs

LEVELS = (1.0, 4.0, 20.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three encoders, three labels, three levels and all data; two seeds, one for the smoothed label."""
    output = tmp_path_factory.mktemp("limited")
    encoders, labels = ("vgg19", "resnet32", "resnet110"), ("category", "speech", "constant")
    for encoder, label, percent, seed in itertools.product(encoders, labels, (*LEVELS, 100.0), range(2)):
        write_run(output, variant="CIFAR-10 (JPEG copy)", epochs=10,
                  config={"encoder": encoder, "label": label, "percent": percent, "seed": seed})
    for percent in LEVELS:
        write_run(output, variant="CIFAR-10 (JPEG copy)", epochs=10,
                  config={"encoder": "resnet32", "percent": percent, "label_smoothing": 0.1})
    return read_results(find_runs(output))


def test_figure_4_is_one_page_with_a_panel_for_each_encoder(study):
    assert [suffix for suffix, _ in pages(study, FIGURES["figure4"].page_by)] == [""]
    figure = FIGURES["figure4"](study)
    assert [axes.get_title() for axes in figure.axes] == ["VGG19 (n=2)", "ResNet-32 (n=1-2)", "ResNet-110 (n=2)"]
    assert figure.get_suptitle() == ("CIFAR-10 (JPEG copy), 10 epochs, limited training data "
                                    "(% of the images beside validation)")
    assert_legible(figure)


def test_amounts_of_other_wholes_are_other_pages(tmp_path):
    """1% of 50,000 are 500 images, 1% of the images beside validation are 450."""
    for percent_of in (None, 50_000):
        for percent in (1.0, 10.0):
            write_run(tmp_path, config={"percent": percent, "percent_of": percent_of})
    results = read_results(find_runs(tmp_path))
    titles = {suffix: FIGURES["figure4"](page).get_suptitle().replace("\n", " ")
              for suffix, page in pages(results, FIGURES["figure4"].page_by)}
    assert titles == {"of50000": "CIFAR-10, 30 epochs, limited training data (% of 50,000 images)",
                      "": "CIFAR-10, 30 epochs, limited training data (% of the images beside validation)"}
    bars = [FIGURES["test-accuracy"](page).get_suptitle().replace("\n", " ")
            for _, page in pages(results, FIGURES["test-accuracy"].page_by)]
    assert len(bars) == 4
    assert "Test accuracy: CIFAR-10, 1% of 50,000 training images, 30 epochs" in bars


def test_figure_4_shows_means_and_deviations_without_full_data(study):
    axes = FIGURES["figure4"](study).axes[0]
    rows = study.runs.query("encoder == 'vgg19' and label == 'speech' and percent < 100")
    container = next(one for one in axes.containers if one[0].get_color() == style.tint("#0072B2", 1))
    places, means = container[0].get_xydata().T
    assert [axes.get_xticklabels()[place].get_text() for place in places.round().astype(int)] == ["1", "4", "20"]
    values = [100 * rows.loc[rows["percent"] == level, "test_accuracy"].to_numpy(float) for level in LEVELS]
    np.testing.assert_allclose(means, [np.mean(some) for some in values])
    whiskers = [segment[:, 1] for segment in container[2][0].get_segments()]
    np.testing.assert_allclose([np.ptp(ends) / 2 for ends in whiskers], [np.std(some, ddof=1) for some in values])


def test_the_legend_of_figure_4_counts_seeds(study):
    legend = [text.get_text() for text in FIGURES["figure4"](study).legends[0].get_texts()]
    assert legend == ["Category (n=2)", "Category, smoothed (n=1)", "Speech (n=2)", "Constant matrix (n=2)", "chance (1 in 10)"]


def test_figure_4_shows_points_of_few_levels_side_by_side_from_zero(study):
    for axes in FIGURES["figure4"](study).axes:
        points = [one[0] for one in axes.containers]
        assert {one.get_linestyle() for one in points} == {"None"}
        places = np.concatenate([one.get_xdata() for one in points])
        assert len(set(places)) == len(places), "no point covers another"
        low, high = axes.get_ylim()
        assert -5 < low < 0
        assert high <= 103
        chance = axes.lines[-1]
        assert list(chance.get_ydata()) == [10, 10]


def test_an_encoder_with_one_level_takes_less_room(tmp_path):
    cells = [("vgg19", 1.0), *(("resnet32", percent) for percent in (1.0, 2.0, 4.0, 8.0))]
    paths = [write_run(tmp_path, config={"encoder": encoder, "label": label, "percent": percent})
             for (encoder, percent), label in itertools.product(cells, ("category", "speech"))]
    vgg19, resnet32 = FIGURES["figure4"](read_results(paths)).axes
    assert 2.5 < resnet32.get_position().width / vgg19.get_position().width < 3.5
    curves = [one[0] for one in resnet32.containers]
    assert {one.get_linestyle() for one in curves} == {"-"}, "four levels make a curve"
    assert resnet32.get_xscale() == "log"
    for curve in curves:
        np.testing.assert_allclose(curve.get_xdata(), [1, 2, 4, 8], rtol=0.12)
    assert not set(curves[0].get_xdata()) & set(curves[1].get_xdata())


def test_figure_4_needs_runs_on_less_than_all_data(tmp_path):
    with pytest.raises(NothingToPlotError, match=r"train\.py --experiment figure4"):
        FIGURES["figure4"](read_results([write_run(tmp_path, config={"percent": 100.0})]))


def test_one_amount_of_data_gives_points_beside_each_other(tmp_path):
    """As with 500 images, where others' accuracies stand beside ours, and ways of training have long names."""
    for rate, decay, seed in itertools.product((0.1, 0.02), (1e-4, 2e-3), range(2)):
        write_run(tmp_path, config={"percent": 1.0, "percent_of": 50_000, "learning_rate": rate, "weight_decay": decay,
                                    "epochs": 600, "seed": seed})
    write_run(tmp_path, config={"label": "speech", "percent": 1.0, "percent_of": 50_000})
    figure = FIGURES["figure4"](read_results(find_runs(tmp_path)))
    axes, = figure.axes
    places = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "None" and len(line.get_xdata()) == 1]
    assert len(set(np.round(places, 6))) == 5, "four ways of category, and speech"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1"]
    assert_legible(figure)


def test_the_mini_project_has_a_row_for_each_level(study):
    page = next(page for suffix, page in pages(study, FIGURES["miniproject"].page_by) if suffix == "resnet110")
    figure = FIGURES["miniproject"](page)
    grid = np.array(figure.axes).reshape(4, 3)
    assert [axes.get_title() for axes in grid[0]] == ["Training loss", "Validation loss", "Validation accuracy (%)"]
    assert [axes.get_ylabel().split("%")[0] for axes in grid[:, 0]] == ["100", "20", "4", "1"]
    assert_legible(figure)
    runs = page.runs.query("label == 'speech' and percent == 4")["run"]
    history = page.histories[page.histories["run"].isin(runs)]
    for axes, (column, factor) in zip(grid[2], (("train_loss", 1), ("val_loss", 1), ("val_accuracy", 100)), strict=True):
        line = next(line for line in axes.lines if line.get_color() == style.tint("#0072B2", 1))
        np.testing.assert_allclose(line.get_ydata(), factor * history.groupby("epoch")[column].mean())


def test_the_mini_project_needs_two_levels(tmp_path):
    with pytest.raises(NothingToPlotError, match=r"--experiment miniproject"):
        FIGURES["miniproject"](read_results([write_run(tmp_path)]))
