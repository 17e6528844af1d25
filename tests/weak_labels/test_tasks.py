"""Simulated tasks: how many labels are hidden or wrong, and which."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from tfrepr.data.class_names import class_names
from tfrepr.data.splits import stratified_holdout
from tfrepr.errors import UserError
from tfrepr.registry import DATASETS
from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig
from tfrepr.weak_labels.tasks import (
    UNLABELLED,
    check_folds,
    hide_labels,
    missing_label_task,
    noisy_label_task,
    pair_partners,
    wrong_labels,
)
from tfrepr.weak_labels.training import VALIDATION_SHARE

NAMES = ("ant", "bee", "cow", "dog")
IDS = np.repeat(np.arange(4), (100, 50, 200, 50))


def test_hidden_labels_are_a_stratified_nested_part():
    few, many = (hide_labels(IDS, percent, 3, NAMES) for percent in (10, 40))
    assert np.bincount(few[few != UNLABELLED]).tolist() == [10, 5, 20, 5]
    assert ((few == UNLABELLED) | (few == IDS)).all()
    assert (many[few != UNLABELLED] != UNLABELLED).all()
    assert (hide_labels(IDS, 10, 4, NAMES) != few).any()


def test_a_class_without_labelled_image_is_named():
    with pytest.raises(UserError, match="no labelled image of: dog"):
        hide_labels(IDS, 1, 0, NAMES)


def test_one_labelled_image_of_each_class_is_refused_before_anything_is_trained():
    with pytest.raises(UserError, match="one of each class, and none is left to validate"):
        hide_labels(np.repeat(np.arange(4), 100), 1, 0, NAMES)
    two = hide_labels(np.repeat(np.arange(4), 100), 2, 0, NAMES)
    _, held = stratified_holdout(two[two != UNLABELLED], VALIDATION_SHARE, np.random.default_rng(0))
    assert len(held) == 4


@pytest.mark.parametrize(("count", "folds"), [(2, 2), (3, 2), (4, 2), (2, 3), (3, 3), (5, 4)])
def test_folds_leave_images_to_learn_from_and_to_validate_with(count, folds):
    ids = np.repeat(np.arange(4), count)
    try:
        check_folds(ids, folds, NAMES)
    except UserError:
        assert count - -(-count // folds) < 2 or count < folds
        return
    for others, _ in StratifiedKFold(folds, shuffle=True, random_state=0).split(ids, ids):
        assert all(map(len, stratified_holdout(ids[others], VALIDATION_SHARE, np.random.default_rng(0))))


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.4])
def test_wrong_labels_are_a_share_of_every_class(rate):
    given = wrong_labels(IDS, rate, 4, 0)
    changed = [int((given[class_id == IDS] != class_id).sum()) for class_id in range(4)]
    assert changed == pytest.approx([rate * count for count in (100, 50, 200, 50)])


def test_a_smaller_rate_is_wrong_on_a_subset():
    less, more = wrong_labels(IDS, 0.2, 4, 0), wrong_labels(IDS, 0.4, 4, 0)
    changed = less != IDS
    np.testing.assert_array_equal(less[changed], more[changed])


def test_symmetric_noise_hits_every_other_class_alike():
    ids = np.zeros(30_000, np.int64)
    counts = np.bincount(wrong_labels(ids, 0.5, 4, 1), minlength=4)
    assert counts[0] == 15_000
    assert counts[1:] == pytest.approx([5000] * 3, rel=0.05)


def test_noise_by_pairs():
    given = wrong_labels(IDS, 0.2, 4, 0, pair_partners(NAMES, ()))
    assert set(given[(given != IDS) & (IDS == 3)]) == {0}, "the last class is mistaken for the first"
    given = wrong_labels(IDS, 0.2, 4, 0, pair_partners(NAMES, (("cow", "dog"),)))
    assert set(IDS[given != IDS]) == {2}
    assert set(given[given != IDS]) == {3}


@pytest.mark.parametrize(("pairs", "message"), [((("cov", "dog"),), "Did you mean 'cow'"), ((("cow", "cow"),), "itself"),
                                                ((("cow", "dog"), ("cow", "ant")), "twice")])
def test_wrong_pairs(pairs, message):
    with pytest.raises(UserError, match=message):
        pair_partners(NAMES, pairs)


def test_a_class_with_fewer_images_than_folds_is_named():
    with pytest.raises(UserError, match=r"bee \(50\)"):
        check_folds(IDS, 51, NAMES)
    check_folds(IDS, 50, NAMES)


def test_the_truth_of_digits_is_kept_apart():
    task = missing_label_task(PseudoLabelConfig(labelled_percent=20), None)
    known = task.dataset.train_ids != UNLABELLED
    assert known.sum() == 287, "a fifth of 1,438, rounded down"
    np.testing.assert_array_equal(task.truth[known], task.dataset.train_ids[known])
    noisy = noisy_label_task(CleaningConfig(noise_rate=0.2), None)
    assert (noisy.dataset.train_ids != noisy.truth).mean() == pytest.approx(0.2, abs=0.002)
    np.testing.assert_array_equal(noisy.truth, DATASETS["digits"](None, None).train_ids)


def test_a_folder_brings_its_own_unlabelled_pictures(pictures):
    task = missing_label_task(PseudoLabelConfig(dataset="folder", folder=str(pictures), image_size=16), None)
    assert task.truth is None
    assert (task.dataset.train_ids == UNLABELLED).sum() == 18
    assert len(task.dataset.train_images) == 3 * 24 + 18
    assert class_names("folder", pictures) == ("bars", "dots", "sheet")
    half = PseudoLabelConfig(dataset="folder", folder=str(pictures), image_size=16, labelled_percent=50)
    hidden = missing_label_task(half, None)
    assert len(hidden.dataset.train_images) == 3 * 24


def test_a_folder_without_unlabelled_pictures_is_refused(pictures):
    with pytest.raises(UserError, match="no unlabelled images"):
        missing_label_task(PseudoLabelConfig(dataset="folder", folder=str(pictures / "train"), image_size=16), None)


def test_a_folders_own_labels_are_taken_as_they_are(pictures):
    task = noisy_label_task(CleaningConfig(dataset="folder", folder=str(pictures), image_size=16), None)
    assert task.truth is None
    assert np.bincount(task.dataset.train_ids).tolist() == [24] * 3
