"""Front ends: librosa's against NumPy and SciPy, TensorFlow I/O's against librosa's."""

import sys

import librosa
import numpy as np
import pytest
import scipy.signal

from tfrepr.errors import UserError
from tfrepr.labels import tfio_frontend
from tfrepr.labels.espeak import synthesize
from tfrepr.labels.frontends import FRONTENDS, librosa_log_mel, square_log_mel, tfio_log_mel, to_square
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.speech import speech
from tfrepr.labels.waveforms import Waveform, from_pcm, read_wav

WORDS = ("airplane", "seven", "aquarium fish", "zebra")


@pytest.fixture(scope="module")
def waveforms():
    return [from_pcm(samples, 22_050, word) for samples, word in zip(synthesize(WORDS), WORDS, strict=True)]


@pytest.fixture(scope="module")
def native_tfio():
    """Skips where TensorFlow I/O's native operations do not load (Python 3.13, TensorFlow 2.18 and later)."""
    tfio = pytest.importorskip("tensorflow_io")
    try:
        tfio.audio.resample(np.zeros(100, np.float32), 24_000, 22_050)
    except NotImplementedError:
        pytest.skip("TensorFlow I/O's native operations do not fit this TensorFlow")


def htk_log_mel(waveform: Waveform) -> np.ndarray:
    """librosa with TensorFlow's mel bands."""
    samples = waveform.samples
    if waveform.rate != 22_050:
        samples = librosa.resample(samples, orig_sr=waveform.rate, target_sr=22_050)
    power = librosa.feature.melspectrogram(y=librosa.effects.trim(samples)[0], sr=22_050, n_fft=2048, hop_length=256, n_mels=64,
                                           fmax=8000, pad_mode="reflect", htk=True, norm=None)
    return librosa.power_to_db(power, ref=np.max)


def test_librosa_front_end_equals_scipy(waveforms):
    """Frames by hand, SciPy's window, librosa's mel matrix; nothing is trimmed off a sound that starts and ends loud."""
    samples = waveforms[0].samples[3000:9000]
    padded = np.pad(samples.astype(np.float64), 1024, mode="reflect")
    frames = np.stack([padded[start:start + 2048] for start in range(0, len(samples) + 1, 256)])
    power = np.abs(np.fft.rfft(frames * scipy.signal.get_window("hann", 2048), axis=1)) ** 2
    mel = librosa.filters.mel(sr=22_050, n_fft=2048, n_mels=64, fmax=8000) @ power.T
    decibels = np.maximum(10 * np.log10(mel / mel.max()), -80)
    np.testing.assert_allclose(librosa_log_mel(Waveform(samples, 22_050, "cut"), "soxr-hq"), decibels, atol=2e-2)


def test_more_silence_and_less_loudness_make_no_difference(waveforms):
    padded, more = (Waveform(np.pad(waveforms[1].samples, 512 * frames), 22_050, "padded") for frames in (9, 20))
    quiet = Waveform(padded.samples / 1024, 22_050, "quiet")
    label, more_label, quiet_label = (square_log_mel(waveform, 64) for waveform in (padded, more, quiet))
    np.testing.assert_array_equal(more_label, label)
    np.testing.assert_allclose(quiet_label, label, atol=1e-4)


def test_a_square_keeps_constants_and_shrinks_smoothly():
    np.testing.assert_allclose(to_square(np.full((64, 37), -12.5, np.float32), 48), -12.5, atol=1e-5)
    ramp = np.repeat(np.linspace(-80, 0, 64, dtype=np.float32)[:, None], 40, axis=1)
    np.testing.assert_allclose(to_square(ramp, 32)[4:-4, 0], ramp.reshape(32, 2, 40).mean(axis=1)[4:-4, 0], atol=0.01)


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_click_is_too_short(frontend, request):
    if frontend == "tfio":
        request.getfixturevalue("native_tfio")
    samples = np.zeros(8000, np.float32)
    samples[200:210] = 0.9
    with pytest.raises(UserError, match="'click' holds"):
        FRONTENDS[frontend](Waveform(samples, 22_050, "'click'"), "soxr-hq")


def test_tfio_equals_librosa_with_the_same_mel_bands(waveforms, native_tfio):
    """Stated tolerance: 0.15 dB at most, 0.03 dB on average; the same frames."""
    for waveform in waveforms:
        ours, theirs = tfio_log_mel(waveform, "soxr-hq"), htk_log_mel(waveform)
        assert ours.shape == theirs.shape
        assert ours.dtype == np.float32
        assert np.abs(ours - theirs).max() < 0.15
        assert np.abs(ours - theirs).mean() < 0.03


def test_tfio_resamples_recordings_as_librosa_does(shared, native_tfio):
    """Stated tolerance for labels from 24,000 Hz: 0.15 dB at most, 0.05 dB on average."""
    for path in sorted((shared / "reference" / "authors_labels" / "cifar10_wav").glob("*.wav")):
        waveform = read_wav(path)
        difference = to_square(tfio_log_mel(waveform, "soxr-hq"), 64) - to_square(htk_log_mel(waveform), 64)
        assert np.abs(difference).max() < 0.15
        assert np.abs(difference).mean() < 0.05


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_tfio_aligns_every_rate(waveforms, native_tfio, rate):
    samples = librosa.resample(waveforms[0].samples, orig_sr=22_050, target_sr=rate)
    waveform = Waveform(samples, rate, "airplane")
    ours, theirs = tfio_log_mel(waveform, "soxr-hq"), htk_log_mel(waveform)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs)[:40].mean() < 0.1


def test_tfio_stays_near_the_default_front_end(waveforms, native_tfio):
    """Stated tolerance between the two front ends as they are: 9 dB on average, correlation 0.85."""
    ours, theirs = (np.stack([to_square(front(waveform, "soxr-hq"), 64) for waveform in waveforms])
                    for front in (tfio_log_mel, librosa_log_mel))
    assert np.abs(ours - theirs).mean() < 9
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.85


def test_the_option_makes_another_table(native_tfio, monkeypatch, tmp_path):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path))
    table = speech(("dog", "cat"), 64, LabelOptions(frontend="tfio"))
    assert table.min() >= -80
    assert -0.5 < table.max() <= 0
    assert not np.array_equal(table, speech(("dog", "cat"), 64, LabelOptions()))


def test_tfio_has_its_own_resampler(waveforms):
    with pytest.raises(UserError, match="--resampler kaiser-best-2019"):
        tfio_log_mel(waveforms[0], "kaiser-best-2019")


def test_without_tensorflow_io_the_option_says_so(waveforms, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    with pytest.raises(UserError, match="--frontend librosa"):
        tfio_log_mel(Waveform(waveforms[0].samples, 22_051, "no graph of this rate yet"), "soxr-hq")


@pytest.mark.parametrize("rate", [22_052, 22_050])
def test_native_operations_that_do_not_load_are_explained(waveforms, monkeypatch, rate):
    """TensorFlow I/O with TensorFlow 2.18 raises NotImplementedError at the first native operation."""
    tfio = pytest.importorskip("tensorflow_io")

    def unable(*args, **kwargs):
        raise NotImplementedError("unable to open file: libtensorflow_io.so")

    monkeypatch.setattr(tfio.audio, "decode_wav", unable)
    monkeypatch.setattr(tfio.audio, "resample", unable)
    tfio_frontend._sound_graph.cache_clear()
    with pytest.raises(UserError, match=r"tensorflow==2\.17\.1, or use --frontend librosa"):
        tfio_log_mel(Waveform(waveforms[0].samples, rate, "airplane"), "soxr-hq")
    tfio_frontend._sound_graph.cache_clear()
