"""Run directories read as data frames."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.synthetic_runs import write_experiment, write_run
from tfrepr.errors import UserError
from tfrepr.results.attack_rows import COLUMNS as ATTACK_COLUMNS
from tfrepr.results.tables import (
    GALLERY_FILE,
    experiment_names,
    experiment_runs,
    read_results,
)
from tfrepr.runs import HISTORY_COLUMNS
from tfrepr.selection import find_runs


def test_one_row_a_run_with_config_metrics_and_environment(tmp_path):
    path = write_run(tmp_path, variant="CIFAR-10 (JPEG copy)", config={"label": "speech", "seed": 3, "percent": 4.0})
    row = read_results([path]).runs.iloc[0]
    metrics = json.loads((path / "metrics.json").read_text())
    assert row["run"] == path.name
    assert row["path"] == str(path)
    assert row["finished"]
    assert (row["label"], row["seed"], row["percent"], row["momentum"]) == ("speech", 3, 4.0, 0.9)
    assert (row["label_options.voice"], row["label_options.rate"]) == ("en-us", 130)
    assert row["test_accuracy"] == metrics["test_accuracy"]
    assert row["test_threshold_accuracy"] == metrics["test_threshold_accuracy"]
    assert (row["data_variant"], row["train_images"]) == ("CIFAR-10 (JPEG copy)", 45000)


def test_settings_that_an_older_config_lacks_have_their_defaults(tmp_path):
    path = write_run(tmp_path)
    config = json.loads((path / "config.json").read_text())
    del config["momentum"], config["label_options"]
    (path / "config.json").write_text(json.dumps(config))
    row = read_results([path]).runs.iloc[0]
    assert (row["momentum"], row["label_options.rate"]) == (0.9, 130)


def test_histories_and_attacks_equal_the_files(tmp_path):
    paths = [write_run(tmp_path, attacks=True, config={"label": label}) for label in ("speech", "category")]
    results = read_results(paths)
    for name, columns, table in (("history.csv", HISTORY_COLUMNS, results.histories),
                                 ("attacks.csv", ATTACK_COLUMNS, results.attacks)):
        for path in paths:
            rows = table[table["run"] == path.name][list(columns)].reset_index(drop=True)
            assert_frame_equal(rows, pd.read_csv(path / name), check_dtype=False)
    category = results.histories[results.histories["run"] == paths[1].name]
    assert category["val_threshold_accuracy"].isna().all()


def test_files_with_different_headers_are_joined(tmp_path):
    old, new = (write_run(tmp_path, config={"seed": seed}) for seed in (0, 1))
    lines = (new / "history.csv").read_text().splitlines()
    (new / "history.csv").write_text("\n".join([f"{lines[0]},note", *(f"{line},7" for line in lines[1:])]) + "\n")
    histories = read_results([old, new]).histories
    assert set(histories.loc[histories["run"] == new.name, "note"]) == {7}
    assert histories.loc[histories["run"] == old.name, "note"].isna().all()
    assert histories["train_loss"].notna().all()


@pytest.mark.parametrize(("tail", "rows"), [("31,0.1,0.5", 30), ("31,0.1,0.5,0.6,0.7,,12.5,3600", 30),
                                            ("31,0.1,0.5\n31,0.1,0.5,0.6,0.7,,12.5,3600\n", 31), ("\0\0\0\0", 30)])
def test_torn_lines_are_left_out_and_noted(tmp_path, tail, rows):
    path = write_run(tmp_path, epochs=30, finished=False)
    with (path / "history.csv").open("a") as file:
        file.write(tail)
    results = read_results([path])
    assert len(results.histories) == rows
    assert results.notes == (f"{path / 'history.csv'}: 1 torn line left out.",)


def test_line_ends_of_any_system(tmp_path):
    path = write_run(tmp_path)
    plain = read_results([path]).histories
    (path / "history.csv").write_bytes((path / "history.csv").read_bytes().replace(b"\n", b"\r\n"))
    assert_frame_equal(read_results([path]).histories, plain)


@pytest.mark.parametrize("content", ["", "epoch,learn", ",".join(HISTORY_COLUMNS) + "\n"])
def test_history_without_an_epoch_is_empty(tmp_path, content):
    path = write_run(tmp_path, finished=False)
    (path / "history.csv").write_text(content)
    assert read_results([path]).histories.empty


def test_unfinished_and_unreadable_runs_are_marked(tmp_path):
    running = write_run(tmp_path, finished=False)
    torn, broken = (write_run(tmp_path, config={"seed": seed}) for seed in (1, 2))
    (torn / "metrics.json").write_text('{"test_acc')
    (broken / "config.json").write_text("")
    results = read_results([running, torn, broken])
    assert list(results.runs["run"]) == [running.name, torn.name]
    assert not results.runs["finished"].any()
    assert np.isnan(results.runs["test_accuracy"].astype(float)).all()
    assert len(results.notes) == 2


def test_where_keeps_the_rows_of_the_chosen_runs(tmp_path):
    paths = [write_run(tmp_path, attacks=True, config={"label": label}) for label in ("speech", "category")]
    results = read_results(paths)
    chosen = results.where(results.runs["label"] == "speech")
    for table in (chosen.runs, chosen.histories, chosen.attacks):
        assert set(table["run"]) == {paths[0].name}


def test_last_experiment_is_the_one_that_finished_last(tmp_path):
    run = write_run(tmp_path)
    write_experiment(tmp_path, "later", [run], "2026-03-01T00:00:00+00:00")
    write_experiment(tmp_path, "earlier", [run], "2026-02-28T23:00:00-00:30")
    assert experiment_names(tmp_path) == ["later", "earlier"]
    assert experiment_runs(tmp_path, "later") == [run]


def test_experiment_errors_say_what_to_run(tmp_path):
    run = write_run(tmp_path)
    with pytest.raises(UserError, match=r"'quickstart' has no runs in .*train\.py --experiment quickstart"):
        experiment_runs(tmp_path, "quickstart")
    write_experiment(tmp_path, "quickstart", [run])
    with pytest.raises(UserError, match="Did you mean 'quickstart'"):
        experiment_runs(tmp_path, "quikstart")
    shutil.rmtree(run)
    with pytest.raises(UserError, match=r"None of the 1 runs.*train.py --experiment quickstart"):
        experiment_runs(tmp_path, "quickstart")


@pytest.mark.parametrize(("name", "message"), [
    ("figure5", r"'figure5' has no runs in .* yet\. There are runs of: quickstart\. Run it.*train\.py --experiment figure5"),
    ("table2", r"'table2' measures and trains nothing.*train\.py --experiment table2"),
    ("noisy-labels", r"'noisy-labels' has a command of its own.*clean_labels\.py --experiment noisy-labels"),
    ("figure55", r"Unknown experiment 'figure55'\. Did you mean 'figure5'"), ("", "Unknown experiment ''"),
    ("../experiments/quickstart", "Unknown experiment")])
def test_an_experiment_without_runs_is_not_called_unknown(tmp_path, name, message):
    write_experiment(tmp_path, "quickstart", [write_run(tmp_path)])
    with pytest.raises(UserError, match=message):
        experiment_runs(tmp_path, name)


def test_a_run_is_not_counted_twice(tmp_path):
    first, second = (write_run(tmp_path / name) for name in "ab")
    assert len(read_results([first, first]).runs) == 1
    with pytest.raises(UserError, match="counted as often"):
        read_results([first, second])


def test_foreign_csv_is_left_out_by_name(tmp_path):
    path, other = write_run(tmp_path), write_run(tmp_path, config={"seed": 1})
    (path / "history.csv").write_text("epoch,loss\n1,2\n")
    results = read_results([path, other])
    assert "history.csv lacks the columns learning_rate, train_loss" in results.notes[0]
    assert (len(results.runs), set(results.histories["run"])) == (2, {other.name})


def test_gallery_arrays(tmp_path):
    path = write_run(tmp_path)
    arrays = {"original": np.zeros((2, 4, 4, 3)), "adversarial": np.ones((2, 4, 4, 3)), "epsilon": np.float32(0.3),
              "names": np.array(["cat", "dog"]), "predicted": np.array(["cat", "frog"])}
    np.savez(path / GALLERY_FILE, **arrays)
    gallery = read_results([path]).galleries[path.name]
    assert all(np.array_equal(gallery[name], value) for name, value in arrays.items())
    for damage in (lambda file: np.savez(file, original=arrays["original"]), lambda file: file.write_bytes(b"PK torn")):
        damage(path / GALLERY_FILE)
        results = read_results([path])
        assert not results.galleries
        assert "gallery.npz is damaged" in results.notes[0]


def test_reading_needs_no_tensorflow():
    code = "import sys, tfrepr.results.tables, tfrepr.figures.drawing; print({'tensorflow', 'keras', 'jax'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


@pytest.mark.slow
def test_thousand_runs_in_five_seconds(tmp_path):
    first = write_run(tmp_path, epochs=600, attacks=True, config={"label": "speech"})
    for copy in range(1, 1000):
        shutil.copytree(first, first.with_name(f"{first.name}-{copy}"))
    start = time.process_time()
    results = read_results(find_runs(tmp_path))
    assert time.process_time() - start < 5
    assert (len(results.runs), len(results.histories), len(results.attacks)) == (1000, 600_000, 56_000)
