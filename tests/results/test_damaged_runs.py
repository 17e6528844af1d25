"""One damaged run costs a note: plots, reports and lists go on with the others."""

import json

import pytest

from tests.damaged_runs import FILES, replace, write_whole_run
from tests.synthetic_runs import write_cleaning_run, write_experiment, write_run
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.figures.drawing import choose_runs, draw
from tfrepr.report.pages import full_report, read_sources, weak_label_tables
from tfrepr.results.tables import experiment_names, experiment_runs, read_results
from tfrepr.running.runner import run_cells, summary
from tfrepr.runs import RunDirectory

CONTENTS = {"empty": b"", "cut off": b'{"a": [1', "a list": b"[1, 2]", "bytes": bytes(range(256)), "deep": b"[" * 100_000,
            "another object": b'{"runs": 3, "percent": "many", "versions": 1, "images": "x"}', "a pipe": None,
            "a foreign table": b"a,b\n1,2\n"}
FOR_PICTURES = ("gradcam.npz", "features/images.npz", "features/epoch-00001.npz")
"""Are not read by the report."""


def write_damaged_runs(output, content):
    """An undamaged run, and for each of `FILES` one with this content in the file; by file."""
    write_whole_run(output, 99)
    runs = {name: write_whole_run(output, seed) for seed, name in enumerate(FILES)}
    for name, path in runs.items():
        replace(path / name, content)
    return runs


@pytest.mark.parametrize("content", CONTENTS)
def test_the_report_goes_on_and_names_each_damaged_file(content, tmp_path, capsys):
    runs = write_damaged_runs(tmp_path, CONTENTS[content])
    sources = read_sources(tmp_path)
    text = full_report(sources)
    said = "\n".join([*sources.results.notes, capsys.readouterr().err])
    read = [name for name in FILES if name not in ("attacks.json", *FOR_PICTURES) and "paired" not in name]  # see test_claims
    assert [name for name in read if str(runs[name] / name) not in said] == []
    assert f"Runs found: {len(FILES)}, {len(FILES) - 1} of them finished." in text


def test_figures_are_drawn_without_the_damaged_files(tmp_path, capsys):
    runs = {name: write_whole_run(tmp_path, seed) for seed, name in enumerate((*FOR_PICTURES, "history.csv", "attacks.csv"))}
    for name, path in runs.items():
        replace(path / name, b"PK\x03\x04\n")
    _, results = choose_runs(tmp_path, None, [str(tmp_path / "runs" / "*")])
    figures = ("learning-curves", "figure3", "figure8", "figure9")
    drawn = {path.stem for path in draw(results, figures, tmp_path / "plots", "runs", ("png",))}
    assert drawn == {"runs-learning-curves", "runs-figure3", "runs-figure8", *(f"runs-figure9-{seed}" for seed in range(1, 5))}
    said = "".join((*results.notes, capsys.readouterr().err))
    assert all(str(path / name) in said for name, path in runs.items())


def test_lists_of_runs_go_on(tmp_path, capsys):
    configs = [RunConfig(seed=seed, epochs=1) for seed in range(3)]
    for config in configs:
        run = RunDirectory(write_run(tmp_path, config={"seed": config.seed}).rename(tmp_path / "runs" / config.run_name))
        run.write_json("config.json", config.to_dict())
    runs = [RunDirectory.of(config, tmp_path) for config in configs]
    (runs[0] / "config.json").write_text("{")
    (runs[1] / "metrics.json").write_text("[]")
    assert run_cells("list", configs, tmp_path) == 2
    said = capsys.readouterr()
    assert "Remove this one file and repeat the command" in said.err
    assert "metrics.json is damaged" in said.err
    assert "2 failed" in said.out
    assert summary(runs).count("\n") == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"runs": "all"}', '{"runs": [1]}', '{"finished": 3, "runs": []}'])
def test_a_damaged_note_of_an_experiment_is_said_and_passed_over(content, tmp_path, capsys):
    run = write_run(tmp_path)
    write_experiment(tmp_path, "good", [run])
    (tmp_path / "experiments" / "bad.json").write_text(content)
    assert experiment_names(tmp_path) == ["good"]
    assert "bad.json is damaged" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"bad\.json is damaged .*Repeat the scripts/train\.py command"):
        experiment_runs(tmp_path, "bad")


@pytest.mark.parametrize("name", ["config.json", "environment.json", "metrics.json"])
def test_tables_of_weak_labels_go_on(name, tmp_path, capsys):
    for seed in range(2):
        run = write_cleaning_run(tmp_path, 0.5, noise_rate=0.2, seed=seed)
    (run / name).write_text(json.dumps({"task": "noisy", "test_accuracy_before": "high", "data_variant": 3}))
    assert "90.0% | 80.0% | 1 |" in "\n".join(weak_label_tables(read_sources(tmp_path)))
    assert f"{name} is damaged" in capsys.readouterr().err


SPREADSHEET = {"byte-order mark": lambda text: text.encode("utf-8-sig"), "utf-16": lambda text: text.encode("utf-16"),
               "semicolons": lambda text: text.replace(",", ";").replace(".", ",").encode()}


@pytest.mark.parametrize("how", SPREADSHEET)
def test_tables_that_a_spreadsheet_saved_are_the_same_tables(how, tmp_path):
    path = write_run(tmp_path, attacks=True, config={"label": "speech"})
    before = read_results([path])
    for name in ("history.csv", "attacks.csv"):
        (path / name).write_bytes(SPREADSHEET[how]((path / name).read_text()))
    after = read_results([path])
    assert after.notes == ()
    assert after.histories.equals(before.histories)
    assert after.attacks.equals(before.attacks)


def test_rows_without_their_numbers_are_left_out_and_noted(tmp_path):
    path = write_run(tmp_path, attacks=True, epochs=3)
    for name in ("history.csv", "attacks.csv"):
        header, first, *rows = (path / name).read_text().splitlines()
        first = first.replace("1,", "one,", 1) if name == "history.csv" else first.replace(",10000,", ",,")
        (path / name).write_text("\n".join([header, first, *rows]) + "\n")
    results = read_results([path])
    assert list(results.histories["epoch"]) == [2, 3]
    assert len(results.attacks) == 27
    assert [note.rpartition(": ")[2] for note in results.notes] == ["1 line with unreadable numbers left out."] * 2
