"""The rule behind every verdict: intervals, margins, Holm's correction, and how often it is wrong."""

import numpy as np
import pytest
import scipy.stats

from tfrepr.claims.verdicts import (
    ABOVE,
    ALPHA,
    BELOW,
    COMPARABLE,
    CONTRADICTED,
    INCONCLUSIVE,
    SUPPORTED,
    holm,
    over_images,
    over_seeds,
    p_values,
    words,
)


def verdict(estimate, expected, margin):
    return words([p_values(estimate, expected, margin)])[0]


def test_the_interval_over_seeds_is_students():
    found = over_seeds([1.0, 2.0, 3.0])
    half = 4.302653 / 3**0.5
    assert found.interval == pytest.approx((2 - half, 2 + half), rel=1e-6)
    assert found.text() == "+2.0 [-0.5, +4.5]"
    assert found.at_most(0) == pytest.approx(scipy.stats.ttest_1samp([1, 2, 3], 0, alternative="greater").pvalue)
    assert found.at_least(5) == pytest.approx(scipy.stats.ttest_1samp([1, 2, 3], 5, alternative="less").pvalue)


@pytest.mark.parametrize(("values", "text"), [([1.5], "+1.5"), ([1.5, -0.25], "+1.5, -0.2")])
def test_one_and_two_seeds_have_no_interval(values, text):
    found = over_seeds(values)
    assert found.interval is None
    assert found.text() == text
    assert verdict(found, ABOVE, -100) == INCONCLUSIVE


def test_the_bootstrap_over_images_is_the_paired_interval():
    """Against the normal approximation of a paired difference of shares, and the same each time."""
    rng = np.random.default_rng(5)
    differences = rng.choice([-100.0, 0.0, 100.0], size=4000, p=[0.05, 0.8, 0.15])
    found = over_images(differences)
    half = 1.959964 * differences.std() / 4000**0.5
    assert found.mean == differences.mean()
    assert found.interval == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.1)
    assert over_images(differences).interval == found.interval
    assert found.at_most(0) == pytest.approx(1e-4)
    assert found.at_most(differences.mean()) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("images", "only_first", "only_second", "margin", "word"), [
    (1000, 4, 0, 0.0, INCONCLUSIVE), (1000, 5, 0, 0.0, INCONCLUSIVE), (1000, 7, 0, 0.0, SUPPORTED),
    (1000, 0, 0, -0.1, INCONCLUSIVE), (10_000, 0, 0, -0.1, SUPPORTED), (3, 3, 0, 0.0, INCONCLUSIVE)])
def test_a_handful_of_images_is_no_certainty(images, only_first, only_second, margin, word):
    """The exact sign test of 5 against 0 has 0.031, of 7 against 0 it has 0.008; a level of 0.025 is asked."""
    each = np.repeat([100.0, -100.0, 0.0], [only_first, only_second, images - only_first - only_second])
    assert verdict(over_images(each), ABOVE, margin) == word


def test_equal_seeds_are_no_certainty():
    found = over_seeds([2.0, 2.0, 2.0])
    assert (found.interval, found.text()) == (None, "+2.0, +2.0, +2.0")
    assert verdict(found, ABOVE, 1.0) == INCONCLUSIVE


@pytest.mark.parametrize(("expected", "margin", "word"), [
    (ABOVE, 0.0, SUPPORTED), (ABOVE, 1.0, INCONCLUSIVE), (ABOVE, 3.0, CONTRADICTED), (BELOW, 0.0, CONTRADICTED),
    (BELOW, 3.0, SUPPORTED), (COMPARABLE, 3.0, SUPPORTED), (COMPARABLE, 1.1, INCONCLUSIVE), (COMPARABLE, 0.1, CONTRADICTED)])
def test_the_side_of_the_margin_on_which_the_interval_lies(expected, margin, word):
    estimate = over_seeds([0.9, 1.0, 1.1, 1.2, 0.8])
    assert estimate.interval == pytest.approx((0.804, 1.196), abs=1e-3)
    assert verdict(estimate, expected, margin) == word


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_several_comparisons_need_smaller_p_values():
    assert words([(0.02, 0.98)]) == [SUPPORTED]
    assert words([(0.02, 0.98), (0.5, 0.5)]) == [INCONCLUSIVE] * 2
    assert words([(0.012, 0.98), (0.5, 0.5)]) == [SUPPORTED, INCONCLUSIVE]
    assert words([(0.012, 0.98), (0.5, 0.5), None]) == [INCONCLUSIVE] * 3, "what was not run counts"
    assert words([(0.008, 0.98), None, None]) == [SUPPORTED, INCONCLUSIVE, INCONCLUSIVE]
    assert words([(0.98, 0.001), (0.012, 0.98)]) == [CONTRADICTED, SUPPORTED]


@pytest.mark.parametrize(("expected", "margin"), [(ABOVE, 0.0), (COMPARABLE, 3.0)])
def test_a_false_word_is_as_rare_as_stated(expected, margin):
    """Four labels, three seeds, the true difference on the margin: one false "contradicted" in 40 claims, not one in eleven."""
    rng = np.random.default_rng(1)
    trials, false = 400, 0
    for _ in range(trials):
        seeds = rng.normal(margin, 2.0, (4, 3))
        false += CONTRADICTED in words([p_values(over_seeds(row), expected, margin) for row in seeds])
    assert false / trials < ALPHA + 3 * (ALPHA * (1 - ALPHA) / trials) ** 0.5
