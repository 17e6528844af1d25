"""Run records: the small files of finished runs, kept under version control without weights, data and label tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tfrepr.runs import RunDirectory, write_atomically

FOLDER = "results"
"""Of the records, in the folder of all results."""
KEPT = ("config.json", "environment.json", "metrics.json", "history.csv", "attacks.csv", "attacks.json", "features/scores.csv",
        "spoken/a1.json", "evaluation/*/*.json", "evaluation/*/*.csv")
"""Of a run; what is missing is not asked for."""
KINDS = ("runs", "weak_labels")
"""Folders of run directories."""


def keep_records(output: Path) -> list[Path]:
    """Copies the records of every finished run, and the files of experiments without runs, to `<output>/results`.

    A record that is there already is replaced by that of the run with the same name; one whose run is gone stays.

    Args:
        output: Folder of all results.

    Returns:
        The copies, those that changed nothing left out.

    Raises:
        UserError: The folder cannot be written.
    """
    copies = []
    for source in _sources(output):
        copy = output / FOLDER / source.relative_to(output)
        content = source.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copy, content)
            copies.append(copy)
    return copies


def _sources(output: Path) -> Iterator[Path]:
    yield from output.glob("*.json")
    for kind in KINDS:
        for run in sorted((output / kind).glob("*/")):
            if RunDirectory(run).finished:
                yield from (file for pattern in KEPT for file in sorted(run.glob(pattern)))
