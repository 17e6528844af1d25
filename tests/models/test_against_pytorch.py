"""The same weights in PyTorch give the same outputs, gradients and running statistics (skipped without PyTorch)."""

import keras
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is optional: the extra bench")

from benchmarks.torch_reference import copy_weights, torch_gradients, torch_model  # noqa: E402
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation  # noqa: E402
from tfrepr.models.build import build_model  # noqa: E402

NAMES = tuple("abcdefghij")
TABLE = np.random.RandomState(48).uniform(0, 80, (10, 64, 64)).astype("float32")


def loss_in_torch(label, outputs, ids):
    if label == "category":
        return torch.nn.functional.cross_entropy(outputs, ids)
    return torch.nn.functional.smooth_l1_loss(outputs, torch.from_numpy(TABLE.astype(np.float64))[ids])


@pytest.fixture
def double_precision():
    """float64 throughout, so that what differs is the mathematics and not the rounding of 32 layers."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def pair_of_models(label):
    representation = (CategoryRepresentation(label, NAMES) if label == "category"
                      else RegressionRepresentation(label, NAMES, TABLE))
    keras.utils.set_random_seed(3)
    model = build_model("resnet32", (32, 32, 3), representation)
    reference = torch_model(label)
    copy_weights(model, reference)
    return representation, model, reference


@pytest.mark.parametrize("label", ["category", "random"])
def test_float32_outputs(label):
    _, model, reference = pair_of_models(label)
    images = np.random.default_rng(5).normal(size=(16, 32, 32, 3)).astype("float32")
    outputs = reference.eval()(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).detach().numpy()
    np.testing.assert_allclose(model(images, training=False), outputs, atol=1e-4)


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("label", ["category", "random"])
def test_gradients_and_statistics(label):
    import tensorflow as tf

    representation, model, reference = pair_of_models(label)
    reference.double()
    copy_weights(model, reference)
    rng = np.random.default_rng(5)
    images, ids = rng.normal(size=(16, 32, 32, 3)), rng.integers(0, 10, 16)

    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        loss = tf.reduce_mean(representation.losses(ids, outputs))
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    reference.train()
    torch_outputs = reference(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    torch_loss = loss_in_torch(label, torch_outputs, torch.from_numpy(ids))
    torch_loss.backward()

    np.testing.assert_allclose(outputs, torch_outputs.detach().numpy(), atol=1e-6)
    assert float(loss) == pytest.approx(float(torch_loss.detach()), rel=1e-5)
    for own, theirs in zip(gradients, torch_gradients(model, reference), strict=True):
        np.testing.assert_allclose(own, theirs, atol=1e-5)
    theirs = [module.running_var.numpy() for module in reference.modules() if hasattr(module, "running_var")]
    own = [layer.moving_variance.numpy() for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert sum(float(np.sum(value)) for value in own) == pytest.approx(sum(float(value.sum()) for value in theirs), rel=1e-9)
