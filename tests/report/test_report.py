"""The report: the paper's numbers beside ours, never a number without what stands behind it."""

import json
import os
import re
import runpy
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.synthetic_runs import write_cleaning_run, write_run
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions
from tfrepr.paper import PUBLISHED, STATEMENTS, TABLE_5, published
from tfrepr.registry import EXPERIMENTS
from tfrepr.report.account import compute, every_seed, threats
from tfrepr.report.pages import (
    PAGES,
    README,
    full_report,
    page_blocks,
    progress,
    read_sources,
    section,
    weak_label_tables,
    with_blocks,
)
from tfrepr.report.published_figures import figure_lines
from tfrepr.report.rows import title
from tfrepr.results.records import keep_records
from tfrepr.results.tables import experiment_runs
from tfrepr.running.grid import scaled

ROOT = Path(__file__).resolve().parents[2]
MARKERS = {page: "".join(f"above {name}\n<!-- {name}:begin -->\nsomething else\n<!-- {name}:end -->\n" for name in names)
           for page, names in PAGES.items()}
RESULTS_PAGE, WEAK_PAGE = "docs/results.md", "docs/weak-labels.md"


def cell(output, accuracy=None, versions="3", attacks=False, **fields):
    """A run of an experiment's cell, with all fields that a config writes."""
    config = RunConfig(**{"dataset": "cifar10", **fields})
    path = write_run(output, config={"label": config.label}, epochs=12, attacks=attacks)
    path = path.rename(path.with_name(config.run_name))
    (path / "config.json").write_text(json.dumps(config.to_dict()))
    environment = json.loads((path / "environment.json").read_text()) | {"versions": {"keras": versions}, "device": "GPU, X"}
    (path / "environment.json").write_text(json.dumps(environment))
    if accuracy is not None:
        metrics = json.loads((path / "metrics.json").read_text()) | {"test_accuracy": accuracy}
        (path / "metrics.json").write_text(json.dumps(metrics))
    return path


def rows(text):
    """Cells of the Markdown table lines, by the first one."""
    lines = [[value.strip() for value in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


def test_mean_spread_count_and_difference(tmp_path):
    values = (0.92, 0.925, 0.921)
    for seed, value in enumerate(values):
        cell(tmp_path, value, label="speech", seed=seed)
    row = rows("\n".join(section("table1-cifar10", read_sources(tmp_path))))["speech, ResNet-32, CIFAR-10, nearest"]
    mean, spread = 100 * np.mean(values), 100 * np.std(values, ddof=1)
    assert row == ["92.34 ± 0.01", f"{mean:.2f} ± {spread:.2f}", f"{mean - 92.34:+.2f}", "3", "600", "GPU, X", "official",
                   "85.88 (200 epochs)"]


def test_one_seed_has_no_spread_and_says_so(tmp_path):
    cell(tmp_path, 0.9, label="category")
    row = rows("\n".join(section("table1-cifar10", read_sources(tmp_path))))["category, ResNet-32, CIFAR-10, arg max"]
    assert row[1:4] == ["90.00", "-2.34", "1"]


def test_other_epochs_and_other_data_are_rows_of_their_own(tmp_path):
    cell(tmp_path, 0.9, label="speech")
    cell(tmp_path, 0.8, label="speech", epochs=10)  # as two-cores-all-data asks
    copy = cell(tmp_path, 0.7, label="speech", seed=1)
    environment = json.loads((copy / "environment.json").read_text()) | {"data_variant": "CIFAR-10 (JPEG copy)"}
    (copy / "environment.json").write_text(json.dumps(environment))
    text = "\n".join(section("table1-cifar10", read_sources(tmp_path)))
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| speech, ResNet-32, CIFAR-10, nearest")]
    assert [(ours, n, epochs, data) for _, _, ours, _, n, epochs, _, data, _ in lines] == [
        ("70.00", "1", "600", "CIFAR-10 (JPEG copy)"), ("90.00", "1", "600", "official"),
        ("80.00", "1", "10 of 600", "official")]
    assert "Trained as asked: 1 of 15 cells, each with one seed or more.\n" in text


def test_trials_stand_under_no_experiment(tmp_path):
    part, = scaled([RunConfig(dataset="cifar10", label="speech")], 0.05)
    assert part.replace(epochs=600) in EXPERIMENTS["table1-cifar10"]()
    for accuracy, config in ((0.81, part), (0.82, part.replace(seed=1)), (0.79, part.replace(epochs=20))):
        cell(tmp_path, accuracy, label="speech", epochs=config.epochs, seed=config.seed)
    cell(tmp_path, 0.99, label="speech", epochs=700)  # longer than asked for is no trial
    before, trials = full_report(read_sources(tmp_path)).split("## Trials\n")
    row = rows(before)["speech, ResNet-32, CIFAR-10, nearest"]
    assert (row[1], row[4]) == ("99.00", "700")
    assert ("Trained as asked: 0 of 15 cells, each with one seed or more. Trained otherwise, some others: 700 epochs in "
            "float32.") in before
    lines = [line.split(" | ") for line in trials.splitlines() if "nearest" in line]
    assert [(paper, ours, n, epochs) for _, paper, ours, _, n, epochs, *_ in lines] == [
        ("-", "81.50 ± 0.71", "2", "30"), ("-", "79.00", "1", "20")]
    assert "81.50" not in str(page_blocks(read_sources(tmp_path)))


def test_missing_and_noisy_labels_have_tables(tmp_path):
    for options in ({}, {"seed": 1}, {"folds": 3}, {"scale": 0.1}):
        write_cleaning_run(tmp_path, 0.0, noise_rate=0.0, **options)
    text = "\n".join(weak_label_tables(read_sources(tmp_path)))
    assert "clean_labels.py --experiment noisy-labels" in text
    assert "Digits (scikit-learn digits), ResNet-8, folds 3:" in text
    assert rows(text)["category"] == ["0%", "0.0%", "-", "0.0%", "90.0%", "80.0%", "1"]
    assert "| category | 0% | 0.0% | - | 0.0% | 90.0% | 80.0% | 2 |" in text
    assert "scale 0.1" not in text
    assert "ResNet-8, scale 0.1:" in full_report(read_sources(tmp_path)).split("## Trials\n")[1]


def test_runs_with_other_settings_never_count(tmp_path):
    cell(tmp_path, 0.5, label="speech", learning_rate=0.01)
    cell(tmp_path, 0.5, label="speech", percent=10.0)
    sources = read_sources(tmp_path)
    assert rows("\n".join(section("table1-cifar10", sources)))["speech, ResNet-32, CIFAR-10, nearest"][1] == "not run"
    assert "speech, ResNet-32, CIFAR-10, learning rate 0.01, nearest" in rows(full_report(sources))


def test_an_experiment_finds_the_cells_that_another_one_trained(tmp_path):
    shared = cell(tmp_path, label="speech", encoder="resnet110")
    cell(tmp_path, label="speech", encoder="resnet32")
    assert experiment_runs(tmp_path, "figure5") == [shared]


def test_an_experiment_finds_and_counts_cells_that_were_trained_in_mixed_precision(tmp_path):
    """Most runs of `evidence-low-data` were. A cell that asks for a precision wants this one."""
    cells = {cell.label: cell for cell in EXPERIMENTS["evidence-low-data"]() if cell.seed == 0 and not cell.label_smoothing}
    for one in (cells["speech"].replace(mixed_precision="bfloat16"), cells["random"], cells["random"].replace(
            mixed_precision="bfloat16")):
        path = write_run(tmp_path).rename(tmp_path / "runs" / one.run_name)
        (path / "config.json").write_text(json.dumps(one.to_dict()))
    found = [run.name for run in experiment_runs(tmp_path, "evidence-low-data")]
    assert [("random" in name, "bfloat16" in name) for name in found] == [(False, True), (True, False), (True, True)]
    assert progress("evidence-low-data", EXPERIMENTS["evidence-low-data"](), read_sources(tmp_path)) == (
        "Trained as asked: 2 of 8 cells, each with one seed or more, 1 of them with `--mixed-precision bfloat16` alone.")
    assert [run.name for run in experiment_runs(tmp_path, "evidence-precision")] == [
        cells["speech"].replace(mixed_precision="bfloat16").run_name]


def test_unfinished_runs_are_left_out(tmp_path):
    path = cell(tmp_path, 0.5, label="speech")
    (path / "metrics.json").unlink()
    text = full_report(read_sources(tmp_path))
    assert rows(text)["speech, ResNet-32, CIFAR-10, nearest"][1] == "not run"
    assert "Runs found: 1, 0 of them finished" in text


def test_mixed_versions_are_marked_and_listed(tmp_path):
    for seed, versions in enumerate(("3.12", "3.15")):
        cell(tmp_path, 0.9, versions, label="speech", seed=seed)
    text = full_report(read_sources(tmp_path))
    assert rows(text)["speech, ResNet-32, CIFAR-10, nearest"][3] == "2, mixed versions"
    assert "keras 3.12" in text
    assert "keras 3.15" in text


def test_torn_lines_are_named(tmp_path):
    path = cell(tmp_path, label="speech")
    with (path / "history.csv").open("a") as file:
        file.write("13,0.1")
    assert "1 torn line left out" in full_report(read_sources(tmp_path))


def test_every_number_has_its_count(tmp_path):
    for label in ("category", "speech"):
        for seed in range(2):
            cell(tmp_path, label=label, seed=seed, encoder="resnet110")
    tables = full_report(read_sources(tmp_path)).split("## table1-cifar10")[1].split("## Versions")[0]
    for line in rows(tables).values():
        if len(line) in (7, 8) and line[1] not in ("ours", "not run", "---"):
            assert line[3].split(",")[0].isdigit()
            assert "-" not in line[4:7]


def test_attack_rows_equal_the_counts(tmp_path):
    path = cell(tmp_path, label="speech", attacks=True)
    table = [line.split(",") for line in (path / "attacks.csv").read_text().splitlines()]
    place = {name: number for number, name in enumerate(table[0])}
    row, = (line for line in table if line[place["attack"]] == "fgsm" and line[place["goal"]] == "targeted"
            and line[place["epsilon"]] == "0.2" and line[place["criterion"]] == "nearest")
    share = {name: 100 * int(row[place["still_correct"]]) / int(row[place[name]]) for name in ("images", "clean_correct")}
    for name, reference in (("figure3", "images"), ("figure6", "clean_correct")):
        found = rows("\n".join(section(name, read_sources(tmp_path))))
        ours = found["speech, ResNet-32, CIFAR-10, targeted fgsm, 10,000 images"][1]
        assert f"ε 0.2: {share[reference]:.1f};" in ours


def test_compute_is_counted_once_and_every_seed_is_listed(tmp_path):
    """Cells of many lists: seed 0 counts at the shortest one that asks for it, seed 1 at the only one."""
    for seed in (0, 1):
        path = cell(tmp_path, 0.9 + seed / 100, label="speech", seed=seed, attacks=not seed)
        metrics = json.loads((path / "metrics.json").read_text()) | {"train_seconds": 3600.0, "best_val_accuracy": 0.8}
        (path / "metrics.json").write_text(json.dumps(metrics))
        if not seed:
            text = (path / "attacks.csv").read_text()
            (path / "attacks.csv").write_text(text.replace(",1.5\n", ",180.0\n"))
    sources = read_sources(tmp_path)
    found = rows("\n".join(compute(sources)))
    hours = f"{0.05 * len(sources.results.attacks):.1f}"
    assert found["sum"] == ["", "2", "2.0", hours]
    assert found["table1-cifar10"] == ["GPU, X", "1", "1.0", "0.0"]
    assert [row for row in found.values() if row == ["GPU, X", "1", "1.0", hours]]
    row = rows("\n".join(every_seed(sources)))["speech, ResNet-32, CIFAR-10"]
    assert row == ["600", "float32", "official", "0: 90.00, 1: 91.00", "0: 80.00, 1: 80.00"]


def test_two_runs_of_one_seed_count_once(tmp_path):
    """They differ in what is not said, here in how often they are validated; the cell's own stands."""
    for every, accuracy in ((7, 0.5), (1, 0.9), (9, 0.4)):
        cell(tmp_path, accuracy, label="speech", validation_every=every)
    found = [line.split(" | ") for line in section("table1-cifar10", read_sources(tmp_path))
             if line.startswith("| speech, ResNet-32, CIFAR-10, nearest")]
    assert [(row[2], row[4]) for row in found] == [("90.00", "1")]


def test_only_runs_as_an_experiment_asks_count_as_done(tmp_path):
    """Category with 20 epochs in float32 is neither that with 60, nor that in bfloat16."""
    cell(tmp_path, 0.8, label="category", epochs=20)
    sources = read_sources(tmp_path)

    def done(name):
        return progress(name, EXPERIMENTS[name](), sources)

    otherwise = "cells, each with one seed or more. Trained otherwise, some others: 20 epochs in float32."
    assert done("evidence-all-data") == f"Trained as asked: 1 of 7 {otherwise}"
    assert done("evidence-precision") == f"Trained as asked: 0 of 3 {otherwise}"
    assert done("figure4") == "Not run."


def test_labels_of_ones_own_are_told_apart():
    plain = RunConfig(dataset="cifar10", label="random")
    own = plain.replace(label_options=LabelOptions(label_file="/some/where/my_table.npy"))
    spoken = plain.replace(label="speech", label_options=LabelOptions(voice="en-gb", spoken=(("automobile", "car"),)))
    assert title(plain) == "random, ResNet-32, CIFAR-10"
    assert title(own) == "label file my_table.npy, ResNet-32, CIFAR-10"
    assert title(spoken) == "speech, ResNet-32, CIFAR-10, voice en-gb, spoken automobile=car"


def test_precision_is_said_beside_a_number_and_not_in_its_title(tmp_path):
    """Seeds of two precisions are two means; both count for the experiment that asks for the cell."""
    for seed, precision in enumerate(("off", "off", "bfloat16")):
        cell(tmp_path, 0.9 + seed / 100, label="speech", seed=seed, mixed_precision=precision)
    sources = read_sources(tmp_path)
    found = [line.split(" | ") for line in section("table1-cifar10", sources)
             if line.startswith("| speech, ResNet-32, CIFAR-10, nearest")]
    assert [(row[2], row[4], row[6]) for row in found] == [("90.50 ± 0.71", "2", "GPU, X"), ("92.00", "1", "GPU, X, bfloat16")]
    listed = [line for line in every_seed(sources) if line.startswith("| speech, ResNet-32, CIFAR-10 |")]
    assert [line.split(" | ")[2:5:2] for line in listed] == [["bfloat16", "2: 92.00"], ["float32", "0: 90.00, 1: 91.00"]]
    assert "other runs" not in "\n".join(compute(sources))
    assert any("Half of the precision" in line for line in threats(sources.results.runs))


def test_threats_are_those_of_the_runs(tmp_path):
    """A copy of the data, and fewer epochs than the paper's, are threats where there are such runs."""
    path = cell(tmp_path, 0.9, label="category")
    assert "JPEG" not in (before := "\n".join(threats(read_sources(tmp_path).results.runs)))
    assert "Schedules are short" not in before
    environment = json.loads((path / "environment.json").read_text()) | {"data_variant": "CIFAR-10 (JPEG copy)"}
    (path / "environment.json").write_text(json.dumps(environment))
    cell(tmp_path, 0.9, label="speech", epochs=60)
    after = "\n".join(threats(read_sources(tmp_path).results.runs))
    assert all(words in after for words in ("JPEG copy", "Schedules are short", "espeak-ng", "GPU, X"))


def test_nothing_run_gives_a_whole_report_that_says_so(tmp_path):
    sources = read_sources(tmp_path)
    text = full_report(sources)
    assert all(f"## {name}\n" in text for name in EXPERIMENTS)
    assert {row[1] for name, row in rows(text).items() if "CIFAR" in name} == {"not run"}
    blocks = page_blocks(sources)
    assert blocks[RESULTS_PAGE]["claims"].startswith("Not run yet, with margins set: [C1](../RESULTS.md#c1), ")
    questions = rows(blocks[README]["verdicts"])
    assert [answer for question, (answer, _) in questions.items() if question.endswith("?")] == [
        "**not run** ([C3 first look](RESULTS.md#c3-first-look))",
        "**not run** ([C6 first look](RESULTS.md#c6-first-look))", "**not run** ([C2 first look](RESULTS.md#c2-first-look))",
        "**not run** ([C1 first look](RESULTS.md#c1-first-look))", "**not run** ([C1e](RESULTS.md#c1e))"]
    assert "not run" in rows(text.split("### C1\n")[1].split("###")[0])["speech \N{MINUS SIGN} category"]
    assert blocks[WEAK_PAGE]["weak-labels"] == "Not run."
    assert all(f"`{name}`" in blocks[RESULTS_PAGE]["results"] for name in EXPERIMENTS)


def test_a_page_changes_between_the_markers_only(tmp_path):
    path, blocks = tmp_path / "results.md", page_blocks(read_sources(tmp_path))[RESULTS_PAGE]
    once = with_blocks(MARKERS[RESULTS_PAGE] + "below\n", path, blocks)
    assert once.startswith("above claims\n<!-- claims:begin -->\nNot run yet")
    assert once.endswith("\n<!-- results:end -->\nbelow\n")
    assert "something else" not in once
    assert with_blocks(once, path, blocks) == once
    with pytest.raises(UserError, match="claims:begin"):
        with_blocks("no markers", path, blocks)


@pytest.fixture
def project(tmp_path):
    """A project's folder with the pages that the records fill in."""
    for page, text in MARKERS.items():
        (tmp_path / "project" / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / page).write_text(text)
    return tmp_path / "project"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def report(*words):
    return CliRunner().invoke(runpy.run_path(str(ROOT / "scripts" / "report.py"))["main"], list(map(str, words)))


def test_a_users_report_lies_beside_the_runs_and_changes_nothing_else(tmp_path, project):
    output, before = tmp_path / "output", contents(project)
    cell(output, 0.9, label="speech")
    cell(output, 0.9, label="category").joinpath("metrics.json").unlink()
    ours = [ROOT / page for page in (*PAGES, "RESULTS.md")]
    own, runs = [path.read_bytes() for path in ours], contents(output)
    result = report("--output", output)
    assert result.exit_code == 0, result.output
    text = (output / "report" / "RESULTS.md").read_text()
    assert "Runs found: 2, 1 of them finished" in text
    assert "| 90.00 | -2.34 | 1 |" in text
    pictures = re.findall(r"!\[.*\]\((.*)\)", text.split("## Figures")[1])
    assert "figures/runs-learning-curves.png" in pictures
    assert all((output / "report" / picture).is_file() for picture in pictures)
    assert [path.name for path in (output / "report" / "records" / "runs").iterdir()] == [
        RunConfig(dataset="cifar10", label="speech").run_name]
    assert contents(project) == before
    assert [path.read_bytes() for path in ours] == own
    assert {path: content for path, content in contents(output).items() if output / "report" not in path.parents} == runs


@pytest.mark.parametrize("words", [
    [], ["--report", "elsewhere", "--no-figures"], ["--publish", "--project", "."], ["--page", "--report", "elsewhere"]])
def test_a_folder_of_results_that_does_not_exist_is_refused_and_not_made(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    result = report("--output", "nowhere", *words)
    assert result.exit_code == 2
    assert "There is no folder nowhere, and so no run to report." in result.output
    assert "python scripts/train.py --output nowhere" in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_usual_folder_is_reported_before_the_first_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = report("--no-figures")
    assert result.exit_code == 0, result.output
    assert "Runs found: 0" in (tmp_path / "output" / "report" / "RESULTS.md").read_text()


def test_publishing_is_asked_for_and_writes_the_projects_files(tmp_path, project):
    cell(tmp_path / "output", 0.9, label="speech")
    result = report("--output", tmp_path / "output", "--publish", "--project", project)
    assert result.exit_code == 0, result.output
    assert "Runs found: 1, 1 of them finished" in (project / "RESULTS.md").read_text()
    assert "| 90.00 | -2.34 | 1 |" in (project / RESULTS_PAGE).read_text()
    assert "**not run**" in (project / README).read_text()
    assert len(list((project / "output" / "results" / "runs").iterdir())) == 1
    assert not (project / "plots").exists()  # nothing to compare, no forest plots
    assert not (tmp_path / "output" / "report").exists()


def test_publishing_into_no_project_writes_nothing(tmp_path):
    cell(tmp_path / "output", 0.9, label="speech")
    before = contents(tmp_path)
    for words in (["--project", tmp_path / "none"], ["--report", tmp_path / "r"], ["--no-figures"]):
        assert report("--output", tmp_path / "output", "--publish", *words).exit_code == 2
    assert contents(tmp_path) == before


def test_records_are_small_files_of_finished_runs(tmp_path):
    path = cell(tmp_path, 0.9, label="speech", attacks=True)
    for name in ("best.keras", "label_table.npy", "features/epoch-00001.npz", "features/scores.csv", ".unfinished-history.csv",
                 "attack_survivors.npz"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text("")
    cell(tmp_path, 0.9, label="category").joinpath("metrics.json").unlink()
    target = tmp_path / "results"
    kept = {copy.relative_to(target / "runs" / path.name).as_posix() for copy in keep_records(tmp_path, target)}
    assert kept == {"config.json", "environment.json", "metrics.json", "history.csv", "attacks.csv", "features/scores.csv",
                    "attack_survivors.npz"}
    assert keep_records(tmp_path, target) == []
    (path / "attacks.csv").write_text("new")
    assert [copy.name for copy in keep_records(tmp_path, target)] == ["attacks.csv"]
    (path / "attacks.csv").unlink()
    assert keep_records(tmp_path, target) == []
    assert not (tmp_path / "results" / "runs" / path.name / "attacks.csv").exists()


def test_links_and_pipes_are_no_records(tmp_path, capsys):
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    output = tmp_path / "output"
    path = cell(output, 0.9, label="speech")
    (output / "table2.json").symlink_to(secret)
    (path / "attacks.csv").symlink_to(secret)
    os.mkfifo(path / "attacks.json")
    (path / "evaluation").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "results.csv").write_text("secret")
    (path / "evaluation" / "digits").symlink_to(tmp_path / "elsewhere")
    kept = {copy.name for copy in keep_records(output, output / "results")}
    assert kept == {"config.json", "environment.json", "metrics.json", "history.csv"}
    notes = capsys.readouterr().err
    for name in ("table2.json", "attacks.csv", "attacks.json", "results.csv"):
        assert f"{name} is not kept" in notes
    copies = output / "results" / "runs" / path.name
    (copies / "metrics.json").unlink()
    (copies / "metrics.json").symlink_to(secret)
    with pytest.raises(UserError, match="symbolic link"):
        keep_records(output, output / "results")
    assert secret.read_text() == "{}"


def test_the_committed_report_is_that_of_the_committed_records():
    sources = read_sources(ROOT / "output" / "results")
    again = "Write them anew with: python scripts/report.py --publish"
    assert (ROOT / "RESULTS.md").read_text(encoding="utf-8") == full_report(
        sources, "plots/results/forest.png", figure_lines(ROOT)), again
    for page, blocks in page_blocks(sources).items():
        text = (ROOT / page).read_text(encoding="utf-8")
        for name, content in blocks.items():
            assert f"<!-- {name}:begin -->\n{content}\n<!-- {name}:end -->" in text, again


def test_the_paper_has_every_cell_of_its_tables_once():
    counts = {"Table 1": 9 * 6, "Table 2": 7 * 6, "Table 3": 6, "Table 4": 6}
    assert len({cell.cell for cell in PUBLISHED}) == len(PUBLISHED) == sum(counts.values())
    assert {table: sum(cell.table == table for cell in PUBLISHED) for table in counts} == counts
    found = published("Table 1", dataset="cifar100", label="constant", quantity="nearest", encoder="resnet110")
    assert (found.mean, found.spread) == (24.46, 3.70)
    assert len(TABLE_5) == 6
    assert set(STATEMENTS) <= set(EXPERIMENTS)


@pytest.mark.parametrize(("table", "dataset", "label", "encoder", "count", "agrees"), [
    ("Table 3", "cifar10", "category", "vgg19", 20_040_522, True),
    ("Table 3", "cifar10", "category", "resnet32", 466_906, True),
    ("Table 3", "cifar10", "high-dimensional", "vgg19", 20_178_281, True),
    ("Table 3", "cifar10", "high-dimensional", "resnet110", 1_843_385, True),
    ("Table 4", "cifar100", "category", "resnet32", 472_756, True),
    ("Table 4", "cifar100", "category", "resnet110", 1_736_564, False)])
def test_parameter_counts_meet_the_printed_digits(table, dataset, label, encoder, count, agrees):
    printed = published(table, dataset=dataset, label=label, quantity="parameters", encoder=encoder)
    assert printed.agrees(count, 0) is agrees
    assert agrees or "exponent" in printed.note


@pytest.mark.slow
def test_a_thousand_runs_in_five_seconds(tmp_path):
    for percent in (1.0, 2.0, 4.0, 8.0, 10.0, 20.0):
        for index, config in enumerate(EXPERIMENTS["figure4"]()[:167]):
            cell(tmp_path, label=config.label, encoder=config.encoder, percent=percent, seed=100 + index)
    started = time.process_time()
    full_report(read_sources(tmp_path))
    assert time.process_time() - started < 5
