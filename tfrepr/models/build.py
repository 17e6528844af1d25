"""Encoder and head put together, and the head on any other network."""

from __future__ import annotations

import math
from functools import partial

import keras

from tfrepr.errors import UserError
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.models.heads import label_head
from tfrepr.registry import ENCODERS
from tfrepr.surroundings import set_keras_defaults


def build_model(encoder: str, image_shape: tuple[int, int, int], representation: LabelRepresentation) -> keras.Model:
    """The functional model of an encoder and the head that fits a label (paper section 4, "Models").

    Weights are drawn from Keras's global generator, which the caller seeds. Keras's settings (float type, fuzz factor, channels
    last) are set to its defaults first, for the whole process.

    Args:
        encoder: Registered name.
        image_shape: `(height, width, channels)` of the normalised images.
        representation: Decides the head: vectors get one dense layer, square matrices the label decoder.

    Returns:
        A model from float32 `(batch, *image_shape)` to float32 `(batch, *representation.output_shape)`.

    Raises:
        UserError: Unknown encoder, images too small for it, or a label shape that no head makes.

    Example:
        >>> import tfrepr
        >>> category = tfrepr.make_representation(["cat", "dog"], "category")
        >>> tfrepr.build_model("resnet32", (32, 32, 3), category).output_shape
        (None, 2)
    """
    set_keras_defaults()
    inputs = keras.Input(image_shape, name="image")
    features = ENCODERS[encoder](inputs)
    outputs = label_head(features, representation)
    return keras.Model(inputs, outputs, name=f"{encoder}_{representation.name.replace('-', '_')}")


def add_label_head(backbone: keras.Model, representation: LabelRepresentation) -> keras.Model:
    """A network of your own with the head that fits a label; of Keras's own layers alone, it loads without this package.

    Args:
        backbone: A functional or sequential model whose output is features `(batch, d)`, or a map `(batch, h, w, channels)`,
            which is averaged over its pixels first. Its layers are shared, not copied.
        representation: The label, see `make_representation`.

    Returns:
        An uncompiled model from the backbone's input to float32 `(batch, *representation.output_shape)`. Train it with
        `compile(optimizer, loss=representation.losses, metrics=[representation.accuracy])` and class ids as targets. Load
        what was saved with `keras.models.load_model(path, compile=False)`, and compile it again to go on training: Keras
        cannot store the label's loss.

    Raises:
        UserError: No such backbone, one that puts channels first, or a label shape that no head makes.

    Example:
        >>> import keras, tfrepr
        >>> random = tfrepr.make_representation(["cat", "dog"], "random")
        >>> backbone = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3)])
        >>> tfrepr.add_label_head(backbone, random).output_shape
        (None, 64, 64)
    """
    features = single_tensor(backbone, "output")
    if "channels_first" in (keras.config.image_data_format(), getattr(backbone.layers[-1], "data_format", None)):
        raise UserError("A label head is made for channels last. Received channels_first, from Keras's settings or from the "
                        'last layer of the backbone. Call keras.config.set_image_data_format("channels_last") first, and put '
                        "a keras.layers.Permute((2, 3, 1)) behind such a backbone.")
    if len(features.shape) == 4:
        features = keras.layers.GlobalAveragePooling2D(name="label_pooling")(features)
    if len(features.shape) != 2 or features.shape[-1] is None:
        raise UserError("A label head takes features of shape (batch, d) or (batch, height, width, channels). Received a "
                        f"backbone with the output shape {tuple(backbone.output.shape)}.")
    normalisation = partial(keras.layers.BatchNormalization, momentum=0.9, epsilon=1e-5)
    outputs = label_head(features, representation, normalisation)
    name = f"{backbone.name}_{representation.name.replace('-', '_')}"
    return keras.Model(single_tensor(backbone, "input"), outputs, name=name)


def parameter_count(model: keras.Model) -> int:
    """Trainable numbers of a model (paper Tables 3 and 4)."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def single_tensor(model: keras.Model, side: str) -> keras.KerasTensor:
    """The only symbolic `input` or `output` of a model.

    Raises:
        UserError: Several, or none, as of a subclassed model or one that does not know its input shape yet.
    """
    try:
        tensors = getattr(model, f"{side}s")
    except (AttributeError, ValueError):
        tensors = None
    if not isinstance(tensors, list) or len(tensors) != 1:
        raise UserError("This takes a functional or sequential Keras model that begins with keras.Input(shape), with one "
                        f"{side}. Received: {model!r}.")
    return tensors[0]
