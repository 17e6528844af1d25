"""The labels `onehot`, `blocks` and `hadamard` in closed form, and trained."""

import itertools

import numpy as np
import pytest
from PIL import Image

from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation, row_distances
from tfrepr.labels.controls import block_grid
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.statistics import effective_rank, entropies, measure
from tfrepr.registry import LABELS
from tfrepr.training.loop import run_cell

LABEL_NAMES = ("onehot", "blocks", "hadamard")
SIZES = [2, 3, 7, 10, 11, 100, 256]


def names(classes):
    return tuple(f"class {index}" for index in range(classes))


def table(label, classes, side=64):
    return LABELS[label](names(classes), side, LabelOptions())


def binary_entropy(share):
    return -share * np.log2(share) - (1 - share) * np.log2(1 - share)


def test_onehot_by_hand():
    assert table("onehot", 3).tolist() == [[80, 0, 0], [0, 80, 0], [0, 0, 80]]


def test_blocks_by_hand():
    """Three classes at side 5: 5 x 1 and 1 x 5 are the largest blocks, and the grid with fewer rows stands."""
    assert block_grid(3, 5) == (1, 3)
    first, second, third = table("blocks", 3, side=5)
    assert first.tolist() == [[80, 0, 0, 0, 0]] * 5
    assert second.tolist() == [[0, 80, 0, 0, 0]] * 5
    assert third.tolist() == [[0, 0, 80, 0, 0]] * 5


@pytest.mark.parametrize(("classes", "side", "grid"), [
    (10, 64, (2, 5)), (100, 64, (10, 10)), (4, 64, (2, 2)), (2, 64, (1, 2)), (9, 64, (1, 9)), (4096, 64, (64, 64)),
    (256, 16, (16, 16)), (10, 16, (2, 5)), (1, 8, (1, 1))])
def test_golden_grids(classes, side, grid):
    assert block_grid(classes, side) == grid


def test_grids_have_the_largest_cells_that_fit():
    """Against every grid that has a cell for each class."""
    for side, classes in itertools.product((16, 24), (1, 2, 5, 13, 17, 100, 131, 255, 256)):
        sizes = [(side // rows) * (side // columns) for rows, columns in itertools.product(range(1, side + 1), repeat=2)
                 if rows * columns >= classes]
        rows, columns = block_grid(classes, side)
        assert rows * columns >= classes
        assert (side // rows) * (side // columns) == max(sizes)


@pytest.mark.parametrize("classes", SIZES)
@pytest.mark.parametrize("side", [16, 64])
def test_blocks_are_whole_rectangles_of_equal_area_that_share_no_pixel(classes, side):
    lit = table("blocks", classes, side) == 80
    rows, columns = block_grid(classes, side)
    area = (side // rows) * (side // columns)
    assert set(lit.sum(axis=(1, 2))) == {area}
    assert lit.sum(axis=0).max() == 1
    for label in lit:
        high, wide = label.any(axis=1), label.any(axis=0)
        assert high.sum() * wide.sum() == area
        assert label[np.ix_(high, wide)].all()
        assert np.ptp(np.nonzero(high)[0]) + 1 == high.sum()
    corners = [tuple(np.argwhere(label)[0]) for label in lit]
    assert corners == sorted(corners)


@pytest.mark.parametrize("classes", SIZES)
@pytest.mark.parametrize("label", LABEL_NAMES)
def test_every_two_rows_are_equally_far_apart(label, classes):
    """Mean smooth L1: every element that differs does so by 80 and costs 79.5."""
    rows = table(label, classes)
    size = rows[0].size
    differing = {"onehot": 2, "blocks": 2 * int((rows[0] > 0).sum()), "hadamard": size / 2}[label]
    distances = row_distances(rows)[np.triu_indices(classes, 1)]
    np.testing.assert_allclose(distances, differing * 79.5 / size, rtol=1e-6)
    assert effective_rank(rows) == pytest.approx(classes - 1)


@pytest.mark.parametrize("classes", SIZES)
@pytest.mark.parametrize("label", LABEL_NAMES)
def test_type_values_and_entropy(label, classes):
    rows = table(label, classes)
    assert rows.dtype == np.float32
    assert len(rows) == classes
    assert set(np.unique(rows)) == {0, 80}
    share = {"onehot": 1 / classes, "blocks": (rows[0] > 0).mean(), "hadamard": 0.5}[label]
    np.testing.assert_allclose(entropies(rows), binary_entropy(share), atol=1e-12)


@pytest.mark.parametrize(("classes", "order"), [
    (2, 4), (3, 4), (4, 8), (7, 8), (8, 16), (10, 16), (15, 16), (16, 32), (100, 128)])
def test_hadamard_has_the_smallest_order_without_the_constant_row(classes, order):
    signs = table("hadamard", classes).astype(int) // 40 - 1
    assert signs.shape == (classes, order)
    assert (signs @ signs.T == order * np.eye(classes)).all()
    assert (signs.sum(axis=1) == 0).all()


def test_first_rows_of_hadamard_are_sylvesters():
    assert table("hadamard", 3).tolist() == [[80, 0, 80, 0], [80, 80, 0, 0], [80, 0, 0, 80]]


@pytest.mark.parametrize("label", LABEL_NAMES)
def test_decoding_inverts_the_table_up_to_half_of_the_distance(label):
    representation = build_representation(label, names(12), image_side=16)
    decoded = np.asarray(representation.decode(representation.table))
    assert decoded.tolist() == list(range(12))
    mixed = 0.51 * representation.table + 0.49 * np.roll(representation.table, 1, axis=0)
    assert np.asarray(representation.decode(mixed)).tolist() == list(range(12))


@pytest.mark.parametrize(("label", "expected"), [
    ("onehot", (binary_entropy(0.1), 2, np.sqrt(2))),
    ("blocks", (binary_entropy(384 / 4096), 32 + 32 * 5 / 45, np.sqrt(2 * 384))),  # five pairs stand one above the other
    ("hadamard", (1, 8, np.sqrt(8)))])
def test_numbers_of_table_2_in_closed_form(label, expected):
    found = measure(table(label, 10), names(10), label=label, dataset="cifar10")[:3]
    assert [row.mean for row in found] == pytest.approx(expected)
    assert [row.paper for row in found] == [None] * 3


def test_more_classes_than_pixels_are_refused():
    with pytest.raises(UserError, match=r"16 x 16 pixels\. Received: 257 classes\. .*--label onehot"):
        build_representation("blocks", names(257), image_side=8)


def test_a_run_on_digits(tmp_path):
    config = RunConfig(encoder="mlp1x512", label="onehot", percent=10, epochs=8, batch_size=16, validation_every=8)
    run = run_cell(config, tmp_path)
    assert np.load(run / "label_table.npy").tolist() == (80 * np.eye(10)).tolist()
    assert run.metrics()["test_accuracy"] > 0.5


def test_a_run_on_a_folder(tmp_path):
    """Three classes of plain pictures; blocks at side 16 are 16 x 5 pixels."""
    for number, name in enumerate(("cup", "fork", "plate")):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for index in range(12):
            Image.fromarray(np.full((8, 8, 3), 100 * number + index, np.uint8)).save(folder / f"{index}.png")
    run = run_cell(RunConfig(dataset="folder", folder=str(tmp_path / "pictures"), image_size=8, encoder="mlp1x512",
                             label="blocks", epochs=1, batch_size=8), tmp_path)
    saved = np.load(run / "label_table.npy")
    assert [tuple(np.argwhere(label)[[0, -1]].ravel()) for label in saved] == [(0, 0, 15, 4), (0, 5, 15, 9), (0, 10, 15, 14)]
    assert run.finished
