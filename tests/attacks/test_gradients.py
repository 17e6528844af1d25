"""The gradient step: closed form, NumPy differences, and the JAX twin."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_models import CLASSES, MEAN, SIDE, STD, convolutional_model, representation_of

from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.victim import Victim, batch_shape

TWIN = """
import sys
import numpy as np
from test_gradients import gradients_and_decisions
np.savez(sys.argv[2], **gradients_and_decisions(sys.argv[1]))
"""


def linear_model(weights):
    import keras

    inputs = keras.Input((2, 2, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    model.set_weights([weights, np.zeros(2)])
    return model


@pytest.mark.parametrize("space", ["normalised", "pixel"])
def test_cross_entropy_gradient_of_a_linear_model(space):
    """d loss / d image = (p_other) (w_other - w_true), divided by the std in pixel space (chain rule)."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(12, 2)).astype(np.float32)
    images = rng.uniform(0, 1, (3, 2, 2, 3)).astype(np.float32)
    from tfrepr.labels.representation import CategoryRepresentation

    image_space = ImageSpace(space, MEAN, STD)
    victim = Victim(linear_model(weights), CategoryRepresentation("category", ("a", "b")), image_space, batch_size=2)
    ids = np.array([0, 1, 0], dtype=np.int32)
    logits = np.asarray(image_space.to_network(images)).reshape(3, 12) @ weights
    other = 1 - ids
    difference = logits[np.arange(3), other] - logits[np.arange(3), ids]
    expected = ((weights[:, other] - weights[:, ids]).T / (1 + np.exp(-difference))[:, None]).reshape(3, 2, 2, 3)
    if space == "pixel":
        expected = expected / np.array(STD)
    np.testing.assert_allclose(victim.gradient("training")(images, ids), expected, rtol=1e-4, atol=1e-6)


def test_gradient_of_the_training_loss_equals_central_differences(trained, test_images):
    """Smooth L1 of a decoder network, in float64 differences over single pixels."""
    model, representation = trained("random")
    space = ImageSpace("normalised", MEAN, STD)
    image, class_id = space.from_bytes(test_images.images[:1]), test_images.class_ids[:1]
    gradient = Victim(model, representation, space, 1).gradient("training")(image, class_id)
    for pixel in [(0, 0, 0), (3, 4, 1), (7, 7, 2)]:
        ends = []
        for shift in (-1e-2, 1e-2):
            moved = image.copy()
            moved[(0, *pixel)] += shift
            outputs = np.asarray(model(moved, training=False), dtype=np.float64)
            error = np.abs(outputs - representation.table[class_id])
            ends.append(np.where(error < 1, error**2 / 2, error - 0.5).mean())
        assert gradient[(0, *pixel)] == pytest.approx((ends[1] - ends[0]) / 2e-2, rel=0.05, abs=2e-3)


def test_an_image_s_gradient_does_not_depend_on_the_batch(victim_of, test_images):
    images = victim_of("random").space.from_bytes(test_images.images[:10])
    together = victim_of("random").gradient("training")(images, test_images.class_ids[:10])
    alone = victim_of("random", batch_size=1).gradient("training")(images[4:5], test_images.class_ids[4:5])
    np.testing.assert_allclose(together[4:5], alone, rtol=1e-4, atol=1e-7)


def test_xla_gives_the_same_gradients_and_decisions(trained, victim_of, test_images):
    plain = victim_of("random")
    compiled = Victim(*trained("random"), plain.space, batch_size=64, jit=True)
    arguments = plain.space.from_bytes(test_images.images[:64]), test_images.class_ids[:64]
    expected = plain.gradient("training")(*arguments)
    np.testing.assert_allclose(compiled.gradient("training")(*arguments), expected, atol=1e-4 * np.abs(expected).max())
    for ours, theirs in zip(compiled.decide(*arguments, test_images.targets[:64]),
                            plain.decide(*arguments, test_images.targets[:64]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_few_shapes_are_compiled_whatever_the_number_of_images(trained, test_images):
    """A loss that counts how often it is traced: for batches of 16, of 4 and of 1."""
    from tfrepr.attacks.losses import LOSSES

    model, representation = trained("category")
    traces = []
    LOSSES["counted"] = lambda rep, ids, outputs: traces.append(1) or rep.losses(ids, outputs)
    try:
        victim = Victim(model, representation, ImageSpace("pixel", MEAN, STD), batch_size=16)
        images = victim.space.from_bytes(test_images.images)
        for count in (1, 2, 3, 4, 5, 16, 40):
            assert len(victim.gradient("counted")(images[:count], test_images.class_ids[:count])) == count
    finally:
        del LOSSES["counted"]
    assert len(traces) == 3


@pytest.mark.parametrize(("images", "shapes"), [(300, [128, 128, 32, 8, 8]), (65, [128]), (40, [32, 8]), (17, [32]), (2, [8])])
def test_batches_are_at_least_half_full_but_for_the_last_images(images, shapes):
    found, left = [], images
    while left > 0:
        found.append(batch_shape(left, 128))
        left -= found[-1]
    assert found == shapes


def gradients_and_decisions(weights: str) -> dict[str, np.ndarray]:
    """Gradients of every loss and decisions on fixed images, on the backend in use, with the weights of a file."""
    representation = representation_of("random")
    model = convolutional_model(representation)
    model.load_weights(weights)
    victim = Victim(model, representation, ImageSpace("pixel", MEAN, STD), batch_size=8)
    rng = np.random.default_rng(5)
    images = rng.uniform(0, 1, (10, SIDE, SIDE, 3)).astype(np.float32)
    ids, targets = rng.integers(CLASSES, size=(2, 10)).astype(np.int32)
    results = {loss: victim.gradient(loss)(images, ids) for loss in ("training", "margin", "cross_entropy")}
    decisions = victim.decide(images, ids, targets)
    return results | decisions._asdict() | {"margins": victim.margins(images, ids)}


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_the_jax_twin_gives_the_same_gradients_and_decisions(trained, tmp_path):
    model, _ = trained("random")
    model.save_weights(tmp_path / "model.weights.h5")
    here = gradients_and_decisions(str(tmp_path / "model.weights.h5"))
    folder = Path(__file__).resolve().parent
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu",
                   "PYTHONPATH": os.pathsep.join([str(folder), str(folder.parents[1])])}
    subprocess.run([sys.executable, "-c", TWIN, str(tmp_path / "model.weights.h5"), str(tmp_path / "twin.npz")], check=True,
                   env=environment)
    with np.load(tmp_path / "twin.npz") as twin:
        for name in ("training", "margin", "cross_entropy"):
            scale = np.abs(here[name]).max(axis=(1, 2, 3), keepdims=True)
            np.testing.assert_allclose(twin[name] / scale, here[name] / scale, atol=1e-4)
        np.testing.assert_allclose(twin["margins"], here["margins"], rtol=1e-3, atol=1e-2)
        for name in ("predicted", "correct", "hit"):
            np.testing.assert_array_equal(twin[name], here[name])
