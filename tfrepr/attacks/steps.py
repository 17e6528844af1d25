"""The attack loop: look at the images, take a step, project, clip. One step of it is the fast gradient sign method.

Arrays are NumPy, float32, `(rows, height, width, channels)`. A row is one image at one epsilon, from one start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from tfrepr.attacks.victim import Look

GoingOn = Callable[[np.ndarray, np.ndarray, Look], np.ndarray]
"""`(rows, their images, what the model shows of these) -> bool (n,)`: which rows go on."""


class StepRule(Protocol):
    """How an attack gets from what it sees to its next images."""

    def __call__(self, number: int, rows: np.ndarray, images: np.ndarray, seen: Look) -> np.ndarray:
        """The next images.

        Args:
            number: Steps taken before.
            rows: Which rows these are of those that the attack began with, `(n,)`.
            images: Their images.
            seen: What the model shows of these.
        """


def box(images: np.ndarray, epsilon: np.ndarray | float, low: np.ndarray | float, high: np.ndarray | float,
        ) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the values that an attack may give each pixel.

    The l-infinity ball of equation 1 and the range of valid images are both boxes, so clipping to their intersection is
    the same as Clip_{I, epsilon} (equations 4 and 5) followed by the clip to the range. The image itself always lies in
    the box, even where rounding put it outside the range; an epsilon of 0 therefore is the identity.

    Args:
        images: Clean images.
        epsilon: Radius, one number or `(rows, 1, 1, 1)`.
        low, high: Range of valid images, broadcastable to `images`.
    """
    lower = np.minimum(images, np.maximum(images - epsilon, low))
    upper = np.maximum(images, np.minimum(images + epsilon, high))
    return lower.astype(np.float32), upper.astype(np.float32)


def climb(look: Callable[[np.ndarray, np.ndarray], Look], start: np.ndarray, rule: StepRule, steps: int, *,
          first: Look | None = None,
          going_on: GoingOn | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Moves every row `steps` times by the rule, or until it need not go on.

    Args:
        look: `(images, rows) -> Look`.
        start: Where to begin: the clean images, or points around them.
        rule: `SignSteps` or `auto_steps.AutoSteps`.
        first: What the model shows of `start`, where it is known already; it does not depend on epsilon.
        going_on: Asked at every iterate but `first` and the last. None: all rows go on.

    Returns:
        The images where each row ended, and the rows that went on to the last iterate, which nobody has looked at yet.
    """
    images, rows = start.copy(), np.arange(len(start))
    for number in range(steps):
        known = number == 0 and first is not None
        seen = first if known else look(images[rows], rows)
        if going_on is not None and not known:
            stay = going_on(rows, images[rows], seen)
            if not stay.all():
                rows, seen = rows[stay], Look(*(part[stay] for part in seen))
            if not len(rows):
                break
        images[rows] = rule(number, rows, images[rows], seen)
    return images, rows


class SignSteps:
    """Steps of one size along the sign of the gradient.

    Equations 2 (one step, ascend), 3 (one step, descend), 4 (ascend) and 5 (descend).

    Args:
        step: Step size of every row, `(rows, 1, 1, 1)`.
        bounds: Lower and upper end for every pixel (see `box`), applied after every step.
        ascend: True to raise the loss (untargeted), False to lower it (targeted).
        accumulate: Step along the sum of all gradients so far instead of the last one: the authors' code never
            clears the gradient of the input.
    """

    def __init__(self, step: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], ascend: bool, accumulate: bool = False) -> None:
        self._step = step if ascend else -step
        self._bounds = bounds
        self._total = np.zeros_like(bounds[0]) if accumulate else None

    def __call__(self, number: int, rows: np.ndarray, images: np.ndarray, seen: Look) -> np.ndarray:
        """See `StepRule`."""
        direction = seen.gradient
        if self._total is not None:
            self._total[rows] += direction
            direction = self._total[rows]
        lower, upper = self._bounds
        return np.clip(images + self._step[rows] * np.sign(direction), lower[rows], upper[rows])
