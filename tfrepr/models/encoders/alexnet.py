"""The small AlexNet of Zhang et al. 2016 (appendix A, https://arxiv.org/abs/1611.03530), 192 features.

Two modules (5x5 convolution, 3x3 max pooling, local response normalisation), then dense layers of 384 and 192. The paper gives
neither filters nor padding; 64 filters, `same` padding and pooling of stride 2 give its number of parameters. ReLU follows
every layer with weights, and the constants of the normalisation are those of Krizhevsky et al. 2012 (section 3.3). Weights are
drawn by Keras's default, Glorot's uniform rule.
"""

from __future__ import annotations

from typing import Any

from tfrepr.errors import UserError
from tfrepr.registry import ENCODERS

SMALLEST_FOR_REPORT = 25
"""Pixels that its unpadded convolutions and poolings leave one pixel of."""


@ENCODERS.register("alexnet-small")
def alexnet_small(inputs: Any) -> Any:
    """Small AlexNet with local response normalisation, 192 features; 1,387,786 parameters at 28x28 with ten classes."""
    from keras import layers

    x = inputs
    for index in (1, 2):
        x = layers.Conv2D(64, 5, padding="same", activation="relu", name=f"stage{index}_conv")(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"stage{index}_pool")(x)
        x = _normalised(x, index)
    return _dense_layers(x)


@ENCODERS.register("alexnet-small-report")
def alexnet_small_report(inputs: Any) -> Any:
    """The variant of the student's reproduction: 96 and 256 filters, no padding; 796,490 parameters at 28x28.

    As there, pooling has stride 3 and the convolutions have no ReLU. Its normalisation, over a square of pixels and all
    channels, gives way to the usual one over neighbouring channels.
    """
    from keras import layers

    if min(inputs.shape[1:3]) < SMALLEST_FOR_REPORT:
        raise UserError(f"The encoder alexnet-small-report does not pad and needs at least {SMALLEST_FOR_REPORT} pixels a "
                        f"side. Received: {inputs.shape[1]}x{inputs.shape[2]}. Use the encoder alexnet-small.")
    x = inputs
    for index, filters in enumerate((96, 256), start=1):
        x = layers.Conv2D(filters, 5, name=f"stage{index}_conv")(x)
        x = layers.MaxPooling2D(3, name=f"stage{index}_pool")(x)
        x = _normalised(x, index)
    return _dense_layers(x)


def _normalised(inputs: Any, index: int) -> Any:
    from tfrepr.models.response_normalisation import LocalResponseNormalization

    return LocalResponseNormalization(depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75, name=f"stage{index}")(inputs)


def _dense_layers(inputs: Any) -> Any:
    from keras import layers

    x = layers.Flatten(name="flat")(inputs)
    x = layers.Dense(384, activation="relu", name="dense")(x)
    return layers.Dense(192, activation="relu", name="features")(x)
