"""The spectrogram front end inside TensorFlow, by TensorFlow I/O: a WAV file's bytes in, decibels out.

It differs from the librosa front end in one definition: TensorFlow's mel bands follow the HTK formula and are not divided by
their width. Held against librosa with those two choices (`htk=True, norm=None`), labels agree to 0.15 dB; against the default
front end they differ by 6 to 7 dB on average, most of it a slope from low to high bands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.labels.waveforms import Waveform, wav_bytes

TRIM_FRAME, TRIM_HOP = 2048, 512


def tensorflow_io() -> ModuleType:
    """The package `tensorflow_io`.

    Raises:
        UserError: It is not installed.
    """
    try:
        import tensorflow_io
    except ImportError as error:
        raise UserError(f"TensorFlow I/O cannot be imported ({error}). It exists for Python 3.9 to 3.12, on Linux and macOS: "
                        "pip install tensorflow-io==0.37.1 there, or use --frontend librosa.") from error
    return tensorflow_io


def sound_of(waveform: Waveform, rate: int, trim_decibels: float) -> np.ndarray:
    """Decodes, resamples and trims inside TensorFlow.

    Args:
        waveform: The spoken word; it enters as the bytes of a 16-bit WAV file.
        rate: Wanted sampling rate, Hz.
        trim_decibels: Frames that lie this far below the loudest are silence, as in `librosa.effects.trim`.

    Returns:
        float32, `(samples,)`.

    Raises:
        UserError: TensorFlow I/O is missing, or its native part does not fit the installed TensorFlow.
    """
    try:
        return _sound_graph(waveform.rate, rate, trim_decibels)(wav_bytes(waveform)).numpy()
    except NotImplementedError as error:  # what TensorFlow I/O raises where its shared library cannot be loaded
        import tensorflow as tf

        raise UserError(f"TensorFlow I/O's native operations do not load with TensorFlow {tf.__version__}; they were built for "
                        "2.16 and 2.17. Install tensorflow==2.17.1, or use --frontend librosa.") from error


def decibels_of(sound: np.ndarray, *, rate: int, bands: int, hop: int, fft_length: int, highest_frequency: float,
                dynamic_range: float) -> np.ndarray:
    """Log-mel spectrogram relative to its peak, from TensorFlow I/O's `spectrogram`, `melscale` and `dbscale`.

    `spectrogram` frames the signal from its first sample and `dbscale` squares its input; reflecting the signal by half a
    window and handing over the root of the mel power gives librosa's centred power spectrogram.

    Args:
        sound: float32, `(samples,)`, longer than `fft_length / 2`.
        rate, bands, hop, fft_length, highest_frequency, dynamic_range: As in `tfrepr.labels.frontends`.

    Returns:
        float32, `(bands, frames)`, at most 0 dB, low frequencies first.
    """
    import tensorflow as tf

    audio = tensorflow_io().audio
    centred = tf.pad(sound, [[fft_length // 2, fft_length // 2]], "REFLECT")
    amplitude = audio.spectrogram(centred, nfft=fft_length, window=fft_length, stride=hop)[:1 + len(sound) // hop]
    power = audio.melscale(tf.square(amplitude), rate=rate, mels=bands, fmin=0, fmax=highest_frequency)
    return tf.transpose(audio.dbscale(tf.sqrt(power), top_db=dynamic_range, ref=tf.reduce_max)).numpy()


@cache
def _sound_graph(rate: int, new_rate: int, trim_decibels: float) -> Callable[[bytes], Any]:
    """Graph from WAV bytes to trimmed samples at the new rate, traced once."""
    import tensorflow as tf

    audio = tensorflow_io().audio
    delay = _resampler_delay(rate, new_rate) if rate != new_rate else 0

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)], autograph=False)
    def graph(wav: Any) -> Any:
        sound = tf.cast(audio.decode_wav(wav, dtype=tf.int16)[:, 0], tf.float32) / 32768.0
        if rate != new_rate:
            wanted = tf.cast(tf.math.ceil(tf.cast(tf.size(sound), tf.float64) * (new_rate / rate)), tf.int32)
            padded = tf.pad(sound, [[0, rate // 50]])
            sound = audio.resample(padded, rate, new_rate)[delay:delay + wanted]
        return _trimmed(sound, trim_decibels)

    return graph


def _trimmed(sound: Any, decibels: float) -> Any:
    """Cuts silent frames off both ends, on the same grid of frames as librosa."""
    import tensorflow as tf

    frames = tf.signal.frame(tf.pad(sound, [[TRIM_FRAME // 2, TRIM_FRAME // 2]]), TRIM_FRAME, TRIM_HOP)
    energy = tf.reduce_mean(tf.square(frames), axis=-1)
    ends = tensorflow_io().audio.trim(energy, axis=0, epsilon=tf.reduce_max(energy) * 10 ** (-decibels / 10))
    return sound[ends[0] * TRIM_HOP:ends[1] * TRIM_HOP]


def _resampler_delay(rate: int, new_rate: int) -> int:
    """By how many output samples TensorFlow I/O's resampler delays a signal, measured on an impulse.

    The impulse is set where an output sample falls on it exactly.
    """
    period = rate // math.gcd(rate, new_rate)
    middle = period * math.ceil(rate / 20 / period)
    impulse = np.zeros(middle + rate // 20, np.float32)
    impulse[middle] = 1.0
    response = tensorflow_io().audio.resample(impulse, rate, new_rate).numpy()
    return int(response.argmax()) - middle * new_rate // rate
