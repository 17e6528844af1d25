"""VGG with batch normalisation for small images (Simonyan and Zisserman 2015, configuration E), 512 features.

Reference: https://arxiv.org/abs/1409.1556. As in the authors' code, convolutions keep their bias beside batch normalisation,
and the three dense layers of the original give way to the head.
"""

from __future__ import annotations

from typing import Any

from tfrepr.errors import UserError
from tfrepr.registry import ENCODERS

VGG19_STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""(channels, convolutions) of each stage; a stage ends in 2x2 max pooling."""


@ENCODERS.register("vgg19")
def vgg19(inputs: Any) -> Any:
    """VGG-19 with batch normalisation: sixteen convolutions, 512 features, about 20 million parameters."""
    from keras import layers

    from tfrepr.models.layers import BatchNormalization, encoder_kernel

    smallest = 2 ** len(VGG19_STAGES)
    if min(inputs.shape[1:3]) < smallest:
        raise UserError(f"The encoder vgg19 halves the image five times and needs at least {smallest}x{smallest} pixels. "
                        f"Received: {inputs.shape[1]}x{inputs.shape[2]}. Use a larger --image-size or another encoder.")
    x = inputs
    for stage, (channels, convolutions) in enumerate(VGG19_STAGES, start=1):
        for index in range(1, convolutions + 1):
            name = f"stage{stage}_{index}"
            x = layers.Conv2D(channels, 3, padding="same", kernel_initializer=encoder_kernel(), name=f"{name}_conv")(x)
            x = BatchNormalization(name=f"{name}_bn")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(2, name=f"stage{stage}")(x)
    return layers.GlobalAveragePooling2D(name="features")(x)
