"""Resampling: closed forms on tones, and the published filter against a plain loop."""

import numpy as np
import pytest

from tfrepr.labels.resampling import kaiser_best_2019, resample


def tone(frequency: float, rate: int, seconds: float = 0.3) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def loop(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """The interpolation written sample by sample, as in Smith's description."""
    ratio = new_rate / rate
    scale = min(1.0, ratio)
    grid = np.arange(64 * 512 + 1) / 512
    half = 0.9475937167399596 * np.sinc(0.9475937167399596 * grid) * np.kaiser(2 * 64 * 512 + 1, 14.769656459379492)[64 * 512:]
    half = half * scale
    step = int(scale * 512)
    outputs = np.zeros(int(np.ceil(len(samples) * ratio)))
    for t in range(int(len(samples) * ratio)):
        centre = t / ratio
        left = int(centre)
        for index, direction, distance in ((left, -1, centre - left), (left + 1, 1, 1 - centre + left)):
            entry = scale * distance * 512
            for tap in range((len(half) - int(entry)) // step):
                source = index + direction * tap
                if 0 <= source < len(samples):
                    outputs[t] += np.interp(entry + tap * step, np.arange(len(half)), half) * samples[source]
    return outputs


@pytest.mark.parametrize("rates", [(24_000, 22_050), (16_000, 22_050)])
def test_the_filter_equals_a_plain_loop(rates):
    samples = np.random.default_rng(0).uniform(-1, 1, 60).astype(np.float32)
    np.testing.assert_allclose(kaiser_best_2019(samples, *rates), loop(samples, *rates), atol=2e-5)


@pytest.mark.parametrize("resampler", ["soxr-hq", "kaiser-best-2019"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_a_tone_keeps_its_frequency_and_height(resampler, rate):
    resampled = resample(tone(1000, rate), rate, 22_050, resampler)
    assert resampled.dtype == np.float32
    assert len(resampled) == int(np.ceil(len(tone(1000, rate)) * 22_050 / rate))
    middle = slice(2000, -2000)
    np.testing.assert_allclose(resampled[middle], tone(1000, 22_050, 0.31)[:len(resampled)][middle], atol=5e-3)


@pytest.mark.parametrize("resampler", ["soxr-hq", "kaiser-best-2019"])
def test_what_the_new_rate_cannot_hold_is_removed(resampler):
    assert np.abs(resample(tone(15_000, 44_100), 44_100, 22_050, resampler)[2000:-2000]).max() < 1e-3


def test_equal_rates_change_nothing():
    samples = tone(1000, 22_050)
    assert resample(samples, 22_050, 22_050, "kaiser-best-2019") is samples
