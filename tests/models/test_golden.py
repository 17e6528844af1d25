"""Models against what PyTorch answered for the same weights (pytorch_golden.npz, by make_pytorch_golden.py)."""

import keras
import numpy as np
import pytest
from golden_models import FILE, IDS, MODELS, fingerprint, images, in_double_precision, seeded_model


@pytest.fixture(scope="module")
def golden():
    with np.load(FILE) as arrays:
        return dict(arrays)


def assert_same_arrays(own, golden):
    """By their fingerprints, within 1e-4 of each array's length; biases before batch normalisation have no gradient."""
    assert (np.abs(fingerprint(own) - golden) < 1e-4 * golden[:, :1] + 1e-9).all()


@pytest.mark.parametrize("name", MODELS)
def test_outputs_gradients_and_statistics_are_pytorchs(name, golden):
    import tensorflow as tf

    representation, model = seeded_model(name)
    model = in_double_precision(model)
    scale = np.abs(golden[f"{name}/still"]).max()
    np.testing.assert_allclose(model(images(), training=False), golden[f"{name}/still"], atol=1e-6 * scale)
    with tf.GradientTape() as tape:
        outputs = model(images(), training=True)
        loss = tf.reduce_mean(representation.losses(IDS, outputs))
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    np.testing.assert_allclose(outputs, golden[f"{name}/training"], atol=1e-6 * np.abs(golden[f"{name}/training"]).max())
    assert float(loss) == pytest.approx(float(golden[f"{name}/loss"]), rel=1e-5)
    assert_same_arrays([gradient.numpy() for gradient in gradients], golden[f"{name}/gradients"])
    assert_same_arrays([variable.numpy() for variable in model.non_trainable_variables], golden[f"{name}/statistics"])


def test_single_precision_is_near(golden):
    """As runs are trained, with the fused batch normalisation."""
    _, model = seeded_model("resnet32-category")
    assert keras.config.floatx() == "float32"
    for part, training in (("still", False), ("training", True)):
        expected = golden[f"resnet32-category/{part}"]
        np.testing.assert_allclose(model(images(), training=training), expected, atol=1e-3 * np.abs(expected).max())
