"""Versions of this package and of others that are installed."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def versions(*packages: str) -> dict[str, str]:
    """The version of each package that is installed; the others are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _own_version() -> str:
    """The version of the clone that this file lies in, else that of the installed package."""
    project, found = Path(__file__).resolve().parents[1] / "pyproject.toml", None
    if project.is_file():
        found = re.search(r'^name = "tfrepr"\nversion = "(.+)"$', project.read_text(encoding="utf-8"), flags=re.M)
    return found.group(1) if found else versions("tfrepr").get("tfrepr", "unknown")


__version__ = _own_version()
