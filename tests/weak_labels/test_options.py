"""The settings that decide the published numbers of missing and noisy labels."""

import dataclasses

import pytest

from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig

SHARED = {"dataset": "digits", "encoder": "resnet8", "label": "category", "seed": 0, "weights": "none", "init_from": None,
          "sizes": None, "frozen_epochs": 8, "tuning_epochs": 4, "least_steps": 300, "learning_rate": 0.002,
          "tuning_rate": 0.0005, "batch_size": 64, "scale": 1.0, "crop_area": 0.35, "mixed_precision": "off", "jit": "auto",
          "deterministic": False, "folder": None, "image_size": None}


@pytest.mark.parametrize(("record", "own"), [
    (PseudoLabelConfig, {"mixup": 0.0, "erasing": 0.0, "label_smoothing": 0.0, "labelled_percent": 20.0, "iterations": 2,
                         "confidence": None}),
    (CleaningConfig, {"mixup": 0.4, "erasing": 0.5, "label_smoothing": 0.1, "noise_rate": 0.2, "noise": "symmetric",
                      "noise_pairs": (), "folds": 5, "filter_by": "prune_by_noise_rate", "retrain": "flat-cosine"}),
])
def test_defaults(record, own):
    """A default that changes would change what published commands do, and no run name would tell."""
    values = {field.name: getattr(record(), field.name) for field in dataclasses.fields(record)}
    del values["label_options"]
    assert values == SHARED | own


def test_regressed_labels_have_rates_of_their_own():
    assert (PseudoLabelConfig(label="speech").learning_rate, PseudoLabelConfig(label="speech").tuning_rate) == (0.03, 0.01)
