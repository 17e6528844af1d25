"""Real kills, two processes at once, foreign and damaged run directories."""

import json
import os
import shutil
import signal
import subprocess
import time
import zipfile

import keras
import numpy as np
import pytest

from tfrepr.runs import HISTORY_COLUMNS, RunDirectory
from tfrepr.training.checkpoint import load_model

TIMING = {"seconds", "images_per_second"}


def history(run):
    lines = (run / "history.csv").read_text().splitlines()
    assert tuple(lines[0].split(",")) == HISTORY_COLUMNS
    return [{name: cell for name, cell in zip(HISTORY_COLUMNS, line.split(","), strict=True) if name not in TIMING}
            for line in lines[1:]]


def metrics(run):
    return {name: value for name, value in json.loads((run / "metrics.json").read_text()).items() if "seconds" not in name}


def assert_same_run(run, other):
    assert history(run) == history(other)
    assert metrics(run) == metrics(other)
    for name in ("last.keras", "best.keras"):
        for own, theirs in zip(load_model(run / name).get_weights(), load_model(other / name).get_weights(), strict=True):
            np.testing.assert_array_equal(own, theirs)


def wait_until(condition, process, seconds=3600):
    """Polls until the condition holds or the process ends; the limit only ends a test that hangs."""
    deadline = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def killed_before(words, name, count):
    """A command of Python that dies by SIGKILL when it is about to rename a whole file to `name` for the `count`-th time.

    Python itself tells of renamings (audit events), so that the moment depends on no clock.
    """
    code = ("import os, runpy, signal, sys\nname, left = sys.argv[1], int(sys.argv[2])\n"
            "def hook(event, arguments):\n    global left\n"
            "    if event == 'os.rename' and os.path.basename(os.fspath(arguments[1])) == name:\n"
            "        left -= 1\n        if not left:\n            os.kill(os.getpid(), signal.SIGKILL)\n"
            "sys.addaudithook(hook)\nsys.argv = sys.argv[3:]\nsys.path.insert(0, os.path.dirname(sys.argv[0]))\n"
            "runpy.run_path(sys.argv[0], run_name='__main__')")
    python, *rest = words
    return [python, "-c", code, name, str(count), *rest]


def test_a_run_killed_at_several_points_equals_an_uninterrupted_one(finished, command, small_options, tmp_path):
    words = command(tmp_path, "--label", "speech", *small_options)
    run = tmp_path / "runs" / finished[1].name
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name, count in (("state.npz", 1), ("state.npz", 2)):
        ended = subprocess.run(killed_before(words, name, count), capture_output=True, timeout=3600, check=False,
                               env={**os.environ, "TMPDIR": str(temporary)})
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert not (run / "metrics.json").exists()
    assert not [path.name for path in temporary.glob("*.py")], "TensorFlow's AutoGraph had code to write down"
    done = subprocess.run(words, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    assert "Resumed after epoch" in done.stdout
    assert_same_run(run, finished[1])
    assert sorted(path.name for path in run.iterdir()) == sorted(path.name for path in finished[1].iterdir())


def test_a_finished_run_is_skipped_and_not_touched(finished, train, small_options):
    output, run, _ = finished
    before = {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
    done = train(output, "--label", "speech", *small_options)
    assert "skipped" in done.stdout
    assert before == {path.name: path.stat().st_mtime_ns for path in run.iterdir()}


def test_the_second_process_on_a_run_stops(command, train, small_options, tmp_path):
    options = ("--label", "category", *small_options)
    first = subprocess.Popen(command(tmp_path, *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: list(tmp_path.glob("runs/*/config.json")), first)
        first.send_signal(signal.SIGSTOP)
        second = train(tmp_path, *options)
    finally:
        first.kill()
        first.wait()
    assert second.returncode == 2
    assert "Another process works on" in second.stderr
    assert "Traceback" not in second.stderr
    run = next((tmp_path / "runs").iterdir())
    assert train(tmp_path, *options).returncode == 0, "the lock outlived the process that held it"
    assert (run / "metrics.json").exists()


@pytest.mark.parametrize("change", ["config", "labels"])
def test_a_directory_made_by_another_config_is_refused(change, finished, train, small_options, tmp_path):
    run = tmp_path / "runs" / finished[1].name
    shutil.copytree(finished[1], run)
    (run / "metrics.json").unlink()
    name, key, value = {"config": ("config.json", "seed", 1),
                        "labels": ("environment.json", "label_fingerprint", "0" * 16)}[change]
    changed = json.loads((run / name).read_text()) | {key: value}
    (run / name).write_text(json.dumps(changed))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    refused = train(tmp_path, "--label", "speech", *small_options)
    assert refused.returncode == 2
    assert "nothing was overwritten" in refused.stderr
    assert before == {path.name: path.read_bytes() for path in run.iterdir()}


def test_a_damaged_state_is_reported(finished, train, small_options, tmp_path):
    run = tmp_path / "runs" / finished[1].name
    shutil.copytree(finished[1], run)
    (run / "metrics.json").unlink()
    (run / "state.npz").write_bytes(b"PK\x03\x04 torn")
    refused = train(tmp_path, "--label", "speech", *small_options)
    assert refused.returncode == 2
    assert "state.npz is damaged" in refused.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_output(train, small_options, tmp_path):
    tmp_path.chmod(0o500)
    refused = train(tmp_path / "output", "--label", "category", *small_options)
    tmp_path.chmod(0o700)
    assert refused.returncode == 2
    assert "writable" in refused.stderr


def test_an_output_that_is_a_file_is_refused(train, small_options, tmp_path):
    (tmp_path / "output").write_text("not a folder")
    refused = train(tmp_path / "output", "--label", "category", *small_options)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_checkpoints_hold_no_code_and_no_optimiser(finished):
    with zipfile.ZipFile(finished[1] / "best.keras") as archive:
        assert "lambda" not in archive.read("config.json").decode()
    assert not hasattr(keras.models.load_model(finished[1] / "best.keras"), "optimizer") or \
        keras.models.load_model(finished[1] / "best.keras").optimizer is None


@pytest.mark.parametrize("jobs", [(), pytest.param(("--jobs", "1"), marks=pytest.mark.slow)])
def test_termination_says_what_an_interruption_says(jobs, command, small_options, tmp_path):
    """In the middle of a list of cells, trained by this process or by others."""
    words = command(tmp_path / "output", "--label", "category,lowdim", *small_options, "--epochs", "500", *jobs)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: list(tmp_path.glob("output/runs/*/state.npz")), process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=3600)
    assert errors.endswith("Interrupted. The same command goes on where this one stopped.\n")
    assert "Traceback" not in errors
    assert process.returncode == 128 + signal.SIGTERM
    (run,) = (tmp_path / "output" / "runs").iterdir()
    assert not list(run.glob(".unfinished-*"))
    wait_until(lambda: not RunDirectory(run).in_use, process)
    assert not RunDirectory(run).in_use, "a child outlived the command"


def test_a_full_disk_stops_with_a_message_and_the_run_goes_on_later(finished, command, train, small_options, tmp_path):
    """In a list of cells, of which each gets its message."""
    resource = pytest.importorskip("resource")
    words = command(tmp_path, "--label", "speech,lowdim", *small_options)
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def no_file_over_one_megabyte():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    full = subprocess.run(words, capture_output=True, text=True, timeout=3600, check=False,
                          preexec_fn=no_file_over_one_megabyte, env={**os.environ, "TMPDIR": str(temporary)})
    assert full.returncode == 2
    assert full.stderr.count("Cannot write") == 2
    assert "Traceback" not in full.stderr
    assert list(temporary.iterdir()) == []
    assert not list(tmp_path.glob("runs/*/.unfinished-*"))
    assert train(tmp_path, "--label", "speech", *small_options).returncode == 0
    assert_same_run(tmp_path / "runs" / finished[1].name, finished[1])
