"""What an experiment asks for beside its cells, noted on its function; and the name of its trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfrepr.registry import EXPERIMENTS


def measured_by(measurement: Callable[[], list[dict[str, Any]]]) -> Callable[[Callable], Callable]:
    """Decorator for experiments without cells: the function that makes their rows."""

    def mark(experiment: Callable) -> Callable:
        experiment.measurement = measurement
        return experiment

    return mark


def with_features(experiment: Callable) -> Callable:
    """Decorator for experiments whose runs keep features while they train, as with `--features`."""
    experiment.features = True
    return experiment


def keeps_features(name: str) -> bool:
    """Whether the experiment is marked by `with_features`; False for a name that is none."""
    return name in EXPERIMENTS and hasattr(EXPERIMENTS[name], "features")


def is_measured(name: str) -> bool:
    """Whether the experiment is marked by `measured_by`; False for a name that is none."""
    return name in EXPERIMENTS and hasattr(EXPERIMENTS[name], "measurement")


def trial_name(name: str, trial: bool) -> str:
    """Under which name a list is noted and drawn: a trial, with fewer epochs, never takes the experiment's own place."""
    return f"{name}-trial" if trial else name
