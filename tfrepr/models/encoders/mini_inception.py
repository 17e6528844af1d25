"""MiniInceptionV3 of Zhang et al. 2016 (appendix A, Figure 3, https://arxiv.org/abs/1611.03530), 336 features.

Kernels are drawn by Keras's default, Glorot's uniform rule, as in the Keras reproduction of that paper; the paper does not
tell. Batch normalisation has a shift and no scale, momentum 0.99 and epsilon 1e-3, as there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tfrepr.registry import ENCODERS

STAGES = (((32, 32), (32, 48), 80), ((112, 48), (96, 64), (80, 80), (48, 96), 96), ((176, 160), (176, 160)))
"""Inception modules as (filters of the 1x1, of the 3x3 convolution); the single number is the downsampling at a stage's end."""


@ENCODERS.register("mini-inception")
def mini_inception(inputs: Any) -> Any:
    """MiniInceptionV3 with batch normalisation, 336 features; 1,649,402 parameters with ten classes."""
    return _mini_inception(inputs, _conv_bn)


@ENCODERS.register("mini-inception-nobn")
def mini_inception_nobn(inputs: Any) -> Any:
    """MiniInceptionV3 whose convolutions have biases instead of batch normalisation; also 1,649,402 parameters."""
    return _mini_inception(inputs, _conv)


@ENCODERS.register("mini-inception-nobn-report")
def mini_inception_nobn_report(inputs: Any) -> Any:
    """The same with neither batch normalisation nor biases, as in the student's reproduction; 1,647,690 parameters."""
    return _mini_inception(inputs, partial(_conv, use_bias=False))


def _mini_inception(inputs: Any, conv: Callable) -> Any:
    """3x3 convolution, ten inception modules with two downsamplings between them, global mean pooling.

    Args:
        conv: Function of (inputs, filters, kernel, stride, name): convolution, what normalises it, ReLU.
    """
    from keras import layers

    x = conv(inputs, 96, 3, 1, "stem")
    for stage, modules in enumerate(STAGES, start=1):
        for index, filters in enumerate(modules, start=1):
            last = index == len(modules)
            module = _inception if isinstance(filters, tuple) else _downsample
            x = module(x, filters, conv, name=f"stage{stage}" if last else f"stage{stage}_{index}")
    return layers.GlobalAveragePooling2D(name="features")(x)


def _inception(inputs: Any, filters: tuple[int, int], conv: Callable, name: str) -> Any:
    """1x1 and 3x3 convolutions side by side, their channels joined."""
    from keras import layers

    small, large = (conv(inputs, filters[place], kernel, 1, f"{name}_{kernel}x{kernel}") for place, kernel in enumerate((1, 3)))
    return layers.Concatenate(name=name)([small, large])


def _downsample(inputs: Any, filters: int, conv: Callable, name: str) -> Any:
    """3x3 convolution of stride 2 and 3x3 max pooling side by side; both halve the image, rounding up."""
    from keras import layers

    pooled = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(inputs)
    return layers.Concatenate(name=name)([conv(inputs, filters, 3, 2, f"{name}_3x3"), pooled])


def _conv_bn(inputs: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    from keras import layers

    from tfrepr.models.layers import BatchNormalization

    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(inputs)
    x = BatchNormalization(momentum=0.99, epsilon=1e-3, scale=False, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _conv(inputs: Any, filters: int, kernel: int, stride: int, name: str, use_bias: bool = True) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=use_bias, name=f"{name}_conv")(inputs)
    return layers.ReLU(name=f"{name}_relu")(x)
