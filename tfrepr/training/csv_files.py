"""CSV logs that grow by a line at a time and survive a kill in the middle of one."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from tfrepr.files import write_atomically


def cut_back(path: Path, columns: Sequence[str], last: int) -> None:
    """Keeps the whole rows whose first column is at most `last`; makes the file, with its header, where there is none.

    Columns that the file lacks stay empty.
    """
    rows = [row for row in read_rows(path) if int(row[columns[0]]) <= last]
    lines = [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in rows)]
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def read_rows(path: Path) -> list[dict[str, str]]:
    """The complete rows of a log, as strings; an empty list where there is no file."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole_lines = text[:text.rfind("\n") + 1].splitlines()
    return [row for row in csv.DictReader(whole_lines) if None not in row and None not in row.values()]
