"""Networks trained once for all attack tests."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import CLASSES, MEAN, STD, convolutional_model, representation_of, striped_images, train

from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.sweep import ImageSet
from tfrepr.attacks.victim import Victim


@pytest.fixture(scope="session")
def test_images() -> ImageSet:
    """150 test images with random wrong targets."""
    images, ids = striped_images(150, seed=1)
    targets = ((ids + np.random.default_rng(2).integers(1, CLASSES, size=len(ids))) % CLASSES).astype(np.int32)
    return ImageSet(images, ids, targets, ("stripes", 0))


@pytest.fixture(scope="session")
def trained():
    """A function from `category`, `random` or `constant` to a trained model and its representation."""
    made = {}

    def get(label: str):
        if label not in made:
            representation = representation_of(label)
            model = convolutional_model(representation)
            train(model, representation, *striped_images(600), epochs=8 if label == "category" else 25)
            made[label] = model, representation
        return made[label]

    return get


@pytest.fixture(scope="session")
def victim_of(trained):
    """A function from a label, a space's name and a batch size to a `Victim`, which is compiled once."""
    made = {}

    def get(label: str, space: str = "normalised", batch_size: int = 64) -> Victim:
        key = (label, space, batch_size)
        if key not in made:
            model, representation = trained(label)
            made[key] = Victim(model, representation, ImageSpace(space, MEAN, STD), batch_size)
        return made[key]

    return get
