"""A network and its decision rule as one plain Keras model: from images to a score for each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tfrepr.data.standardisation import checked_statistics, scale_and_shift
from tfrepr.errors import UserError
from tfrepr.labels.representation import CategoryRepresentation, LabelRepresentation
from tfrepr.models.build import single_tensor
from tfrepr.models.layers import BatchNormalization


def class_scores(model: keras.Model, representation: LabelRepresentation, *, mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None) -> keras.Model:
    """The scores of `representation.scores` as a model: the largest decides, for every label.

    It is an uncompiled functional model of Keras's own layers where `model` is one: `save` and `keras.models.load_model` need
    neither this package nor custom objects, and tools that attack or explain classifiers take it as it is. The logits of the
    label `category` stay what they are; other labels get minus the mean squared distance to each row.

    Args:
        model: From images to outputs. Its layers are shared; where it has the batch normalisation of the paper's networks
            (`build_model`), it is copied with Keras's, which does the same outside of training.
        representation: Its label.
        mean, std: Per channel; the new model then takes images in [0, 1] and standardises them. Without them it takes what
            `model` takes.

    Returns:
        From float32 images to float32 `(batch, classes)`.

    Raises:
        UserError: A model without one input and output, outputs of another shape than the label's, or `mean` without `std`.

    Example:
        >>> import keras, tfrepr
        >>> speech = tfrepr.make_representation(["cat", "dog"], "speech")
        >>> model = tfrepr.build_model("mlp1x512", (8, 8, 3), speech)
        >>> scores = tfrepr.class_scores(model, speech, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
        >>> scores.output_shape
        (None, 2)
    """
    inputs, outputs = single_tensor(model, "input"), single_tensor(model, "output")
    if tuple(outputs.shape[1:]) != representation.output_shape:
        raise UserError(f"The label {representation.name!r} has rows of shape {representation.output_shape}. Received a model "
                        f"with outputs of shape {tuple(outputs.shape[1:])}.")
    statistics = checked_statistics(mean, std, inputs.shape[-1])
    plain = _with_keras_layers_alone(keras.Model(inputs, outputs, name=model.name))
    images = keras.Input(inputs.shape[1:], name="image")
    standardised = images if statistics is None else _standardisation(*statistics)(images)
    scores = _readout(plain(standardised), representation)
    return keras.Model(images, scores, name=f"{model.name}_scores")


def _with_keras_layers_alone(model: keras.Model) -> keras.Model:
    """The model itself, or a copy in which Keras's batch normalisation stands for ours."""
    if not any(isinstance(layer, BatchNormalization) for layer in _all_layers(model)):
        return model

    def copied(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = keras.layers.BatchNormalization if isinstance(layer, BatchNormalization) else type(layer)
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=copied, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


def _all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Those of models inside too."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)


def _standardisation(mean: Sequence[float], std: Sequence[float]) -> keras.layers.Layer:
    scale, shift = scale_and_shift(mean, std, white=1)
    return keras.layers.Rescaling(scale.tolist(), (-shift).tolist(), name="standardisation")


def _readout(outputs: Any, representation: LabelRepresentation) -> Any:
    """-(|o|^2 - 2 o.t + |t|^2) / elements of outputs o and rows t, both relative to the mean row, as `scores` has it."""
    if isinstance(representation, CategoryRepresentation):
        return keras.layers.Activation("linear", dtype="float32", name="scores")(outputs)
    centre, rows = representation.centred_rows
    elements = rows.shape[1]
    flat = keras.layers.Flatten(dtype="float32", name="answer")(outputs)
    flat = keras.layers.Rescaling(1.0, (-centre).tolist(), dtype="float32", name="centred_answer")(flat)
    products = keras.layers.Dense(len(rows), dtype="float32", trainable=False, name="rows")
    scores = products(flat)
    products.set_weights([2.0 * rows.T / elements, -(rows.astype(np.float64) ** 2).mean(axis=1).astype(np.float32)])
    norms = keras.layers.Dot(axes=1, dtype="float32", name="answer_norm")([flat, flat])
    norms = keras.layers.Rescaling(1.0 / elements, dtype="float32", name="answer_mean_square")(norms)
    return keras.layers.Subtract(dtype="float32", name="scores")([scores, norms])
