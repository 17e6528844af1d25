"""Cells on a real Ray cluster of this machine."""

import signal

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


@pytest.mark.slow
def test_a_local_cluster_trains_a_list(tmp_path, capfd):
    pytest.importorskip("ray")
    good, bad = RunConfig(label="lowdim", **SMALL), RunConfig(label="lowdim", **{**SMALL, "learning_rate": 1e18})
    grid = GridOptions(engine="ray", cell_cpus=1, cell_gpus=0)
    termination = signal.getsignal(signal.SIGTERM)
    assert run_cells("pair", [good, bad], tmp_path / "ray", grid=grid) == 3
    assert "1 trained, 1 failed" in capfd.readouterr().out
    CellProcess(Task(good.to_dict(), str(tmp_path / "here")), threads=1).follow(lambda line: None)
    assert_same_run(RunDirectory.of(good, tmp_path / "ray").path, RunDirectory.of(good, tmp_path / "here").path)
    assert run_cells("pair", [good, bad], tmp_path / "ray", grid=grid) == 3
    assert "1 finished earlier, 1 failed" in capfd.readouterr().out
    assert signal.getsignal(signal.SIGTERM) == termination
