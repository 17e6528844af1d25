"""Auto-PGD: the step size follows the progress of each image, with momentum and returns to the best point.

Croce and Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks"
(https://arxiv.org/abs/2003.01690, algorithm 1 and section 3), own implementation, with a state of its own for every row.
"""

from __future__ import annotations

import math

import numpy as np

from tfrepr.attacks.victim import Look

FIRST_SHARE, SHARE_LOSS, LEAST_SHARE = 0.22, 0.03, 0.06
"""Share of all steps before the first checkpoint; how much shorter each further interval is, and the shortest."""
MOMENTUM = 0.75
"""Weight of the new direction (the paper's alpha); the rest is the last move. The first step has no momentum."""
RISING = 0.75
"""Share of an interval's steps that must have risen (the paper's rho), or the step size is halved."""


def checkpoints(steps: int) -> tuple[int, ...]:
    """Numbers of steps after which the step size is looked at, below `steps` (section 3.2 of the paper)."""
    ends, interval = [FIRST_SHARE], FIRST_SHARE
    while ends[-1] < 1:
        interval = max(interval - SHARE_LOSS, LEAST_SHARE)
        ends.append(ends[-1] + interval)
    # A product such as 0.22 * 100 must not be rounded up for its last binary digit.
    return tuple(sorted({end for share in ends if (end := max(1, math.ceil(round(share * steps, 6)))) < steps}))


def to_be_halved(rises: np.ndarray, interval: int, best: np.ndarray, earlier_best: np.ndarray,
                 halved_before: np.ndarray) -> np.ndarray:
    """The two conditions of the paper at a checkpoint: too few steps rose, or neither best point nor step size changed.

    Args:
        rises: How many of the interval's steps rose, `(n,)`.
        interval: Steps since the last checkpoint.
        best: Greatest height so far.
        earlier_best: The same at the last checkpoint.
        halved_before: Whether the step size was halved there.

    Returns:
        bool, `(n,)`.
    """
    return (rises < RISING * interval) | (~halved_before & (best <= earlier_best))


class AutoSteps:
    """Sign steps whose size is halved, from the best point on, wherever progress stops.

    Args:
        step: First step size of every row, `(rows, 1, 1, 1)`: twice the radius in the paper.
        bounds: Lower and upper end for every pixel (`steps.box`).
        ascend: True to raise the loss, False to lower it.
        steps: Length of the whole climb, which the checkpoints are parts of.
    """

    def __init__(self, step: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], ascend: bool, steps: int) -> None:
        rows = len(step)
        self._sign = np.float32(1 if ascend else -1)
        self._step, self._bounds = self._sign * step, bounds
        self._checkpoints = checkpoints(steps)
        self._previous, self._best_images, self._best_gradient = (np.zeros_like(bounds[0]) for _ in range(3))
        self._height, self._best, self._earlier_best = (np.full(rows, -np.inf, dtype=np.float32) for _ in range(3))
        self._rises, self._halved = np.zeros(rows, dtype=int), np.ones(rows, dtype=bool)

    def __call__(self, number: int, rows: np.ndarray, images: np.ndarray, seen: Look) -> np.ndarray:
        """See `steps.StepRule`."""
        gradient = seen.gradient
        self._remember(number, rows, images, gradient, self._sign * seen.height)
        if number in self._checkpoints:
            images, gradient = self._look_back(number, rows, images, gradient)
        lower, upper = (bound[rows] for bound in self._bounds)
        moved = np.sign(gradient)
        moved *= self._step[rows]
        moved += images
        np.clip(moved, lower, upper, out=moved)
        if number > 0:  # images + MOMENTUM * (moved - images) + (1 - MOMENTUM) * (images - previous), without copies
            moved *= np.float32(MOMENTUM)
            moved += np.float32(2 * (1 - MOMENTUM)) * images
            moved -= np.float32(1 - MOMENTUM) * self._previous[rows]
            np.clip(moved, lower, upper, out=moved)
        self._previous[rows] = images
        return moved

    def _remember(self, number: int, rows: np.ndarray, images: np.ndarray, gradient: np.ndarray, height: np.ndarray) -> None:
        if number > 0:
            self._rises[rows] += height > self._height[rows]
        self._height[rows] = height
        higher = height > self._best[rows]
        better = rows[higher]
        self._best[better] = height[higher]
        self._best_images[better], self._best_gradient[better] = images[higher], gradient[higher]

    def _look_back(self, number: int, rows: np.ndarray, images: np.ndarray,
                   gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Halves the step size where a condition holds; these rows go on from their best point."""
        place = self._checkpoints.index(number)
        interval = number - (self._checkpoints[place - 1] if place else 0)
        halve = to_be_halved(self._rises[rows], interval, self._best[rows], self._earlier_best[rows], self._halved[rows])
        self._step[rows[halve]] /= 2
        self._halved[rows], self._earlier_best[rows], self._rises[rows] = halve, self._best[rows], 0
        back = halve[:, None, None, None]
        return np.where(back, self._best_images[rows], images), np.where(back, self._best_gradient[rows], gradient)
