"""What a network says: the nearest words, the sound of its answer, and whether that sound is understood (paper A.1).

The paper asked people to listen. Here the recipe listens: a spoken answer is turned into sound, the sound into a log-mel
spectrogram by the front end that made the labels, and the nearest label is the word that was heard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.labels.frontends import square_log_mel
from tfrepr.labels.inverse import TYPICAL_FRAMES, check_is_speech, to_waveform, word_frames
from tfrepr.labels.representation import THRESHOLD, Candidate, LabelRepresentation
from tfrepr.labels.statistics import closest_pair
from tfrepr.labels.waveforms import Waveform
from tfrepr.training.trained import TrainedModel


class Speaker:
    """A run that was trained to speak.

    Args:
        trained: The run.

    Raises:
        UserError: Its label is no speech.
    """

    def __init__(self, trained: TrainedModel) -> None:
        config = trained.run.config()
        check_is_speech(config.label)
        self.trained = trained
        self.representation: LabelRepresentation = trained.representation
        self.options = config.label_options
        self.frames = word_frames(self.representation.class_names, self.options)

    def answers(self, images: np.ndarray) -> np.ndarray:
        """Predicted spectrograms of uint8 images, float32 `(n, side, side)`, decibels."""
        return np.concatenate(list(self.trained.outputs(images)))

    def nearest(self, answer: np.ndarray, count: int) -> list[Candidate]:
        """The `count` nearest classes of one answer, in the order of the decision rule (least squares)."""
        scores = np.asarray(self.representation.scores(answer[None]))[0]
        order = np.argsort(-scores, kind="stable")[:count]
        losses = np.asarray(self.representation.losses(order, np.repeat(answer[None], len(order), axis=0)))
        distances, names = np.sqrt(np.maximum(-scores[order], 0)), self.representation.class_names
        return [Candidate(int(class_id), names[class_id], float(distance), float(loss))
                for class_id, distance, loss in zip(order, distances, losses, strict=True)]

    def sound(self, answer: np.ndarray, source: str) -> Waveform:
        """One answer as sound, as long as the nearest word is spoken (0.58 s where word lengths are not at hand).

        Raises:
            UserError: The answer is silent.
        """
        frames = TYPICAL_FRAMES if self.frames is None else self.frames[self.nearest(answer, 1)[0].class_id]
        return to_waveform(answer, frames, source=source)

    def heard(self, sound: Waveform) -> int:
        """The class whose label is nearest to the spectrogram of a sound.

        Raises:
            UserError: The sound is too short or silent.
        """
        spectrogram = square_log_mel(sound, self.representation.output_shape[0], frontend=self.options.frontend,
                                     resampler=self.options.resampler)
        return int(np.asarray(self.representation.decode(spectrogram[None]))[0])


@dataclass(frozen=True)
class Judgement:
    """How one answer is judged.

    Attributes:
        image: Index in the test set.
        true, nearest: Class ids: the right one and that of the nearest label.
        heard: Class id of the word that the recipe hears; -1 where the sound cannot be analysed.
        loss: Mean smooth L1 to the true label.
        under_threshold: Whether it lies under 3.5.
    """

    image: int
    true: int
    nearest: int
    heard: int
    loss: float
    under_threshold: bool


def judge(speaker: Speaker, images: np.ndarray, class_ids: np.ndarray, indices: Sequence[int]) -> Iterator[Judgement]:
    """Judges answers by all three rules: threshold, nearest label, and being heard as the right word.

    Args:
        speaker: The run.
        images: uint8, `(n, height, width, 3)`.
        class_ids: Their classes, `(n,)`.
        indices: Which images they are, `(n,)`.
    """
    answers = speaker.answers(images)
    losses = np.asarray(speaker.representation.losses(class_ids, answers))
    nearest = np.asarray(speaker.representation.decode(answers))
    for index, true, answer, closest, loss in zip(indices, class_ids, answers, nearest, losses, strict=True):
        yield Judgement(int(index), int(true), int(closest), _heard(speaker, answer), float(loss), bool(loss < THRESHOLD))


def _heard(speaker: Speaker, answer: np.ndarray) -> int:
    try:
        return speaker.heard(speaker.sound(answer, "an answer"))
    except UserError:
        return -1


def summarise(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Rates over judgements, as fractions of the images.

    Returns:
        `images`; `nearest_accuracy`, `threshold_accuracy`, `heard_accuracy`: how often each rule finds the answer right;
        `threshold_agrees_with_nearest` and `threshold_agrees_with_heard`: how often both call the answer right or both wrong
        (the paper: listeners agree with the threshold 99.4% of the time); `heard_as_nearest`: how often the sound is heard as
        the word that the nearest label says; `not_heard`: sounds that could not be analysed.
    """
    true, nearest, heard = (np.array([getattr(one, name) for one in judgements]) for name in ("true", "nearest", "heard"))
    under = np.array([one.under_threshold for one in judgements])
    rates = {"nearest_accuracy": nearest == true, "threshold_accuracy": under, "heard_accuracy": heard == true,
             "threshold_agrees_with_nearest": under == (nearest == true),
             "threshold_agrees_with_heard": under == (heard == true), "heard_as_nearest": heard == nearest,
             "not_heard": heard < 0}
    return {"images": len(judgements), **{name: float(np.mean(values)) for name, values in rates.items()}}


def closest_labels(representation: LabelRepresentation) -> tuple[str, str, float]:
    """The two classes whose labels are nearest to each other, and their mean smooth L1: far above 3.5, or the threshold means
    little."""
    distance, first, second = closest_pair(representation.table)
    return representation.class_names[first], representation.class_names[second], distance
