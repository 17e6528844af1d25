"""Main effects and interaction of a 2 x 2, by hand and against least squares."""

import numpy as np
import pytest

from tfrepr.claims.factorial import CELLS, effects

BY_HAND = {(False, False): {0: 10.0}, (False, True): {0: 14.0}, (True, False): {0: 11.0}, (True, True): {0: 21.0}}


def random_cells(seeds):
    values = np.random.default_rng(seeds).normal(50, 9, (4, seeds))
    return {cell: dict(enumerate(row)) for cell, row in zip(CELLS, values, strict=True)}


def test_effects_by_hand():
    """High minus low: 1 and 7 along the first factor, 4 and 10 along the second; 7 minus 1 is the interaction."""
    found = effects(BY_HAND)
    assert (found.first.values, found.second.values, found.interaction.values) == ((4.0,), (7.0,), (6.0,))


def test_factors_that_only_add_have_no_interaction():
    cells = {(first, second): {seed: 3.0 * first - 5.0 * second + 100 * seed for seed in range(3)} for first, second in CELLS}
    found = effects(cells)
    assert [effect.mean for effect in (found.first, found.second, found.interaction)] == pytest.approx([3, -5, 0])
    assert found.first.values == pytest.approx((3, 3, 3))  # what a seed adds to all four cells cancels


def test_least_squares_gives_the_same_effects():
    cells = random_cells(6)
    signs = np.array(CELLS) - 0.5
    design = np.column_stack([np.ones(4), signs, 4 * signs.prod(axis=1) / 2])
    values = np.array([list(cells[cell].values()) for cell in CELLS])
    _, first, second, interaction = np.linalg.lstsq(design, values.mean(axis=1), rcond=None)[0]
    found = effects(cells)
    assert (found.first.mean, found.second.mean) == pytest.approx((first, second))
    assert found.interaction.mean == pytest.approx(2 * interaction)  # the coefficient of half the product of the signs


def test_interval_is_students():
    """t of two degrees of freedom at 97.5% is 4.302653, and the standard deviation of 1, 3, 5 is 2."""
    half_width = 4.302653 * 2 / np.sqrt(3)
    cells = {cell: {0: 0.0, 1: 0.0, 2: 0.0} for cell in CELLS} | {(True, True): {0: 2.0, 1: 6.0, 2: 10.0}}
    assert effects(cells).first.interval == pytest.approx((3 - half_width, 3 + half_width), abs=1e-5)
    cells = random_cells(3)
    effect = effects(cells).interaction
    low, high = effect.interval
    assert (low + high) / 2 == pytest.approx(effect.mean)
    assert (high - low) / 2 == pytest.approx(4.302653 * np.std(effect.values, ddof=1) / np.sqrt(3), rel=1e-6)


def test_fewer_than_three_seeds_have_values_and_no_interval():
    assert effects(random_cells(2)).first.interval is None
    assert effects(BY_HAND).interaction.text() == "+6.0"


def test_only_seeds_with_all_four_cells_count():
    cells = random_cells(5)
    whole = effects(cells).first.values
    del cells[False, True][1], cells[True, True][3]
    assert effects(cells).first.values == (whole[0], whole[2], whole[4])
    cells[True, False] = {}
    assert effects(cells) is None
