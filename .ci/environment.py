"""Brings the virtual environment `.venv` to what the given requirement files ask for; does nothing when it is there already.

    python .ci/environment.py requirements.txt [requirements-dev.txt ...]

The Makefile calls it through `.ci/environment`, which chooses the interpreter. Only the standard library is used. Inside
`.venv`, `.installed` records which requirement files (by content) were installed for which Python, and `.unfinished` exists
while an installation is under way: where a killed call left it behind, the environment is made anew.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / ".installed"
UNFINISHED = ENVIRONMENT / ".unfinished"
PYTHON = ENVIRONMENT / "bin" / "python"


def main(files: list[Path]) -> int:
    """Installs what is missing; returns the exit code."""
    with only_one_at_a_time():
        if not is_sound():
            create()
        wanted = fingerprints(files)
        installed = read_stamp()
        if wanted.items() <= installed.items():
            return 0
        return install(files, installed | wanted)


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Holds an operating-system lock, which ends with the process: two calls at once must not write to one environment."""
    with open(__file__, "rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_sound() -> bool:
    """Whether the environment exists, was not left half-made, and runs the Python version that runs this file."""
    return not UNFINISHED.exists() and python_version(PYTHON) == own_version()


def own_version() -> str:
    return "{}.{}.{}".format(*sys.version_info[:3])


def python_version(python: Path) -> str | None:
    """Returns an interpreter's version, or None where it does not run."""
    command = [str(python), "-c", "import sys; print('{}.{}.{}'.format(*sys.version_info[:3]))"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def create() -> None:
    """Makes an empty environment with this Python, in place of whatever was there."""
    say(f"Making .venv with Python {own_version()}.")
    venv.create(ENVIRONMENT, clear=True, symlinks=True)


def fingerprints(files: list[Path]) -> dict[str, str]:
    """Returns what the stamp records for these files: the Python version, and the hash of each file's content."""
    contents = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return {"python": own_version(), **contents}


def read_stamp() -> dict[str, str]:
    """Returns the recorded fingerprints; nothing where there are none, or where another Python made them."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if stamp.get("python") == own_version() else {}


def install(files: list[Path], stamp: dict[str, str]) -> int:
    """Runs pip, quiet but for errors, and records the result; returns pip's exit code."""
    names = ", ".join(file.name for file in files)
    say(f"Installing {names} into .venv (Python {own_version()}). The first time takes minutes: TensorFlow is large.")
    started = time.monotonic()
    UNFINISHED.touch()
    ensure_pip()
    arguments = [argument for file in files for argument in ("-r", str(file))]
    code = run("-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check", *arguments)
    # A failure that pip reports itself (no network, no such version) has not damaged the environment; only a kill has.
    UNFINISHED.unlink()
    if code:
        say("Error: pip could not install the requirements; its message is above.")
        return code
    write_stamp(stamp)
    say(f"Installed in {time.monotonic() - started:.0f} s.")
    return 0


def ensure_pip() -> None:
    """Adds pip where the environment has none: a new one, or one that another tool made without it."""
    if run("-c", "import pip", quiet=True) != 0 and run("-m", "ensurepip", "--default-pip", quiet=True) != 0:
        sys.exit("Error: pip could not be added to .venv (python -m ensurepip failed). Remove .venv and run again.")


def run(*arguments: str, quiet: bool = False) -> int:
    """Runs the environment's Python without standard input and returns the exit code."""
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run([str(PYTHON), *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode


def write_stamp(stamp: dict[str, str]) -> None:
    temporary = STAMP.with_suffix(".new")
    temporary.write_text(json.dumps(stamp, indent=2) + "\n")
    os.replace(temporary, STAMP)


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Bring .venv to what the requirement files ask for.")
    parser.add_argument("files", nargs="+", type=Path, metavar="REQUIREMENTS")
    try:
        sys.exit(main(parser.parse_args().files))
    except KeyboardInterrupt:
        sys.exit("Interrupted. The next call makes .venv anew.")
