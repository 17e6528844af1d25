"""The attacked model: its compiled functions, called in batches of few fixed shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tfrepr.attacks.gradients import compile_forward, compile_gradient
from tfrepr.attacks.losses import HEIGHTS, image_loss, margin
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.data.class_ids import checked_ids
from tfrepr.labels.representation import LabelRepresentation

ALL_CRITERIA = ("nearest", "threshold")
"""Rules by which an answer counts as correct (paper section 4, "Evaluation")."""


SHAPES = (1, 4, 16)
"""Parts of the batch size that a batch may have."""


def batch_shape(images: int, batch_size: int) -> int:
    """The next batch's shape where so many images are left: as large as can be, but at least half full."""
    sizes = sorted({max(1, batch_size // part) for part in SHAPES}, reverse=True)
    return next((size for size in sizes if images > size // 2), sizes[-1])


def criteria_of(representation: LabelRepresentation) -> tuple[str, ...]:
    """The rules that a label has."""
    return ALL_CRITERIA if representation.has_threshold else ALL_CRITERIA[:1]


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


class Look(NamedTuple):
    """What one gradient step sees of its images.

    Attributes:
        gradient: Of each image's loss, float32 of the images' shape.
        height: The loss, or what stands for it where points are compared (`losses.HEIGHTS`), float32 `(n,)`.
        correct, hit: As in `Decisions`.
    """

    gradient: np.ndarray
    height: np.ndarray
    correct: np.ndarray
    hit: np.ndarray


class Victim:
    """A model under attack.

    Every function is compiled for batches of `batch_size` images, and for a quarter and a sixteenth of them when so few are
    left, which happens where images leave an attack one after the other. Batches are filled up with copies of their last image.

    Args:
        model: Keras model from normalised images to outputs.
        representation: The model's label representation.
        space: Where perturbations live.
        batch_size: Images in one call of the model.
        jit: XLA compilation on TensorFlow.
        criteria: Rules by which answers are judged; those that the label lacks are left out.
    """

    def __init__(self, model: Any, representation: LabelRepresentation, space: ImageSpace, batch_size: int,
                 jit: bool = False, criteria: tuple[str, ...] = ALL_CRITERIA) -> None:
        self.representation = representation
        self.criteria = tuple(name for name in criteria if name in criteria_of(representation))
        self.space = space
        self.batch_size = batch_size
        self.model = model
        self._looks: dict[str, Callable[..., tuple[np.ndarray, ...]]] = {}
        self._jit = jit
        self._read_decisions = partial(_read_decisions, representation, self.criteria)
        self._decide = compile_forward(model, self._read_decisions, space.to_network, jit)
        self._margins = compile_forward(model, partial(_read_margins, representation), space.to_network, jit)
        self._rivals = compile_forward(model, partial(_read_rivals, representation), space.to_network, jit)

    def decide(self, images: np.ndarray, class_ids: np.ndarray, targets: np.ndarray) -> Decisions:
        """Decisions on images of `space`."""
        batches = [self._decide(*batch) for batch in self._padded(images, class_ids, targets)]
        return Decisions(*(np.concatenate(parts)[:len(images)] for parts in zip(*batches, strict=True)))

    def margins(self, images: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        """Best other score minus own score of every image, float32 `(n,)`."""
        return np.concatenate([self._margins(*batch)[0] for batch in self._padded(images, class_ids)])[:len(images)]

    def rivals(self, images: np.ndarray, class_ids: np.ndarray) -> np.ndarray:
        """The wrong classes of every image, the best score first, int32 `(n, classes - 1)`."""
        return np.concatenate([self._rivals(*batch)[0] for batch in self._padded(images, class_ids)])[:len(images)]

    def look(self, loss: str, images: np.ndarray, aim: np.ndarray, class_ids: np.ndarray, targets: np.ndarray) -> Look:
        """Gradients of a loss, and what the model answers, in one pass.

        Args:
            loss: Name in `losses.LOSSES` or `losses.RIVAL_LOSSES`.
            images: Images of `space`.
            aim: Classes whose loss it is, `(n,)`.
            class_ids: True classes.
            targets: Target classes; the rivals of a loss that has some.
        """
        if loss not in self._looks:
            height = image_loss(HEIGHTS[loss], self.representation) if loss in HEIGHTS else None
            read_out = partial(_read_look, image_loss(loss, self.representation), height, self._read_decisions)
            self._looks[loss] = compile_gradient(self.model, read_out, self.space.to_network, self._jit)
        batches = [self._looks[loss](*batch) for batch in self._padded(images, aim, class_ids, targets)]
        gradient, _, *seen = (np.concatenate(parts)[:len(images)] for parts in zip(*batches, strict=True))
        return Look(gradient, *seen)

    def gradient(self, loss: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """The function `(images, class_ids) -> gradients` of a loss by its name in `losses.LOSSES`."""
        return lambda images, class_ids: self.look(loss, images, class_ids, class_ids, class_ids).gradient

    def _padded(self, images: np.ndarray, *ids: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
        checked = (checked_ids(part, images=len(images), classes=self.representation.classes) for part in ids)
        return filled_batches(self.batch_size, images, *checked)


def filled_batches(batch_size: int, *arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Slices of few lengths of arrays of one length: every new shape traces and compiles a model again."""
    start, length = 0, len(arrays[0])
    while start < length:
        size = batch_shape(length - start, batch_size)
        parts = [array[start:start + size] for array in arrays]
        start, missing = start + size, size - len(parts[0])
        yield tuple(np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part for part in parts)


def _read_margins(representation: LabelRepresentation, outputs: Any, class_ids: Any) -> tuple[Any]:
    return (margin(representation, class_ids, outputs),)


def _read_rivals(representation: LabelRepresentation, outputs: Any, class_ids: Any) -> tuple[Any]:
    from keras import ops

    scores = representation.scores(outputs)
    own = ops.cast(ops.one_hot(class_ids, representation.classes), "bool")
    ranked = ops.argsort(ops.where(own, float("inf"), -scores), axis=-1)
    return (ops.cast(ranked[:, :-1], "int32"),)


def _read_look(loss: Callable, height: Callable | None, decisions: Callable, outputs: Any, aim: Any, class_ids: Any,
               targets: Any) -> tuple[Any, ...]:
    losses, (_, correct, hit) = loss(aim, targets, outputs), decisions(outputs, class_ids, targets)
    return losses, losses if height is None else height(aim, targets, outputs), correct, hit


def _read_decisions(representation: LabelRepresentation, criteria: tuple[str, ...], outputs: Any, class_ids: Any,
                    targets: Any) -> tuple[Any, Any, Any]:
    from keras import ops

    predicted = representation.decode(outputs)

    def judge(ids: Any) -> Any:
        verdicts = {"nearest": lambda: ops.equal(ops.cast(predicted, "int32"), ops.cast(ids, "int32")),
                    "threshold": lambda: representation.within_threshold(ids, outputs)}
        return ops.stack([verdicts[name]() for name in criteria], axis=-1)

    return predicted, judge(class_ids), judge(targets)
