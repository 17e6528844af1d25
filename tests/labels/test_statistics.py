"""Table 2 from the authors' files, and every statistic against its definition."""

import io
import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
from skimage.measure import shannon_entropy

from tfrepr.data.class_names import FIXED_NAMES
from tfrepr.errors import UserError
from tfrepr.labels import statistics, statistics_text
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.statistics import measure
from tfrepr.labels.tables import LabelTable, load_table, make_table
from tfrepr.paper import PUBLISHED, published

RANDOM = np.random.default_rng(0)
PAPER_FILES = {"constant": "uniform", "speech": "speech", "shuffle": "shuffle", "composite": "composite", "bert": "bert",
               "glove": "glove"}


def names(classes):
    return tuple(f"class {index}" for index in range(classes))


def authors_file(shared, dataset, file):
    return shared / "reference" / "authors_labels" / "npy" / f"{dataset}_{file}.npy"


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
@pytest.mark.parametrize("label", PAPER_FILES)
def test_table_2_from_the_authors_files(shared, dataset, label):
    """Every published cell within 0.01, except BERT's entropy, whose note says why."""
    table = load_table(authors_file(shared, dataset, PAPER_FILES[label]), label=label)
    found = {row.quantity: row for row in measure(table.table, table.class_names, label=label, dataset=dataset)[:3]}
    assert set(found) == {"entropy", "L1", "L2"}
    differing = {name for name, row in found.items() if not row.paper.agrees(row.mean, row.spread)}
    assert differing == ({"entropy"} if label == "bert" else set())
    if label == "bert":
        assert found["entropy"].mean == pytest.approx({"cifar10": 11.05, "cifar100": 11.02}[dataset], abs=0.01)
        assert "before outliers" in found["entropy"].paper.note


@pytest.mark.parametrize("classes", [10, 100])
def test_table_2_of_one_hot_labels(classes):
    """Closed form: entropy of the shares 1/n and 1 - 1/n, distances 2 and the root of 2."""
    entropy, l1, l2 = measure(np.eye(classes), names(classes), label="category", dataset=f"cifar{classes}")[:3]
    share = 1 / classes
    assert entropy.mean == pytest.approx(-share * np.log2(share) - (1 - share) * np.log2(1 - share), abs=1e-12)
    assert (l1.mean, l1.spread, l2.mean) == pytest.approx((2, 0, np.sqrt(2)))
    assert all(row.paper.agrees(row.mean, row.spread) for row in (entropy, l1, l2))


@pytest.mark.parametrize(("label", "golden"), [
    ("random", ((11.9998, 0.0), (25.83, 0.94), (26.15, 0.25))),
    ("lowdim", ((3.3219, 0.0), (3.41, 0.77), (1.30, 0.25))),
    ("composite", ((11.9999, 0.0), (24.1264, 3.3619), (19.4050, 1.4657))),
    ("constant", ((0.0, 0.0), (26.0741, 15.7233), (26.0741, 15.7233)))])
def test_golden_statistics_of_labels_made_here(label, golden):
    table = make_table(label, names(10), dataset=None, image_side=32, options=LabelOptions())
    for row, (mean, spread) in zip(measure(table.table, names(10), label=label)[:3], golden, strict=True):
        assert (row.mean, row.spread) == pytest.approx((mean, spread), abs=0.005)
        assert row.paper is None


def test_golden_statistics_of_speech_made_here():
    """Also its closest pair, in Table 2's L2 and in mean smooth L1, where the threshold 3.5 applies."""
    table = make_table("speech", FIXED_NAMES["cifar10"], dataset="cifar10", image_side=32, options=LabelOptions())
    found = {row.quantity: row for row in measure(table.table, table.class_names, label="speech")}
    for quantity, golden in {"entropy": (11.95, 0.10), "L1": (18.19, 2.88), "L2": (16.07, 2.81)}.items():
        assert (found[quantity].mean, found[quantity].spread) == pytest.approx(golden, abs=0.006)
    distances = statistics.pair_distances(statistics.normalised(table.table, "per-label"), "element-L2")
    assert distances.min() == pytest.approx(8.30, abs=0.006)
    assert found["closest pair"].detail == "dog / frog"
    assert found["closest pair"].mean == pytest.approx(5.82, abs=0.006)


def test_entropy_is_that_of_scikit_image():
    label = RANDOM.integers(0, 40, (16, 16)).astype(np.float32)
    assert statistics.entropy(label) == pytest.approx(shannon_entropy(label), abs=1e-12)


def test_entropy_closed_forms():
    assert statistics.entropy(np.full((8, 8), 3.0)) == 0.0
    assert statistics.entropy(np.arange(64.0)) == pytest.approx(6.0)
    assert statistics.entropy(np.repeat([1.0, 2.0], 5)) == pytest.approx(1.0)


@pytest.mark.parametrize(("norm", "order"), [("element-L2", "fro"), ("operator-1", 1), ("operator-2", 2)])
def test_pair_distances_of_matrices_against_numpy_pair_by_pair(norm, order):
    table = RANDOM.normal(size=(5, 7, 6))
    expected = [np.linalg.norm(first - second, ord=order) for first, second in itertools.combinations(table, 2)]
    np.testing.assert_allclose(statistics.pair_distances(table, norm), expected, rtol=1e-12)


def test_element_l1_sums_absolute_differences():
    table = np.array([[[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0], [0.0, 7.0]]])
    assert statistics.pair_distances(table, "element-L1").tolist() == [7.0]
    assert statistics.pair_distances(table, "operator-1").tolist() == [4.0]


@pytest.mark.parametrize(("norm", "order"), [("element-L1", 1), ("operator-1", 1), ("element-L2", 2), ("operator-2", 2)])
def test_pair_distances_of_vectors_are_element_wise_for_every_norm(norm, order):
    table = RANDOM.normal(size=(4, 9))
    expected = [np.linalg.norm(first - second, ord=order) for first, second in itertools.combinations(table, 2)]
    np.testing.assert_allclose(statistics.pair_distances(table, norm), expected, rtol=1e-12)


def test_normalisations_by_hand():
    table = np.array([[0.0, 2.0], [4.0, 8.0], [5.0, 5.0]])
    assert statistics.normalised(table, "per-label").tolist() == [[0, 1], [0, 1], [0, 0]]
    assert statistics.normalised(table, "global").tolist() == [[0, 0.25], [0.5, 1], [0.625, 0.625]]
    assert statistics.normalised(np.ones((2, 3)), "global").tolist() == [[0, 0, 0], [0, 0, 0]]


def test_closest_pair_by_hand():
    """Mean smooth L1 of differences (0.5, 3): (0.125 + 2.5) / 2."""
    table = np.array([[0.0, 0.0], [50.0, 50.0], [0.5, 3.0]])
    distance, first, second = statistics.closest_pair(table)
    assert (distance, first, second) == (1.3125, 0, 2)


def test_effective_rank_closed_forms():
    assert statistics.effective_rank(np.eye(6)) == pytest.approx(5.0)
    line = np.arange(4.0)[:, None, None] * np.ones((1, 3, 3))
    assert statistics.effective_rank(line) == pytest.approx(1.0)
    assert statistics.effective_rank(np.ones((3, 5))) == 0.0
    shares = np.array([0.75, 0.25])
    cross = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert statistics.effective_rank(cross + 9.0) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_warning_below_the_threshold():
    table = np.array([[0.0, 0.0], [3.0, 3.0], [90.0, 0.0]])
    warning = statistics.below_threshold(measure(table, ("cat", "dog", "ship"), label="glove"), "glove")
    assert "cat / dog" in warning
    assert "2.50" in warning
    assert statistics.below_threshold(measure(20 * table, ("cat", "dog", "ship"), label="glove"), "glove") is None
    assert statistics.below_threshold(measure(np.eye(3), ("cat", "dog", "ship"), label="category"), "category") is None


def test_paper_has_every_cell_of_table_2_once():
    cells = [cell.cell for cell in PUBLISHED if cell.table == "Table 2"]
    assert len(cells) == len(set(cells)) == 7 * 6
    cell = published("Table 2", dataset="cifar100", label="bert", quantity="L1")
    assert (cell.mean, cell.spread) == (7.89, 2.84)
    assert cell.cell == "Table 2, bert, cifar100, L1"
    assert published("Table 2", dataset="digits", label="bert", quantity="L1") is None
    assert cell.agrees(7.8930, 2.8497)
    assert not cell.agrees(7.8930, 2.86)


@pytest.fixture
def measured():
    table = LabelTable("category", "cifar10", names(10), np.eye(10, dtype=np.float32))
    return [(table, measure(table.table, table.class_names, label="category", dataset="cifar10"))]


def test_csv_and_json_hold_the_same_facts(measured):
    frame = pd.read_csv(io.StringIO(statistics_text.as_csv(measured)), float_precision="round_trip")
    records = json.loads(statistics_text.as_json(measured))
    assert tuple(frame.columns) == statistics_text.COLUMNS
    assert len(frame) == len(records) == 3 + 2 * 4 + 2
    assert frame["mean"].tolist() == [record["mean"] for record in records]
    first = records[0]
    assert (first["quantity"], first["paper_mean"], first["agrees"]) == ("entropy", 0.47, True)
    assert records[-1]["paper_mean"] is None


def test_text_shows_the_paper_beside_our_numbers(measured):
    text = statistics_text.as_text(*measured[0])
    assert re.search(r"0\.47 \+- 0\.00 +0\.47 \+- 0\.00  agrees", text)
    assert statistics_text.summary(measured) == "Table 2: 3 of 3 cells within 0.01 of the paper."


def test_text_explains_berts_entropy():
    table = LabelTable("bert", "cifar10", names(2), np.array([[0.0, 0.0, 1.0], [0.5, 2.0, 1.0]], np.float32))
    statistics_of_it = measure(table.table, table.class_names, label="bert", dataset="cifar10")
    text = statistics_text.as_text(table, statistics_of_it)
    assert "Note: 11.17 is log2(2304)" in text
    assert "1 differ for the reason noted" in statistics_text.summary([(table, statistics_of_it)])


def test_summary_is_silent_without_a_paper_column():
    table = LabelTable("mine", None, names(2), np.eye(2, dtype=np.float32))
    assert statistics_text.summary([(table, measure(table.table, table.class_names, label="mine"))]) is None


def test_load_table_reads_names_from_the_file_name(tmp_path):
    np.save(tmp_path / "cifar10_uniform.npy", np.eye(10))
    table = load_table(tmp_path / "cifar10_uniform.npy")
    assert (table.label, table.dataset, table.class_names[9]) == ("constant", "cifar10", "truck")
    np.save(tmp_path / "mine.npy", np.eye(3))
    table = load_table(tmp_path / "mine.npy")
    assert (table.label, table.dataset, table.class_names) == ("mine", None, ("class 0", "class 1", "class 2"))


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_load_table_refuses_what_is_no_table(tmp_path, content):
    (tmp_path / "broken.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.npy"):
        load_table(tmp_path / "broken.npy")


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff", b'{"label": "speech", "class_names": "ab"}', b"[]"])
def test_a_damaged_file_beside_a_table_is_said_and_passed_over(tmp_path, content, capsys):
    np.save(tmp_path / "cifar10_uniform.npy", np.eye(10))
    (tmp_path / "cifar10_uniform.json").write_bytes(content)
    assert load_table(tmp_path / "cifar10_uniform.npy").label == "constant"
    assert "cifar10_uniform.json is damaged" in capsys.readouterr().err


def test_load_table_refuses_the_wrong_number_of_rows(tmp_path):
    np.save(tmp_path / "cifar10_speech.npy", np.eye(4))
    with pytest.raises(UserError, match="10 rows"):
        load_table(tmp_path / "cifar10_speech.npy")
    np.save(tmp_path / "single.npy", np.eye(1))
    with pytest.raises(UserError, match="two rows"):
        load_table(tmp_path / "single.npy")
