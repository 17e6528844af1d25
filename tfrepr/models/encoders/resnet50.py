"""ResNet-50 of `keras.applications`, for photographs (He et al. 2016, https://arxiv.org/abs/1512.03385), 2,048 features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.registry import ENCODERS

if TYPE_CHECKING:
    import keras

    from tfrepr.data.resizing import PixelMap

SMALLEST_SIDE = 32


@ENCODERS.register("resnet50")
def resnet50(inputs: Any) -> Any:
    """ResNet-50 of keras.applications: 2,048 features, about 23.5 million parameters; pixels should be many (64 or more)."""
    import keras

    if min(inputs.shape[1:3]) < SMALLEST_SIDE:
        raise UserError(f"The encoder resnet50 halves the image five times and needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE} "
                        f"pixels. Received: {inputs.shape[1]}x{inputs.shape[2]}. Use larger images or another encoder.")
    backbone = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=inputs)
    stage4 = keras.layers.Identity(name="stage4")(backbone.output)
    return keras.layers.GlobalAveragePooling2D(name="features")(stage4)


def load_pretrained(model: keras.Model, weights: str = "imagenet") -> None:
    """Gives the encoder of `model` trained weights; its head stays as it is.

    Args:
        model: A network with the encoder `resnet50`.
        weights: `"imagenet"`, which Keras fetches once and keeps in its cache, or the path of a `.weights.h5` file.

    Raises:
        UserError: The weights cannot be fetched or read.
    """
    import keras

    try:
        source = keras.applications.ResNet50(include_top=False, weights=weights)
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise UserError(f"The weights {weights!r} of ResNet-50 cannot be had ({_first_line(error)}). Connect to the network "
                        "once, or use --weights none.") from error
    for layer in source.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())


def pretrained_pixels() -> PixelMap:
    """`keras.applications.resnet50.preprocess_input` as a pixel map, read off Keras's own function.

    It exchanges red and blue and takes the means of ImageNet away, without scaling: the weights were trained that way, not with
    torchvision's constants.
    """
    from keras.applications.resnet50 import preprocess_input

    from tfrepr.data.resizing import PixelMap

    offset = preprocess_input(np.zeros((1, 3), np.float32))[0]
    matrix = preprocess_input(np.eye(3, dtype=np.float32)) - offset
    return PixelMap(np.round(matrix, 3), offset)  # zeros and ones, freed of the rounding by offsets around 100


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
