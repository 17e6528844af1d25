"""Weights that one network takes over from another."""

from __future__ import annotations

import keras

from tfrepr.errors import UserError


def transfer_weights(source: keras.Model, target: keras.Model, origin: str) -> None:
    """Copies the weights of every layer; the images of the two networks may have different sides.

    Layers are paired by their order, since names that Keras makes up differ from model to model.

    Args:
        source, target: Networks of one architecture.
        origin: Where the weights come from, for the message.

    Raises:
        UserError: A layer's weights have another shape, or one network has more layers; the first such layer is named.
    """
    pairs = _with_weights(source), _with_weights(target)
    for theirs, own in zip(*pairs, strict=False):
        have, want = _shapes(theirs), _shapes(own)
        if have != want:
            raise UserError(f"The weights of {origin} do not fit layer {own.name!r}: they have shape {_shown(have)}, and the "
                            f"layer needs {_shown(want)}. Use the encoder, the label and the number of classes that they were "
                            "trained with.")
    if len(pairs[0]) != len(pairs[1]):
        longer = max(pairs, key=len)
        extra = longer[min(map(len, pairs))].name
        owner = origin if longer is pairs[0] else "the new network"
        raise UserError(f"The weights of {origin} do not fit: only {owner} has the layer {extra!r}. Use the encoder and the "
                        "label that they were trained with.")
    for theirs, own in zip(*pairs, strict=True):
        own.set_weights(theirs.get_weights())


def freeze_backbone(model: keras.Model, frozen: bool) -> None:
    """Stops or lets train everything up to the layer `features`; frozen batch norms use their moving statistics."""
    layers = model.layers
    last = next(index for index, layer in enumerate(layers) if layer.name == "features")
    for index, layer in enumerate(layers):
        layer.trainable = not frozen or index > last


def _with_weights(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights]


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _shown(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))
