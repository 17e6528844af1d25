"""Calibration: does an answer that is given with confidence 0.8 turn out right in 80% of the cases?"""

from __future__ import annotations

import numpy as np

BINS = 15


def reliability(confidences: np.ndarray, correct: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Images, mean confidence and accuracy in bins of equal width over [0, 1], float64 `(bins, 3)`; empty bins hold zeros.

    A confidence on the border of two bins belongs to the lower one, as in Guo et al. 2017.
    """
    places = np.clip(np.ceil(np.asarray(confidences) * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = [np.bincount(places, weights=values, minlength=bins) for values in (confidences, np.asarray(correct, np.float64))]
    return np.stack([counts, *(total / np.maximum(counts, 1) for total in sums)], axis=1)


def expected_calibration_error(confidences: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Mean over images of |accuracy - mean confidence| of the bin that the image falls into.

    Args:
        confidences: Probability of the predicted class, `(n,)`.
        correct: Whether the predicted class is the true one, `(n,)`.
        bins: Number of bins of equal width.

    Reference: Guo et al. 2017, https://arxiv.org/abs/1706.04599, equation 3 (15 bins).
    """
    counts, confidence, accuracy = reliability(confidences, correct, bins).T
    return float(np.sum(counts * np.abs(accuracy - confidence)) / max(len(confidences), 1))
