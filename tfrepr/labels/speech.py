"""Spoken labels: the class name is said, and its spectrogram is the label (paper section 4, "Speech Label Generation")."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.labels.cache import cached_table
from tfrepr.labels.espeak import voices_that_say
from tfrepr.labels.frontends import square_log_mel
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.spoken_words import spoken_words
from tfrepr.labels.tts import SYNTHESIZERS, check_voice, say, unsayable
from tfrepr.labels.waveforms import Waveform, find_wavs, from_pcm, read_wav, wav_content
from tfrepr.names import equal_classes
from tfrepr.registry import LABELS
from tfrepr.versions import versions

RECIPE = 2
"""Raised whenever the way from waveform to table changes, so that older cached tables are not used. 2: double precision."""
AUTHORS_SHUFFLE_SEED = 8


@LABELS.register("speech")
def speech(class_names: Sequence[str], side: int, options: LabelOptions) -> np.ndarray:
    """Log-mel spectrogram of the spoken class name.

    Args:
        class_names: One name per class id.
        side: Side of the square spectrogram.
        options: Voice, rate, pitch, spoken, tts, wav_dir, resampler and frontend are read.

    Returns:
        float32 in [-80, 0] dB, `(classes, side, side)`: mel bands (low first) by time.

    Raises:
        UserError: Names that cannot be spoken or sound equal, an unknown voice, WAV files that are missing or unusable.

    Warns:
        UserWarning: Names that the voice spells letter by letter, because they are words of another script.

    Reference:
        Paper section 4, "Speech Label Generation".
    """
    recipe = _recipe(class_names, side, options)
    if options.wav_dir is None:
        _warn_of_unsayable(spoken_words(class_names, options.spoken), options)
    return cached_table(recipe, lambda: make_table(class_names, side, options))


@LABELS.register("shuffle")
def shuffle(class_names: Sequence[str], side: int, options: LabelOptions) -> np.ndarray:
    """Spectrogram of the spoken class name with its time slices in random order.

    Args:
        class_names, side, options: As for `speech`; `label_seed` as well.

    Returns:
        float32 in [-80, 0] dB, `(classes, side, side)`.

    Reference:
        Paper section 4, "Other labels": shuffled-speech.
    """
    return shuffle_columns(speech(class_names, side, options), options.label_seed)


def shuffle_columns(table: np.ndarray, seed: int | None = None) -> np.ndarray:
    """Permutes the columns of every label, each by a permutation of its own that is never the identity.

    Args:
        table: `(classes, rows, columns)`.
        seed: Of the legacy NumPy generator; None is the authors' 8, with which their speech table becomes their shuffle table.
    """
    generator = np.random.RandomState(AUTHORS_SHUFFLE_SEED if seed is None else seed)
    columns = np.arange(table.shape[2])
    shuffled = np.empty_like(table)
    for label, row in zip(shuffled, table, strict=True):
        order = generator.permutation(columns)
        while np.array_equal(order, columns):
            order = generator.permutation(columns)
        label[:] = row[:, order]
    return shuffled


def class_waveforms(class_names: Sequence[str], options: LabelOptions) -> list[Waveform]:
    """What is heard for every class: WAV files where `wav_dir` is given, otherwise synthetic speech.

    Raises:
        UserError: As for `speech`.
    """
    if options.wav_dir is not None:
        waveforms = [read_wav(path) for path in find_wavs(user_path(options.wav_dir), class_names)]
    else:
        words = spoken_words(class_names, options.spoken)
        pcm, sample_rate = say(words, synthesizer=options.tts, voice=options.voice, rate=options.rate, pitch=options.pitch)
        waveforms = [from_pcm(samples, sample_rate, f"{name!r} (as {word!r}, voice {options.voice})")
                     for samples, name, word in zip(pcm, class_names, words, strict=True)]
    _check_distinct(class_names, waveforms)
    return waveforms


def _warn_of_unsayable(words: Sequence[str], options: LabelOptions) -> None:
    found = unsayable(options.tts, words, options.voice)
    if found:
        fitting = voices_that_say(found[0])
        warnings.warn(f"The voice {options.voice} does not say these class names as words: {', '.join(found[:5])}"
                      f"{', ...' if len(found) > 5 else ''}. It spells them or names their script, so that their spectrograms "
                      "say little. "
                      + (f"Voices that say {found[0]}: --voice {', '.join(fitting)}. " if fitting else "")
                      + "Or give other words (--spoken NAME=WORD) or recordings (--wav-dir); --list-voices shows all voices.",
                      stacklevel=1)


def _check_distinct(class_names: Sequence[str], waveforms: Sequence[Waveform]) -> None:
    if alike := equal_classes((waveform.samples.tobytes() for waveform in waveforms), class_names):
        raise UserError(f"These classes sound exactly alike: {alike}. A spoken label cannot tell them apart. Give one of them "
                        "another word (--spoken NAME=WORD) or other speech (--wav-dir), or take a voice of their language "
                        "(--voice, see --list-voices).")


def make_table(class_names: Sequence[str], side: int, options: LabelOptions) -> np.ndarray:
    """Makes the table of `speech`, without the cache."""
    return np.stack([square_log_mel(waveform, side, frontend=options.frontend, resampler=options.resampler)
                     for waveform in class_waveforms(class_names, options)])


def _recipe(class_names: Sequence[str], side: int, options: LabelOptions) -> dict[str, Any]:
    """Everything that the table depends on."""
    recipe = {"recipe": RECIPE, "label": "speech", "side": side, "frontend": options.frontend, "resampler": options.resampler,
              "versions": versions("numpy", "scipy", "librosa", "scikit-image", "soxr",
                                   *(["tensorflow-io"] if options.frontend == "tfio" else []))}
    if options.wav_dir is not None:
        files = find_wavs(user_path(options.wav_dir), class_names)
        return recipe | {"wav": [hashlib.sha256(wav_content(path)).hexdigest() for path in files]}
    check_voice(options.tts, options.voice)
    return recipe | {"words": spoken_words(class_names, options.spoken), "voice": options.voice, "rate": options.rate,
                     "pitch": options.pitch, "voices": versions(SYNTHESIZERS[options.tts].package)}
