"""What training is expected to take, from measured speeds. Nothing here imports Keras, so that a dry run answers at once."""

from __future__ import annotations

import os

from tfrepr.config import RunConfig

IMAGES_PER_SECOND = {
    "cpu": {"resnet32": 230.0, "resnet110": 70.0, "vgg19": 75.0},
    "gpu": {"resnet32": 15000.0, "resnet110": 5000.0, "vgg19": 12000.0},
}
"""Training speed at batch 128 and 32x32 pixels, by device and encoder: two CPU cores, one data-centre GPU."""

DEVICES = {"cpu": "two CPU cores", "gpu": "one data-centre GPU"}
"""What the speeds were measured on."""


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def expected_seconds(config: RunConfig, kind: str, train_images: int, pixels: int) -> float | None:
    """A guess at the training time, or None for an encoder without a measured speed.

    Args:
        config: The run's config.
        kind: `"cpu"` or `"gpu"`.
        train_images: Images an epoch.
        pixels: Pixels of an image; the time grows in proportion.
    """
    speed = IMAGES_PER_SECOND[kind].get(config.encoder)
    return None if speed is None else train_images * config.epochs / speed * pixels / (32 * 32)


def duration(seconds: float) -> str:
    """`"40 s"`, `"12 min"`, `"3.5 h"` or `"12 days"`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"
