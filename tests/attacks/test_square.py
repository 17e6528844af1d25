"""The Square attack on a linear score, where the best perturbation is known."""

import numpy as np
import pytest

from tfrepr.attacks.square import draws, patch_side, square_attack
from tfrepr.attacks.steps import box


def test_patches_shrink_as_in_the_paper():
    """0.8 of 32x32 pixels at first, halved after 10, 50, ... 8000 of 10,000 queries."""
    assert patch_side(0, 10_000, 32, 32) == round(np.sqrt(0.8 * 1024))
    assert patch_side(11, 10_000, 32, 32) == round(np.sqrt(0.4 * 1024))
    assert patch_side(9000, 10_000, 32, 32) == round(np.sqrt(0.8 / 512 * 1024))
    assert patch_side(11, 10_000, 32, 32) == patch_side(2, 1000, 32, 32)
    assert patch_side(0, 100, 2, 2) == 1


@pytest.fixture(scope="module")
def linear_case():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(6, 6, 3)).astype(np.float32)
    images = rng.uniform(0, 1, (4, 6, 6, 3)).astype(np.float32)
    random = tuple(map(np.stack, zip(*(draws(np.random.default_rng(row), 400, 6, 3) for row in range(4)), strict=True)))
    return weights, images, random


def attack(linear_case, offset, rows=slice(None), queries=400):
    weights, images, random = linear_case
    images = images[rows]
    epsilon = np.full((len(images), 1, 1, 1), 0.1, dtype=np.float32)
    calls = []

    def margins(x, ids):
        calls.append(len(x))
        return (x * weights).sum(axis=(1, 2, 3)) - offset[ids]

    ids = np.arange(4)[rows]
    found = square_attack(margins, images, ids, epsilon=epsilon, bounds=box(images, epsilon, 0, 1), queries=queries,
                          random=tuple(array[rows] for array in random))
    return found, images, calls


def test_it_climbs_nearly_to_the_optimum_of_a_linear_margin(linear_case):
    weights, images, _ = linear_case
    lower, upper = box(images, 0.1, 0, 1)
    best = (np.where(weights > 0, upper, lower) * weights).sum(axis=(1, 2, 3))
    clean = (images * weights).sum(axis=(1, 2, 3))
    found, *_ = attack(linear_case, offset=best + 1)
    reached = (found * weights).sum(axis=(1, 2, 3))
    assert ((reached - clean) / (best - clean) > 0.7).all()
    assert (found >= lower).all()
    assert (found <= upper).all()


def test_it_begins_with_vertical_stripes_in_the_corners_of_the_ball(linear_case):
    """Algorithm 2's initialisation: every column of a channel goes up or down as a whole, before any patch."""
    found, images, _ = attack(linear_case, offset=np.full(4, -1e9))
    lower, upper = box(images, 0.1, 0, 1)
    assert ((found == lower) | (found == upper)).all()
    inside = (images > 0.1) & (images < 0.9)
    signs = np.where(inside, np.sign(found - images), np.nan)
    assert (np.nanmax(signs, axis=1) == np.nanmin(signs, axis=1)).all(), "one sign a column"
    assert len(np.unique(signs[:, :, :, 0][~np.isnan(signs[:, :, :, 0])])) == 2


def test_won_images_leave_the_search(linear_case):
    weights, images, _ = linear_case
    clean = (images * weights).sum(axis=(1, 2, 3))
    found, _, calls = attack(linear_case, offset=clean + 0.5)
    assert ((found * weights).sum(axis=(1, 2, 3)) > clean + 0.5).all()
    assert calls[-1] < 4
    assert len(calls) < 400


def test_an_image_s_result_does_not_depend_on_the_others(linear_case):
    offset = np.full(4, 1e9)
    together, *_ = attack(linear_case, offset)
    alone, *_ = attack(linear_case, offset, rows=slice(2, 3))
    np.testing.assert_array_equal(together[2:3], alone)
