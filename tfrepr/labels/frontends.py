"""Front ends: from a waveform to the square log-mel spectrogram of the paper (section 4, "Speech Label Generation").

The paper gives rate, mel bands, hop and the decibel range. Trimming, FFT length, highest frequency and the way to a square
are those that reproduce the tables published by the authors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfrepr.errors import UserError
from tfrepr.labels.resampling import RESAMPLERS, resample
from tfrepr.labels.tfio_frontend import decibels_of, sound_of
from tfrepr.labels.waveforms import Waveform

SAMPLE_RATE = 22_050
MEL_BANDS = 64
HOP = 256
FFT_LENGTH = 2048
HIGHEST_FREQUENCY = 8000
TRIM_DECIBELS = 60
DYNAMIC_RANGE = 80.0


def librosa_log_mel(waveform: Waveform, resampler: str) -> np.ndarray:
    """Log-mel spectrogram by librosa: resample, trim, mel power, decibels below the peak.

    Args:
        waveform: The spoken word.
        resampler: One of `resampling.RESAMPLERS`.

    Returns:
        float64 in [-80, 0] dB, `(64, frames)`, low frequencies first.

    Raises:
        UserError: Less than one FFT window of sound is left after trimming.
    """
    import librosa

    # In double precision to the end: how a matrix product rounds depends on the processor, and in single precision a tenth
    # of the labels' elements shows it (by up to 1.7e-5 dB). Here processors differ by 3e-14 dB, which the one cast to float32
    # in `to_square` takes away.
    samples = resample(waveform.samples, waveform.rate, SAMPLE_RATE, resampler).astype(np.float64)
    samples, _ = librosa.effects.trim(samples, top_db=TRIM_DECIBELS)
    check_length(len(samples), waveform)
    # The authors' librosa reflected the signal at its ends. Since 0.10 the default is zeros, which moves values by up to
    # 5.4 dB.
    power = librosa.feature.melspectrogram(y=samples, sr=SAMPLE_RATE, n_fft=FFT_LENGTH, hop_length=HOP, n_mels=MEL_BANDS,
                                           fmax=HIGHEST_FREQUENCY, pad_mode="reflect")
    return librosa.power_to_db(power, ref=np.max, top_db=DYNAMIC_RANGE)


def tfio_log_mel(waveform: Waveform, resampler: str) -> np.ndarray:
    """The same inside TensorFlow, by TensorFlow I/O; mel bands after HTK, see `tfrepr.labels.tfio_frontend`.

    Args:
        waveform: The spoken word.
        resampler: Must be the default; TensorFlow I/O brings its own.

    Returns:
        float32 in [-80, 0] dB, `(64, frames)`, low frequencies first.

    Raises:
        UserError: TensorFlow I/O cannot be used here, another resampler was asked for, or too little sound is left.
    """
    if resampler != RESAMPLERS[0]:
        raise UserError(f"--frontend tfio resamples by itself, so --resampler {resampler} cannot be used with it. Drop one of "
                        "the two options.")
    sound = sound_of(waveform, SAMPLE_RATE, TRIM_DECIBELS)
    check_length(len(sound), waveform)
    return decibels_of(sound, rate=SAMPLE_RATE, bands=MEL_BANDS, hop=HOP, fft_length=FFT_LENGTH,
                       highest_frequency=HIGHEST_FREQUENCY, dynamic_range=DYNAMIC_RANGE)


def check_length(samples: int, waveform: Waveform) -> None:
    """Raises UserError where trimming leaves less than one FFT window."""
    if samples < FFT_LENGTH:
        raise UserError(f"The speech of {waveform.source} holds {samples / SAMPLE_RATE:.3f} s of sound between its silences; "
                        f"at least {FFT_LENGTH / SAMPLE_RATE:.3f} s are needed. Give other speech (--wav-dir) or another word "
                        "(--spoken).")


def to_square(log_mel: np.ndarray, side: int) -> np.ndarray:
    """Resizes a spectrogram to `(side, side)`, float32: linear interpolation, smoothed first where it shrinks.

    Reference: paper section 4, "the spectrograms are shaped into a N x N matrix".
    """
    from skimage.transform import resize

    return resize(log_mel, (side, side)).astype(np.float32)


FRONTENDS: dict[str, Callable[[Waveform, str], np.ndarray]] = {"librosa": librosa_log_mel, "tfio": tfio_log_mel}


def square_log_mel(waveform: Waveform, side: int, *, frontend: str = "librosa", resampler: str = RESAMPLERS[0]) -> np.ndarray:
    """The label of one spoken word, whatever its loudness and length.

    Args:
        waveform: The spoken word.
        side: Side of the label.
        frontend: A name of `FRONTENDS`.
        resampler: One of `RESAMPLERS`.

    Returns:
        float32 in [-80, 0] dB, `(side, side)`, low frequencies first.
    """
    return to_square(FRONTENDS[frontend](waveform.amplified(), resampler), side)
