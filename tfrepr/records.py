"""Run records: the small files of finished runs, without weights, data and label tables; small enough for version control."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tfrepr.experiments.marking import is_measured
from tfrepr.experiments.measurements import measurement_file
from tfrepr.registry import EXPERIMENTS
from tfrepr.runs import RunDirectory, write_atomically

KEPT = ("config.json", "environment.json", "metrics.json", "history.csv", "attacks.csv", "attacks.json", "features/scores.csv",
        "spoken/a1.json", "evaluation/*/*.json", "evaluation/*/*.csv")
"""Of a run; what is missing is not asked for."""
KINDS = ("runs", "weak_labels")
"""Folders of run directories."""


def keep_records(output: Path, target: Path) -> list[Path]:
    """Copies the records of every finished run, and the files of experiments without runs.

    The records of a run are replaced by those of the run with the same name, and what that one lacks is removed; records whose
    run is gone stay.

    Args:
        output: Folder of all results.
        target: Where the copies lie as in `output`.

    Returns:
        The copies, those that changed nothing left out.

    Raises:
        UserError: The folder cannot be written.
    """
    measured = (measurement_file(name, output) for name in EXPERIMENTS if is_measured(name))
    copies = list(_copied((file for file in measured if file.is_file()), output, target))
    for run in (run for kind in KINDS for run in sorted((output / kind).glob("*/")) if RunDirectory(run).finished):
        copies += _copied(_records(run), output, target)
        for old in _records(target / run.relative_to(output)):
            if not (output / old.relative_to(target)).exists():
                old.unlink()
    return copies


def _records(run: Path) -> list[Path]:
    return [file for pattern in KEPT for file in sorted(run.glob(pattern))]


def _copied(sources: Iterable[Path], output: Path, target: Path) -> Iterator[Path]:
    for source in sources:
        copy = target / source.relative_to(output)
        content = source.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(copy, content)
            yield copy
