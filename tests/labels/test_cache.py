"""Where label tables are kept when the usual places cannot be used."""

import os
import pwd
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


@pytest.mark.parametrize("home", ["not a folder", "none"])
def test_without_a_home_tables_are_kept_among_the_temporary_files(home, temporary, monkeypatch):
    if home == "none":
        def unknown(uid):
            raise KeyError(uid)

        monkeypatch.delenv("HOME")
        monkeypatch.setattr(pwd, "getpwuid", unknown)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert made() == 1
    (folder,) = temporary.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list((folder / "labels").iterdir())) == 1


@pytest.mark.parametrize("trap", ["open to all", "link", "file"])
def test_a_folder_that_others_may_write_is_not_trusted(trap, temporary, tmp_path):
    folder = temporary / f"tfrepr-{os.geteuid()}"
    if trap == "open to all":
        folder.mkdir()
        folder.chmod(0o777)
    elif trap == "link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "theirs")
    else:
        folder.touch()
    with pytest.warns(UserWarning, match="Set TFREPR_CACHE"):
        assert made() == 2
    assert folder.is_file() or list(folder.iterdir()) == []


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


def test_a_pipe_in_the_cache_is_not_waited_for(temporary):
    assert made("first") == 1
    (path,) = temporary.rglob("*.npz")
    path.unlink()
    os.mkfifo(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert made("first") == 1
    assert path.is_file()
