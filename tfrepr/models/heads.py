"""Heads: from features to an answer. One dense layer for vectors, the label decoder of the paper's Table 5 for matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tfrepr.errors import UserError
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.models.layers import LEAKY_SLOPE, BatchNormalization, torch_default

DECODER_CHANNELS = 64
SMALLEST_CHANNELS = 8
HEAD_TYPE = "float32"
"""Heads compute in it under mixed precision, too: bfloat16 would round an output of 50 to a multiple of 0.25."""
FIRST_KERNELS = (3, 4, 5, 7)


def label_head(features: Any, representation: LabelRepresentation,
               normalisation: Callable[..., Any] = BatchNormalization) -> Any:
    """The head that fits a label: a dense layer for vectors, the label decoder for square matrices.

    Args:
        features: `(batch, d)`.
        representation: The label.
        normalisation: What makes a layer of batch normalisation with a name and a compute type.

    Returns:
        float32, `(batch, *representation.output_shape)`.

    Raises:
        UserError: A label shape that no head makes.
    """
    shape = representation.output_shape
    if len(shape) == 1:
        return vector_head(features, shape[0])
    if len(shape) == 2 and shape[0] == shape[1]:
        return label_decoder(features, shape[0], normalisation)
    raise UserError(f"Labels are vectors or square matrices. Received: rows of shape {shape} for the label "
                    f"{representation.name!r}.")


def vector_head(features: Any, size: int) -> Any:
    """One dense layer: logits of the category model, or a low-dimensional label (paper section 4, I_td).

    Args:
        features: `(batch, d)`.
        size: Elements of the output.

    Returns:
        float32, `(batch, size)`.
    """
    return _linear(features, size, name="head")


def label_decoder(features: Any, side: int, normalisation: Callable[..., Any] = BatchNormalization) -> Any:
    """Batch norm, leaky ReLU, a dense layer of 64 and transposed convolutions up to side x side (paper Table 5, I_ld).

    The first transposed convolution makes k x k from 1 x 1 (stride 1, no padding, 64 channels); each further one doubles the
    side (kernel 4, stride 2, padding 1). For side 64 the channels are 64, 32, 16, 8, 1, as in Table 5; for other sides
    they are halved at every step but never fall below 8, and the last layer always has one. Batch norm and leaky ReLU
    (slope 0.01) follow every transposed convolution but the last.

    Args:
        features: `(batch, d)`.
        side: `k * 2**n` with k of 3 or 4 (64: k = 4, n = 4; BERT's 48: k = 3, n = 4), or 5 or 7 for sides such as 56.
        normalisation: What makes a layer of batch normalisation with a name and a compute type.

    Returns:
        float32, `(batch, side, side)`.

    Raises:
        UserError: A side that cannot be reached by doubling.
    """
    kernel, doublings = decoder_plan(side)
    x = normalisation(name="neck_bn", dtype=HEAD_TYPE)(features)
    x = _leaky_relu("neck_relu")(x)
    x = _linear(x, DECODER_CHANNELS, name="neck")
    x = keras.layers.Reshape((1, 1, DECODER_CHANNELS), name="decoder_input", dtype=HEAD_TYPE)(x)
    x = _transposed(x, DECODER_CHANNELS, kernel, stride=1, name="decoder0")
    for step in range(1, doublings + 1):
        x = _leaky_relu(f"decoder{step - 1}_relu")(normalisation(name=f"decoder{step - 1}_bn", dtype=HEAD_TYPE)(x))
        channels = 1 if step == doublings else max(DECODER_CHANNELS >> step, SMALLEST_CHANNELS)
        x = _transposed(x, channels, 4, stride=2, name=f"decoder{step}")
    return keras.layers.Reshape((side, side), name="head", dtype=HEAD_TYPE)(x)


def _linear(inputs: Any, units: int, name: str) -> Any:
    """A dense layer with PyTorch's default initialisation, float32 `(batch, units)`."""
    fan_in = inputs.shape[-1]
    return keras.layers.Dense(units, kernel_initializer=torch_default(fan_in), bias_initializer=torch_default(fan_in),
                              name=name, dtype=HEAD_TYPE)(inputs)


def decoder_plan(side: int) -> tuple[int, int]:
    """First kernel k and number of doublings n with k * 2**n = side and n of at least 1.

    Raises:
        UserError: There is none.
    """
    kernel, doublings = side, 0
    while kernel % 2 == 0 and kernel > 4:
        kernel, doublings = kernel // 2, doublings + 1
    if kernel not in FIRST_KERNELS or doublings < 1:
        allowed = sorted(k * 2**n for k in FIRST_KERNELS for n in range(1, 10))
        near = sorted(sorted(allowed, key=lambda other: abs(other - side))[:4])
        raise UserError(f"A label of side {side} cannot be made by doubling a {'x or '.join(map(str, FIRST_KERNELS))}x start. "
                        f"Sides near it that can: {', '.join(map(str, near))}. A label that is made here has twice the image's "
                        f"side (--image-size {', '.join(str(other // 2) for other in near)}); one of --label-file has its own, "
                        "and may be a vector of any length.")
    return kernel, doublings


def _transposed(inputs: Any, channels: int, kernel: int, stride: int, name: str) -> Any:
    """A transposed convolution with PyTorch's default initialisation, whose fan-in counts the *output* channels.

    For kernel 4 and stride 2, `same` equals PyTorch's padding 1.
    """
    fan_in = channels * kernel * kernel
    return keras.layers.Conv2DTranspose(channels, kernel, strides=stride, padding="same" if stride == 2 else "valid",
                                        kernel_initializer=torch_default(fan_in), bias_initializer=torch_default(fan_in),
                                        name=name, dtype=HEAD_TYPE)(inputs)


def _leaky_relu(name: str) -> keras.layers.LeakyReLU:
    return keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=name, dtype=HEAD_TYPE)
