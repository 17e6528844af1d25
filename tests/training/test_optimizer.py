"""The update rule against a NumPy loop of PyTorch's."""

import keras
import numpy as np

from tfrepr.training.optimizer import SGD


def test_twenty_steps_with_a_rate_drop_equal_pytorchs_rule():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 3)).astype("float32"), rng.normal(size=3).astype("float32")]
    variables = [keras.Variable(weight) for weight in weights]
    optimizer = SGD(learning_rate=0.1, momentum=0.9, l2=5e-3)
    buffers = [np.zeros_like(weight) for weight in weights]
    for step in range(20):
        rate = 0.1 if step < 10 else 0.01
        optimizer.learning_rate = rate
        gradients = [rng.normal(size=weight.shape).astype("float32") for weight in weights]
        optimizer.apply(gradients, variables)
        for index, gradient in enumerate(gradients):
            buffers[index] = 0.9 * buffers[index] + gradient + 5e-3 * weights[index]
            weights[index] = weights[index] - rate * buffers[index]
    for variable, weight in zip(variables, weights, strict=True):
        np.testing.assert_allclose(variable, weight, rtol=2e-5, atol=1e-6)


def test_config_round_trip():
    optimizer = SGD(0.05, momentum=0.8, l2=1e-4)
    copy = SGD.from_config(optimizer.get_config())
    assert (copy.momentum, copy.l2, float(copy.learning_rate)) == (0.8, 1e-4, np.float32(0.05))
