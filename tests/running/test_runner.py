"""Lists of cells trained for real, on a few dozen digits, in several processes at once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.test_survival import assert_same_run
from tfrepr.config import RunConfig
from tfrepr.data.loading import load_source
from tfrepr.figures.drawing import choose_runs
from tfrepr.labels.build import build_representation
from tfrepr.labels.options import LabelOptions
from tfrepr.registry import EXPERIMENTS
from tfrepr.results.tables import experiment_runs
from tfrepr.running import runner
from tfrepr.running.cell_process import IN_USE, CellProcess, Task, thread_limits
from tfrepr.running.grid import GridOptions
from tfrepr.running.runner import run_cells, visible_gpus
from tfrepr.running.shared import shared_faults
from tfrepr.runs import RunDirectory
from tfrepr.weak_labels.cleaning import run_cleaning
from tfrepr.weak_labels.command import run_configs
from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"percent": 3, "epochs": 2, "batch_size": 16, "learning_rate": 0.05}


def watched(*words):
    """Output of scripts/train.py, and as its last line the exit code and which heavy packages were imported."""
    code = ("import runpy, sys\ntry:\n    runpy.run_path('scripts/train.py', run_name='__main__')\nexcept SystemExit as end:\n"
            "    print(end.code, sorted({'tensorflow', 'keras'} & set(sys.modules)))")
    return subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Four cells, two at a time: one is trained, one diverges, one has no label table, one is in use elsewhere."""
    output = tmp_path_factory.mktemp("grid")
    cells = [RunConfig(label="lowdim", **SMALL), RunConfig(label="lowdim", **{**SMALL, "learning_rate": 1e18}),
             RunConfig.from_dict({**RunConfig(label="random", **SMALL).to_dict(), "label_options": {"label_file": "none.npy"}}),
             RunConfig(label="category", **SMALL)]
    code = (f"import sys; sys.path.insert(0, {str(ROOT)!r})\nimport json\nfrom pathlib import Path\n"
            "from tfrepr.config import RunConfig\nfrom tfrepr.running.grid import GridOptions\n"
            "from tfrepr.running.runner import run_cells\n"
            "cells = [RunConfig.from_dict(values) for values in json.loads(sys.argv[1])]\n"
            "sys.exit(run_cells('four', cells, Path(sys.argv[2]), grid=GridOptions(jobs=2)))")
    with RunDirectory.of(cells[3], output).locked():
        done = subprocess.run([sys.executable, "-c", code, json.dumps([cell.to_dict() for cell in cells]), str(output)],
                              capture_output=True, text=True, timeout=3600, check=False)
    return output, cells, done


def test_one_failing_cell_does_not_stop_the_others(grid):
    output, cells, done = grid
    assert [RunDirectory.of(cell, output).finished for cell in cells] == [True, False, False, False]
    assert done.returncode in (2, 3), "the exit code of a failed cell"
    summary = done.stdout[done.stdout.rindex("1 of 4 cells are finished"):]
    for part in ("1 trained", "2 failed", "1 in work elsewhere"):
        assert part in summary
    assert f"{cells[1].run_name}: The training loss became" in summary
    assert f"{cells[2].run_name}: The label table none.npy" in summary
    assert "Traceback" not in done.stdout + done.stderr


def test_lines_say_which_cell_they_come_from(grid):
    _, cells, done = grid
    assert f"[1/3] {cells[0].run_name}" in done.stdout
    assert "[3/3]" in done.stdout


def test_a_label_that_cannot_be_made_is_said_before_the_first_cell_and_not_tried(grid):
    _, cells, done = grid
    assert "The label table none.npy cannot be read" in done.stderr
    assert "This stops 1 of 4 cells." in done.stderr
    assert f"] {cells[2].run_name}" not in done.stdout


@pytest.fixture
def unusable(tmp_path):
    """A folder with one class, which no cell can use."""
    (tmp_path / "pictures" / "cat").mkdir(parents=True)
    return tmp_path / "pictures"


@pytest.mark.parametrize("grid", [GridOptions(), GridOptions(jobs=2)])
def test_one_missing_data_set_is_said_once(tmp_path, unusable, capfd, grid):
    cells = [RunConfig(dataset="folder", folder=str(unusable), seed=seed) for seed in range(6)]
    assert run_cells("many", cells, tmp_path / "output", grid=grid) == 2
    printed = capfd.readouterr()
    assert printed.err.count("must have at least two sub-folders") == 1
    assert "This stops 6 of 6 cells." in printed.err
    assert printed.out.count("must have at least two sub-folders") == 1
    assert f"{cells[0].run_name} and 5 more: " in printed.out
    assert "0 of 6 cells are finished. This time: 6 failed." in printed.out
    assert not (tmp_path / "output").exists()


def test_cells_with_other_data_or_labels_are_not_stopped(unusable):
    voice = LabelOptions(voice="martian")
    spoken = [RunConfig(label=label, label_options=voice, seed=seed) for label in ("speech", "shuffle") for seed in (0, 1)]
    fine = [RunConfig(label="category", label_options=voice), RunConfig(label="lowdim"), CleaningConfig(label="category")]
    other = [RunConfig(dataset="folder", folder=str(unusable)), PseudoLabelConfig(dataset="folder", folder=str(unusable))]
    faults = shared_faults([*spoken, *fine, *other], None)
    assert set(faults) == {*spoken, *other}
    assert all("martian" in str(faults[config]) for config in spoken)
    assert shared_faults(other[:1], None) == {}, "a single cell says it when it is trained"


def test_lists_with_missing_and_noisy_labels_are_checked_as_well(tmp_path, unusable, capfd):
    configs = [CleaningConfig(dataset="folder", folder=str(unusable), seed=seed) for seed in range(9)]
    assert run_configs(run_cleaning, configs, tmp_path / "output", tmp_path / "plots", "noisy-labels", data_dir=None) == 2
    printed = capfd.readouterr().err
    assert printed.count("must have at least two sub-folders") == 1
    assert "This stops 9 of 9 cells." in printed


def test_the_experiment_is_noted_with_its_finished_runs(grid):
    output, cells, _ = grid
    assert json.loads((output / "experiments" / "four.json").read_text())["runs"] == [cells[0].run_name]


@pytest.mark.slow
def test_a_cell_trained_beside_others_is_the_run_of_as_many_cores(grid, tmp_path):
    output, cells, _ = grid
    threads = max(1, len(os.sched_getaffinity(0)) // 2) if hasattr(os, "sched_getaffinity") else max(1, os.cpu_count() // 2)
    code, _ = CellProcess(Task(cells[0].to_dict(), str(tmp_path)), threads=threads).follow(lambda line: None)
    assert code == 0
    assert_same_run(RunDirectory.of(cells[0], tmp_path).path, RunDirectory.of(cells[0], output).path)


def test_finished_lists_are_skipped_without_tensorflow(grid):
    words = ["--label", "lowdim", "--percent", "3", "--epochs", "2", "--batch-size", "16", "--learning-rate", "0.05"]
    for extra in ([], ["--jobs", "2"]):
        printed = watched(*words, *extra, "--output", str(grid[0]))
        assert "finished earlier, skipped" in printed
        assert printed.splitlines()[-1] == "0 []"


def test_many_skipped_cells_take_no_time(tmp_path, capsys):
    cells = EXPERIMENTS["table1-cifar10"]()
    for cell in cells:
        run = RunDirectory.of(cell, tmp_path)
        run.path.mkdir(parents=True)
        run.write_json("config.json", cell.to_dict())
        run.write_json("metrics.json", {"test_accuracy": 0.9, "test_threshold_accuracy": None, "train_seconds": 1})
    started = time.process_time()
    assert run_cells("table1-cifar10", cells, tmp_path, grid=GridOptions(jobs=2, shard="1/3")) == 0
    assert time.process_time() - started < 2
    printed = capsys.readouterr().out
    assert "Part 1/3 of table1-cifar10: 15 of 45 cells." in printed
    assert "45 of 45 cells are finished. This time: 15 finished earlier." in printed
    assert len(json.loads((tmp_path / "experiments" / "table1-cifar10.json").read_text())["runs"]) == 45


@pytest.mark.parametrize(("name", "scale", "epochs", "noted"), [
    ("quickstart", 1.0, 10, "quickstart"), ("quickstart", 1.0, 20, "quickstart"), ("quickstart", 0.1, 1, "quickstart-trial"),
    ("quickstart", 1.0, 3, "quickstart-trial"), ("single", 1.0, 3, "single"), ("single", 0.1, 1, "single-trial")])
def test_a_trial_is_noted_under_a_name_of_its_own(tmp_path, name, scale, epochs, noted):
    cells = [config.replace(epochs=epochs) for config in EXPERIMENTS["quickstart"]()]
    for cell in cells:
        run = RunDirectory.of(cell, tmp_path)
        run.path.mkdir(parents=True)
        run.write_json("config.json", cell.to_dict())
        run.write_json("metrics.json", {"test_accuracy": 0.9, "test_threshold_accuracy": None, "train_seconds": 1})
    run_cells(name, cells, tmp_path, grid=GridOptions(scale=scale))
    assert [path.stem for path in (tmp_path / "experiments").iterdir()] == [noted]
    assert len(experiment_runs(tmp_path, noted)) == 2
    marked = [note for note in choose_runs(tmp_path, noted, [])[1].notes if "trials" in note]
    assert len(marked) == (epochs < 10)


def test_children_end_with_their_parent(tmp_path):
    """A killed runner leaves no training behind, and the same list goes on later."""
    cell = RunConfig(label="category", **{**SMALL, "epochs": 500})
    code = (f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\nfrom tfrepr.config import RunConfig\n"
            "from tfrepr.running.grid import GridOptions\nfrom tfrepr.running.runner import run_cells\n"
            f"run_cells('x', [RunConfig.from_dict({cell.to_dict()!r})], Path(sys.argv[1]), grid=GridOptions(jobs=1))")
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    run = RunDirectory.of(cell, tmp_path)
    for line in parent.stdout:
        if "epoch 1/" in line:
            break
    assert run.in_use
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 3600
    while run.in_use:
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.1)
    assert not run.finished


def test_exit_code_of_a_run_in_use(tmp_path):
    cell = RunConfig(label="category", **SMALL)
    with RunDirectory.of(cell, tmp_path).locked():
        code, last = CellProcess(Task(cell.to_dict(), str(tmp_path)), threads=1).follow(lambda line: None)
    assert code == IN_USE
    assert "Another process works on" in last


def test_cores_and_gpus_are_divided(monkeypatch):
    for name in thread_limits(3):
        monkeypatch.delenv(name, raising=False)
    assert set(thread_limits(3).values()) == {"3"}
    assert thread_limits(None) == {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0, 2,3")
    assert visible_gpus("none") == ["0", "2", "3"]
    assert visible_gpus("mirrored") == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert visible_gpus("none") == []


def test_list_and_dry_run_answer_without_tensorflow_and_write_nothing(tmp_path):
    for words, text in ((["--list", "--scale", "0.5"], "figure4"),
                        (["--dry-run", "--experiment", "figure4", "--shard", "2/3", "--scale", "0.1"], "240 cells, 240 not")):
        printed = watched(*words, "--output", str(tmp_path))
        assert text in printed
        assert "Epochs are scaled by 0." in printed
        assert printed.splitlines()[-1] == "0 []"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["cut off", "a pipe"])
def test_a_damaged_result_is_an_error_and_never_trained_over(tmp_path, capsys, damage):
    config = RunConfig(encoder="mlp1x512", percent=3, epochs=1)
    run = RunDirectory.of(config, tmp_path)
    run.path.mkdir(parents=True)
    run.write_json("config.json", config.to_dict())
    if damage == "a pipe":
        os.mkfifo(run / "metrics.json")
    else:
        (run / "metrics.json").write_text('{"test_accuracy": 0.')
    assert run_cells("single", [config], tmp_path) == 2
    assert not (run / "history.csv").exists()
    said = capsys.readouterr()
    assert "metrics.json" in said.err
    assert "skipped" not in said.out


def test_changed_pictures_are_no_finished_cell(tmp_path, capsys):
    """A picture that was put right must not bring back the old result."""
    folder = tmp_path / "pictures"
    for number, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for shade in range(6):
            Image.new("RGB", (8, 8), (40 * shade, 120 * number, 0)).save(folder / name / f"{shade}.png")
    cell = RunConfig(dataset="folder", folder=str(folder), label="category", epochs=1)
    run = RunDirectory.of(cell, tmp_path)
    run.path.mkdir(parents=True)
    run.write_json("config.json", cell.to_dict())
    run.write_json("metrics.json", {"test_accuracy": 0.9, "test_threshold_accuracy": None, "train_seconds": 1})
    run.write_json("environment.json", {"data_fingerprint": load_source(cell, None).fingerprint, "label_fingerprint": "x"})
    assert run_cells("single", [cell], tmp_path) == 0
    (folder / "cat" / "0.png").rename(folder / "dog" / "moved.png")
    assert run_cells("single", [cell], tmp_path) == 2
    assert "The data of" in capsys.readouterr().err
    shutil.rmtree(folder)
    assert run_cells("single", [cell], tmp_path) == 0, "without the pictures nobody can say that they changed"


def test_a_changed_label_file_is_no_finished_cell(tmp_path, capsys):
    table = np.random.default_rng(0).uniform(0, 80, (10, 7)).astype("float32")
    np.save(tmp_path / "table.npy", table)
    cell = RunConfig(label="random", label_options=LabelOptions(label_file=str(tmp_path / "table.npy")), epochs=1)
    run = RunDirectory.of(cell, tmp_path)
    run.path.mkdir(parents=True)
    names = [str(digit) for digit in range(10)]
    run.write_json("config.json", cell.to_dict())
    run.write_json("metrics.json", {"test_accuracy": 0.9, "test_threshold_accuracy": None, "train_seconds": 1})
    run.write_json("environment.json", {"class_names": names, "label_fingerprint": build_representation(
        "random", names, image_side=8, options=cell.label_options).fingerprint})
    np.save(run / "label_table.npy", table)
    assert run_cells("single", [cell], tmp_path) == 0
    np.save(tmp_path / "table.npy", table[::-1])
    assert run_cells("single", [cell], tmp_path) == 2
    assert "The label table of" in capsys.readouterr().err
    (tmp_path / "table.npy").unlink()
    assert run_cells("single", [cell], tmp_path) == 0, "without the file nobody can say that it changed"


SMALLEST = {"label": "category", "encoder": "mlp1x512", "percent": 5, "epochs": 1}


def test_a_cell_runs_this_clone_and_not_what_lies_in_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "tfrepr").mkdir()
    (tmp_path / "tfrepr" / "__init__.py").write_text("raise SystemExit('another clone')\n")
    (tmp_path / "select.py").write_text("raise SystemExit('no module of Python')\n")
    monkeypatch.chdir(tmp_path)
    cell = RunConfig(**SMALLEST)
    assert run_cells("single", [cell], tmp_path / "output", grid=GridOptions(jobs=1)) == 0
    assert RunDirectory.of(cell, tmp_path / "output").finished


def test_the_config_of_a_finished_run_is_written_anew_where_it_was_removed(tmp_path, capsys):
    """As the message on a damaged config says."""
    cell = RunConfig(**SMALLEST)
    run = RunDirectory.of(cell, tmp_path)
    run.write_json("config.json", cell.to_dict())
    run.write_json("metrics.json", {"test_accuracy": 0.9, "test_threshold_accuracy": None, "train_seconds": 1})
    (run / "config.json").unlink()
    assert run_cells("single", [cell], tmp_path) == 0
    assert run.config() == cell
    assert "finished earlier, skipped" in capsys.readouterr().out


@pytest.mark.parametrize("grid", [GridOptions(), GridOptions(jobs=1)])
def test_the_only_cell_in_work_elsewhere_is_an_error_in_both_ways(tmp_path, grid):
    cell = RunConfig(**SMALLEST)
    with RunDirectory.of(cell, tmp_path).locked():
        assert run_cells("single", [cell], tmp_path, grid=grid) == 2


def test_threads_that_the_user_limits_stay_limited(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    monkeypatch.delenv("TF_NUM_INTEROP_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert thread_limits(2) == {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2", "OMP_NUM_THREADS": "2"}


def test_a_cell_gets_the_gpu_that_is_free(tmp_path, monkeypatch):
    """The first of three cells is slow: the third takes the GPU of the second."""
    used, release = [], threading.Event()

    class Child:
        def __init__(self, task, *, threads, gpu):
            self.first = task.config["seed"] == 0
            used.append((task.config["seed"], gpu))

        def follow(self, show):
            release.wait(10) if self.first else used[2:] and release.set()
            return 3, "stub"

        def kill(self):
            release.set()

    monkeypatch.setattr(runner, "CellProcess", Child)
    monkeypatch.setattr(runner, "visible_gpus", lambda strategy: ["a", "b"])
    cells = [RunConfig(**SMALLEST, seed=seed) for seed in range(3)]
    assert run_cells("three", cells, tmp_path, grid=GridOptions(jobs=2)) == 3
    gpus = dict(used)
    assert gpus[2] == gpus[1] != gpus[0]
