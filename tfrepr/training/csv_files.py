"""CSV logs that grow by a line at a time and survive a kill in the middle of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfrepr.files import write_atomically
from tfrepr.reading import damaged, read_csv, whole_number


def cut_back(path: Path, columns: Sequence[str], last: int) -> None:
    """Keeps the whole rows whose first column is at most `last`; makes the file, with its header, where there is none.

    Columns that the file lacks stay empty; what a spreadsheet saved becomes plain again.

    Raises:
        UserError: The file has no such first column, or something else in it than whole numbers.
    """
    advice = "Move it away; the log then begins with the next row."
    rows = read_csv(path, columns[:1], advice).rows() if path.exists() else []
    try:
        kept = [{**row, columns[0]: str(number)} for row in rows if (number := whole_number(row[columns[0]])) <= last]
    except ValueError as error:
        raise damaged(path, error, advice) from None
    lines = [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in kept)]
    write_atomically(path, ("\n".join(lines) + "\n").encode())
