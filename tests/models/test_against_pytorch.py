"""The same weights in PyTorch give the same outputs, gradients and running statistics (skipped without PyTorch)."""

import keras
import numpy as np
import pytest
from golden_models import in_double_precision, representation_of

torch = pytest.importorskip("torch", reason="PyTorch is optional: the extra bench")

from make_pytorch_golden import loss_in_torch  # noqa: E402

from benchmarks.torch_reference import copy_weights, torch_gradients, torch_model  # noqa: E402
from tfrepr.models.build import build_model  # noqa: E402


def pair_of_models(label):
    representation = representation_of(label)
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


@pytest.mark.parametrize("label", ["category", "random"])
def test_gradients_and_statistics(label):
    import tensorflow as tf

    representation, model, reference = pair_of_models(label)
    reference.double()
    model = in_double_precision(model)
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

    np.testing.assert_allclose(outputs, torch_outputs.detach().numpy(), atol=1e-5)
    assert float(loss) == pytest.approx(float(torch_loss.detach()), rel=1e-5)
    for own, theirs in zip(gradients, torch_gradients(model, reference), strict=True):
        np.testing.assert_allclose(own, theirs, atol=1e-5)
    theirs = [module.running_var.numpy() for module in reference.modules() if hasattr(module, "running_var")]
    own = [layer.moving_variance.numpy() for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert sum(float(np.sum(value)) for value in own) == pytest.approx(sum(float(value.sum()) for value in theirs), rel=1e-9)
