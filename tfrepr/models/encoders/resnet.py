"""ResNet for small images (He et al. 2016, section 4.2) with projection shortcuts (option B), as the paper's authors use it.

Reference: https://arxiv.org/abs/1512.03385. Convolutions have no bias; 64 features.
"""

from __future__ import annotations

from typing import Any

from tfrepr.registry import ENCODERS

STAGE_CHANNELS = (16, 32, 64)


@ENCODERS.register("resnet8")
def resnet8(inputs: Any) -> Any:
    """ResNet-8: three stages of one block, 64 features, about 78 thousand parameters; for quick studies."""
    return _resnet(inputs, blocks_per_stage=1)


@ENCODERS.register("resnet32")
def resnet32(inputs: Any) -> Any:
    """ResNet-32: three stages of five blocks, 64 features, about 0.47 million parameters."""
    return _resnet(inputs, blocks_per_stage=5)


@ENCODERS.register("resnet110")
def resnet110(inputs: Any) -> Any:
    """ResNet-110: three stages of eighteen blocks, 64 features, about 1.73 million parameters."""
    return _resnet(inputs, blocks_per_stage=18)


def _resnet(inputs: Any, blocks_per_stage: int) -> Any:
    from keras import layers

    x = _conv_bn(inputs, STAGE_CHANNELS[0], kernel=3, stride=1, name="stem")
    x = layers.ReLU(name="stem_relu")(x)
    for stage, channels in enumerate(STAGE_CHANNELS, start=1):
        for block in range(1, blocks_per_stage + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            last = block == blocks_per_stage
            x = _basic_block(x, channels, stride, name=f"stage{stage}_block{block}",
                             output_name=f"stage{stage}" if last else f"stage{stage}_block{block}_output")
    return layers.GlobalAveragePooling2D(name="features")(x)


def _basic_block(inputs: Any, channels: int, stride: int, name: str, output_name: str) -> Any:
    """relu(BN(conv(relu(BN(conv(x))))) + shortcut(x)); the shortcut is a 1x1 convolution and BN where the shape changes."""
    from keras import layers

    x = _conv_bn(inputs, channels, kernel=3, stride=stride, name=f"{name}_1")
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _conv_bn(x, channels, kernel=3, stride=1, name=f"{name}_2")
    if stride != 1 or inputs.shape[-1] != channels:
        inputs = _conv_bn(inputs, channels, kernel=1, stride=stride, name=f"{name}_shortcut")
    return layers.ReLU(name=output_name)(layers.Add(name=f"{name}_add")([x, inputs]))


def _conv_bn(inputs: Any, channels: int, kernel: int, stride: int, name: str) -> Any:
    """Convolution and batch normalisation; a strided 3x3 pads one pixel on every side, which `same` would not."""
    from keras import layers

    from tfrepr.models.layers import BatchNormalization, encoder_kernel

    x, padding = inputs, "same"
    if stride > 1 and kernel > 1:
        x, padding = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x), "valid"
    x = layers.Conv2D(channels, kernel, strides=stride, padding=padding, use_bias=False,
                      kernel_initializer=encoder_kernel(), name=f"{name}_conv")(x)
    return BatchNormalization(name=f"{name}_bn")(x)
