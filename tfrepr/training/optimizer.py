"""Stochastic gradient descent with PyTorch's update rule."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfrepr")
class SGD(keras.optimizers.Optimizer):
    """Momentum SGD with L2 in the gradient, as `torch.optim.SGD` computes it.

    For every trainable variable w with gradient g, momentum buffer v (0 at first) and rate lr:

        v = momentum * v + (g + l2 * w)
        w = w - lr * v

    Keras's own `SGD` differs twice: its `weight_decay` is decoupled from the momentum (about ten times weaker at momentum
    0.9), and it folds the rate into the buffer, so that a drop of the rate takes effect late.

    Args:
        learning_rate: Initial rate lr.
        momentum: In [0, 1].
        l2: Factor of the L2 term, on every trainable variable (paper A.4.1 "weight decay").

    Reference: Sutskever et al. 2013, http://proceedings.mlr.press/v28/sutskever13.html, in PyTorch's form.
    """

    def __init__(self, learning_rate: float = 0.1, momentum: float = 0.9, l2: float = 0.0, name: str = "sgd",
                 **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum
        self.l2 = l2

    def build(self, variables: list) -> None:
        """Makes one momentum buffer for each variable."""
        if self.built:
            return
        super().build(variables)
        self.momentums = [self.add_variable_from_reference(variable, name="momentum") for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One step for one variable."""
        buffer = self.momentums[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, variable.dtype) + self.l2 * variable
        velocity = self.momentum * buffer + gradient
        self.assign(buffer, velocity)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * velocity)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "momentum": self.momentum, "l2": self.l2}
