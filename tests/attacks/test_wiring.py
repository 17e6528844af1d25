"""Who makes the images of a transfer attack, and which run may."""

import dataclasses
import re
import shlex
import shutil

import numpy as np
import pytest

from tfrepr.attacks.campaign import _with_source
from tfrepr.attacks.craft import Chunk, craft
from tfrepr.attacks.loading import SHARED_WITH_SOURCE, categorical_twin
from tfrepr.attacks.protocols import AttackSettings, build_protocol
from tfrepr.attacks.sweep import clean_decisions, run_group
from tfrepr.commands import train as train_command
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions
from tfrepr.runs import RunDirectory
from tfrepr.training.pretrained import pretrained_run, published_records

ATTACKED = RunConfig(dataset="cifar10", label="speech", percent=4, percent_of=50_000, epochs=2)
OTHERS = {"dataset": "cifar100", "encoder": "vgg19", "percent": 8, "percent_of": 45_000, "seed": 1, "label": "random",
          "label_smoothing": 0.1, "corruption": "random_pixels", "preprocessing": "per-image"}
"""Each makes another run than the twin."""


def finished(output, config, accuracy=0.5, **environment):
    """A run directory of which only the names of its files matter."""
    run = RunDirectory.of(config, output)
    run.path.mkdir(parents=True)
    run.write_json("config.json", config.to_dict())
    run.write_json("metrics.json", {"test_images": 10, "test_accuracy": accuracy})
    run.write_json("environment.json", {"class_names": ["a", "b"], "mean": [0.5], "std": [0.2]} | environment)
    return run


@pytest.mark.parametrize("field", OTHERS)
def test_only_a_run_of_the_same_data_encoder_and_seed_is_a_twin(field, tmp_path):
    run, twin = finished(tmp_path, ATTACKED), ATTACKED.replace(label="category", epochs=1)
    other = twin.replace(**{field: OTHERS[field]})
    finished(tmp_path, other)
    with pytest.raises(UserError, match="has no such finished run"):
        categorical_twin(run, ATTACKED)
    found = finished(tmp_path, twin)
    assert categorical_twin(run, ATTACKED).path == found.path
    if field not in ("label", "label_smoothing"):
        assert field in SHARED_WITH_SOURCE


def test_a_named_source_wins_and_a_run_is_none_for_itself(tmp_path):
    run, protocol = finished(tmp_path, ATTACKED), build_protocol(AttackSettings(protocol="adaptive"))
    twin, named = (finished(tmp_path, ATTACKED.replace(label="category", seed=seed)) for seed in (0, 7))
    for wanted, source in ((None, twin), (named, named)):
        whole, found = _with_source(protocol, run, ATTACKED, True, wanted)
        assert (whole, found.path) == (protocol, source.path)
    for arguments in ((run, ATTACKED, False, None), (twin, twin.config(), True, None)):
        rest, found = _with_source(protocol, *arguments)
        assert found is None
        assert [attack.name for attack in rest.attacks] == ["pgd"] * 4 + ["square"]


def follow(advice, monkeypatch):
    """Does what the message on a missing twin says, but for the training itself; returns what follows the command."""
    def train(name, configs, output, **_):
        for config in configs:
            finished(output, config)
        return 0

    monkeypatch.setattr(train_command, "run_cells", train)
    words, rest = re.fullmatch(r".* Train it: python scripts/train\.py (.*?); (.*)", advice).groups()
    with pytest.raises(SystemExit, match="0"):
        train_command.main(shlex.split(words), standalone_mode=False)
    return rest


@pytest.fixture
def lonely(tmp_path):
    """A run without a twin, whose config has much that is no default."""
    return finished(tmp_path / "all results", ATTACKED.replace(
        seed=3, epochs=6, batch_size=16, learning_rate=0.02, label_options=LabelOptions(voice="en-gb")))


def test_the_advice_trains_the_missing_twin(lonely, monkeypatch):
    """The command that is printed makes a run that is found."""
    config = lonely.config()
    with pytest.raises(UserError) as missing:
        categorical_twin(lonely, config)
    assert follow(str(missing.value), monkeypatch) == (
        "or name one with --transfer-from; or leave this attack out with --no-transfer.")
    twin = categorical_twin(lonely, config)
    assert twin.config() == config.replace(label="category", epochs=2, label_options=LabelOptions())
    assert twin.path.parent == lonely.path.parent


def test_the_advice_on_a_copied_run_names_the_run_that_it_trains(lonely, tmp_path, monkeypatch):
    """Trainings never end beside a run that was copied out of the folder of all runs, so that its twin needs a name."""
    copy = RunDirectory(shutil.copytree(lonely.path, tmp_path / "some copies" / lonely.path.name))
    with pytest.raises(UserError) as missing:
        categorical_twin(copy, copy.config())
    rest = follow(str(missing.value), monkeypatch)
    words, = re.fullmatch(r"then name it with (.*); or leave this attack out with --no-transfer\.", rest).groups()
    option, named = shlex.split(words)
    assert (option, RunDirectory(named).config().label, RunDirectory(named).finished) == ("--transfer-from", "category", True)


@pytest.mark.parametrize(("name", "twin", "precisions"), [
    ("cifar10-1percent-resnet32-speech", "cifar10-1percent-resnet32-category", ("off", "off")),
    ("cifar10-resnet32-random", "cifar10-resnet32-category", ("bfloat16", "off"))])
def test_a_published_network_starts_from_its_published_twin(name, twin, precisions, tmp_path):
    """Which nobody has unpacked yet; a copy of the network in another folder finds it, too."""
    run, protocol = RunDirectory(pretrained_run(name, tmp_path)), build_protocol(AttackSettings(protocol="adaptive"))
    copy = RunDirectory(shutil.copytree(run.path, tmp_path / "copies" / name))
    for attacked, output in ((run, tmp_path), (copy, tmp_path / "copies")):
        whole, found = _with_source(protocol, attacked, attacked.config(), True, None)
        assert (whole, found.path, found.finished) == (protocol, output / "pretrained" / twin, True)
        assert (attacked.config().mixed_precision, found.config().mixed_precision) == precisions


@pytest.mark.parametrize(("changes", "named"), [
    ({"encoder": "vgg19"}, "cifar10-resnet32-category"),
    ({"seed": 1, "percent": 1, "percent_of": 50_000}, "cifar10-1percent-resnet32-category")])
def test_a_published_network_without_a_published_twin_hears_of_the_one_most_alike(changes, named, tmp_path):
    record = published_records()["cifar10-resnet32-speech"]
    config = RunConfig.from_dict(record["config"]).replace(**changes)
    run = finished(tmp_path, config, data_fingerprint=record["environment"]["data_fingerprint"])
    run.write_json("metrics.json", {"test_images": 10, "pretrained": record["sha256"]})
    with pytest.raises(UserError, match=f"with --transfer-from pretrained:{named}; or leave this"):
        categorical_twin(run, config)
    run.write_json("environment.json", {"data_fingerprint": "that of other data"})
    with pytest.raises(UserError, match="Train it: "):
        categorical_twin(run, config)
    run.write_json("metrics.json", {"test_images": 10})
    with pytest.raises(UserError, match="Train it: "):
        categorical_twin(run, config)


def test_of_several_twins_the_one_as_far_through_the_schedule_stands(tmp_path):
    """Category has 200 epochs where speech has 600: 60 of speech and 20 of category are a tenth."""
    attacked = ATTACKED.replace(epochs=60)
    run, category = finished(tmp_path, attacked), attacked.replace(label="category")
    finished(tmp_path, category.replace(epochs=10), 0.9)
    finished(tmp_path, category.replace(epochs=60), 0.9)
    half = finished(tmp_path, category.replace(epochs=20, mixed_precision="bfloat16"), 0.9)
    assert categorical_twin(run, attacked).path == half.path
    plain = finished(tmp_path, category.replace(epochs=20), 0.1)
    assert categorical_twin(run, attacked).path == plain.path
    decayed = finished(tmp_path, category.replace(epochs=20, weight_decay=0.01), 0.2)
    assert categorical_twin(run, attacked).path == decayed.path


@pytest.mark.parametrize(("label", "environment", "message"), [
    ("random", {}, "its label is random"), ("category", {"class_names": ["a", "c"]}, "class names of its data differ"),
    ("category", {"mean": [0.4]}, "mean of its data differ"), ("category", {"std": [0.4]}, "std of its data differ")])
def test_transfer_starts_from_a_categorical_run_on_the_same_data(label, environment, message, tmp_path):
    run, protocol = finished(tmp_path, ATTACKED), build_protocol(AttackSettings(protocol="adaptive"))
    source = finished(tmp_path, ATTACKED.replace(label=label, seed=5), **environment)
    with pytest.raises(UserError, match=message):
        _with_source(protocol, run, ATTACKED, True, source)


def test_a_protocol_without_transfer_takes_no_words_about_it(tmp_path):
    run, protocol = finished(tmp_path, ATTACKED), build_protocol(AttackSettings(protocol="standard"))
    for transfer, source in ((False, None), (True, run)):
        with pytest.raises(UserError, match="are for the protocol adaptive"):
            _with_source(protocol, run, ATTACKED, transfer, source)


def test_transfer_images_are_made_on_the_source_and_judged_by_the_victim(victim_of, test_images):
    victim, source = victim_of("random", "pixel"), victim_of("category", "pixel")
    protocol = build_protocol(AttackSettings(protocol="adaptive", steps=3))
    attack = dataclasses.replace(next(attack for attack in protocol.attacks if attack.name == "transfer"), every_iterate=False)
    clean = clean_decisions(victim, test_images)
    (outcome,) = run_group(victim, source, [(attack, (16.0,))], test_images, clean)
    rows = np.flatnonzero(clean.correct.any(axis=1))
    chunk = Chunk(rows, victim.space.from_bytes(test_images.images[rows]), test_images.class_ids[rows],
                  test_images.targets[rows], test_images.stream)

    def judged(maker, judge):
        images = craft(maker, attack, dataclasses.replace(chunk, looks={}), [16.0])
        return judge.decide(images, chunk.class_ids, chunk.targets).correct[:, 0]

    np.testing.assert_array_equal(outcome.correct[0, rows, 0], judged(source, victim))
    for maker, judge in ((victim, victim), (source, source)):
        assert (outcome.correct[0, rows, 0] != judged(maker, judge)).any()
