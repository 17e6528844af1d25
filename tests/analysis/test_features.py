"""Scores of clusters against loops and closed forms; files that are equal whenever their content is."""

import json

import numpy as np
import pytest

from tests.synthetic_runs import write_run
from tfrepr.analysis import features as feature_files
from tfrepr.analysis.features import chosen_images, embed, knn_purity, measure, milestones, silhouette
from tfrepr.errors import UserError
from tfrepr.runs import RunDirectory


def blobs(count=20, distance=3.0, seed=0):
    """Two Gaussian clouds in five dimensions."""
    noise, ids = np.random.default_rng(seed), np.repeat([0, 1], count)
    return noise.normal(size=(2 * count, 5)) + distance * ids[:, None], ids


def silhouette_by_loop(features, ids):
    values = []
    for place, own in enumerate(ids):
        distances = np.sqrt(((features - features[place]) ** 2).sum(axis=1))
        mates = (ids == own) & (np.arange(len(ids)) != place)
        inside = distances[mates].mean()
        outside = min(distances[ids == other].mean() for other in set(ids) - {own})
        values.append((outside - inside) / max(inside, outside))
    return np.mean(values)


def test_silhouette_is_the_definition():
    features, ids = blobs()
    assert silhouette(features, ids) == pytest.approx(silhouette_by_loop(features, ids))


def test_purity_counts_neighbours_of_the_same_class():
    features, ids = np.array([[0.0], [1.0], [2.1], [10.0]]), np.array([0, 0, 1, 1])
    # Nearest others: 0 -> 1, 2; 1 -> 0, 2; 2.1 -> 1, 0; 10 -> 2.1, 1.
    assert knn_purity(features, ids, 2) == pytest.approx(np.mean([0.5, 0.5, 0.0, 0.5]))


def test_perfect_clusters_reach_one():
    features, ids = blobs(distance=1e4)
    scores = measure(features, ids, 60, 600)
    assert scores.silhouette == pytest.approx(1, abs=1e-3)
    assert (scores.knn_purity, scores.progress, scores.neighbours) == (1.0, 0.1, 10)


def test_one_class_has_no_silhouette():
    assert np.isnan(silhouette(np.eye(4), np.zeros(4)))


@pytest.mark.parametrize(("epochs", "expected"), [(600, [60, 180, 300, 420, 600]), (200, [20, 60, 100, 140, 200]),
                                                  (10, [1, 3, 5, 7, 10]), (1, [1]), (2, [1, 2])])
def test_milestones_are_the_papers_shares(epochs, expected):
    assert list(milestones(epochs)) == expected
    assert milestones(epochs)[epochs] == 1.0


def test_the_chosen_images_are_the_same_each_time():
    assert list(chosen_images(359)) == list(range(359))
    chosen = chosen_images(10_000)
    assert len(set(chosen)) == 1000
    np.testing.assert_array_equal(chosen, chosen_images(10_000))


def test_tsne_separates_clusters_and_is_the_same_each_time():
    features, ids = blobs(distance=20)
    plane = embed(features)
    assert silhouette(plane, ids) > 0.5
    np.testing.assert_array_equal(plane, embed(features))


@pytest.fixture
def run(tmp_path):
    """A run of 30 epochs with features of epochs 3 and 30."""
    run = RunDirectory(write_run(tmp_path))
    features, ids = blobs()
    feature_files.write_images(run, np.arange(40), ids)
    for epoch in (3, 30):
        feature_files.write_features(run, epoch, (features * epoch).astype(np.float16))
    return run


def test_features_come_back_and_scores_are_tidy(run):
    features, ids = blobs()
    stored = feature_files.read_features(run)
    assert list(stored) == [3, 30]
    np.testing.assert_array_equal(stored[3], (features * 3).astype(np.float16))
    np.testing.assert_array_equal(feature_files.read_class_ids(run), ids)
    header, *rows = (run / "features" / "scores.csv").read_text().splitlines()
    assert header == "epoch,progress,images,dimensions,silhouette,neighbours,knn_purity"
    assert [row.split(",")[:4] for row in rows] == [["3", "0.1", "40", "5"], ["30", "1", "40", "5"]]
    assert float(rows[0].split(",")[4]) == pytest.approx(silhouette_by_loop(stored[3], ids), rel=1e-5)


def test_equal_features_are_equal_files(run):
    path = run / "features" / "epoch-00003.npz"
    before = path.read_bytes()
    feature_files.write_features(run, 3, feature_files.read_features(run)[3].astype(np.float16))
    assert path.read_bytes() == before


def test_missing_features_name_the_commands(tmp_path):
    with pytest.raises(UserError, match=r"train\.py --features.*analyse\.py"):
        feature_files.read_class_ids(RunDirectory(write_run(tmp_path)))


def test_damaged_features_name_the_folder(run):
    (run / "features" / "epoch-00003.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"epoch-00003\.npz is damaged"):
        feature_files.read_features(run)


def test_a_request_is_remembered_until_the_run_is_finished(tmp_path):
    config = RunDirectory(write_run(tmp_path / "other")).config()
    assert feature_files.request_features([config], tmp_path) == []
    run = RunDirectory.of(config, tmp_path)
    assert feature_files.is_requested(run)
    (run / "features").rmdir()
    run.write_json("metrics.json", json.loads("{}"))
    assert feature_files.request_features([config], tmp_path) == [config.run_name]
