"""Configs: the paper's defaults, identity, round trip and refusals."""

import json

import pytest

from tfrepr import options
from tfrepr.config import RunConfig, rate_drops
from tfrepr.errors import UserError
from tfrepr.experiments.cells import cells_from_options
from tfrepr.labels.options import LabelOptions
from tfrepr.paper import paper_epochs, paper_weight_decay


def test_defaults_of_the_paper():
    assert (RunConfig().epochs, RunConfig(label="speech").epochs) == (200, 600)
    assert RunConfig(encoder="vgg19").weight_decay == 5e-4
    assert RunConfig(encoder="vgg19", label="speech").weight_decay == RunConfig().weight_decay == 1e-4
    config = RunConfig()
    assert (config.batch_size, config.learning_rate, config.momentum) == (128, 0.1, 0.9)


@pytest.mark.parametrize(("epochs", "drops"), [(200, (100, 150)), (600, (300, 450)), (10, (5, 8)), (1, (1, 1)), (30, (15, 23))])
def test_rate_drops_scale_with_the_run_and_round_up(epochs, drops):
    assert rate_drops(epochs) == drops


def test_json_round_trip():
    config = RunConfig(dataset="cifar10", label="speech", percent=4, seed=3,
                       label_options=LabelOptions(rate=150, spoken=(("automobile", "car"),)))
    again = RunConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.run_name == config.run_name


def test_unknown_keys_are_refused_with_the_nearest():
    with pytest.raises(UserError, match="'epochs'"):
        RunConfig.from_dict({"epoch": 3})
    with pytest.raises(UserError, match="'voice'"):
        RunConfig.from_dict({"label_options": {"voices": "de"}})


def test_run_name_says_what_is_off_default_and_identity_tells_all_apart():
    plain = RunConfig(label="speech")
    assert plain.run_name == f"digits-resnet32-speech-p100-s0-{plain.identity}"
    assert "-epochs30-" in RunConfig(label="speech", epochs=30).run_name
    assert "-rate150-" in RunConfig(label="speech", label_options=LabelOptions(rate=150)).run_name
    configs = [plain, RunConfig(label="speech", seed=1), RunConfig(label="speech", epochs=30), RunConfig(label="shuffle"),
               RunConfig(label="speech", label_options=LabelOptions(pitch=51)), RunConfig(label="speech", jit="off")]
    assert len({config.identity for config in configs}) == len(configs)


def test_values_that_equal_the_default_do_not_change_the_identity():
    assert RunConfig(label="speech", epochs=600, weight_decay=1e-4).identity == RunConfig(label="speech").identity
    assert RunConfig(percent=100).identity == RunConfig(percent=100.0).identity


def test_cells_from_options():
    assert cells_from_options(None, {}, None)[0] == "quickstart"
    name, cells = cells_from_options(None, {"label": "speech", "rate": 140}, None)
    assert (name, cells) == ("single", [RunConfig(label="speech", label_options=LabelOptions(rate=140))])
    _, changed = cells_from_options("quickstart", {"seed": 5, "epochs": 2}, None)
    assert {(cell.label, cell.seed, cell.epochs) for cell in changed} == {("category", 5, 2), ("speech", 5, 2)}
    assert len(cells_from_options("quickstart", {"label": "speech"}, None)[1]) == 1


@pytest.mark.parametrize("values", [{"mixed_precision": "half"}, {"jit": "yes"}, {"schedule": "cosine"}, {"percent": "10"},
                                    {"epochs": True}, {"folder": "x"}])
def test_values_that_are_not_allowed(values):
    with pytest.raises(UserError):
        RunConfig(**values)


@pytest.mark.parametrize(("encoder", "label", "epochs", "decay"), [
    ("vgg19", "category", 200, 5e-4), ("resnet32", "category", 200, 1e-4), ("vgg19", "speech", 600, 1e-4),
    ("resnet110", "lowdim", 600, 1e-4)])
def test_the_papers_schedule_has_one_home(encoder, label, epochs, decay):
    config = RunConfig(encoder=encoder, label=label)
    assert (paper_epochs(label), paper_weight_decay(encoder, label)) == (epochs, decay) == (config.epochs, config.weight_decay)


def test_a_record_inside_a_record_comes_back():
    config = RunConfig(label="speech", label_options=LabelOptions(spoken=(("cat", "dog"),)))
    assert options.from_dict(RunConfig, options.to_dict(config)) == config
    with pytest.raises(UserError, match="LabelOptions must be an object"):
        options.from_dict(RunConfig, {"label_options": 5})
