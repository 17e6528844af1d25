"""Splits: counts, nested levels, class balance, and the errors that a level can cause."""

import re

import numpy as np
import pytest

from tfrepr.data.splits import split, stratified_holdout, stratified_order
from tfrepr.errors import UserError

TEN = tuple("abcdefghij")
CIFAR_IDS = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 5000))
CIFAR = {"validation": 5000, "class_names": TEN}


def test_cifar_counts():
    parts = split(CIFAR_IDS, seed=0, **CIFAR)
    assert (len(parts.train), len(parts.validation), parts.train.dtype) == (45_000, 5_000, np.int64)
    np.testing.assert_array_equal(np.sort(np.concatenate([parts.train, parts.validation])), np.arange(50_000))


@pytest.mark.parametrize(("percent", "percent_of", "count"), [
    (1, None, 450), (2, None, 900), (4, None, 1800), (8, None, 3600), (10, None, 4500), (20, None, 9000), (29, None, 13_050),
    (0.7, None, 315), (33.3, None, 14_985), (1, 50_000, 500), (8, 50_000, 4000), (20, 50_000, 10_000), (90, 50_000, 45_000)])
def test_level_counts(percent, percent_of, count):
    assert len(split(CIFAR_IDS, percent=percent, percent_of=percent_of, seed=3, **CIFAR).train) == count


def test_cifar_levels_are_prefixes_of_one_permutation():
    whole = split(CIFAR_IDS, seed=7, **CIFAR)
    for percent in (1, 2, 4, 8, 10, 20):
        part = split(CIFAR_IDS, percent=percent, seed=7, **CIFAR)
        np.testing.assert_array_equal(part.train, whole.train[: len(part.train)])
        np.testing.assert_array_equal(part.validation, whole.validation)
    counts = np.bincount(CIFAR_IDS[whole.validation], minlength=10)
    assert counts.std() > 5, "the paper's split is not stratified"


def test_seeds_give_different_splits_and_repeat():
    first, again, other = (split(CIFAR_IDS, seed=seed, **CIFAR) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train, again.train)
    shared = np.intersect1d(first.validation, other.validation)
    assert 400 < len(shared) < 600, "two independent tenths of the images share a hundredth"


def uneven_ids():
    return np.random.default_rng(2).permutation(np.repeat(np.arange(4), [400, 100, 37, 11]))


@pytest.mark.parametrize("percent", [10, 25, 50, 100])
def test_stratified_levels_are_balanced_and_nested(percent):
    ids, names = uneven_ids(), tuple("abcd")
    whole = split(ids, validation=0.1, seed=5, class_names=names)
    part = split(ids, validation=0.1, percent=percent, seed=5, class_names=names)
    np.testing.assert_array_equal(part.train, whole.train[: len(part.train)])
    np.testing.assert_array_equal(part.validation, whole.validation)
    assert np.bincount(ids[whole.validation]).tolist() == [40, 10, 4, 1]
    expected = np.bincount(ids[whole.train]) * len(part.train) / len(whole.train)
    assert np.abs(np.bincount(ids[part.train], minlength=4) - expected).max() <= 1.5
    np.testing.assert_array_equal(np.sort(np.concatenate([whole.train, whole.validation])), np.arange(len(ids)))


@pytest.mark.parametrize("seed", range(5))
def test_every_prefix_of_a_stratified_order_is_balanced(seed):
    ids = uneven_ids()
    order = stratified_order(ids, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(ids)))
    seen = np.cumsum(np.eye(4)[ids[order]], axis=0)
    share = np.bincount(ids) / len(ids)
    deviation = seen - np.arange(1, len(ids) + 1)[:, None] * share
    assert np.abs(deviation).max() <= 2


def test_holdout_rounds_within_classes():
    ids = np.repeat(np.arange(5), [1, 2, 3, 10, 14])
    kept, held = stratified_holdout(ids, 0.2, np.random.default_rng(0))
    assert np.bincount(ids[held], minlength=5).tolist() == [0, 1, 1, 2, 3]
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(30))


def test_holdout_draws_every_image_alike():
    ids = np.repeat(np.arange(2), [10, 30])
    counts = sum(np.bincount(stratified_holdout(ids, 0.2, np.random.default_rng(seed))[1], minlength=40)
                 for seed in range(2000))
    assert np.abs(counts / 2000 - 0.2).max() < 0.045, "five standard deviations"


def empty_class_message(**arguments):
    with pytest.raises(UserError) as caught:
        split(**arguments)
    return str(caught.value)


@pytest.mark.parametrize("validation", [5000, 0.1])
def test_empty_class_says_which_level_would_do(validation):
    """CIFAR-100 at 1%: 450 images seldom hold all of 100 classes; the level that the message names does, the next lower not."""
    rng = np.random.default_rng(0)
    counts = np.full(100, 500) if validation == 5000 else np.geomspace(4, 500, 100).astype(int)
    ids = rng.permutation(np.repeat(np.arange(100), counts))
    arguments = {"ids": ids, "validation": validation, "seed": 1, "class_names": tuple(f"class{i}" for i in range(100))}
    message = empty_class_message(percent=0.4, **arguments)
    assert re.search(r"\d+ of 100 classes \(class\d+.* would have no image among the \d+ training images", message)
    smallest = float(re.search(r"--percent ([\d.]+\d)", message).group(1))
    parts = split(percent=smallest, **arguments)
    assert len(np.unique(ids[parts.train])) == 100
    assert f"--percent {smallest:g}" in empty_class_message(percent=smallest - 0.01, **arguments)


def test_class_without_any_image():
    message = empty_class_message(ids=np.zeros(50, int), validation=0.1, seed=0, class_names=("here", "gone"))
    assert "1 of 2 classes (gone)" in message
    assert "level does not matter" in message


@pytest.mark.parametrize(("changes", "message"), [
    ({"percent": 100, "percent_of": 50_000},
     r"100% of 50000 images are 50000, but only 45000 remain.* --percent 90 or less, or --percent-of 45000"),
    ({"percent": 91, "percent_of": 50_000}, "are 45500"),
    ({"percent": 0.001}, r"0.001% of 45000 training images is not one image. Use --percent 0.003 or more"),
    ({"validation": 50_000}, "there are only 50000"),
    ({"validation": 60_000}, "there are only 50000"),
])
def test_impossible_levels(changes, message):
    with pytest.raises(UserError, match=message):
        split(**{"ids": CIFAR_IDS, "seed": 0, **CIFAR, **changes})


def test_the_named_smallest_percent_gives_one_image():
    one_class = {"ids": np.zeros(45_003, int), "validation": 3, "seed": 0, "class_names": ("only",)}
    assert len(split(percent=0.003, **one_class).train) == 1
