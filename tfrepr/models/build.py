"""Encoder and head put together."""

from __future__ import annotations

import keras

from tfrepr.errors import UserError
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.models.heads import label_decoder, vector_head
from tfrepr.registry import ENCODERS
from tfrepr.surroundings import set_keras_defaults


def build_model(encoder: str, image_shape: tuple[int, int, int], representation: LabelRepresentation) -> keras.Model:
    """The functional model of an encoder and the head that fits a label (paper section 4, "Models").

    Weights are drawn from Keras's global generator, which the caller seeds.

    Args:
        encoder: Registered name.
        image_shape: `(height, width, channels)` of the normalised images.
        representation: Decides the head: vectors get one dense layer, square matrices the label decoder.

    Returns:
        A model from float32 `(batch, *image_shape)` to float32 `(batch, *representation.output_shape)`.

    Raises:
        UserError: Unknown encoder, images too small for it, or a label shape that no head makes.
    """
    set_keras_defaults()
    inputs = keras.Input(image_shape, name="image")
    features = ENCODERS[encoder](inputs)
    shape = representation.output_shape
    if len(shape) == 1:
        outputs = vector_head(features, shape[0])
    elif len(shape) == 2 and shape[0] == shape[1]:
        outputs = label_decoder(features, shape[0])
    else:
        raise UserError(f"Labels are vectors or square matrices. Received: rows of shape {shape} for the label "
                        f"{representation.name!r}.")
    return keras.Model(inputs, outputs, name=f"{encoder}_{representation.name.replace('-', '_')}")
