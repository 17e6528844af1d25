"""Where label tables are kept when the usual places cannot be used."""

import os
import tempfile
import warnings

import numpy as np
import pytest

from tfrepr.labels.cache import cached_table

TABLE = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """No place of the user's own; an empty folder for temporary files."""
    for name in ("TFREPR_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def made(recipe="a"):
    """How often the table is made when it is asked for twice."""
    calls = []
    for _ in range(2):
        np.testing.assert_array_equal(cached_table({"recipe": recipe}, lambda: calls.append(1) or TABLE), TABLE)
    return len(calls)


def test_a_chosen_place_that_cannot_be_written_costs_a_warning(temporary, monkeypatch, tmp_path):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="could not be kept"):
        assert made() == 2
    assert list(temporary.iterdir()) == []


def test_errors_of_the_maker_are_its_own(temporary):
    def make():
        raise ConnectionError("no network")

    with pytest.raises(ConnectionError):
        cached_table({"recipe": "b"}, make)
    assert not [path for path in temporary.rglob("*") if path.is_file()]


def test_a_pipe_in_the_cache_is_not_waited_for(monkeypatch, tmp_path):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path / "cache"))
    assert made("first") == 1
    (path,) = tmp_path.rglob("*.npz")
    path.unlink()
    os.mkfifo(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert made("first") == 1
    assert path.is_file()
