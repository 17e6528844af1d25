"""Run records: the small files of finished runs, kept under version control without weights, data and label tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tfrepr.files import write_atomically
from tfrepr.runs import RunDirectory

FOLDER = "results"
"""Of the records, in the folder of all results."""
KEPT = ("config.json", "environment.json", "metrics.json", "history.csv", "attacks.csv", "attacks.json", "features/scores.csv",
        "spoken/a1.json", "evaluation/*/*.json", "evaluation/*/*.csv")
"""Of a run; what is missing is not asked for."""
KINDS = ("runs", "weak_labels")
"""Folders of run directories."""


def keep_records(output: Path) -> list[Path]:
    """Copies the records of every finished run, and the files of experiments without runs, to `<output>/results`.

    The records of a run are replaced by those of the run with the same name, and what that one lacks is removed; records whose
    run is gone stay.

    Args:
        output: Folder of all results.

    Returns:
        The copies, those that changed nothing left out.

    Raises:
        UserError: The folder cannot be written.
    """
    copies = list(_copied(sorted(output.glob("*.json")), output))
    for run in (run for kind in KINDS for run in sorted((output / kind).glob("*/")) if RunDirectory(run).finished):
        copies += _copied(_records(run), output)
        for old in _records(output / FOLDER / run.relative_to(output)):
            if not (output / old.relative_to(output / FOLDER)).exists():
                old.unlink()
    return copies


def _records(run: Path) -> list[Path]:
    return [file for pattern in KEPT for file in sorted(run.glob(pattern))]


def _copied(sources: Iterable[Path], output: Path) -> Iterator[Path]:
    for source in sources:
        copy = output / FOLDER / source.relative_to(output)
        content = source.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copy, content)
            yield copy
