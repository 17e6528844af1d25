"""The temperature that turns the scores of a network into probabilities, fitted on validation images."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from tfrepr.data.class_ids import checked_ids

SPAN = 1e4
"""The search spans this factor below and above the typical distance between the best and the mean score."""


def fit_temperature(scores: np.ndarray, class_ids: np.ndarray) -> float:
    """The temperature T at which softmax(scores / T) has the lowest negative log-likelihood.

    For logits this is temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599); for a label decoder the
    scores are minus the squared distances to the label rows. The likelihood is convex in 1 / T, so that a bounded search in
    one dimension (Brent's, over log T) finds its minimum. Where the network answers every validation image rightly, the plain
    likelihood only falls as T goes to 0; therefore the targets are Platt's, (n + 1) / (n + 2) for the right class instead of 1
    and the rest spread over the other classes, which keeps T finite and changes little otherwise.

    Args:
        scores: float, `(n, classes)`, larger is better.
        class_ids: Integers, `(n,)` or `(n, 1)`.

    Returns:
        T, above 0.
    """
    from scipy.optimize import minimize_scalar

    scores = np.asarray(scores, np.float64)
    class_ids = checked_ids(class_ids, images=len(scores), classes=scores.shape[1])
    typical = float(np.mean(scores.max(axis=1) - scores.mean(axis=1)))
    if not typical > 0:
        return 1.0
    bounds = np.log(typical / SPAN), np.log(typical * SPAN)
    found = minimize_scalar(lambda log_t: _likelihood(scores / np.exp(log_t), class_ids), bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def _likelihood(logits: np.ndarray, class_ids: np.ndarray) -> float:
    """Mean negative log-likelihood of Platt's targets."""
    count, classes = logits.shape
    log_probabilities = log_softmax(logits, axis=1)
    right = log_probabilities[np.arange(count), class_ids]
    other = (log_probabilities.sum(axis=1) - right) / (classes - 1)
    doubt = 1 / (count + 2)
    return float(-np.mean((1 - doubt) * right + doubt * other))
