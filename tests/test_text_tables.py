"""Names that users chose, in tables for people: they stay text, and the table stays a table."""

import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.report.test_report import cell
from tfrepr.analysis.evaluation_results import _class_rows, _confusion_rows
from tfrepr.report.pages import full_report, page_blocks, read_sources
from tfrepr.text_tables import Markup, csv_text, guarded, guarded_frame, markdown_table, markdown_text
from tfrepr.weak_labels.options import CleaningConfig
from tfrepr.weak_labels.runs import WeakLabelRun

FORMULA = "=cmd|' /C calc'!A0"
NAMES = (FORMULA, "+1", "-2", "@SUM(1)", "\t=1", "a|b", "a\\|b", "<script>alert(1)</script>", "$x$ and $y$", "two\nlines",
         "cat", "![x](http://host/)", "a & b", "&lt;")


def cells_of(line):
    """Cells of a Markdown table line as a renderer shows them: a bar ends a cell unless a backslash escapes it."""
    parts = re.findall(r"((?:\\.|[^\\|])*)\|", line)[1:]
    entities = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
    return [re.sub(r"&\w+;", lambda found: entities[found[0]], re.sub(r"\\(.)", r"\1", part.strip())) for part in parts]


def test_markup_of_our_own_stays_markup():
    assert markdown_table(("a",), [(Markup("[C1](RESULTS.md#c1)"),)])[2] == "| [C1](RESULTS.md#c1) |"


def test_markdown_shows_names_as_they_are_in_a_table_of_equal_lines():
    lines = markdown_table(("name", "n"), [(name, "1") for name in NAMES])
    assert [cells_of(line) for line in lines[2:]] == [[" ".join(name.split("\n")).strip(), "1"] for name in NAMES]
    text = "\n".join(lines)
    assert len(text.split("\n")) == len(NAMES) + 2
    assert not re.search(r"[<>]|(?<!\\)\$|\]\(", text)


@pytest.mark.parametrize("text", ["speech, ResNet-32, 92.34 ± 0.25 [-9.5, +3.4]", "`python scripts/train.py --scale 0.1`", ""])
def test_markdown_leaves_ordinary_text_and_code_alone(text):
    assert markdown_text(text) == text


@pytest.mark.parametrize("ending", list("\r\n\v\f\x1c\x85\u2028\u2029"))
def test_no_line_end_of_any_kind_gets_into_a_cell(ending):
    assert markdown_text(f"one{ending}two") == "one two"


def test_texts_that_begin_like_formulas_get_an_apostrophe_and_numbers_none():
    assert [guarded(name) for name in NAMES[:5]] == [f"'{name}" for name in NAMES[:5]]
    assert [guarded(value) for value in ("cat", "a=b", "", None, -1, -2.5, True)] == ["cat", "a=b", "", None, -1, -2.5, True]
    written = csv_text(("name", "value"), [(FORMULA, -0.123456789), ("two\nlines", None)], ".6g")
    assert list(csv.reader(io.StringIO(written))) == [["name", "value"], [f"'{FORMULA}", "-0.123457"], ["two\nlines", ""]]


def test_data_frames_are_guarded_in_their_texts_alone():
    table = pd.DataFrame({"name": [FORMULA, "cat"], "value": [-1.5, np.nan], "count": [-1, 2], "known": [True, False]})
    written = pd.read_csv(io.StringIO(guarded_frame(table).to_csv(index=False)))
    pd.testing.assert_frame_equal(written, table.assign(name=[f"'{FORMULA}", "cat"]))
    assert guarded_frame(table).dtypes.drop("name").equals(table.dtypes.drop("name"))


def test_tables_of_an_evaluation_name_classes_without_formulas():
    counts = np.arange(len(NAMES) ** 2).reshape(len(NAMES), -1)
    classes = list(csv.DictReader(io.StringIO(_class_rows({("none", 0): counts}, NAMES).decode())))
    assert [row["class_name"] for row in classes] == [guarded(name) for name in NAMES]
    assert not any(row["class_name"].startswith(tuple("=+-@\t")) for row in classes)
    pairs = list(csv.DictReader(io.StringIO(_confusion_rows({("none", 0): counts}, NAMES).decode())))
    assert {row["true"] for row in pairs} == {row["predicted"] for row in pairs} == {guarded(name) for name in NAMES}


def test_report_and_readme_stay_tables_whatever_a_folder_is_called(tmp_path):
    variant = "folder <script>alert(1)</script>|$x$\n| a | b |"
    path = cell(tmp_path, 0.9, label="speech")
    environment = json.loads((path / "environment.json").read_text()) | {"data_variant": variant}
    (path / "environment.json").write_text(json.dumps(environment))
    run = WeakLabelRun.of(CleaningConfig(noise_rate=0.0), tmp_path)
    run.path.mkdir(parents=True)
    run.write_json("config.json", CleaningConfig(noise_rate=0.0).to_dict())
    run.write_json("environment.json", {"data_variant": variant})
    run.write_json("metrics.json", {"precision": 0.0, "recall": None, "f1": 0.0, "test_accuracy_before": 0.9,
                                    "test_accuracy_after": 0.8})
    sources = read_sources(tmp_path)
    for text in (full_report(sources), *(text for blocks in page_blocks(sources).values() for text in blocks.values())):
        assert "<script>" not in text
        assert not re.search(r"(?<!\\)\$", text)
        for block in re.findall(r"(?:^\|.*\n?)+", text, flags=re.M):
            assert len({len(cells_of(line)) for line in block.splitlines()}) == 1
    assert "folder &lt;script&gt;alert(1)&lt;/script&gt;\\|\\$x\\$ \\| a \\| b \\|" in full_report(sources)
