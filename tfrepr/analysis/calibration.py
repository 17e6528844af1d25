"""Calibration: does an answer that is given with confidence 0.8 turn out right in 80% of the cases?"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

BINS = 15


def top_probabilities(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Probability of the class with the highest score, softmax(scores / temperature), float64 `(n,)`; scores `(n, classes)`."""
    return softmax(np.asarray(scores, np.float64) / temperature, axis=1).max(axis=1)


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


def temperature_warning(errors: dict[str, tuple[float, float]]) -> str | None:
    """What a reader should know where a fitted temperature makes calibration worse, or None.

    Args:
        errors: By name of the images, the calibration error at temperature 1 and at the fitted one.
    """
    worse = [f"{name} {plain:.3f} at temperature 1, {fitted:.3f} fitted" for name, (plain, fitted) in errors.items()
             if fitted > plain]
    if not worse:
        return None
    return (f"The fitted temperature makes the calibration error larger ({'; '.join(worse)}). It is the one at which the right "
            "answers to the validation images are likeliest, which is not the same, and is uncertain where these are few.")
