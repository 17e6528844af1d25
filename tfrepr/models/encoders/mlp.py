"""Multi-layer perceptrons of Zhang et al. 2016 (appendix A, https://arxiv.org/abs/1611.03530), 512 features.

Weights are drawn by Keras's default, Glorot's uniform rule; the paper does not tell.
"""

from __future__ import annotations

from typing import Any

from tfrepr.registry import ENCODERS

UNITS = 512


@ENCODERS.register("mlp1x512")
def mlp1x512(inputs: Any) -> Any:
    """One hidden layer of 512 with ReLU; 1,209,866 parameters at 28x28 with ten classes."""
    return _mlp(inputs, hidden=1)


@ENCODERS.register("mlp3x512")
def mlp3x512(inputs: Any) -> Any:
    """Three hidden layers of 512 with ReLU; 1,735,178 parameters at 28x28 with ten classes."""
    return _mlp(inputs, hidden=3)


def _mlp(inputs: Any, hidden: int) -> Any:
    from keras import layers

    x = layers.Flatten(name="flat")(inputs)
    for index in range(1, hidden + 1):
        x = layers.Dense(UNITS, activation="relu", name="features" if index == hidden else f"hidden{index}")(x)
    return x
