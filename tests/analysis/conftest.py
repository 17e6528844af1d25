"""Two small real runs on digits, one that speaks and one that does not."""

import pytest

from tfrepr.config import RunConfig
from tfrepr.training.loop import run_cell

SMALL = {"percent": 5, "epochs": 1, "batch_size": 16}


@pytest.fixture(scope="session")
def spoken_run(tmp_path_factory):
    """A run of one epoch on 64 digits with spoken labels."""
    return run_cell(RunConfig(label="speech", **SMALL), tmp_path_factory.mktemp("spoken"))


@pytest.fixture(scope="session")
def category_run(tmp_path_factory):
    """The same with one-hot labels."""
    return run_cell(RunConfig(label="category", **SMALL), tmp_path_factory.mktemp("category"))
