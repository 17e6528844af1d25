"""Scores of clusters against loops and closed forms; files that are equal whenever their content is."""

import json

import numpy as np
import pytest

from tests.synthetic_runs import write_run
from tfrepr.errors import UserError
from tfrepr.results import features as feature_files
from tfrepr.results.features import chosen_images, embed, knn_purity, measure, milestones, silhouette
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
    features, ids = np.array([[0.0], [1.0], [2.1], [10.0], [11.0], [12.5]]), np.array([0, 0, 1, 0, 1, 1])
    # Nearest others: 0 -> 1, 2.1; 1 -> 0, 2.1; 2.1 -> 1, 0; 10 -> 11, 12.5; 11 -> 10, 12.5; 12.5 -> 11, 10.
    assert knn_purity(features, ids, 2) == pytest.approx(np.mean([0.5, 0.5, 0.0, 0.0, 0.5, 0.5]))


def test_perfect_clusters_reach_one():
    features, ids = blobs(distance=1e4)
    scores = measure(features, ids, 60, 600)
    assert scores.silhouette == pytest.approx(1, abs=1e-3)
    assert (scores.knn_purity, scores.progress, scores.neighbours, scores.fewest_neighbours) == (1.0, 0.1, 10, 10)


@pytest.mark.parametrize(("sizes", "neighbours", "fewest"), [((5, 5, 5), 4, 4), ((30, 4, 1), 10, 3), ((11, 2), 10, 1)])
def test_separated_clusters_reach_one_also_where_classes_are_small(sizes, neighbours, fewest):
    ids = np.repeat(np.arange(len(sizes)), sizes)
    features = np.random.default_rng(0).normal(size=(len(ids), 3)) + 1e3 * ids[:, None]
    scores = measure(features, ids, 1, 1)
    assert (scores.knn_purity, scores.neighbours, scores.fewest_neighbours) == (1.0, neighbours, fewest)


def test_small_classes_count_as_many_neighbours_as_they_have():
    """On a line: class 0 at 0, 1, 2; class 1 at 2.9 and 10. With k = 2, the images of class 1 have one neighbour each."""
    features, ids = np.array([[0.0], [1.0], [2.0], [2.9], [10.0]]), np.array([0, 0, 0, 1, 1])
    assert knn_purity(features, ids, 2) == pytest.approx(np.mean([1.0, 1.0, 0.5, 0.0, 1.0]))


@pytest.mark.parametrize("ids", [np.arange(4), np.zeros(1, int)])
def test_images_without_another_of_their_class_have_no_purity(ids):
    scores = measure(np.eye(4)[ids], ids, 1, 1)
    assert np.isnan(scores.knn_purity)
    assert (scores.neighbours, scores.fewest_neighbours) == (0, 0)


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


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_features_that_overflowed_have_no_scores(value):
    features, ids = blobs()
    features[3, 2] = value
    scores = measure(features, ids, 1, 10)
    assert np.isnan([scores.silhouette, scores.knn_purity]).all()
    assert scores.neighbours == 10


@pytest.mark.parametrize("scale", [1e-30, 1e30, 0.0])
def test_tsne_of_features_of_any_size(scale):
    features, ids = blobs(distance=20)
    plane = embed(features * scale)
    assert np.isfinite(plane).all()
    assert not scale or silhouette(plane, ids) > 0.5


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
        feature_files.write_features(run, epoch, (features * epoch).astype(np.float32))
    return run


def test_features_come_back_and_scores_are_tidy(run):
    features, ids = blobs()
    stored = feature_files.read_features(run)
    assert list(stored) == [3, 30]
    np.testing.assert_array_equal(stored[3], (features * 3).astype(np.float32))
    np.testing.assert_array_equal(feature_files.read_class_ids(run), ids)
    header, *rows = (run / "features" / "scores.csv").read_text().splitlines()
    assert header == "epoch,progress,images,dimensions,silhouette,neighbours,knn_purity,fewest_neighbours"
    assert [row.split(",")[:4] for row in rows] == [["3", "0.1", "40", "5"], ["30", "1", "40", "5"]]
    assert float(rows[0].split(",")[4]) == pytest.approx(silhouette_by_loop(stored[3], ids), rel=1e-5)


def test_equal_features_are_equal_files(run):
    path = run / "features" / "epoch-00003.npz"
    before = path.read_bytes()
    feature_files.write_features(run, 3, feature_files.read_features(run)[3])
    assert path.read_bytes() == before


def test_missing_features_name_the_commands(tmp_path):
    with pytest.raises(UserError, match=r"train\.py --features.*analyse\.py"):
        feature_files.read_class_ids(RunDirectory(write_run(tmp_path)))


def write_npz(path, **arrays):
    np.savez(path, **arrays)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"PK"), lambda path: path.write_bytes(b""),
                                    lambda path: write_npz(path, other=np.eye(40)),
                                    lambda path: write_npz(path, features=np.eye(3)),
                                    lambda path: write_npz(path, features=np.full((40, 5), "a"))])
def test_a_damaged_file_costs_a_note_and_its_own_row(damage, run, capsys):
    damage(run / "features" / "epoch-00003.npz")
    feature_files.write_scores(run)
    assert list(feature_files.read_features(run)) == [30]
    assert len((run / "features" / "scores.csv").read_text().splitlines()) == 2
    assert "epoch-00003.npz is damaged" in capsys.readouterr().err


def test_computed_features_may_be_larger_than_float16():
    batches = [(np.float32([[1, 2]]), None), (np.float32([[3, 4]]), None)]
    features = feature_files.compute_features(lambda images: images * 1e6, batches)
    np.testing.assert_array_equal(features, np.float32([[1e6, 2e6], [3e6, 4e6]]))


def test_features_beyond_float16_are_kept_and_scored(run):
    features, ids = blobs()
    feature_files.write_features(run, 3, (features * 1e6).astype(np.float32))
    assert np.abs(feature_files.read_features(run)[3]).max() > np.finfo(np.float16).max
    scores = feature_files.read_scores(run)
    assert scores[0.1, "silhouette"] == pytest.approx(silhouette_by_loop(features, ids), rel=1e-5)


def test_a_feature_file_of_an_older_run_that_overflowed_costs_its_scores_alone(run):
    features, _ = blobs()
    with np.errstate(over="ignore"):
        write_npz(run / "features" / "epoch-00003.npz", features=(features * 1e6).astype(np.float16))
    feature_files.write_features(run, 30, features.astype(np.float32))
    scores = feature_files.read_scores(run)
    assert np.isnan(scores[0.1, "silhouette"])
    assert scores[1.0, "knn_purity"] > 0.9


def test_scores_that_cannot_be_measured_never_stop_a_training(run, capsys):
    (run / "features" / "images.npz").write_bytes(b"PK")
    feature_files.write_features(run, 30, blobs()[0].astype(np.float32))
    assert "scores.csv could not be written" in capsys.readouterr().err
    (run / "config.json").write_text("{")
    feature_files.write_features(run, 30, blobs()[0].astype(np.float32))
    assert "config.json is damaged" in capsys.readouterr().err


def test_scores_without_the_newer_column_are_read(run):
    path = run / "features" / "scores.csv"
    newer = feature_files.read_scores(run)
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()) + "\n")
    assert feature_files.read_scores(run) == newer
    path.write_text("epoch,progress\n")
    with pytest.raises(UserError, match=r"lacks the columns silhouette, knn_purity"):
        feature_files.read_scores(run)


def test_a_request_is_remembered_until_the_run_is_finished(tmp_path):
    config = RunDirectory(write_run(tmp_path / "other")).config()
    assert feature_files.request_features([config], tmp_path) == []
    run = RunDirectory.of(config, tmp_path)
    assert feature_files.is_requested(run)
    (run / "features").rmdir()
    run.write_json("metrics.json", json.loads("{}"))
    assert feature_files.request_features([config], tmp_path) == [config.run_name]
