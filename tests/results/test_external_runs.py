"""What others measured with the authors' code: the numbers, which runs they stand beside, and how far ours are from them."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tests.report.test_report import cell, rows
from tfrepr.config import RunConfig
from tfrepr.paper import published
from tfrepr.registry import ENCODERS, LABELS
from tfrepr.report.external_comparison import CURVES, CurveDifference, curve_difference
from tfrepr.report.pages import OTHERS, OTHERS_UNDER_ATTACK, full_report, read_sources, section
from tfrepr.report.rows import others_text
from tfrepr.results.external_runs import attacked_models, other_accuracies, other_attack, read_rows
from tfrepr.results.tables import config_columns

EPSILONS = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
SECOND_GROUP = {"category": (19.4, 19.0, 36.1, 50.2, 52.2), "speech": (19.8, 27.6, 35.1, 42.8, 40.9)}  # 1, 2, 4, 8, 10%


def columns(**fields):
    return config_columns(RunConfig(**{"dataset": "cifar10", **fields}))


def text(**fields):
    return others_text(RunConfig(**{"dataset": "cifar10", "percent_of": 50_000, **fields}))


def test_the_files_have_all_rows_and_names_of_ours():
    accuracy, attacks = read_rows("accuracy.csv"), read_rows("attacks.csv")
    assert Counter(row["repository"] for row in accuracy) == {"cdu890/robust_labels": 167,
                                                              "ImaneChafi/label_representations": 30}
    assert Counter(row["encoder"] for row in attacks) == {"resnet32": 252, "vgg19": 252}
    for table in (accuracy, attacks):
        assert all(row["encoder"] in ENCODERS and row["label"] in LABELS for row in table)
        assert all(row["notebook"].endswith(".ipynb") and int(row["cell"]) for row in table)
        keys = [tuple(value for name, value in row.items() if name not in ("notebook", "cell", "still_correct",
                                                                           "validation_accuracy")) for row in table]
        assert len(set(keys)) == len(keys)
    assert {row["images"] for row in attacks} == {"10000"}
    assert {row["epochs"] for row in accuracy} == {"50", "100", "200"}
    assert all(0.1 < float(row["validation_accuracy"]) < 0.9 for row in accuracy)


@pytest.mark.parametrize(("encoder", "label", "percent", "expected"), [
    ("resnet32", "category", 100, "88.82 (100 epochs)"), ("resnet32", "constant", 100, "76.74 (200 epochs)"),
    ("resnet32", "bert", 1, "13.98 (200 epochs)"), ("resnet32", "lowdim", 2, "-"),
    ("vgg19", "category", 1, "19.88 (200 epochs)"), ("vgg19", "random", 20, "74.54 (200 epochs)"),
    ("vgg19", "constant", 100, "-"), ("resnet110", "shuffle", 10, "73.16 (200 epochs)"),
    ("resnet110", "category", 1, "25.72 (100 epochs); 19.39 ± 6.84 (50 epochs, n=3)"), ("resnet32", "onehot", 100, "-"),
])
def test_accuracies_are_the_printed_ones(encoder, label, percent, expected):
    assert text(encoder=encoder, label=label, percent=percent) == expected


@pytest.mark.parametrize("label", SECOND_GROUP)
def test_the_second_group_has_three_seeds_whose_means_are_its_table(label):
    for percent, expected in zip((1, 2, 4, 8, 10), SECOND_GROUP[label], strict=True):
        found = other_accuracies(columns(encoder="resnet110", label=label, percent=percent, percent_of=50_000))
        mine, = (other for other in found if other.repository.startswith("ImaneChafi"))
        assert (len(mine.values), mine.epochs) == (3, 50)
        assert np.mean(mine.values) == pytest.approx(expected, abs=0.051)


@pytest.mark.parametrize(("encoder", "label", "attack", "goal", "correct"), [
    ("resnet32", "category", "fgsm", "untargeted", (8804, 1505, 956, 827, 795, 797, 803)),
    ("resnet32", "category", "iterative", "targeted", (8804, 811, 92, 36, 19, 18, 12)),
    ("resnet32", "speech", "iterative", "untargeted", (8576, 5349, 4933, 4629, 4358, 4160, 3937)),
])
def test_attacks_are_the_printed_ones(encoder, label, attack, goal, correct):
    known = other_attack(columns(encoder=encoder, label=label), attack, goal)
    assert list(known) == EPSILONS
    np.testing.assert_allclose(list(known.values()), np.array(correct) / 100)


def test_there_is_a_whole_curve_of_each_attack_of_each_model():
    assert len(attacked_models()) == 18
    for encoder, label in attacked_models():
        for curve in CURVES:
            known = other_attack(columns(encoder=encoder, label=label), *curve)
            assert list(known) == EPSILONS
            assert max(known.values()) == known[0] > 70
    assert other_attack(columns(encoder="resnet32", label="speech"), "pgd", "untargeted") == {}


@pytest.mark.parametrize(("fields", "matches"), [
    ({}, True), ({"seed": 3, "epochs": 20, "validation_every": 20, "mixed_precision": "bfloat16"}, True),
    ({"label_smoothing": 0.1}, False), ({"learning_rate": 0.02}, False), ({"dataset": "cifar100"}, False),
    ({"dataset": "digits"}, False), ({"weight_decay": 2e-3}, False), ({"label": "onehot"}, False),
    ({"validation": "none"}, False), ({"corruption": "random_labels"}, False), ({"encoder": "resnet8"}, False),
])
def test_only_runs_of_the_same_recipe_match(fields, matches):
    run = columns(**fields)
    assert bool(other_accuracies(run)) == bool(other_attack(run, "fgsm", "targeted")) == matches
    missing = pd.Series({**run, "weight_decay": np.nan, "percent_of": np.nan} if "weight_decay" not in fields else run)
    assert bool(other_accuracies(missing)) == matches, "a row of a table, in which a missing value is NaN"


@pytest.mark.parametrize(("percent_of", "matches"), [(50_000, True), (None, False), (45_000, False)])
def test_less_data_match_by_the_count_that_others_took(percent_of, matches):
    run = columns(percent=4.0, percent_of=percent_of)
    assert bool(other_accuracies(run)) == matches
    assert other_attack(run, "fgsm", "targeted") == {}, "they attacked models of all images only"


def test_the_report_has_their_column_where_a_row_matches(tmp_path):
    cell(tmp_path, 0.9, label="speech", attacks=True)
    cell(tmp_path, 0.4, label="speech", percent=1.0, percent_of=50_000)
    cell(tmp_path, 0.4, label="category", percent=1.0, percent_of=50_000, label_smoothing=0.1)
    sources = read_sources(tmp_path)
    table_1, figure_4, figure_6, figure_7 = ("\n".join(section(name, sources))
                                             for name in ("table1-cifar10", "figure4", "figure6", "figure7"))
    assert rows(table_1)[""][-1] == "others"
    assert rows(table_1)["speech, ResNet-32, CIFAR-10, nearest"][-1] == "85.88 (200 epochs)"
    assert rows(table_1)["category, VGG19, CIFAR-10, arg max"][-1] == "88.58 (100 epochs)"
    assert {line[-1] for name, line in rows(table_1).items() if name.endswith("threshold")} == {"-"}
    found = {name: line[-1] for name, line in rows(figure_4).items() if "1% of 50,000" in name}
    assert found["speech, ResNet-32, CIFAR-10, 1% of 50,000 training images, nearest"] == "31.22 (200 epochs)"
    assert len(found) == 3
    assert Counter(found.values())["-"] == 2
    targeted = rows(figure_7)["speech, ResNet-32, CIFAR-10, targeted fgsm, 10,000 images"]
    assert targeted[-1] == "ε 0.1: 31.2; ε 0.2: 21.7; ε 0.3: 16.5"
    assert rows(figure_6)[""][-1] == "data"
    for part, note in ((table_1, OTHERS), (figure_4, OTHERS), (figure_7, OTHERS_UNDER_ATTACK)):
        assert part.count(note) == 1
    assert "\n\n" + OTHERS not in "\n".join(section("table1-cifar100", sources))


def test_their_column_takes_no_part_in_the_papers_difference(tmp_path):
    cell(tmp_path, 0.9, label="speech")
    line = rows("\n".join(section("table1-cifar10", read_sources(tmp_path))))["speech, ResNet-32, CIFAR-10, nearest"]
    printed = published("Table 1", dataset="cifar10", label="speech", quantity="nearest", encoder="resnet32").mean
    assert line[2] == f"{90 - printed:+.2f}"


def test_curves_apart_are_those_beyond_five_points():
    theirs = {0.0: 88.0, 0.1: 40.0, 0.2: 20.0}
    assert CurveDifference({0.0: 83.0, 0.1: 41.0, 0.2: 20.0}, theirs).text() == "within 5 points: -5.0 at ε 0"
    apart = CurveDifference({0.0: 88.5, 0.1: 30.0, 0.2: 26.5}, theirs)
    assert apart.apart == [0.1, 0.2]
    assert apart.text() == "apart at ε 0.1, 0.2; -10.0 at ε 0.1 (30.0 against 40.0)"


def test_curves_are_compared_where_both_measured():
    speech = RunConfig(dataset="cifar10", label="speech")
    difference = curve_difference({0.1: 50.0, 0.17: 1.0}, speech, "fgsm", "untargeted")
    assert (difference.ours, difference.theirs) == ({0.1: 50.0}, {0.1: pytest.approx(56.26)})
    assert curve_difference({0.17: 1.0}, speech, "fgsm", "untargeted") is None
    assert curve_difference({0.1: 1.0}, speech.replace(learning_rate=0.02), "fgsm", "untargeted") is None


@pytest.fixture
def beside(tmp_path):
    """The table of comparisons, by model, of speech and category runs attacked under the protocol `authors`."""
    for label, protocol, steps in (("speech", "authors", "5"), ("category", "authors", "7"), ("random", "paper", "5")):
        path = cell(tmp_path, label=label, attacks=True)
        lines = (path / "attacks.csv").read_text().splitlines()
        place = lines[0].split(",").index("steps")
        changed = [line.split(",") for line in lines[1:]]
        for line in changed:
            line[0], line[place] = protocol, steps if line[1] == "iterative" else line[place]
        (path / "attacks.csv").write_text("\n".join([lines[0], *map(",".join, changed)]) + "\n")
    return tmp_path


def test_the_report_says_where_our_curves_are_apart(beside):
    report = full_report(read_sources(beside))
    part, = re.findall(r"## Beside others who ran the authors' code\n(.*?)\n## ", report, flags=re.S)
    table = rows(part)
    assert len(table) == 2 + 18
    assert table["random, ResNet-32, CIFAR-10"][:4] == ["not run"] * 4, "another protocol"
    assert "not run" not in table["speech, ResNet-32, CIFAR-10"]
    assert table["speech, ResNet-32, CIFAR-10"][4:7] == ["10,000", "1", "600"]
    category = table["category, ResNet-32, CIFAR-10"]
    assert [text == "not run" for text in category[:4]] == [False, False, True, True], "other steps are another attack"
    attacks = read_sources(beside).results.attacks
    attacks = attacks.query("attack == 'iterative' and goal == 'targeted' and criterion == 'nearest'")
    mine = attacks[attacks["run"].str.contains("speech")].set_index("epsilon")
    ours = 100 * mine["still_correct"] / mine["images"]
    theirs = pd.Series(other_attack(columns(label="speech"), "iterative", "targeted"))
    difference = ours - theirs
    far = ", ".join(f"{epsilon:g}" for epsilon in difference.index[difference.abs() > 5])
    worst = difference.abs().idxmax()
    assert table["speech, ResNet-32, CIFAR-10"][3] == (
        f"apart at ε {far}; {difference[worst]:+.1f} at ε {worst:g} ({ours[worst]:.1f} against {theirs[worst]:.1f})")
    assert "epochs" in part
    assert "gradients" in part
    assert "validation images" in part
