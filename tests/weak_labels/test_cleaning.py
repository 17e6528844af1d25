"""Found label errors and their scores."""

import numpy as np
import pytest

from tfrepr.weak_labels.cleaning import detection_scores, label_errors, rescued
from tfrepr.weak_labels.options import FILTERS
from tfrepr.weak_labels.pseudo_labelling import agreement

RNG = np.random.default_rng(0)


def test_scores_by_hand():
    flagged = np.array([1, 1, 1, 0, 0, 0], bool)
    wrong = np.array([1, 1, 0, 1, 0, 0], bool)
    assert detection_scores(flagged, wrong) == {"wrong": 3, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}
    nothing = np.zeros(6, bool)
    assert detection_scores(nothing, wrong) == {"wrong": 3, "precision": None, "recall": 0.0, "f1": 0.0}
    assert detection_scores(nothing, nothing) == {"wrong": 0, "precision": None, "recall": None, "f1": None}
    assert set(detection_scores(flagged, None).values()) == {None}


def test_agreement_by_hand():
    guessed, sure, truth = np.array([0, 1, 2, 2]), np.array([1, 1, 0, 0], bool), np.array([0, 2, 2, 2])
    assert agreement(guessed, sure, truth) == {"accuracy": 0.75, "kept_accuracy": 0.5}
    assert agreement(guessed, sure, None) == {"accuracy": None, "kept_accuracy": None}


@pytest.mark.parametrize("filter_by", FILTERS)
def test_wrong_labels_are_found_in_good_probabilities(filter_by):
    truth = np.repeat(np.arange(4), 100)
    shares = RNG.dirichlet(np.ones(4), 400) * 0.3 + 0.7 * np.eye(4)[truth]
    given = np.where(np.arange(400) % 5 == 0, (truth + 1) % 4, truth)
    flagged, quality = label_errors(given, shares, filter_by)
    found = detection_scores(flagged, given != truth)
    assert found["precision"] == found["recall"] == 1.0
    assert quality[given != truth].max() < quality[given == truth].min()
    np.testing.assert_allclose(quality, shares[np.arange(400), given])


def test_cleaning_leaves_one_image_of_every_class():
    given, rows = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 2, 3])
    flagged = np.array([1, 0, 1, 1, 0], bool)
    saved = rescued(given, flagged, np.array([0.1, 0.9, 0.2, 0.3, 0.8]), rows)
    assert np.flatnonzero(saved).tolist() == [3]
