"""Auto-PGD's rule on sequences made by hand, and its climb where the optimum is known."""

import numpy as np
import pytest
from small_models import seen

from tfrepr.attacks.auto_steps import AutoSteps, checkpoints, to_be_halved
from tfrepr.attacks.steps import box, climb


def test_checkpoints_are_those_of_the_paper():
    """p = 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99, each rounded up after it was multiplied by the steps."""
    assert checkpoints(100) == (22, 41, 57, 70, 80, 87, 93, 99)
    assert checkpoints(10) == (3, 5, 6, 7, 8, 9)
    assert checkpoints(1) == ()


def test_the_two_conditions():
    """Few rises; enough of them; enough, but nothing gained at the same step size; the same, with a step size just halved."""
    rises, before = np.array([11, 12, 12, 12]), np.array([False, False, False, True])
    best, earlier = np.array([2.0, 2.0, 1.0, 1.0]), np.ones(4)
    assert to_be_halved(rises, 16, best, earlier, before).tolist() == [True, False, True, False]


def steps_of(heights, steps=10, ascend=True):
    """Moves of one pixel whose gradient is 1, with these heights at each iterate: where it was looked at."""
    start, seen_at, sign = np.zeros((1, 1, 1, 1), dtype=np.float32), [], 1 if ascend else -1
    rule = AutoSteps(np.ones_like(start), box(start, 1000.0, -np.inf, np.inf), ascend, steps)

    def look(images, rows):
        height = np.float32([sign * heights[len(seen_at)]])
        seen_at.append(images.item())
        return seen(sign * np.ones_like(images), height)

    ended, _ = climb(look, start, rule, steps)
    return [*seen_at, ended.item()]


@pytest.mark.parametrize("ascend", [True, False])
def test_steady_progress_keeps_the_step_size_and_gathers_momentum(ascend):
    """x1 = 1; then a move of 0.75 * 1 + 0.25 * the last move, which stays 1."""
    assert steps_of(range(10), ascend=ascend) == list(range(11))


def test_where_progress_stops_the_step_is_halved_and_the_best_point_taken_up():
    """Checkpoints 3, 5, 6, ... The best is at iterate 2; one rise of two since checkpoint 3 is too few.

    At 5 the image is sent back to where it was at iterate 2 and steps on by half: 2 + 0.75 * 0.5 + 0.25 * (2 - 4).
    """
    path = steps_of([0, 1, 2, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3])
    assert path[:4] == [0, 1, 2, 3], "two of three steps rose: fewer than 0.75 * 3"
    assert path[4] == pytest.approx(2 + 0.75 * 0.5 + 0.25 * (2 - 2))
    moved = path[4]
    assert path[5] == pytest.approx(moved + 0.75 * 0.5 + 0.25 * (moved - 2))
    assert path[6] == pytest.approx(2 + 0.75 * 0.25 + 0.25 * (2 - moved))


def test_each_row_has_a_step_size_of_its_own():
    """Two rows, one that rises and one that does not, against each alone."""
    start = np.zeros((2, 1, 1, 1), dtype=np.float32)

    def path(rows):
        heights = np.float32([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]])[rows].T.copy()
        counter = iter(heights)
        rule = AutoSteps(np.ones_like(start[rows]), box(start[rows], 99.0, -np.inf, np.inf), True, 10)
        return climb(lambda images, _: seen(np.ones_like(images), next(counter)), start[rows], rule, 10)[0].ravel()

    together = path([0, 1])
    assert together.tolist() == [*path([0]), *path([1])]
    assert together[0] == 10
    assert together[1] < 5


def test_it_reaches_the_corner_of_the_ball_on_a_linear_model():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 4, 3)).astype(np.float32)
    images = rng.uniform(0, 1, (5, 4, 4, 3)).astype(np.float32)
    bounds = box(images, 0.1, 0, 1)
    start = np.clip(images + rng.uniform(-0.1, 0.1, images.shape).astype(np.float32), *bounds)
    rule = AutoSteps(np.full((5, 1, 1, 1), 0.2, np.float32), bounds, True, 20)

    def look(points, rows):
        return seen(np.broadcast_to(weights, points.shape), (points * weights).sum(axis=(1, 2, 3)))

    ended, _ = climb(look, start, rule, 20)
    np.testing.assert_allclose(ended, np.where(weights > 0, bounds[1], bounds[0]), atol=1e-6)
