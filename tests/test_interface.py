"""The names of `tfrepr`: what a program calls."""

import ast
import doctest
import inspect
import runpy
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import tfrepr
from tests.synthetic_runs import write_run

ROOT = Path(__file__).resolve().parents[1]
NAMES = [name for name in tfrepr.__all__ if name not in ("__version__", "UserError")]
COLOURS = ("red", "green", "blue")


def small_network(label, *, side=16, map_output=False):
    """A label of three classes, and a small network with its head for images of 8 x 8 pixels."""
    representation = tfrepr.make_representation(COLOURS, label, side=side)
    layers = [] if map_output else [keras.layers.Flatten()]
    backbone = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu"), *layers])
    return tfrepr.add_label_head(backbone, representation), representation


def colours(count=60, seed=0):
    """Images of one colour each, with noise, in [0, 1], and their class ids."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, 3, count)
    return np.clip(np.eye(3)[ids][:, None, None] * 0.5 + random.random((count, 8, 8, 3)) * 0.4, 0, 1).astype(np.float32), ids


def test_there_are_a_dozen_names_at_most_and_the_stub_lists_them():
    assert len(tfrepr.__all__) <= 12
    stub = ast.parse((ROOT / "tfrepr" / "__init__.pyi").read_text(encoding="utf-8"))
    assert sorted(alias.asname for node in stub.body for alias in node.names) == tfrepr.__all__
    for name in tfrepr.__all__:
        assert getattr(tfrepr, name) is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_explained_by_an_example_that_runs(name):
    function = getattr(tfrepr, name)
    example, = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert len(example.examples) > 1
    assert set(inspect.signature(function).parameters) - {"representation"} <= set(example.docstring.replace(":", " ").replace(
        ",", " ").split()), "every argument is described"
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("label", ["category", "random", "lowdim"])
def test_any_network_with_a_label_head_trains_with_class_ids_as_targets(label):
    keras.utils.set_random_seed(0)
    model, representation = small_network(label)
    images, ids = colours()
    model.compile(keras.optimizers.Adam(0.01), loss=representation.losses, metrics=[representation.accuracy])
    history = model.fit(images, ids, epochs=3, batch_size=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    outputs = model.predict(images, verbose=0)
    right = np.asarray(representation.decode(outputs)) == ids
    loss, accuracy = model.evaluate(images, ids[:, None], verbose=0, batch_size=60)
    assert loss == pytest.approx(np.mean(representation.losses(ids, outputs)), rel=1e-4)
    assert accuracy == pytest.approx(right.mean())


def test_a_label_head_averages_maps_and_refuses_what_is_neither():
    model, _ = small_network("random", map_output=True)
    assert model.output_shape == (None, 16, 16)
    category = tfrepr.make_representation(COLOURS, "category")
    inputs = keras.Input((8, 8))
    for backbone in (keras.Model(inputs, inputs), keras.Model(inputs, [inputs, inputs]), keras.Sequential([])):
        with pytest.raises(tfrepr.UserError, match="Received"):
            tfrepr.add_label_head(backbone, category)


def test_a_trained_network_is_saved_and_loaded_as_its_docstring_says(tmp_path):
    model, representation = small_network("lowdim")
    images, ids = colours()
    model.compile("adam", loss=representation.losses, metrics=[representation.accuracy])
    model.fit(images, ids, epochs=1, verbose=0)
    model.save(tmp_path / "own.keras")
    loaded = keras.models.load_model(tmp_path / "own.keras", compile=False)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))
    loaded.compile("adam", loss=representation.losses, metrics=[representation.accuracy])
    assert loaded.evaluate(images, ids, verbose=0) == pytest.approx(model.evaluate(images, ids, verbose=0))


def test_channels_first_is_refused():
    category = tfrepr.make_representation(COLOURS, "category")
    first = keras.Sequential([keras.Input((3, 8, 8)), keras.layers.Conv2D(4, 3, data_format="channels_first")])
    with pytest.raises(tfrepr.UserError, match="channels last"):
        tfrepr.add_label_head(first, category)
    last = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(tfrepr.UserError, match="channels last"):
            tfrepr.add_label_head(last, category)
    finally:
        keras.config.set_image_data_format("channels_last")
    assert tfrepr.add_label_head(last, category).output_shape == (None, 3)


def test_a_class_id_that_does_not_exist_is_no_last_class():
    """-1 stands for "no label" elsewhere; a gather would take the last row."""
    model, representation = small_network("lowdim")
    images, ids = colours(6)
    losses = np.asarray(representation.losses(np.where(np.arange(6) < 2, -1, ids), model(images)))
    assert np.isnan(losses[:2]).all()
    np.testing.assert_allclose(losses[2:], np.asarray(representation.losses(ids, model(images)))[2:])


def layer_types(model):
    return {type(layer) for layer in model._flatten_layers(include_self=False)}


@pytest.mark.parametrize(("label", "papers"), [("category", False), ("random", False), ("lowdim", False), ("random", True)])
def test_class_scores_are_those_of_the_label_and_load_without_this_package(label, papers, tmp_path):
    """The reference is `scores` on the outputs; a compiled model of ours must not come along."""
    model, representation = small_network(label)
    if papers:
        model = tfrepr.build_model("mlp1x512", (8, 8, 3), representation)
        for layer in model.layers:
            if hasattr(layer, "moving_mean"):
                layer.moving_mean.assign(np.linspace(-0.1, 0.1, layer.moving_mean.shape[0]))
    model.compile("sgd", loss=representation.losses, metrics=[representation.accuracy])
    images, mean, std = colours(8)[0], (0.2, 0.3, 0.4), (0.5, 0.6, 0.7)
    expected = np.asarray(representation.scores(model(((images - mean) / std).astype(np.float32), training=False)))
    tfrepr.class_scores(model, representation, mean=mean, std=std).save(tmp_path / "scores.keras")
    loaded = keras.models.load_model(tmp_path / "scores.keras")
    assert all(kind.__module__.startswith("keras.") for kind in layer_types(loaded))
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, rtol=2e-5, atol=2e-3 if label == "random" else 2e-5)


def test_class_scores_of_a_network_inside_another_load_without_this_package(tmp_path):
    representation = tfrepr.make_representation(COLOURS, "lowdim", side=16)
    inside = tfrepr.build_model("resnet8", (8, 8, 3), representation)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(2.0), inside])
    images, scores = colours(4)[0], tfrepr.class_scores(model, representation)
    scores.save(tmp_path / "scores.keras")
    loaded = keras.models.load_model(tmp_path / "scores.keras")
    assert all(kind.__module__.startswith("keras.") for kind in layer_types(loaded))
    np.testing.assert_allclose(loaded.predict(images, verbose=0), representation.scores(model(images, training=False)),
                               rtol=1e-4, atol=1e-3)


def test_class_scores_without_a_standardisation_take_what_the_model_takes():
    model, representation = small_network("random")
    images, scores = colours(4)[0], tfrepr.class_scores(model, representation)
    np.testing.assert_allclose(scores(images), representation.scores(model(images)), rtol=1e-5, atol=2e-3)
    for words in ({"mean": (0, 0, 0)}, {"mean": (0, 0), "std": (1, 1)}, {"mean": (0, 0, 0), "std": (1, 0, 1)}):
        with pytest.raises(tfrepr.UserError, match="mean and std"):
            tfrepr.class_scores(model, representation, **words)
    with pytest.raises(tfrepr.UserError, match="outputs of shape"):
        tfrepr.class_scores(model, tfrepr.make_representation(COLOURS, "category"))


def test_an_attack_with_a_standardisation_is_that_on_a_model_which_has_it_inside():
    """Two ways to say the same; images as bytes and as floats, too."""
    model, category = small_network("category")
    floats, ids = colours(24)
    bytes_ = np.round(floats * 255).astype(np.uint8)
    mean, std = (0.2, 0.3, 0.4), (0.5, 0.6, 0.7)
    inside = tfrepr.class_scores(model, category, mean=mean, std=std)
    words = {"protocol": "adaptive", "epsilons": "0,16", "steps": 3, "queries": 5}
    tables = [tfrepr.attack(model, category, bytes_, ids, mean=mean, std=std, **words),
              tfrepr.attack(inside, category, bytes_, ids, **words),
              tfrepr.attack(inside, category, bytes_ / 255, ids, **words)]
    counts = [list(table["still_correct"]) for table in tables]
    assert counts[0] == counts[1] == counts[2]
    table = tables[0]
    right = (np.asarray(inside(bytes_ / 255)).argmax(1) == ids).mean()
    assert set(table.loc[table["epsilon"] == 0, "accuracy"]) == {right}
    attacked = table[table["epsilon"] == 16]
    assert attacked.loc[attacked["attack"] == "ensemble", "accuracy"].item() <= attacked["accuracy"].min()
    assert "transfer" not in set(table["attack"])


WRONG = [({"protocol": "standart"}, "Did you mean 'standard'"), ({"step": 5}, "Did you mean 'steps'"),
         ({"epsilons": "much"}, "epsilons must be"), ({"images": np.zeros((3, 8, 8), np.uint8)}, r"\(n, height, width"),
         ({"images": np.full((3, 8, 8, 3), 2.0)}, "floats from 0 to 1"), ({"class_ids": [0, 1, 3]}, "from 0 to 2"),
         ({"images": np.zeros((3, 9, 8, 3), np.uint8)}, "as the model takes them"), ({"mean": (0, 0, 0)}, "mean and std"),
         ({"epsilons": -1}, "epsilons must be finite"), ({"epsilons": 2000}, "epsilons must be finite")]


def test_an_attack_on_a_network_with_two_outputs_is_refused():
    model, category = small_network("category")
    two = keras.Model(model.inputs, [model.outputs[0], model.outputs[0]])
    with pytest.raises(tfrepr.UserError, match="one with 2 outputs"):
        tfrepr.attack(two, category, np.zeros((3, 8, 8, 3), np.uint8), [0, 1, 2])


@pytest.mark.parametrize(("answer", "frames", "message"), [
    (np.full((64, 64), np.nan), 50, "finite"), (np.zeros(3), 50, "one spectrogram"), (np.zeros((64, 64)), 1, "from 2 to"),
    (np.zeros((64, 64)), 2.5, "whole number")])
def test_a_sound_says_what_cannot_be_used(answer, frames, message):
    with pytest.raises(tfrepr.UserError, match=message):
        tfrepr.to_sound(answer, frames)


def test_a_size_is_for_folders():
    with pytest.raises(tfrepr.UserError, match="image_size is for"):
        tfrepr.load_images("digits", image_size=64)


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[message for _, message in WRONG])
def test_an_attack_says_what_cannot_be_used(words, message):
    model, category = small_network("category")
    with pytest.raises(tfrepr.UserError, match=message):
        tfrepr.attack(model, category, **{"images": np.zeros((3, 8, 8, 3), np.uint8), "class_ids": [0, 1, 2], **words})


def logits_of(*layers):
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), *layers])


def test_a_classifier_that_ends_in_softmax_is_refused():
    category = tfrepr.make_representation(("a", "b", "c"), "category")
    images, ids = np.zeros((3, 8, 8, 3), np.uint8), [0, 1, 2]
    model = logits_of(keras.layers.Dense(3, "softmax"))
    with pytest.raises(tfrepr.UserError, match="outputs are probabilities"):
        tfrepr.attack(model, category, images, ids)


def test_images_without_a_gradient_are_no_robustness():
    category = tfrepr.make_representation(("a", "b", "c"), "category")
    model = logits_of(keras.layers.Dense(3, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(2.0)))
    with pytest.warns(UserWarning, match=r"3 of the 3 images .* have a gradient of zero"):
        tfrepr.attack(model, category, np.zeros((3, 8, 8, 3), np.uint8), [0, 0, 0], epsilons="0,8", steps=2)


@pytest.mark.parametrize(("protocol", "criteria"), [("autoattack", {"nearest"}), ("standard", {"nearest", "threshold"})])
def test_an_attack_judges_answers_by_the_rules_of_its_protocol(protocol, criteria):
    model, speech = small_network("speech")
    floats, ids = colours(6)
    table = tfrepr.attack(model, speech, floats, ids, protocol=protocol, epsilons="0,8", steps=2, **(
        {"queries": 3} if protocol == "autoattack" else {}))
    assert set(table["criterion"]) == criteria


@pytest.mark.parametrize(("words", "message"), [
    ({"label": "speach"}, "Did you mean 'speech'"), ({"label": "random", "sed": 1}, "label option"),
    ({"side": 33}, "even number"), ({"label": "random", "label_smoothing": 0.1}, "category only"),
    ({"label": "speech-augmented", "side": 64}, "Take the label 'speech'"),
])
def test_a_representation_says_what_cannot_be_used(words, message):
    with pytest.raises(tfrepr.UserError, match=message):
        tfrepr.make_representation(COLOURS, **words)


@pytest.mark.parametrize(("names", "message"), [("cat", "list of texts"), ([0, 1], "Received: 0"),
                                                (["cat", ""], "Received: ''")])
def test_class_names_are_texts(names, message):
    with pytest.raises(tfrepr.UserError, match=message):
        tfrepr.make_representation(names, "random")


def test_results_are_data_frames(tmp_path):
    write_run(tmp_path, attacks=True)
    results = tfrepr.read_results(str(tmp_path))
    assert len(results.runs) == 1
    assert set(results.histories["run"]) == set(results.attacks["run"]) == set(results.runs["run"])


def test_the_example_trains_saves_loads_elsewhere_and_attacks(tmp_path, monkeypatch, capsys):
    script = ROOT / "examples" / "own_network.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) < 40
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(script), "1"])
    runpy.run_path(str(script), run_name="__main__")
    out = capsys.readouterr().out
    assert "the loaded network says the same: 100.0%" in out
    assert "ensemble" in out
