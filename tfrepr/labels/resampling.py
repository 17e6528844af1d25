"""Changing the sampling rate: the default of today's librosa, or exactly the filter of the paper's authors."""

import numpy as np

RESAMPLERS = ("soxr-hq", "kaiser-best-2019")

ZERO_CROSSINGS = 64
TABLE_STEPS = 2**9
"""Filter table entries between two zero crossings."""
ROLLOFF = 0.9475937167399596
KAISER_BETA = 14.769656459379492


def resample(samples: np.ndarray, rate: int, new_rate: int, resampler: str = "soxr-hq") -> np.ndarray:
    """Resamples one waveform; equal rates return it unchanged.

    Args:
        samples: float32, `(samples,)`.
        rate, new_rate: Hz.
        resampler: `"soxr-hq"` (librosa's default) or `"kaiser-best-2019"`, with which the authors' tables were made.

    Returns:
        float32, `(ceil(samples * new_rate / rate),)`.
    """
    if rate == new_rate:
        return samples
    if resampler == "kaiser-best-2019":
        return kaiser_best_2019(samples, rate, new_rate)
    import librosa

    return librosa.resample(samples, orig_sr=rate, target_sr=new_rate, res_type="soxr_hq")


def kaiser_best_2019(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Band-limited interpolation with the filter `kaiser_best` of resampy 0.2.2, which librosa used until 2022.

    Output sample t is a sum over the input samples x[k] around time t * rate / new_rate, each weighted by a Kaiser-windowed
    sinc of its distance in time, read by linear interpolation from a table of 512 entries for each zero crossing. Like the
    original, the table is stepped through by a whole number of entries and its last, partial step is left out.

    Args:
        samples: float32, `(samples,)`.
        rate, new_rate: Hz.

    Returns:
        float32, `(ceil(samples * new_rate / rate),)`.

    Reference:
        Julius O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/
    """
    ratio = new_rate / rate
    scale = min(1.0, ratio)
    count = int(len(samples) * ratio)
    times = np.concatenate([[0.0], np.cumsum(np.full(max(count - 1, 0), rate / new_rate))])[:count]
    before = times.astype(np.int64)
    fraction = scale * (times - before)
    table = _filter_table() * scale
    total = np.zeros(int(np.ceil(len(samples) * ratio)), np.float32)
    _add_side(total[:count], samples, before, -1, fraction, table, int(scale * TABLE_STEPS))
    _add_side(total[:count], samples, before + 1, 1, scale - fraction, table, int(scale * TABLE_STEPS))
    return total


def _filter_table() -> np.ndarray:
    """Right half of the windowed sinc, float64, `(64 * 512 + 1,)`; the first entry is its peak."""
    entries = ZERO_CROSSINGS * TABLE_STEPS
    window = np.kaiser(2 * entries + 1, KAISER_BETA)[entries:]
    return window * ROLLOFF * np.sinc(ROLLOFF * np.linspace(0, ZERO_CROSSINGS, entries + 1))


def _add_side(total: np.ndarray, samples: np.ndarray, first: np.ndarray, direction: int, distance: np.ndarray,
              table: np.ndarray, step: int) -> None:
    """Adds the weighted input samples on one side of every output sample to `total`, float32, `(outputs,)`.

    Tap by tap in single precision, as the original does: the decibels of the quietest bins see the order of rounding.

    Args:
        total: Changed in place.
        samples: `(samples,)`.
        first: Index of the nearest input sample on this side, `(outputs,)`.
        direction: -1 for earlier samples, 1 for later ones.
        distance: From the output sample to `first`, in input samples times the filter's stretch (0..1), `(outputs,)`.
        table: Right half of the filter.
        step: Table entries from one input sample to the next.
    """
    position = distance * TABLE_STEPS
    offset = position.astype(np.int64)
    between = position - offset
    taps = (len(table) - offset) // step
    slope = np.append(np.diff(table), 0.0)
    reach = int(taps.max(initial=0))
    padded = np.pad(samples, reach + 1)
    for tap in range(reach):
        entry = np.where(tap < taps, offset + tap * step, len(table) - 1)
        weight = table[entry] + between * slope[entry]
        weight[tap >= taps] = 0.0
        total += weight * padded[first + direction * tap + reach + 1]
