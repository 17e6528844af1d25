"""Learning rates that change with every step: flat-then-cosine and one-cycle, both out of Keras's `CosineDecay`.

These are fastai's `fit_flat_cos` and `fit_one_cycle`, with its shares and divisors (https://docs.fast.ai/callback.schedule.html).
Two differences: the warm-up of the cycle is linear, as in Smith's paper and in `CosineDecay`, not half a cosine; and Adam's
beta 1 stays as it is, where fastai lets it go down and up again.
"""

from __future__ import annotations

import keras

FLAT_SHARE = 0.75
"""Share of the steps at the full rate, before the cosine."""
WARM_UP_SHARE = 0.25
FIRST_DIVISOR, LAST_DIVISOR = 25.0, 1e5
"""The cycle starts at the 25th part of its highest rate; both policies end at its hundred thousandth part."""


def flat_cosine(rate: float, steps: int) -> keras.optimizers.schedules.CosineDecay:
    """The full rate for three quarters of the steps, then half a cosine down to almost 0.

    Args:
        rate: The full rate.
        steps: Steps of the whole stage.

    Returns:
        A schedule; step 0 is the first one.
    """
    return _warmed_up_cosine(rate, rate, round(FLAT_SHARE * steps), steps)  # a warm-up from the rate to itself is the flat part


def one_cycle(rate: float, steps: int) -> keras.optimizers.schedules.CosineDecay:
    """From rate / 25 up to `rate` in a quarter of the steps, then half a cosine down to almost 0.

    Args:
        rate: The highest rate.
        steps: Steps of the whole stage.

    Returns:
        A schedule; step 0 is the first one.

    Reference: Smith and Topin 2018, https://arxiv.org/abs/1708.07120.
    """
    return _warmed_up_cosine(rate / FIRST_DIVISOR, rate, round(WARM_UP_SHARE * steps), steps)


def _warmed_up_cosine(first: float, rate: float, warm_up: int, steps: int) -> keras.optimizers.schedules.CosineDecay:
    return keras.optimizers.schedules.CosineDecay(first, max(steps - warm_up, 1), alpha=1 / LAST_DIVISOR, warmup_target=rate,
                                                  warmup_steps=warm_up)


POLICIES = {"flat-cosine": flat_cosine, "one-cycle": one_cycle}
