"""A label representation: a table with one row a class, a loss against it and a rule that turns outputs into classes.

The rest of the program handles class ids only. Tables are gathered here and nowhere else, and validation, test and attacks
all decide by `LabelRepresentation.decode`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfrepr.data.class_ids import one_per_image
from tfrepr.errors import UserError

THRESHOLD = 3.5
"""A spoken answer counts as understood below this mean smooth L1 (paper section 4 "Evaluation" and A.1)."""


class LabelRepresentation:
    """What a network is asked to answer for each class.

    Tensors are those of the Keras backend in use (or NumPy arrays); `outputs` has shape `(batch, *output_shape)`, and class
    ids are `(batch,)` or `(batch, 1)`. Other shapes are refused with a `UserError`: they would broadcast to wrong numbers.

    Args:
        name: Registered name, for example `"speech"`.
        class_names: One name per class id.
        table: float32, `(classes, *output_shape)`.
    """

    def __init__(self, name: str, class_names: tuple[str, ...], table: np.ndarray) -> None:
        self.name = name
        self.class_names = tuple(class_names)
        self.table = np.ascontiguousarray(table, dtype=np.float32)
        self.table.flags.writeable = False

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one row, and of one network output."""
        return self.table.shape[1:]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.table)

    @property
    def has_threshold(self) -> bool:
        """Whether the threshold criterion of paper section 4 is defined for this label."""
        return False

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of names and table."""
        digest = hashlib.sha256("\0".join((self.name, *self.class_names)).encode())
        digest.update(self.table.tobytes())
        return digest.hexdigest()[:16]

    @property
    def targets(self) -> np.ndarray:
        """The rows that the loss holds outputs against, float32, `(classes, *output_shape)`."""
        return self.table

    def rows(self, class_ids: Any) -> Any:
        """The target rows of these classes, float32, `(batch, *output_shape)`."""
        from keras import ops

        return ops.take(self.targets, ops.cast(one_per_image(class_ids), "int32"), axis=0)

    def _checked(self, outputs: Any, batch: int | None = None) -> Any:
        """The outputs as float32.

        Raises:
            UserError: Their shape is not `(batch, *output_shape)`.
        """
        from keras import ops

        shape = tuple(outputs.shape)
        if shape[1:] != self.output_shape or (None not in (batch, shape[0]) and batch != shape[0]):
            wanted = ("batch" if batch is None else batch, *self.output_shape)
            raise UserError(f"Outputs for the label {self.name!r} must have the shape ({', '.join(map(str, wanted))}). "
                            f"Received: {shape}.")
        return ops.cast(outputs, "float32")

    def losses_to(self, rows: Any, outputs: Any) -> Any:
        """Loss of every output against a row of its own, float32, `(batch,)`; both arguments are `(batch, *output_shape)`."""
        raise NotImplementedError

    def losses(self, class_ids: Any, outputs: Any) -> Any:
        """Loss of every image, float32, `(batch,)`; training minimises the mean. A class id that does not exist gives NaN."""
        from keras import ops

        losses, ids = self.losses_to(self.rows(class_ids), outputs), ops.cast(class_ids, "int32")
        if len(ids.shape) > 1:
            ids = ids[:, 0]
        return ops.where((ids >= 0) & (ids < self.classes), losses, float("nan"))

    def mixed_losses(self, pairs: Any, outputs: Any) -> Any:
        """Loss of images that MixUp blended: the target is the same blend of the two rows.

        Args:
            pairs: float32, `(batch, 3)`: class id, the other image's class id, weight of the first in [0, 1].
            outputs: `(batch, *output_shape)`.

        Returns:
            float32, `(batch,)`.

        Reference: Zhang et al. 2018, https://arxiv.org/abs/1710.09412. On one-hot rows: their blend of two cross-entropies.
        """
        from keras import ops

        if tuple(pairs.shape[1:]) != (3,):
            raise UserError("Targets of mixed images must have the shape (batch, 3): class id, other class id and weight. "
                            f"Received: {tuple(pairs.shape)}.")
        weight = ops.reshape(pairs[:, 2], (-1, *(1 for _ in self.output_shape)))
        return self.losses_to(weight * self.rows(pairs[:, 0]) + (1.0 - weight) * self.rows(pairs[:, 1]), outputs)

    def scores(self, outputs: Any) -> Any:
        """How well the output fits every class, float32, `(batch, classes)`; the largest wins."""
        raise NotImplementedError

    def probabilities(self, outputs: Any, temperature: float = 1.0) -> Any:
        """Class probabilities, float32, `(batch, classes)`: softmax(scores / temperature).

        For a regressed label that is a softmax over minus the squared distance to each row: the posterior of equally likely
        classes whose answers scatter around their row as an isotropic Gaussian. The temperature stands for its variance, and
        is to be fitted on validation images (`tfrepr.analysis.temperature`).
        """
        from keras import ops

        return ops.softmax(self.scores(outputs) / temperature, axis=-1)

    def label_changes(self, count: int, seed: int) -> Callable[[int], np.ndarray] | None:
        """How training varies the labels of `count` images, if it does.

        Returns:
            None, or a function of the epoch that draws int32 `(count, k)`. The input pipeline then hands `losses` targets of
            shape `(batch, 1 + k)`: the class id and what was drawn for the image.
        """
        return None

    def decode(self, outputs: Any) -> Any:
        """The predicted class ids, int32, `(batch,)`; the lowest id wins a tie."""
        from keras import ops

        return ops.argmax(self.scores(outputs), axis=-1)

    def accuracy(self, class_ids: Any, outputs: Any) -> Any:
        """One where the answer is the true class, else zero, float32, `(batch,)`: a metric for Keras's `compile`."""
        from keras import ops

        return ops.cast(ops.equal(self.decode(outputs), ops.cast(one_per_image(class_ids), "int32")), "float32")

    def within_threshold(self, class_ids: Any, outputs: Any) -> Any:
        """Whether each image's loss lies under the threshold, bool, `(batch,)` (paper section 4, "Evaluation")."""
        return self.losses(class_ids, outputs) < THRESHOLD


class CategoryRepresentation(LabelRepresentation):
    """One-hot labels: cross-entropy on logits, arg max (paper section 4, "Models").

    Args:
        name, class_names: As for every representation.
        smoothing: Label smoothing s in the authors' form, 1 - s on the true class and s / (classes - 1) on each other one.
            (Keras's own `label_smoothing` spreads s / classes over all classes, the true one included.)
    """

    def __init__(self, name: str, class_names: tuple[str, ...], smoothing: float = 0.0) -> None:
        super().__init__(name, class_names, np.eye(len(class_names), dtype=np.float32))
        self.smoothing = smoothing

    @cached_property
    def targets(self) -> np.ndarray:
        """Target distribution of every class, float32, `(classes, classes)`."""
        others = self.smoothing / (self.classes - 1)
        return (self.table * (1.0 - self.smoothing - others) + others).astype(np.float32)

    def losses_to(self, rows: Any, outputs: Any) -> Any:
        """Cross-entropy of the softmax of `outputs` against a distribution such as the (smoothed) one-hot row."""
        from keras import ops

        outputs = self._checked(outputs, rows.shape[0])
        log_probabilities = outputs - ops.logsumexp(outputs, axis=-1, keepdims=True)
        return -ops.sum(rows * log_probabilities, axis=-1)

    def scores(self, outputs: Any) -> Any:
        """The logits themselves."""
        return self._checked(outputs)


class RegressionRepresentation(LabelRepresentation):
    """Any table of vectors or matrices: mean smooth L1 to the true row, nearest row (paper equations 6 and 7).

    The loss of an image is the mean over its label's elements, as in the authors' `SmoothL1Loss`. Equation 6 sums over images
    (y_i is the label matrix of image i); how its elements are reduced the paper does not say, and a sum over them would
    multiply the effective learning rate by their number. For |y - s| > 1 the paper prints |y - s|; the authors' code, Keras's
    Huber loss with delta 1 and this class use |y - s| - 1/2, which is continuous at 1 and has the same gradient. The threshold
    3.5 belongs to that form.
    """

    @property
    def has_threshold(self) -> bool:
        """True: the threshold of paper section 4 applies to every regressed label."""
        return True

    def losses_to(self, rows: Any, outputs: Any) -> Any:
        """Mean smooth L1 between each output and its row."""
        from keras import ops

        error = ops.abs(self._checked(outputs, rows.shape[0]) - rows)
        smooth = ops.where(error < 1.0, 0.5 * error * error, error - 0.5)
        return ops.mean(ops.reshape(smooth, (-1, int(np.prod(self.output_shape)))), axis=-1)

    @cached_property
    def centred_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean row, float32 `(elements,)`, and all rows relative to it, float32 `(classes, elements)`."""
        flat = self.table.reshape(self.classes, -1)
        centre = flat.mean(axis=0, dtype=np.float64).astype(np.float32)
        return centre, flat - centre

    def scores(self, outputs: Any) -> Any:
        """Minus the mean squared distance to every row.

        Computed as -(|o|^2 - 2 o.t + |t|^2) / elements, one matrix product instead of a tensor of shape
        `(batch, classes, *output_shape)`; output o and rows t are taken relative to the mean row, which leaves distances
        unchanged and keeps the float32 rounding error small.
        """
        from keras import ops

        centre, rows = self.centred_rows
        elements = rows.shape[1]
        outputs = ops.reshape(self._checked(outputs), (-1, elements)) - centre
        output_norms = ops.sum(outputs * outputs, axis=-1, keepdims=True)
        row_norms = (rows.astype(np.float64) ** 2).sum(axis=-1).astype(np.float32)
        return -(output_norms - 2.0 * ops.matmul(outputs, rows.T) + row_norms) / elements


@dataclass(frozen=True)
class Candidate:
    """One class and how far the answer is from it.

    Attributes:
        class_id, name: The class.
        distance: Root of the mean squared distance to its row, dB: what the decision rule compares.
        loss: Mean smooth L1 to its row, dB: what the threshold is about.
    """

    class_id: int
    name: str
    distance: float
    loss: float

    @property
    def verdict(self) -> str:
        """`"loss 1.73, under 3.5: understood"`, or that it is not."""
        under = self.loss < THRESHOLD
        return f"loss {self.loss:.2f}, {f'under {THRESHOLD}: understood' if under else f'not under {THRESHOLD}'}"
