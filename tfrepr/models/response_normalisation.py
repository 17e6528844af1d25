"""Local response normalisation, which Keras does not have."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfrepr")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides every value by a power of the squares of its neighbours in the channel axis, the last one.

        y[c] = x[c] / (bias + alpha * sum of x[d]^2 over |d - c| <= depth_radius) ^ beta

    Channels beyond the ends count as zero. The same as `tf.nn.local_response_normalization`, in `keras.ops`.

    Args:
        depth_radius: Neighbours on either side.
        bias, alpha, beta: Constants; the defaults are those of the reference.

    Reference: Krizhevsky, Sutskever and Hinton 2012, section 3.3 (k = 2, n = 5, alpha = 1e-4, beta = 0.75).
    """

    def __init__(self, depth_radius: int = 2, bias: float = 2.0, alpha: float = 1e-4, beta: float = 0.75,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth_radius, self.bias, self.alpha, self.beta = depth_radius, bias, alpha, beta

    def call(self, inputs: Any) -> Any:
        """Normalises inputs of any rank from 2."""
        channels, radius = inputs.shape[-1], self.depth_radius
        squares = ops.pad(inputs * inputs, [(0, 0)] * (len(inputs.shape) - 1) + [(radius, radius)])
        total = sum(squares[..., start : start + channels] for start in range(2 * radius + 1))
        return inputs / (self.bias + self.alpha * total) ** self.beta

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "depth_radius": self.depth_radius, "bias": self.bias, "alpha": self.alpha,
                "beta": self.beta}
