"""From a spectrogram back to sound: the inverse of the speech recipe, as far as it has one.

The recipe (`tfrepr.labels.frontends`) keeps neither phase, nor loudness, nor length. So the length is given, the peak is set,
and the phase is estimated by Griffin and Lim's iteration.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from tfrepr.errors import UserError
from tfrepr.labels.frontends import (
    DYNAMIC_RANGE,
    FFT_LENGTH,
    HIGHEST_FREQUENCY,
    HOP,
    MEL_BANDS,
    SAMPLE_RATE,
    TRIM_DECIBELS,
)
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.resampling import resample
from tfrepr.labels.waveforms import Waveform

TYPICAL_FRAMES = 50
"""Mel frames of a word where its length is not known: 0.58 s, the mean over CIFAR-10's class names."""
ITERATIONS = 32
"""Of Griffin and Lim's algorithm."""
UPDATES = 30
PEAK = 0.7
"""Largest sample of the sound, of 1."""
SPEECH_LABELS = ("speech", "speech-augmented")
"""Labels whose rows are spectrograms with their columns in order of time."""


def check_is_speech(label: str) -> None:
    """Refuses labels that cannot be listened to.

    Raises:
        UserError: Not a label of `SPEECH_LABELS`.
    """
    if label not in SPEECH_LABELS:
        raise UserError(f"The run was trained on the label {label!r}, which is no sound. Choose a run trained with "
                        f"--label {' or --label '.join(SPEECH_LABELS)}.")


def to_mel(label: np.ndarray, frames: int) -> np.ndarray:
    """Inverse of `frontends.to_square`, up to its smoothing: a square label as a log-mel spectrogram.

    Args:
        label: `(side, side)`, decibels below the peak; values outside [-80, 0], which a network may answer, are cut off.
        frames: Length of the spectrogram.

    Returns:
        float32 in [-80, 0] dB, `(64, frames)`.
    """
    from skimage.transform import resize

    decibels = np.clip(np.asarray(label, np.float32), -DYNAMIC_RANGE, 0.0)
    return resize(decibels, (MEL_BANDS, frames), order=1, mode="edge", anti_aliasing=False).astype(np.float32)


def to_waveform(label: np.ndarray, frames: int = TYPICAL_FRAMES, *, source: str = "a spectrogram") -> Waveform:
    """A square label as sound: decibels to power, mel bands to frequencies, phase by Griffin and Lim.

    Args:
        label: `(side, side)`, decibels below the peak.
        frames: Length of the sound in hops of 256 samples.
        source: What to call the sound in messages.

    Returns:
        `frames - 1` hops at 22,050 Hz with a peak of 0.7. Phases start from a fixed seed: equal labels give equal sounds.

    Raises:
        UserError: The spectrogram is silent (all at the floor of -80 dB).

    Reference:
        Griffin and Lim 1984, https://doi.org/10.1109/TASSP.1984.1164317; `librosa.griffinlim`.
    """
    import librosa

    power = librosa.db_to_power(to_mel(label, frames))
    floor = 10 ** (-DYNAMIC_RANGE / 10)
    if power.max() <= 1.01 * floor:
        raise UserError(f"The spectrogram of {source} is silent: all of it lies at -{DYNAMIC_RANGE:g} dB.")
    # The floor stands for "80 dB below the peak or less"; taken at its word it would be audible noise.
    magnitude = np.sqrt(mel_to_power(np.maximum(power - floor, 0.0)))
    samples = librosa.griffinlim(magnitude, n_iter=ITERATIONS, hop_length=HOP, n_fft=FFT_LENGTH, pad_mode="reflect",
                                 random_state=0)
    return Waveform((samples * (PEAK / np.abs(samples).max())).astype(np.float32), SAMPLE_RATE, source)


@functools.cache
def mel_filters() -> np.ndarray:
    """The recipe's mel filters, float64, `(64, 1025)`: mel power is filters @ power."""
    import librosa

    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT_LENGTH, n_mels=MEL_BANDS, fmax=HIGHEST_FREQUENCY).astype(np.float64)


def mel_to_power(mel: np.ndarray) -> np.ndarray:
    """A power spectrogram without negative values whose mel bands are `mel`, float64 `(1025, frames)`.

    Of the many that fit, the one to which multiplicative updates (Lee and Seung 2001, least squares) lead from the transposed
    filters. Compared with `librosa.feature.inverse.mel_to_stft`, which cuts off the negative values of the least squares
    solution, it halves what the way to sound and back changes in a label (mean smooth L1 of the ten CIFAR-10 words: 0.85, not
    1.85).

    Args:
        mel: Not negative, `(64, frames)`.
    """
    filters = mel_filters()
    target = filters.T @ mel
    power = target + np.finfo(np.float64).tiny
    for _ in range(UPDATES):
        power *= target / np.maximum(filters.T @ (filters @ power), np.finfo(np.float64).tiny)
    return power


def word_frames(class_names: Sequence[str], options: LabelOptions) -> tuple[int, ...] | None:
    """Length of every spoken class name in hops, or None where the words cannot be had (a table from a file, no voice)."""
    import librosa

    from tfrepr.labels.speech import class_waveforms

    if options.label_file is not None:
        return None
    try:
        waveforms = class_waveforms(class_names, options)
    except UserError:
        return None
    trimmed = [librosa.effects.trim(resample(waveform.samples, waveform.rate, SAMPLE_RATE, options.resampler),
                                    top_db=TRIM_DECIBELS)[0] for waveform in waveforms]
    return tuple(1 + len(samples) // HOP for samples in trimmed)
