"""What a run is expected to take, from known speeds. Nothing here imports Keras, so that a dry run answers at once."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from tfrepr.config import RunConfig
from tfrepr.results.features import milestones

IMAGES_PER_SECOND = {
    "cpu": {"resnet32": 400.0, "resnet110": 130.0, "vgg19": 90.0},
    "gpu": {"resnet32": 15000.0, "resnet110": 5000.0, "vgg19": 12000.0},
}
"""Training speed at batch 128 and 32x32 pixels, of two cores of a server CPU of 2023 and of one data-centre GPU."""

PASSES_PER_STEP = 2.0
"""Images that pass the network in the time in which one is trained on."""
SECONDS_A_RUN, SECONDS_AN_EPOCH = 8.0, 0.1
"""Whatever the images: building, tracing and loading networks; the log and the state on the disk."""

DEVICES = {"cpu": "two server CPU cores in float32 (speeds measured)", "gpu": "one data-centre GPU (speeds guessed)"}
"""What the speeds are of."""


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Sizes:
    """Images of a run: of an epoch, a validation and the test, and those whose features are kept at each milestone."""

    train: int
    validation: int
    test: int
    features: int = 0


def work(config: RunConfig, sizes: Sizes, epochs_done: int = 0) -> float:
    """What a run has left to do, counted in images that are trained on; passes without gradients count less.

    Args:
        config: The run's config.
        sizes: Its images.
        epochs_done: Epochs that lie behind it.
    """
    if epochs_done >= config.epochs:
        return sizes.test / PASSES_PER_STEP
    validations = math.ceil(config.epochs / config.validation_every) - epochs_done // config.validation_every  # the last always
    milestones_left = sum(epoch > epochs_done for epoch in milestones(config.epochs))
    passes = sizes.validation * validations + sizes.test + sizes.features * milestones_left
    return sizes.train * (config.epochs - epochs_done) + passes / PASSES_PER_STEP


def expected_seconds(config: RunConfig, kind: str, sizes: Sizes, pixels: int, epochs_done: int = 0) -> float | None:
    """A guess at the time of training, validation, test and features, or None for an encoder without a known speed.

    Args:
        config: The run's config.
        kind: `"cpu"` or `"gpu"`.
        sizes: Its images.
        pixels: Pixels of an image; the time grows in proportion.
        epochs_done: Epochs that lie behind it.
    """
    speed = IMAGES_PER_SECOND[kind].get(config.encoder)
    if speed is None:
        return None
    fixed = SECONDS_A_RUN + SECONDS_AN_EPOCH * (config.epochs - epochs_done)
    return fixed + work(config, sizes, epochs_done) / speed * pixels / (32 * 32)


def duration(seconds: float) -> str:
    """`"40 s"`, `"12 min"`, `"3.5 h"` or `"12 days"`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"
