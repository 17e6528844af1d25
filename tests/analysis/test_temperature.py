"""Class probabilities and their temperature."""

import numpy as np
import pytest

from tfrepr.analysis.temperature import fit_temperature
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.weak_labels.training import temperature_figures

RNG = np.random.default_rng(0)


def drawn_from(logits):
    """One class an image, drawn by the softmax of the logits."""
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (shares.cumsum(axis=1) < RNG.random((len(logits), 1))).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 300.0])
def test_the_temperature_of_drawn_labels_is_found(temperature):
    logits = RNG.normal(0, 2, (20_000, 6))
    assert fit_temperature(temperature * logits, drawn_from(logits)) == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_is_likelier():
    scores, ids = RNG.normal(0, 5, (300, 4)), RNG.integers(0, 4, 300)
    scores[np.arange(300), ids] += 4
    found = fit_temperature(scores, ids)

    def likelihood(temperature):
        logits = scores / temperature
        return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(300), ids])

    assert min(likelihood(t) for t in np.geomspace(0.05, 500, 2000)) == pytest.approx(likelihood(found), rel=1e-2)


def test_a_network_that_is_always_right_stays_modest():
    """Ten images, two classes, margin 1: Platt's target 11/12 means logit(11/12) = 1 / T."""
    scores = np.tile([[1.0, 0.0]], (10, 1))
    assert fit_temperature(scores, np.zeros(10, int)) == pytest.approx(1 / np.log(11), rel=1e-3)


def test_probabilities_of_a_decoder_are_a_softmax_over_distances():
    table = RNG.uniform(-80, 0, (5, 8, 8)).astype("float32")
    outputs = table[[3, 0]] + RNG.normal(0, 30, (2, 8, 8)).astype("float32")
    found = np.asarray(RegressionRepresentation("x", tuple("abcde"), table).probabilities(outputs, 250.0))
    distances = np.array([[np.mean((output - row) ** 2) for row in table] for output in outputs])
    weights = np.exp(-(distances - distances.min(axis=1, keepdims=True)) / 250)
    np.testing.assert_allclose(found, weights / weights.sum(axis=1, keepdims=True), rtol=1e-3, atol=1e-6)


def test_probabilities_of_categories_are_the_softmax():
    outputs = np.float32([[1, 2, 3]])
    found = np.asarray(CategoryRepresentation("category", tuple("abc")).probabilities(outputs, 2.0))
    np.testing.assert_allclose(found[0], np.exp([0.5, 1, 1.5]) / np.exp([0.5, 1, 1.5]).sum(), rtol=1e-5)


def test_a_temperature_that_makes_calibration_worse_is_told(capsys):
    """A quarter of the answers is very sure and half right: the likeliest temperature gives up the others for it."""
    scores = np.concatenate([np.tile([2.0, 0.0], (60, 1)), np.tile([40.0, 0.0], (20, 1))])
    ids = np.concatenate([np.arange(60) % 8 == 0, np.arange(20) % 2 == 0]).astype(int)
    found = temperature_figures(scores, ids)
    assert found["temperature"] > 1
    assert found["val_fitted_calibration_error"] > found["val_calibration_error"]
    assert (f"(80 validation images: {found['val_calibration_error']:.3f} at temperature 1, "
            f"{found['val_fitted_calibration_error']:.3f} fitted)") in capsys.readouterr().err


def test_a_temperature_that_helps_needs_no_word(capsys):
    logits = RNG.normal(0, 2, (2000, 6))
    found = temperature_figures(50 * logits, drawn_from(logits))
    assert found["val_fitted_calibration_error"] < 0.05 < 0.2 < found["val_calibration_error"]
    assert capsys.readouterr().err == ""
