"""Calibration error by hand and by a loop."""

import numpy as np
import pytest

from tfrepr.analysis.calibration import (
    expected_calibration_error,
    reliability,
    temperature_warning,
    top_probabilities,
)


def test_by_hand():
    confidences, correct = np.array([0.9, 0.8, 0.3]), np.array([True, False, True])
    # Two bins: (0, 0.5] holds 0.3 (accuracy 1), (0.5, 1] holds 0.9 and 0.8 (accuracy 0.5, confidence 0.85).
    assert expected_calibration_error(confidences, correct, bins=2) == pytest.approx((0.7 + 2 * 0.35) / 3)


def test_by_loop():
    noise = np.random.default_rng(0)
    confidences = noise.random(500)
    correct = noise.random(500) < confidences**2
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidences > low) & (confidences <= low + 1 / 15)
        if inside.any():
            total += inside.sum() * abs(correct[inside].mean() - confidences[inside].mean())
    assert expected_calibration_error(confidences, correct) == pytest.approx(total / 500)


def test_perfect_and_overconfident():
    assert expected_calibration_error(np.ones(4), np.ones(4, bool)) == 0
    assert expected_calibration_error(np.ones(4), np.array([True, False, False, False])) == 0.75


def test_empty_bins_are_zeros_and_borders_belong_below():
    table = reliability(np.array([0.5, 0.0]), np.array([True, False]), bins=4)
    np.testing.assert_array_equal(table, [[1, 0, 0], [1, 0.5, 1], [0, 0, 0], [0, 0, 0]])


def test_top_probabilities_are_the_largest_of_the_softmax():
    scores = np.random.default_rng(1).normal(0, 3, (50, 4))
    weights = np.exp(scores / 2.5)
    np.testing.assert_allclose(top_probabilities(scores, 2.5), (weights / weights.sum(axis=1, keepdims=True)).max(axis=1))
    np.testing.assert_array_equal(top_probabilities(1e4 * np.eye(3), 1.0), 1)


def test_only_a_temperature_that_makes_calibration_worse_is_warned_of():
    assert temperature_warning({}) is None
    assert temperature_warning({"plain": (0.1, 0.05), "noise 5": (0.2, 0.2)}) is None
    text = temperature_warning({"plain": (0.1, 0.05), "noise 4": (0.1, 0.31), "noise 5": (0.12, 0.4)})
    assert "(noise 4 0.100 at temperature 1, 0.310 fitted; noise 5 0.120 at temperature 1, 0.400 fitted)" in text
    assert "plain" not in text
