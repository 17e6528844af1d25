"""The attack loop against closed forms on linear losses and against a per-pixel loop."""

import numpy as np
import pytest
from small_models import seen, sign_steps

from tfrepr.attacks.steps import SignSteps, box, climb

EVERYWHERE = (np.float32(-np.inf), np.float32(np.inf))


def linear(weights):
    """Gradient of the loss sum(weights * image), the same everywhere."""
    return lambda images: np.broadcast_to(weights, images.shape).astype(np.float32)


@pytest.fixture(scope="module")
def weights():
    weights = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    weights[0, 0] = 0
    return weights


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).uniform(-1, 1, (5, 4, 4, 3)).astype(np.float32)


@pytest.mark.parametrize(("ascend", "sign"), [(True, 1), (False, -1)])
def test_one_step_moves_each_pixel_by_epsilon_times_the_sign_of_its_weight(images, weights, ascend, sign):
    bounds = box(images, 0.2, *EVERYWHERE)
    moved = sign_steps(linear(weights), images, bounds=bounds, step=0.2, steps=1, ascend=ascend)
    np.testing.assert_allclose(moved - images, np.broadcast_to(sign * 0.2 * np.sign(weights), images.shape), atol=1e-6)


@pytest.mark.parametrize(("ascend", "sign"), [(True, 1), (False, -1)])
def test_five_steps_of_a_fifth_reach_the_same_point_on_a_linear_loss(images, weights, ascend, sign):
    bounds = box(images, 0.3, *EVERYWHERE)
    moved = sign_steps(linear(weights), images, bounds=bounds, step=0.06, steps=5, ascend=ascend)
    np.testing.assert_allclose(moved - images, np.broadcast_to(sign * 0.3 * np.sign(weights), images.shape), atol=1e-6)


def test_clip_holds_the_total_perturbation_and_the_range(images, weights):
    bounds = box(images, 0.3, -0.9, 0.9)
    moved = sign_steps(linear(weights), images, bounds=bounds, step=0.2, steps=10, ascend=True)
    expected = np.clip(images + 0.3 * np.sign(weights), np.minimum(images, -0.9), np.maximum(images, 0.9))
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_an_image_outside_the_range_is_never_moved_further_out_and_epsilon_zero_is_the_identity(images):
    outside = images * 2
    lower, upper = box(outside, 0.0, -0.5, 0.5)
    np.testing.assert_array_equal(lower, outside)
    np.testing.assert_array_equal(upper, outside)


def test_loop_equals_equation_4_pixel_by_pixel():
    """A loss whose gradient changes along the way, against scalar arithmetic."""
    start, epsilon, step = 0.3, 0.5, 0.2
    gradient = lambda x: np.cos(9 * x)  # noqa: E731
    value = np.float32(start)
    for _ in range(7):
        value = min(max(value + np.float32(step) * np.sign(gradient(value)), start - epsilon), start + epsilon)
    images = np.full((1, 1, 1, 1), start, dtype=np.float32)
    moved = sign_steps(gradient, images, bounds=box(images, epsilon, *EVERYWHERE), step=step, steps=7, ascend=True)
    assert moved.item() == pytest.approx(value, abs=1e-6)


def test_accumulated_gradients_follow_the_sign_of_their_sum():
    """Gradients +3, -1, -1, -1.5: the sum is positive until the last, so three steps up and one down."""
    gradients = iter([3.0, -1.0, -1.0, -1.5])
    images = np.zeros((1, 1, 1, 1), dtype=np.float32)
    moved = sign_steps(lambda x: np.full_like(x, next(gradients)), images, bounds=box(images, 9.0, *EVERYWHERE),
                       step=1.0, steps=4, ascend=True, accumulate=True)
    assert moved.item() == 2.0


def test_a_known_first_gradient_replaces_the_first_call():
    calls = []
    images = np.zeros((2, 1, 1, 1), dtype=np.float32)

    def gradient(x):
        calls.append(x)
        return np.ones_like(x)

    moved = sign_steps(gradient, images, bounds=box(images, 9.0, *EVERYWHERE), step=1.0, steps=3, ascend=True,
                       first=-np.ones_like(images))
    assert len(calls) == 2
    assert moved.tolist() == np.ones((2, 1, 1, 1)).tolist()


def test_rows_leave_when_they_need_not_go_on_and_the_others_do_not_notice():
    """Four rows that leave after their own number of steps; every iterate but the last is shown, each to its own row."""
    shown = []
    start = np.zeros((4, 1, 1, 1), dtype=np.float32)

    def going_on(rows, images, look):
        shown.append(dict(zip(rows.tolist(), images.ravel().tolist(), strict=True)))
        return images.ravel() < np.array([0, 2, 9, 1])[rows]

    ended, left = climb(lambda images, rows: seen(np.ones_like(images)), start,
                        SignSteps(np.ones_like(start), box(start, 9.0, *EVERYWHERE), True), 4, going_on=going_on)
    assert shown == [{0: 0, 1: 0, 2: 0, 3: 0}, {1: 1, 2: 1, 3: 1}, {1: 2, 2: 2}, {2: 3}]
    assert ended.ravel().tolist() == [0, 2, 4, 1]
    assert left.tolist() == [2]
