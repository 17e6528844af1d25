"""The experiments of Zhang et al., and options that choose among the cells of an experiment."""

import pytest

from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.experiments.cells import cells_from_options
from tfrepr.registry import EXPERIMENTS


def chosen(experiment, **options):
    return cells_from_options(experiment, options, None)[1]


def test_the_reports_25_runs_take_25_000_steps():
    cells = EXPERIMENTS["rethinking-fig1"]()
    assert len(set(cells)) == 25
    for cell in cells:
        assert cell.epochs * 50_000 / cell.batch_size == 25_000
        assert cell.learning_rate == (0.1 if "inception" in cell.encoder else 0.01)
        assert (cell.momentum, cell.weight_decay, cell.schedule, cell.preprocessing, cell.augmentation, cell.validation) == \
            (0.9, 0.0, "exponential", "per-image", "off", "none")


def test_levels_share_their_ends_with_figure_1():
    levels, figure = EXPERIMENTS["rethinking-levels"](), EXPERIMENTS["rethinking-fig1"]()
    assert len(set(levels)) == 18
    assert len(set(levels) & set(figure)) == 6
    assert {cell.corruption_level for cell in levels if cell.corruption == "random_labels"} == {0.2, 0.4, 0.6, 0.8, 1.0}


def test_labels_under_corruption_cross_labels_corruptions_and_networks():
    cells = EXPERIMENTS["labels-under-corruption"]()
    assert len({(cell.encoder, cell.label, cell.corruption) for cell in cells}) == 2 * 4 * 2 == len(cells)


def test_a_value_that_occurs_keeps_its_cells():
    cells = chosen("rethinking-fig1", encoder="mlp1x512", corruption="random_labels")
    assert [(cell.encoder, cell.corruption) for cell in cells] == [("mlp1x512", "random_labels")]
    assert cells[0] in EXPERIMENTS["rethinking-fig1"]()


def test_lists_keep_the_cells_with_any_of_them():
    cells = chosen("rethinking-fig1", encoder="mlp1x512, mlp3x512", corruption="true_labels,gaussian")
    assert len(cells) == 4


def test_a_value_that_no_cell_has_takes_the_place_of_theirs():
    cells = chosen("rethinking-fig1", dataset="digits", epochs=3, corruption="gaussian")
    assert {(cell.dataset, cell.epochs, cell.corruption) for cell in cells} == {("digits", 3, "gaussian")}
    assert len(cells) == 5
    reports = chosen("rethinking-fig1", encoder="mlp1x512", corruption="uniform_pixels,gaussian_report")
    assert {cell.corruption for cell in reports} == {"uniform_pixels", "gaussian_report"}


def test_options_alone_make_a_cell_for_each_of_several_names():
    name, cells = cells_from_options(None, {"label": "category,lowdim", "epochs": 2}, None)
    assert name == "single"
    assert cells == [RunConfig(label="category", epochs=2), RunConfig(label="lowdim", epochs=2)]


@pytest.mark.parametrize(("options", "message"), [
    ({"encoder": "mlp1x512,resnet32"}, "has the encoder resnet32"),
    ({"encoder": "mlp1x513"}, "Did you mean 'mlp1x512'"),
    ({"learning_rate": 0.1, "encoder": "mlp1x512"}, "has all of: --learning-rate 0.1, --encoder mlp1x512")])
def test_choices_that_leave_nothing_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        chosen("rethinking-fig1", **options)


@pytest.mark.parametrize("options", [{}, {"label": "speech"}])
def test_an_empty_name_of_an_experiment_is_refused(options):
    with pytest.raises(UserError, match=r"Unknown experiment ''.*quickstart"):
        chosen("", **options)
