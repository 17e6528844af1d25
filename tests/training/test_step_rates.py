"""Rates at the corner points of both policies."""

import math

import pytest

from tfrepr.training.step_rates import flat_cosine, one_cycle


def test_flat_then_cosine():
    rate = flat_cosine(0.1, 200)
    assert [float(rate(step)) for step in (0, 1, 75, 150)] == pytest.approx([0.1] * 4)
    assert float(rate(175)) == pytest.approx(0.05, rel=1e-4), "half of the cosine"
    assert float(rate(160)) == pytest.approx(0.1 * (1 + math.cos(math.pi / 5)) / 2, rel=1e-4)
    assert float(rate(200)) == pytest.approx(1e-6, rel=1e-3)


def test_one_cycle():
    rate = one_cycle(0.1, 200)
    assert float(rate(0)) == pytest.approx(0.004)
    assert float(rate(25)) == pytest.approx((0.004 + 0.1) / 2)
    assert float(rate(50)) == pytest.approx(0.1)
    assert float(rate(125)) == pytest.approx(0.05, rel=1e-4)
    assert float(rate(200)) == pytest.approx(1e-6, rel=1e-3)
    assert max(float(rate(step)) for step in range(201)) == float(rate(50))


@pytest.mark.parametrize("policy", [flat_cosine, one_cycle])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_stages_of_few_steps_have_a_rate(policy, steps):
    rates = [float(policy(0.1, steps)(step)) for step in range(steps)]
    assert all(0 < rate <= 0.1 * (1 + 1e-6) for rate in rates)
