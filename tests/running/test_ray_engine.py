"""Cells on a real Ray cluster of this machine."""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.running.test_runner import SMALL
from tests.training.test_survival import assert_same_run
from tfrepr.config import RunConfig
from tfrepr.running.cell_process import CellProcess, Task
from tfrepr.running.grid import GridOptions
from tfrepr.running.ray_engine import shares
from tfrepr.running.runner import run_cells
from tfrepr.runs import RunDirectory


@pytest.mark.parametrize(("resources", "machines", "options", "expected"), [
    ({"CPU": 16, "GPU": 1}, 1, {"jobs": 4}, (4, 0.25)), ({"CPU": 16, "GPU": 1}, 1, {"jobs": 3}, (5, 0.3333)),
    ({"CPU": 64, "GPU": 8}, 2, {}, (8, 1)), ({"CPU": 8}, 2, {}, (4, 0)), ({"CPU": 2, "GPU": 4}, 1, {"jobs": 8}, (1, 0.5)),
    ({"CPU": 2, "GPU": 4}, 1, {"jobs": 2}, (1, 1)),
    ({"CPU": 8, "GPU": 2}, 1, {"cell_cpus": 0.5, "cell_gpus": 0.1}, (0.5, 0.1))])
def test_shares_of_a_cell(resources, machines, options, expected):
    assert shares(resources, machines, GridOptions(engine="ray", **options)) == expected


def kill_once(run, killed):
    """Kills the process that trains a run, after its first checkpoint; its number goes to `killed`."""
    deadline = time.monotonic() + 300
    while not killed and time.monotonic() < deadline:
        if (run / "state.npz").exists():
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if any(os.readlink(file) == str(run / ".lock") for file in (process / "fd").iterdir()):
                        os.kill(int(process.name), signal.SIGKILL)
                        killed.append(process.name)
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks up the process that holds a lock in /proc")
def test_a_local_cluster_trains_a_list_and_goes_on_where_a_cell_was_killed(tmp_path, capfd):
    pytest.importorskip("ray")
    good, bad = RunConfig(label="lowdim", **SMALL), RunConfig(label="lowdim", **{**SMALL, "learning_rate": 1e18})
    grid = GridOptions(engine="ray", cell_cpus=1, cell_gpus=0)
    termination, killed = signal.getsignal(signal.SIGTERM), []
    killer = threading.Thread(target=kill_once, args=(RunDirectory.of(good, tmp_path / "ray").path, killed), daemon=True)
    killer.start()
    assert run_cells("pair", [good, bad], tmp_path / "ray", grid=grid) == 3
    assert "1 trained, 1 failed" in capfd.readouterr().out
    assert killed
    done = CellProcess(Task(good.to_dict(), str(tmp_path / "here")), threads=1).follow(lambda line: None)
    assert done[0] == 0, done
    assert_same_run(RunDirectory.of(good, tmp_path / "ray").path, RunDirectory.of(good, tmp_path / "here").path)
    assert run_cells("pair", [good, bad], tmp_path / "ray", grid=grid) == 3
    assert "1 finished earlier, 1 failed" in capfd.readouterr().out
    assert signal.getsignal(signal.SIGTERM) == termination
