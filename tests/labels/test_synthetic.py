"""Drawn labels against the authors' tables and against their definitions."""

import hashlib
import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tfrepr.labels import synthetic
from tfrepr.labels.options import LabelOptions
from tfrepr.registry import LABELS

AUTHORS_NAMES = {"constant": "uniform"}
AUTHORS_TABLES = [(label, classes) for label in ("constant", "random", "composite") for classes in (10, 100)] + [("lowdim", 10)]


def names(classes):
    return tuple(f"class {index}" for index in range(classes))


def table(label, classes, side=64, **options):
    return LABELS[label](names(classes), side, LabelOptions(**options))


@pytest.mark.parametrize(("label", "classes"), AUTHORS_TABLES)
def test_equals_the_authors_table_bit_for_bit(shared, label, classes):
    published = np.load(
        shared / "reference" / "authors_labels" / "npy" / f"cifar{classes}_{AUTHORS_NAMES.get(label, label)}.npy")
    ours = table(label, classes)
    assert ours.dtype == published.dtype == np.float32
    assert ours.tobytes() == published.tobytes()


def test_golden_values_of_random():
    rows = table("random", 100)
    assert rows[0, 0, :3].tolist() == np.float32([1.3992217, 71.32586, 22.788893]).tolist()
    assert rows[99, 63, 63] == np.float32(11.375773)


def test_golden_values_of_composite():
    rows = table("composite", 100)
    np.testing.assert_allclose(rows[0, 0, :3], [20.053045, 22.255817, 24.580013], rtol=0, atol=1e-6)
    assert rows[99, 63, 63] == pytest.approx(6.548043, abs=1e-6)


def test_lowdim_is_the_stream_of_random_cut_into_rows():
    stream = np.random.RandomState(48).uniform(0, 80, 49)
    assert table("lowdim", 7).tolist() == stream.astype(np.float32).reshape(7, 7).tolist()


def test_constant_by_hand():
    rows = table("constant", 5, side=2)
    assert rows.tolist() == [[[value] * 2] * 2 for value in (0.0, 20.0, 40.0, 60.0, 80.0)]


@pytest.mark.parametrize("label", ["random", "composite"])
@pytest.mark.parametrize("seed", [None, 7])
def test_rows_do_not_depend_on_the_number_of_classes(label, seed):
    few, many = (table(label, classes, side=8, label_seed=seed) for classes in (3, 105))
    assert few.tobytes() == many[:3].tobytes()
    assert len({row.tobytes() for row in many}) == 105


@pytest.mark.parametrize("label", ["random", "lowdim", "composite"])
def test_another_seed_gives_another_table_and_the_same_seed_the_same(label):
    first, again, other, default = (table(label, 4, side=8, label_seed=seed) for seed in (5, 5, 6, None))
    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, default)


def test_seed_48_is_the_default_of_random():
    assert table("random", 3, side=4, label_seed=48).tobytes() == table("random", 3, side=4).tobytes()


def test_composite_is_a_sum_of_rotated_normal_densities():
    """SciPy's multivariate normal, with the covariance written out, against our turned coordinates."""
    side, gaussians = 16, synthetic.independent_gaussians(1, seed=3)[0]
    centres = (np.arange(64) + 0.5) / 64 - 0.5
    points = np.stack(np.meshgrid(centres, -centres), axis=-1)
    total = np.zeros((64, 64))
    for x, y, angle in gaussians:
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        covariance = turn @ np.diag([synthetic.LONG_SIGMA**2, synthetic.SHORT_SIGMA**2]) @ turn.T
        density = multivariate_normal(mean=(x, y), cov=covariance)
        total += density.pdf(points) / density.pdf((x, y))
    expected = (80 * (total - total.min()) / np.ptp(total))[2::4, 2::4]
    np.testing.assert_allclose(synthetic.compose(gaussians, side), expected, atol=1e-5)


def test_composite_draws_one_gaussian_where_it_is_told():
    """A single Gaussian in the upper right, long side level: the brightest pixel and the falloff follow by hand."""
    label = synthetic.compose(np.array([[0.25, 0.25, 0.0]]), side=32)
    assert np.unravel_index(label.argmax(), label.shape) in {(7, 23), (7, 24), (8, 23), (8, 24)}
    assert label[8, 4] > label[28, 24]


def test_authors_gaussians_lie_in_their_ranges_and_share_no_number():
    drawn = synthetic.authors_gaussians(100)
    assert drawn.shape == (100, 10, 3)
    assert np.abs(drawn[..., :2]).max() < 0.5
    assert 0 <= drawn[..., 2].min() <= drawn[..., 2].max() < math.pi
    assert len(np.unique(drawn[..., :2])) == 2000


def test_other_sides_show_the_same_picture():
    """Every second pixel of the larger picture lies 0.4 of its pixels beside the smaller one's: nearly the same value."""
    large, small = table("composite", 2, side=96), table("composite", 2, side=48)
    assert small.shape == (2, 48, 48)
    assert np.abs(large[:, 1::2, 1::2] - small).max() < 6.0


@pytest.mark.parametrize("label", ["constant", "random", "lowdim", "composite"])
def test_range_and_type(label):
    rows = table(label, 12, side=16)
    assert rows.dtype == np.float32
    assert len(rows) == 12
    assert 0 <= rows.min() <= rows.max() <= 80


def test_golden_digest_of_composite():
    """All hundred rows at once, so that the check does not need the reference data."""
    assert hashlib.sha256(table("composite", 100).tobytes()).hexdigest()[:16] == "7eb3aa82f661a473"
