"""What a run ran on: versions, device and the commit of the program."""

from __future__ import annotations

import platform
import subprocess
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
    """The commit of the program's source, with `-modified` where tracked files differ from it; None outside git."""
    root = Path(__file__).resolve().parents[2]
    try:
        described = subprocess.run(["git", "-C", str(root), "describe", "--always", "--abbrev=12", "--dirty=-modified",
                                    "--exclude=*"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None
