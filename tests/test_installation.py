"""Tests of the installation helpers in `.ci/`, on a copy of them with a requirement that needs no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="make and .ci/environment are for Linux and macOS")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the helpers beside a requirement that every new environment meets already, installed once."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    (folder / "requirements.txt").write_text("pip\n")
    finished = prepare(folder, PYTHON=sys.executable)
    assert finished.returncode == 0, finished.stderr
    return folder


def prepare(folder: Path, *files: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs `.ci/environment` on the requirement files, with nothing but the given variables in its environment."""
    command = ["/bin/sh", ".ci/environment", *(files or ("requirements.txt",))]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_second_call_installs_nothing(project: Path) -> None:
    again = prepare(project, PATH="")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_changed_requirements_are_installed_into_the_same_environment(project: Path) -> None:
    kept = project / ".venv" / "kept"
    kept.touch()
    (project / "requirements.txt").write_text("pip>=1\n")
    finished = prepare(project, PATH="")
    assert finished.returncode == 0
    assert "Installing requirements.txt" in finished.stderr
    assert kept.exists()


def test_unfinished_installation_is_made_anew(project: Path) -> None:
    left_over = project / ".venv" / "left_over"
    left_over.touch()
    (project / ".venv" / ".unfinished").touch()
    finished = prepare(project, PYTHON=sys.executable)
    assert finished.returncode == 0
    assert not left_over.exists()
    assert not (project / ".venv" / ".unfinished").exists()


def test_requirement_that_cannot_be_met_fails_and_keeps_the_environment(project: Path) -> None:
    (project / "impossible.txt").write_text("pip>=1000000\n")
    finished = prepare(project, "impossible.txt", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert finished.returncode != 0
    assert "pip>=1000000" in finished.stderr
    assert prepare(project, PATH="").stderr == ""


@pytest.mark.parametrize(
    ("environment", "message"),
    [({"PATH": ""}, "no suitable Python on the PATH"), ({"PYTHON": "/no/such/python"}, "PYTHON=/no/such/python is not")],
)
def test_without_a_suitable_python_it_stops_at_once(tmp_path: Path, environment: dict[str, str], message: str) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    finished = prepare(tmp_path, **environment)
    assert finished.returncode == 1
    assert message in finished.stderr
    assert "3.10, 3.11, 3.12" in finished.stderr
    assert not (tmp_path / ".venv").exists()


def test_candidate_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    """A version manager puts shims on the PATH that fail for a Python that is installed but not selected."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "requirements.txt").write_text("pip\n")
    (tmp_path / "bin").mkdir()
    for name, body in {"python3.11": "exit 127", "python3": f'exec "{sys.executable}" "$@"'}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    finished = prepare(tmp_path, PATH=str(tmp_path / "bin"))
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / ".venv" / ".installed").exists()
