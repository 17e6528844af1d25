"""Accuracy and loss of a model on a sequence of batches; the one place where predictions are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np

from tfrepr.data.class_ids import one_per_image
from tfrepr.labels.representation import LabelRepresentation


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model does on a set of images.

    Attributes:
        images: Number of images.
        loss: Mean loss.
        accuracy: Fraction whose nearest label (or largest logit) is the true one.
        threshold_accuracy: Fraction with a loss under the threshold of paper section 4; None for the category label.
        top5_accuracy: Fraction whose true label is among the five nearest (or five largest logits); None for five classes or
            fewer.
        right: By criterion, which images are right, bool, `(images,)`: `"nearest"`, and `"threshold"` where it is defined.
    """

    images: int
    loss: float
    accuracy: float
    threshold_accuracy: float | None
    top5_accuracy: float | None
    right: Mapping[str, np.ndarray]

    def figures(self, prefix: str) -> dict[str, float | None]:
        """All numbers by name, each name behind the prefix, as `test_accuracy`."""
        return {f"{prefix}_{entry.name}": getattr(self, entry.name) for entry in fields(self) if entry.name != "right"}


def forward_function(model: keras.Model, jit: bool = False) -> Callable[[Any], Any]:
    """The model in inference mode, compiled for the backend in use.

    Args:
        model: Any Keras model. Weights assigned later are seen.
        jit: XLA compilation on TensorFlow (slower on a CPU); JAX always compiles.

    Returns:
        A function from images `(batch, height, width, channels)` to outputs.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec(model.inputs[0].shape, tf.float32)]  # any batch size: one trace serves the short last batch
        return tf.function(lambda images: model(images, training=False), input_signature=signature, autograph=False,
                           jit_compile=jit)
    if backend == "jax":
        import jax

        stateless = jax.jit(lambda trainable, other, images: model.stateless_call(trainable, other, images, training=False)[0])
        return lambda images: stateless([v.value for v in model.trainable_variables],
                                        [v.value for v in model.non_trainable_variables], np.asarray(images))
    return lambda images: model(images, training=False)


def evaluate(forward: Callable[[Any], Any], representation: LabelRepresentation,
             batches: Iterable[tuple[Any, Any]]) -> Evaluation:
    """Counts correct answers.

    Args:
        forward: From images to outputs, see `forward_function`.
        representation: Loss and decision rule.
        batches: Pairs of images and class ids.

    Returns:
        Means over all images, accumulated in double precision.
    """
    loss, among_five = 0.0, 0
    right: dict[str, list[np.ndarray]] = {"nearest": []}
    if representation.has_threshold:
        right["threshold"] = []
    for batch, class_ids in batches:
        outputs, class_ids = forward(batch), one_per_image(np.asarray(class_ids))
        losses = keras.ops.convert_to_numpy(representation.losses(class_ids, outputs))
        loss += float(losses.sum(dtype=np.float64))
        among_five += int(np.sum(keras.ops.convert_to_numpy(in_top(5, representation, class_ids, outputs))))
        right["nearest"].append(keras.ops.convert_to_numpy(representation.decode(outputs)) == class_ids)
        if "threshold" in right:
            right["threshold"].append(keras.ops.convert_to_numpy(representation.within_threshold(class_ids, outputs)))
    answers = {criterion: np.concatenate(parts) for criterion, parts in right.items()}
    images = len(answers["nearest"])
    shares = {criterion: int(answer.sum()) / images for criterion, answer in answers.items()}
    return Evaluation(images=images, loss=loss / images, accuracy=shares["nearest"],
                      threshold_accuracy=shares.get("threshold"),
                      top5_accuracy=among_five / images if representation.classes > 5 else None, right=answers)


def in_top(count: int, representation: LabelRepresentation, class_ids: Any, outputs: Any) -> Any:
    """Whether fewer than `count` classes fit the output better than the true one, bool, `(batch,)`; ties count as right."""
    scores, class_ids = representation.scores(outputs), keras.ops.cast(one_per_image(class_ids), "int32")
    own = keras.ops.take_along_axis(scores, class_ids[:, None], axis=-1)
    return keras.ops.sum(keras.ops.cast(keras.ops.logical_not(own >= scores), "int32"), axis=-1) < count
