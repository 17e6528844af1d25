"""The speech synthesizers that can say a class name."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tfrepr.labels import espeak, google_speech


class Synthesizer(NamedTuple):
    """One text-to-speech system.

    Attributes:
        synthesize: `(words, *, voice, rate, pitch) -> list of int16 samples`.
        sample_rate: Of these samples, Hz.
        package: The distribution that speaks, for the version in a label's recipe.
    """

    synthesize: Callable[..., list[np.ndarray]]
    sample_rate: int
    package: str


SYNTHESIZERS = {"espeak": Synthesizer(espeak.synthesize, espeak.SAMPLE_RATE, "espeakng-loader"),
                "google": Synthesizer(google_speech.synthesize, google_speech.SAMPLE_RATE, "google-cloud-texttospeech")}
"""By the name that `--tts` takes."""


def check_voice(synthesizer: str, voice: str) -> None:
    """Raises UserError where a voice is known not to exist; Google's voices are known to Google alone."""
    if synthesizer == "espeak":
        espeak.check_voice(voice)


def unsayable(synthesizer: str, words: Sequence[str], voice: str) -> list[str]:
    """The words that a voice is known not to say as words of a language; of Google's voices nothing is known."""
    return espeak.unsayable(words, voice) if synthesizer == "espeak" else []


def say(words: Sequence[str], *, synthesizer: str, voice: str, rate: int, pitch: int) -> tuple[list[np.ndarray], int]:
    """int16 samples of every word, and their rate in Hz."""
    chosen = SYNTHESIZERS[synthesizer]
    return chosen.synthesize(words, voice=voice, rate=rate, pitch=pitch), chosen.sample_rate
