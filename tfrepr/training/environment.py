"""What a run ran on: versions, device and the commit of the program."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from tfrepr.surroundings import set_keras_defaults
from tfrepr.training.devices import Device
from tfrepr.versions import versions

PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "jax", "numpy", "librosa", "scikit-image", "espeakng-loader")


def describe_environment(device: Device) -> dict[str, Any]:
    """Values of environment.json that do not depend on the run."""
    return {"device": device.description, "backend": device.backend, "python": platform.python_version(),
            "platform": platform.platform(), "keras_settings": set_keras_defaults(), "versions": versions(*PACKAGES),
            "commit": _commit()}


def _commit() -> str | None:
    """The commit of the program's source, with `-modified` where tracked files differ from it; None where nobody knows it.

    A clone is asked; a package that pip installed from a repository has a record of the commit. A folder of packages may lie
    in a repository of somebody else.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return _installed_commit()
    try:
        described = subprocess.run(["git", "-C", str(root), "describe", "--always", "--abbrev=12", "--dirty=-modified",
                                    "--exclude=*"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None


def _installed_commit() -> str | None:
    """The commit that pip installed, by its record (PEP 610)."""
    try:
        record = json.loads(distribution("tfrepr").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    commit = record.get("vcs_info", {}).get("commit_id")
    return commit[:12] if commit else None
