"""`build_representation`: which class comes out, what is refused and what only warned of."""

import warnings

import numpy as np
import pytest

from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation, check_table, read_table, row_distances
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation

NAMES = ("one", "two", "three")


def save(path, table):
    np.save(path, table)
    return path


def test_category_is_one_hot_with_its_own_class():
    representation = build_representation("category", NAMES, image_side=32, smoothing=0.1)
    assert isinstance(representation, CategoryRepresentation)
    np.testing.assert_array_equal(representation.table, np.eye(3))
    np.testing.assert_allclose(representation.targets, np.where(np.eye(3), 0.9, 0.05))


def test_square_labels_have_twice_the_side_of_the_image():
    representation = build_representation("random", NAMES, image_side=8)
    assert isinstance(representation, RegressionRepresentation)
    assert representation.output_shape == (16, 16)


@pytest.mark.parametrize("table", [np.arange(12.0).reshape(3, 4), np.arange(27).reshape(3, 3, 3) * 9])
def test_a_label_file_takes_the_place_of_the_label(tmp_path, table):
    options = LabelOptions(label_file=str(save(tmp_path / "table.npy", table)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        representation = build_representation("random", NAMES, image_side=32, options=options)
    np.testing.assert_array_equal(representation.table, table)
    assert representation.table.dtype == np.float32


@pytest.mark.parametrize(("table", "fault"), [
    (np.zeros((4, 5)), r"shape \(4, 5\)"), (np.zeros((3, 4, 5)), r"shape \(3, 4, 5\)"), (np.zeros(3), "shape"),
    (np.zeros((3, 0)), "shape"), (np.full((3, 2), np.nan), "NaN"), (np.full((3, 2), 1e300), "too large"),
    (np.array([["a"], ["b"], ["c"]]), "real numbers"), (np.zeros((3, 2), complex), "real numbers"),
    (np.zeros((3, 2), bool), "real numbers"), (np.array([{}, {}, {}]), "cannot be read")])
def test_label_files_that_do_not_fit_are_refused(tmp_path, table, fault):
    with pytest.raises(UserError, match=fault):
        read_table(save(tmp_path / "table.npy", table), 3)


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "table.npz", table=np.zeros((3, 2)))
    (tmp_path / "empty.npy").touch()
    (tmp_path / "text.npy").write_text("1 2 3")
    whole = save(tmp_path / "whole.npy", np.zeros((3, 2))).read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-8])
    for name in ("table.npz", "empty.npy", "text.npy", "cut.npy", "none.npy"):
        with pytest.raises(UserError, match="The label table"):
            read_table(tmp_path / name, 3)


def test_category_takes_no_label_file(tmp_path):
    options = LabelOptions(label_file=str(save(tmp_path / "table.npy", np.eye(3))))
    with pytest.raises(UserError, match="--label random"):
        build_representation("category", NAMES, image_side=32, options=options)


@pytest.mark.parametrize("names", [(), ("one",), ("one", "two", "one")])
def test_class_names_must_be_two_and_different(names):
    with pytest.raises(UserError, match=r"two classes|differ"):
        build_representation("random", names, image_side=32)


def test_an_unknown_label_is_refused():
    with pytest.raises(UserError, match="Did you mean 'speech'"):
        build_representation("speach", NAMES, image_side=32)


def test_equal_rows_are_refused_by_name():
    with pytest.raises(UserError, match="'one' and 'three'"):
        check_table(np.array([[1.0, 2.0], [9.0, 9.0], [1.0, 2.0]]), NAMES, "mine")


def test_close_rows_are_warned_of():
    with pytest.warns(UserWarning, match=r"1 of 3 pairs .* one/three \(3\.31\)"):
        check_table(np.array([[0.0, 0.0], [99.0, 99.0], [7.0, 0.5]]), NAMES, "mine")


def test_rows_at_a_distance_bring_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_table(np.array([[0.0], [4.0], [8.0]]), NAMES, "mine")


def test_row_distances_by_hand_and_by_loop():
    np.testing.assert_allclose(row_distances(np.array([[0.0, 0.0], [0.5, 3.0]])), [[0, 1.3125], [1.3125, 0]])
    table = np.random.default_rng(0).uniform(-3, 3, (5, 4, 4)).astype(np.float32)
    for first in range(5):
        for second in range(5):
            error = np.abs(table[first] - table[second]).astype(np.float64)
            expected = np.mean([0.5 * e * e if e < 1 else e - 0.5 for e in error.ravel()])
            assert row_distances(table)[first, second] == pytest.approx(expected, abs=1e-6)
