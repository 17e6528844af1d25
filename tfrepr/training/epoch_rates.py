"""Learning rate as a function of the epoch."""

from __future__ import annotations

from tfrepr.config import RunConfig, rate_drops

EXPONENTIAL_DECAY = 0.95
"""Factor an epoch of the schedule `exponential` (Zhang et al. 2016, appendix A)."""


def learning_rate(config: RunConfig, epoch: int) -> float:
    """Rate of one epoch, counted from 0 (paper A.4.1: a tenth from half of the run on, a hundredth from three quarters on)."""
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "exponential":
        return config.learning_rate * EXPONENTIAL_DECAY**epoch
    return config.learning_rate * 0.1 ** sum(epoch >= drop for drop in rate_drops(config.epochs))
