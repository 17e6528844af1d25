"""Spoken labels that vary from image to image: small shifts in time, and masked times and frequencies.

The paper has one spectrogram for each class, so that its robustness cannot come from augmented labels (section 4). This
representation asks the other question: do many pronunciations help? Only training sees the variations; validation, test and
attacks hold the outputs against the plain table.

An image's variation is five small numbers beside its class id, drawn from (seed, epoch, image) in the input pipeline as crop
offsets are, so that a resumed run sees what an uninterrupted one sees. The masks are those of `tfio.audio.time_mask` and
`freq_mask` (SpecAugment, https://arxiv.org/abs/1904.08779); these draw from TensorFlow's global generator, which no resumed
run can rewind, and put 0 where our decibels want silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfrepr.errors import UserError
from tfrepr.labels.frontends import DYNAMIC_RANGE
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.representation import RegressionRepresentation
from tfrepr.labels.speech import speech
from tfrepr.registry import LABELS
from tfrepr.seeds import generator


@LABELS.register("speech-augmented")
def speech_augmented(class_names: Sequence[str], side: int, options: LabelOptions) -> np.ndarray:
    """Speech whose label varies from image to image in training: shifted, with masked times and frequencies.

    Args:
        class_names, side, options: As for `speech`.

    Returns:
        The table of `speech`; `AugmentedRepresentation` varies it.
    """
    return speech(class_names, side, options)


class LabelChanges(NamedTuple):
    """How the labels of a batch vary; every entry is integers, `(batch,)`.

    Attributes:
        shift: Columns that the label moves to the right; silence follows from the other side.
        time_start, time_width: First masked column and how many are masked.
        frequency_start, frequency_width: The same for rows.
    """

    shift: Any
    time_start: Any
    time_width: Any
    frequency_start: Any
    frequency_width: Any


class AugmentedRepresentation(RegressionRepresentation):
    """Smooth L1 to a varied copy of the true row where targets carry `LabelChanges`, to the row itself elsewhere.

    Targets of the loss are class ids `(batch,)`, or `(batch, 6)` with the class id first and the five numbers of
    `LabelChanges` after it.

    Args:
        name, class_names, table: As for every representation; rows are spectrograms in decibels, frequencies by times.
        options: `time_shift`, `time_mask` and `frequency_mask` are read.

    Raises:
        UserError: The table holds vectors, or a shift or mask is as wide as the label.
    """

    def __init__(self, name: str, class_names: tuple[str, ...], table: np.ndarray, options: LabelOptions) -> None:
        super().__init__(name, class_names, table)
        self.options = options
        if len(self.output_shape) != 2:
            raise UserError(f"The label {name!r} masks times and frequencies, so its rows must be matrices. Received rows of "
                            f"shape {self.output_shape}. Use --label speech with this --label-file.")
        rows, columns = self.output_shape
        for option, limit in (("time_shift", columns), ("time_mask", columns), ("frequency_mask", rows)):
            if getattr(options, option) >= limit:
                raise UserError(f"--{option.replace('_', '-')} must be less than the label's {limit} columns or rows. "
                                f"Received: {getattr(options, option)}.")

    def label_changes(self, count: int, seed: int) -> Callable[[int], np.ndarray]:
        """A function of the epoch that draws int32 `(count, 5)`, one row of `LabelChanges` an image."""
        rows, columns = self.output_shape

        def draw(epoch: int) -> np.ndarray:
            rng = generator(seed, "augmentation", "label", epoch)
            limit = self.options.time_shift
            shift = rng.integers(-limit, limit, endpoint=True, size=count)
            drawn = (shift, *_mask(rng, count, self.options.time_mask, columns),
                     *_mask(rng, count, self.options.frequency_mask, rows))
            return np.stack(drawn, axis=1).astype(np.int32)

        return draw

    def rows(self, targets: Any) -> Any:
        """The rows that the outputs are held against, varied where the targets say how."""
        if tuple(targets.shape[1:]) != (1 + len(LabelChanges._fields),):
            return super().rows(targets)
        from keras import ops

        targets = ops.cast(targets, "int32")
        return varied(super().rows(targets[:, 0]), LabelChanges(*(targets[:, index] for index in range(1, 6))))


def _mask(rng: np.random.Generator, count: int, limit: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Start and width of one mask an image: width below `limit`, then any place where it fits, as TensorFlow I/O draws them."""
    width = rng.integers(0, max(limit, 1), size=count)
    return rng.integers(0, length - width), width


def varied(labels: Any, changes: LabelChanges) -> Any:
    """Shifts and masks spectrograms; what moves in and what is masked is silence, -80 dB.

    Args:
        labels: float32, `(batch, rows, columns)`, decibels.
        changes: int32, each `(batch,)`.

    Returns:
        float32, the shape of `labels`.
    """
    from keras import ops

    rows, columns = labels.shape[1:]
    time, frequency = ops.arange(columns)[None, :], ops.arange(rows)[None, :]
    source = time - changes.shift[:, None]
    index = ops.broadcast_to(ops.clip(source, 0, columns - 1)[:, None, :], ops.shape(labels))
    shifted = ops.take_along_axis(labels, index, axis=2)
    no_time = (source < 0) | (source >= columns) | _within(time, changes.time_start, changes.time_width)
    no_frequency = _within(frequency, changes.frequency_start, changes.frequency_width)
    return ops.where(no_time[:, None, :] | no_frequency[:, :, None], -DYNAMIC_RANGE, shifted)


def _within(positions: Any, start: Any, width: Any) -> Any:
    return (positions >= start[:, None]) & (positions < (start + width)[:, None])
