"""Label tables and spoken words as files: `.npy` with a JSON sidecar, 16-bit WAV."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

from tfrepr.files import npy_bytes
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.tables import LabelTable
from tfrepr.labels.waveforms import Waveform, wav_bytes
from tfrepr.registry import LABELS
from tfrepr.versions import __version__, versions

PACKAGES = ("numpy", "scipy", "librosa", "scikit-image", "soxr", "espeakng-loader", "tensorflow-io", "keras-hub", "tokenizers")
"""Whose versions decide the numbers of one label or another."""


def table_files(table: LabelTable, options: LabelOptions, image_side: int) -> dict[str, bytes]:
    """File names and contents of one table; equal tables give equal bytes.

    Returns:
        `<data set>_<label>.npy`, which `numpy.load` and `--label-file` read, and its `.json`: names, recipe, options, versions.
    """
    stem = f"{table.dataset or 'own'}_{table.label}"
    sidecar = json.dumps(description(table, options, image_side), indent=2) + "\n"
    return {f"{stem}.npy": npy_bytes(table.table), f"{stem}.json": sidecar.encode()}


def description(table: LabelTable, options: LabelOptions, image_side: int) -> dict:
    """Everything that tells how a table was made, as JSON values."""
    return {"label": table.label, "dataset": table.dataset, "class_names": list(table.class_names),
            "shape": list(table.table.shape), "dtype": str(table.table.dtype),
            "sha256": hashlib.sha256(table.table.tobytes()).hexdigest(), "recipe": LABELS.describe(table.label),
            "image_side": image_side, "options": dataclasses.asdict(options),
            "versions": {"tfrepr": __version__, **versions(*PACKAGES)}}


def wav_files(class_names: Sequence[str], waveforms: Sequence[Waveform]) -> dict[str, bytes]:
    """One WAV file a class, `<id>_<class name>.wav`, as `--wav-dir` finds them."""
    return {f"{class_id}_{_file_name(name)}.wav": wav_bytes(waveform)
            for class_id, (name, waveform) in enumerate(zip(class_names, waveforms, strict=True))}


def _file_name(name: str) -> str:
    """A class name with only letters, digits, hyphens and underscores."""
    return "".join(char if char.isalnum() or char in "-_" else "_" for char in name)[:80]
