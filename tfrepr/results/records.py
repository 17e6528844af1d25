"""Run records: the small files of finished runs, without weights, data and label tables; small enough for version control."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from tfrepr.experiments.marking import is_measured
from tfrepr.experiments.measurements import measurement_file
from tfrepr.files import UNFINISHED, make_folder, write_atomically
from tfrepr.reading import noted, read_bytes
from tfrepr.registry import EXPERIMENTS
from tfrepr.results.attack_rows import SURVIVORS_FILE
from tfrepr.runs import RunDirectory

KEPT = ("config.json", "environment.json", "metrics.json", "test_answers.json", "history.csv", "attacks.csv", "attacks.json",
        SURVIVORS_FILE, "features/scores.csv", "spoken/a1.json", "evaluation/*/*.json", "evaluation/*/*.csv")
"""Of a run; what is missing is not asked for."""
KINDS = ("runs", "weak_labels")
"""Folders of run directories."""


def keep_records(output: Path, target: Path) -> list[Path]:
    """Copies the records of every finished run, and the files of experiments without runs.

    The records of a run are replaced by those of the run with the same name, and what that one lacks is removed; records whose
    run is gone stay. What is no regular file, or lies behind a link, is left out and named: a link in a run directory from
    somewhere else could lead to any file of the user.

    Args:
        output: Folder of all results.
        target: Where the copies lie as in `output`.

    Returns:
        The copies, those that changed nothing left out.

    Raises:
        UserError: The folder cannot be written.
    """
    measured = [measurement_file(name, output).name for name in EXPERIMENTS if is_measured(name)]
    copies = list(_copied(_own_files(output, measured), output, target))
    for run in (run for kind in KINDS for run in sorted((output / kind).glob("*/")) if RunDirectory(run).finished):
        records = _own_files(run, KEPT)
        copies += _copied(records, output, target)
        for old in _own_files(target / run.relative_to(output), KEPT):
            if output / old.relative_to(target) not in records:
                old.unlink()
    return copies


def _own_files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The regular files of a folder that fit, without those that a link leads to."""
    found = []
    for file in (file for pattern in patterns for file in sorted(folder.glob(pattern)) if not UNFINISHED.match(file.name)):
        if file.is_file() and file.resolve() == folder.resolve() / file.relative_to(folder):
            found.append(file)
        else:
            click.secho(f"Note: {file} is not kept: it is a link, or no regular file.", fg="yellow", err=True)
    return found


def _copied(sources: Iterable[Path], output: Path, target: Path) -> Iterator[Path]:
    for source in sources:
        copy = target / source.relative_to(output)
        if (content := noted(lambda source=source: read_bytes(source), None)) is None:
            continue
        if not copy.exists() or read_bytes(copy) != content:
            make_folder(target, *source.relative_to(output).parent.parts)
            write_atomically(copy, content)
            yield copy
