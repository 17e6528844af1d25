"""The attacked model: its compiled functions, called in batches of one fixed shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tfrepr.attacks.gradients import compile_forward, compile_gradient
from tfrepr.attacks.losses import LOSSES, margin
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.data.class_ids import checked_ids
from tfrepr.labels.representation import LabelRepresentation


class Decisions(NamedTuple):
    """What a model answers for a set of images.

    Attributes:
        predicted: Class of the nearest row (or largest logit), int `(n,)`.
        correct: Whether the answer is the true class, bool `(n, criteria)`.
        hit: Whether the answer is the target class, bool `(n, criteria)`.
    """

    predicted: np.ndarray
    correct: np.ndarray
    hit: np.ndarray


class Victim:
    """A model under attack.

    Every function is compiled once, at the fixed batch shape; the last batch is padded with copies of its last image.

    Args:
        model: Keras model from normalised images to outputs.
        representation: The model's label representation.
        space: Where perturbations live.
        batch_size: Images in one call of the model.
        jit: XLA compilation on TensorFlow.
    """

    def __init__(self, model: Any, representation: LabelRepresentation, space: ImageSpace, batch_size: int,
                 jit: bool = False) -> None:
        self.representation = representation
        self.space = space
        self.batch_size = batch_size
        self._model = model
        self._gradients: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {}
        self._jit = jit
        self._decide = compile_forward(model, partial(_read_decisions, representation), space.to_network, jit)
        self._margins = compile_forward(model, partial(_read_margins, representation), space.to_network, jit)

    @property
    def criteria(self) -> tuple[str, ...]:
        """Rules by which an answer counts as correct (paper section 4, "Evaluation")."""
        return ("nearest", "threshold") if self.representation.has_threshold else ("nearest",)

    def decide(self, images: np.ndarray, class_ids: np.ndarray, targets: np.ndarray) -> Decisions:
        """Decisions on images of `space`."""
        batches = [self._decide(*batch) for batch in self._padded(images, class_ids, targets)]
        return Decisions(*(np.concatenate(parts)[:len(images)] for parts in zip(*batches, strict=True)))

    def margins(self, images: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        """Best other score minus own score of every image, float32 `(n,)`."""
        return np.concatenate([self._margins(*batch)[0] for batch in self._padded(images, class_ids)])[:len(images)]

    def gradient(self, loss: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """The function `(images, class_ids) -> gradients` of a loss by its name in `LOSSES`."""
        if loss not in self._gradients:
            image_loss = partial(LOSSES[loss], self.representation)
            self._gradients[loss] = compile_gradient(self._model, image_loss, self.space.to_network, self._jit)
        compiled = self._gradients[loss]

        def in_batches(images: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
            return np.concatenate([compiled(*batch) for batch in self._padded(images, class_ids)])[:len(images)]

        return in_batches

    def _padded(self, images: np.ndarray, *ids: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
        """Slices of equal length: a new shape would trace and compile the model again."""
        arrays = [images, *(checked_ids(part, images=len(images), classes=self.representation.classes) for part in ids)]
        for start in range(0, len(images), self.batch_size):
            parts = [array[start:start + self.batch_size] for array in arrays]
            missing = self.batch_size - len(parts[0])
            yield tuple(np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part for part in parts)


def _read_margins(representation: LabelRepresentation, outputs: Any, class_ids: Any) -> tuple[Any]:
    return (margin(representation, class_ids, outputs),)


def _read_decisions(representation: LabelRepresentation, outputs: Any, class_ids: Any, targets: Any) -> tuple[Any, Any, Any]:
    from keras import ops

    predicted = representation.decode(outputs)

    def judge(ids: Any) -> Any:
        verdicts = [ops.equal(ops.cast(predicted, "int32"), ops.cast(ids, "int32"))]
        if representation.has_threshold:
            verdicts.append(representation.within_threshold(ids, outputs))
        return ops.stack(verdicts, axis=-1)

    return predicted, judge(class_ids), judge(targets)
