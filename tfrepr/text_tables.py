"""Tables for people, in Markdown and for spreadsheets: names that users chose for classes and folders stay plain text in both.

Markdown: one line, and no character that starts markup, HTML or a formula.

CSV: a text that a spreadsheet would take for a formula, because it begins with `=`, `+`, `-`, `@`, a tab or a line end, gets an
apostrophe before it, as OWASP recommends (https://owasp.org/www-community/attacks/CSV_Injection). Numbers stay as they are.
Files that the program reads back hold none of these texts and are not written here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA_STARTS = tuple("=+-@\t\r\n")
_MARKUP = {"\\": "\\\\", "|": "\\|", "$": "\\$", "&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Markup(str):
    """A text that is Markdown already, written by this program."""


def markdown_text(text: str) -> str:
    """A text of one line that a Markdown page shows as it is; code in backquotes stays code, and `Markup` markup."""
    if isinstance(text, Markup):
        return text
    line = re.sub(r"[\t\v\f\r\n\x1c-\x1e\x85\u2028\u2029]+", " ", text)
    return "".join(_MARKUP.get(char, char) for char in line).replace("](", "]\\(")


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [_line(columns), _line(["---"] * len(columns)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(markdown_text, cells)) + " |"


def guarded(value: Any) -> Any:
    """A cell of a CSV file that no spreadsheet takes for a formula; what is no text stays as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def guarded_frame(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its texts `guarded`."""
    from pandas.api.types import is_numeric_dtype

    return table.apply(lambda column: column if is_numeric_dtype(column) else column.map(guarded))


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Any]], float_format: str = "") -> str:
    """A CSV file with guarded texts; None is an empty cell, and floats are written in this format."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([format(cell, float_format) if isinstance(cell, float) else guarded(cell) for cell in row] for row in rows)
    return content.getvalue()
