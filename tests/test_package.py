"""What an installed package needs beyond a clone."""

import fnmatch
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.test_repository import ROOT, project_file, tracked_files
from tfrepr.running import cell_process
from tfrepr.training.environment import _commit, _installed_commit


def test_every_file_of_the_package_goes_into_the_wheel():
    patterns = project_file()["tool"]["setuptools"]["package-data"]["*"]
    left_out = []
    for name in tracked_files():
        path = Path(name)
        if path.parts[0] == "tfrepr" and path.suffix != ".py":
            package = next(folder for folder in path.parents if (ROOT / folder / "__init__.py").exists())
            if not any(fnmatch.fnmatch(str(path.relative_to(package)), pattern) for pattern in patterns):
                left_out.append(name)
        elif path.parts[0] == "tfrepr" and not (ROOT / path.parent / "__init__.py").exists():
            left_out.append(name)
    assert not left_out


def test_children_find_a_clone_and_leave_an_installed_package_to_python(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    assert cell_process.python_path() == os.pathsep.join([str(ROOT), "mine"])
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(ROOT))
    assert cell_process.python_path() == "mine"


@pytest.mark.parametrize(("record", "commit"), [
    ('{"url": "u", "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef0123"}}', "0123456789ab"),
    ('{"url": "file:///u", "dir_info": {}}', None), ("torn", None), (None, None)])
def test_the_commit_of_an_installed_package_is_in_its_record(record, commit, tmp_path, monkeypatch):
    folder = tmp_path / "tfrepr-9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: tfrepr\nVersion: 9\n")
    if record is not None:
        (folder / "direct_url.json").write_text(record)
    monkeypatch.syspath_prepend(tmp_path)
    assert _installed_commit() == commit


def test_the_commit_of_a_clone_is_what_git_says():
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    assert _commit().removesuffix("-modified") == head.stdout.strip()
