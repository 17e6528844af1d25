"""Target classes: wrong, uniform, the same for all models; the authors' golden numbers."""

import numpy as np

from tfrepr.attacks.targets import authors_targets, random_targets


def test_the_authors_first_draws():
    """An impossible true class leaves every draw standing; golden values for 10 classes."""
    assert authors_targets(np.full(10, -1), 10).tolist() == [7, 6, 1, 4, 5, 4, 3, 6, 0, 1]


def test_the_authors_draw_again_where_the_true_class_came_up():
    """Truth 7 swallows the first draw, so every later image gets its successor's number."""
    assert authors_targets(np.array([7, -1, -1, 5]), 10).tolist() == [6, 1, 4, 4]


def test_targets_are_wrong_and_uniform():
    ids = np.arange(9000) % 10
    targets = random_targets(ids, 10, dataset="cifar10", attack_seed=0)
    assert targets.dtype == np.int32
    assert (targets != ids).all()
    counts = np.bincount((targets - ids) % 10, minlength=10)[1:]
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000)


def test_targets_depend_on_data_set_and_attack_seed_only():
    ids = np.arange(500) % 10
    first = random_targets(ids, 10, dataset="cifar10", attack_seed=0)
    np.testing.assert_array_equal(first, random_targets(ids, 10, dataset="cifar10", attack_seed=0))
    assert (first != random_targets(ids, 10, dataset="cifar10", attack_seed=1)).any()
    assert (first != random_targets(ids, 10, dataset="cifar100", attack_seed=0)).any()


def test_two_classes_leave_only_the_other_one():
    assert random_targets(np.array([0, 1, 1]), 2, dataset="x", attack_seed=3).tolist() == [1, 0, 0]
