"""Sound from spectrograms: every word is recognised again, and the parts do what they say."""

import numpy as np
import pytest

from tfrepr.data.sources.cifar import CIFAR10_NAMES
from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation
from tfrepr.labels.frontends import FFT_LENGTH, HOP, SAMPLE_RATE, librosa_log_mel, square_log_mel, to_square
from tfrepr.labels.inverse import check_is_speech, mel_filters, mel_to_power, to_mel, to_waveform, word_frames
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.speech import class_waveforms


@pytest.fixture(scope="module")
def representation():
    return build_representation("speech", CIFAR10_NAMES, image_side=32)


def test_every_word_is_heard_again(representation):
    frames = word_frames(CIFAR10_NAMES, LabelOptions())
    back = np.stack([square_log_mel(to_waveform(row, count), 64)
                     for row, count in zip(representation.table, frames, strict=True)])
    np.testing.assert_array_equal(np.asarray(representation.decode(back)), np.arange(10))
    losses = np.asarray(representation.losses(np.arange(10), back))
    assert losses.max() < 1.5
    assert losses.mean() == pytest.approx(0.85, abs=0.15)


def test_word_lengths_are_those_of_the_recipe():
    counts = [librosa_log_mel(waveform, "soxr-hq").shape[1] for waveform in class_waveforms(CIFAR10_NAMES, LabelOptions())]
    assert word_frames(CIFAR10_NAMES, LabelOptions()) == tuple(counts)
    assert np.mean(counts) == 49.0


def test_a_table_from_a_file_has_no_word_lengths(tmp_path):
    assert word_frames(CIFAR10_NAMES, LabelOptions(label_file=str(tmp_path / "table.npy"))) is None
    assert word_frames(CIFAR10_NAMES, LabelOptions(wav_dir=str(tmp_path / "nowhere"))) is None


def test_resizing_back_undoes_the_square():
    smooth = -40 + 30 * np.sin(np.linspace(0, 3, 64))[:, None] * np.cos(np.linspace(0, 5, 50))[None]
    difference = np.abs(to_mel(to_square(smooth.astype(np.float32), 64), 50) - smooth)
    assert difference[:, 2:-2].max() < 0.1  # decibels
    assert difference.max() < 1


def test_values_outside_the_range_are_cut_off():
    assert to_mel(np.full((64, 64), 20.0), 10).max() == 0
    assert to_mel(np.full((64, 64), -200.0), 10).min() == -80


def test_power_has_the_mel_bands_asked_for():
    power = np.abs(np.random.default_rng(0).normal(size=(FFT_LENGTH // 2 + 1, 7))) ** 2
    mel = mel_filters() @ power
    found = mel_to_power(mel)
    assert found.min() >= 0
    assert np.linalg.norm(mel_filters() @ found - mel) < 0.01 * np.linalg.norm(mel)


def test_a_tone_comes_back_at_its_frequency():
    label = np.full((64, 64), -80.0)
    label[20] = 0.0
    waveform = to_waveform(label, 50)
    assert (waveform.rate, len(waveform.samples)) == (SAMPLE_RATE, 49 * HOP)
    assert np.abs(waveform.samples).max() == pytest.approx(0.7)
    spectrum = np.abs(np.fft.rfft(waveform.samples))
    peak = np.fft.rfftfreq(len(waveform.samples), 1 / SAMPLE_RATE)[spectrum.argmax()]
    band = np.nonzero(mel_filters()[20])[0] * SAMPLE_RATE / FFT_LENGTH
    assert band[0] - 20 <= peak <= band[-1] + 20


def test_equal_labels_give_equal_sounds(representation):
    first, second = (to_waveform(representation.table[0]).samples for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_silence_is_refused():
    with pytest.raises(UserError, match="is silent"):
        to_waveform(np.full((64, 64), -90.0))


@pytest.mark.parametrize("label", ["category", "shuffle", "constant"])
def test_labels_that_are_no_sound(label):
    with pytest.raises(UserError, match=r"no sound. Choose a run trained with --label speech"):
        check_is_speech(label)
