"""Where the points of a few measured values go."""

import numpy as np
import pytest

from tfrepr.figures import style
from tfrepr.figures.levels import Levels


def axes_of(levels):
    axes = style.new_figure(3, 2).subplots()
    levels.name(axes)
    return axes


def test_few_values_are_equally_far_apart_and_not_joined():
    levels = Levels([4, 0, 128, 4], 3)
    assert levels.line("-") == "none"
    places = np.array([levels.places([0, 4, 128], rank) for rank in range(3)])
    np.testing.assert_allclose(places, [np.arange(3) + offset for offset in (-0.2, 0, 0.2)])
    axes = axes_of(levels)
    np.testing.assert_array_equal(axes.get_xticks(), [0, 1, 2])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "4", "128"]
    np.testing.assert_array_equal(axes.get_xticks(minor=True), [0.5, 1.5])


def test_one_value_has_an_axis():
    levels = Levels([1.0], 1)
    np.testing.assert_array_equal(levels.places([1.0], 0), [0])
    assert axes_of(levels).get_xlim() == (-0.5, 0.5)


def test_four_values_are_joined_at_their_own_places():
    levels = Levels([0, 0.1, 0.2, 0.3], 2)
    assert levels.line("-") == "-"
    np.testing.assert_array_equal(levels.places([0.1, 0.3], 1), [0.1, 0.3])
    np.testing.assert_array_equal(axes_of(levels).get_xticks(), [0, 0.1, 0.2, 0.3])


def test_series_on_a_logarithmic_axis_stay_nearer_to_their_value_than_to_the_next():
    values = np.array([1, 2, 4, 8, 10, 20.0])
    levels = Levels(values, 5, logarithmic=True)
    assert axes_of(levels).get_xscale() == "log"
    for rank in range(5):
        factors = levels.places(values, rank) / values
        np.testing.assert_allclose(factors, factors[0])
        assert 1 / 1.25**0.5 < factors[0] < 1.25**0.5
    assert levels.places([4.0], 2) == pytest.approx([4.0])
