"""Files that come back: one reader for each kind, and one message for a file that cannot be used.

A file may be missing, empty, cut off, of another kind, saved anew by a spreadsheet, or no file at all but a pipe. Whatever it
is, a reader returns what its caller asked for or raises `UnreadableFileError`. The reader of Keras models is
`tfrepr.training.checkpoint.load_model`, which needs Keras.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import stat
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from tfrepr.errors import UserError

Result = TypeVar("Result")
DEEPEST = 20
"""Levels of lists and objects in a JSON file; ours have four."""
SEPARATORS = ",;\t"
"""Between the cells of a CSV file: ours, and those of spreadsheets."""


TOLD: set[str] = set()
"""Notes that `noted` has made."""
MOST_BYTES = 2 * 2**30
"""What a file, or the arrays of an `.npz` file together, may take."""


class UnreadableFileError(UserError):
    """A file that does not hold what it should."""


class MissingFileError(UnreadableFileError):
    """A file that is not there."""


def damaged(path: Path, why: object, advice: str) -> UnreadableFileError:
    """The error for a file with the wrong content; `advice` says in whole sentences what to do."""
    return UnreadableFileError(f"{path} is damaged ({' '.join(str(why).split())[:300]}). {advice}".rstrip())


def noted(read: Callable[[], Result], otherwise: Result) -> Result:
    """What `read` returns; where it meets a `UserError`, `otherwise` and a note on standard error.

    For what a figure, a table or a score can go without. Each note is made once a process.
    """
    try:
        return read()
    except UserError as error:
        if str(error) not in TOLD:
            click.secho(f"Note: {error}", fg="yellow", err=True)
        TOLD.add(str(error))
        return otherwise


def read_bytes(path: Path) -> bytes:
    """The content of a regular file; pipes and devices are refused, not waited for.

    Raises:
        MissingFileError: There is no such file.
        UnreadableFileError: It cannot be opened, is no regular file, or has more than `MOST_BYTES`.
    """
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableFileError(f"{path} is no regular file but a pipe or a device. Remove it or put the file there.")
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise UnreadableFileError(f"{path} has more than {MOST_BYTES:,} bytes, which no file of this kind has.")
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"There is no file {path}.") from None
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read ({error.strerror or error}).") from None


def read_text(path: Path, advice: str = "", errors: str = "strict") -> str:
    """A text in UTF-8, or in UTF-16 with a byte-order mark; line ends become `\\n`, a byte-order mark is dropped.

    Args:
        path: The file.
        advice: See `damaged`.
        errors: As for `bytes.decode`: `"replace"` keeps the readable lines of a damaged log.

    Raises:
        MissingFileError, UnreadableFileError: See `read_bytes`; or the bytes are no such text.
    """
    content = read_bytes(path)
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise damaged(path, error, advice) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path, form: Any, *, needed: Collection[str] = (), advice: str = "") -> Any:
    """The values in a JSON file.

    Args:
        path: The file.
        form: What is to be found, see `fits`.
        needed: Keys that an object must have, and not as null.
        advice: See `damaged`.

    Raises:
        MissingFileError, UnreadableFileError: See `read_bytes`; or it is no JSON, nested too deep, or of another form.
    """
    return parse_json(read_text(path, advice), form, needed=needed, path=path, advice=advice)


def parse_json(text: str, form: Any, *, needed: Collection[str] = (), path: Path, advice: str = "") -> Any:
    """As `read_json`, from a text that was found in the file `path`."""
    try:
        values = json.loads(text)
        too_deep = _depth(values) > DEEPEST
    except RecursionError:
        too_deep = True
    except ValueError as error:
        raise damaged(path, error, advice) from None
    if too_deep:
        raise damaged(path, f"it is nested deeper than {DEEPEST} levels", advice)
    if isinstance(form, Mapping) and isinstance(values, dict):
        for key, kind in form.items():
            if key in values and not fits(values[key], kind):
                raise damaged(path, f"{key} is {_short(values[key])}, where {_named(kind)} is wanted", advice)
    elif not fits(values, form):
        raise damaged(path, f"it holds {_short(values)}, where {_named(form)} is wanted", advice)
    if missing := [key for key in needed if values.get(key) is None]:
        raise damaged(path, f"it lacks {', '.join(missing)}", advice)
    return values


def fits(value: Any, kind: Any) -> bool:
    """Whether a value from a JSON file has a type: a class, `X | None`, `list[X]`, `tuple[X, ...]`, `dict[str, X]`, `Any`.

    A mapping stands for an object whose keys, where they are there, have these types. A `float` may be a whole number, a bool
    is no number, and whole numbers have 64 bits at most.
    """
    if isinstance(kind, Mapping):
        return isinstance(value, dict) and all(fits(value[key], part) for key, part in kind.items() if key in value)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is tuple and parts[-1] is not Ellipsis:
        return isinstance(value, (list, tuple)) and len(value) == len(parts) and all(map(fits, value, parts))
    if origin in (list, tuple):
        return isinstance(value, (list, tuple)) and all(fits(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(item, parts[1]) for item in value.values())
    if kind in (int, float):
        return (kind is float and type(value) is float) or (type(value) is int and abs(value) < 2**63)
    return kind is Any or isinstance(value, kind)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _named(kind: Any) -> str:
    if isinstance(kind, Mapping):
        return "an object"
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)


def read_array(path: Path, advice: str = "") -> np.ndarray:
    """The array in a `.npy` file; no pickled objects.

    Raises:
        MissingFileError, UnreadableFileError: See `read_bytes`; or it holds no such array.
    """
    content = read_bytes(path)
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # NumPy lets through whatever its parser of the header meets
        raise damaged(path, error or type(error).__name__, advice) from None
    if not isinstance(array, np.ndarray):
        raise damaged(path, "it is an archive of arrays, where one array is wanted", advice)
    return array


def read_arrays(path: Path, names: Collection[str] = (), advice: str = "") -> dict[str, np.ndarray]:
    """Arrays of a `.npz` file by name; no pickled objects.

    Args:
        path: The file.
        names: Arrays that must be there; none: all that are.
        advice: See `damaged`.

    Raises:
        MissingFileError, UnreadableFileError: See `read_bytes`; or it is no such archive, lacks one of the arrays, or
            unpacks to more than `MOST_BYTES`.
    """
    content = read_bytes(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if sum(entry.file_size for entry in archive.zip.infolist()) > MOST_BYTES:
                raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
            return {name: archive[name] for name in names or archive.files}
    except Exception as error:  # zipfile, zlib and NumPy have a dozen kinds of errors for damaged bytes
        raise damaged(path, error or type(error).__name__, advice) from None


@dataclass(frozen=True)
class CsvFile:
    """A CSV file in plain form: commas between cells, points in numbers, no quotation marks.

    Attributes:
        columns: The names in the header; none where the file has no whole line.
        lines: All lines after the header that have a line end, blank ones and damaged ones too.
        cut: Whether a last line without a line end was left out.
    """

    columns: tuple[str, ...]
    lines: tuple[str, ...]
    cut: bool

    @cached_property
    def whole_lines(self) -> list[str]:
        """Those with as many cells as the header, at least one of them not empty."""
        commas = len(self.columns) - 1
        return [line for line in self.lines if line.count(",") == commas and line.strip(",")]

    @property
    def torn(self) -> int:
        """How many lines are neither whole nor blank."""
        return sum(bool(line.strip(",")) for line in self.lines) - len(self.whole_lines) + self.cut

    def row(self, line: str) -> dict[str, str] | None:
        """The cells of a line by column; None where it has another number of them than the header."""
        cells = line.split(",")
        return dict(zip(self.columns, cells, strict=True)) if len(cells) == len(self.columns) else None

    def rows(self) -> list[dict[str, str]]:
        """Whole lines by column."""
        return [row for line in self.whole_lines if (row := self.row(line)) is not None]


def read_csv(path: Path, columns: Sequence[str], advice: str = "") -> CsvFile:
    """A CSV file of ours, also as a spreadsheet saves it.

    Read as well: semicolons or tabulators between cells, then with decimal commas; quotation marks; a byte-order mark; UTF-16;
    line ends of any system; columns in another order.

    Args:
        path: The file.
        columns: Columns that must be there, unless the file is empty.
        advice: What to do about a file that cannot be used.

    Raises:
        MissingFileError, UnreadableFileError: See `read_bytes`; or a column is missing.
    """
    text = read_text(path, advice, errors="replace")
    *lines, rest = text.split("\n")
    header = lines[0] if lines else ""
    separator = max(SEPARATORS, key=header.count)
    if separator != "," and re.search(r"\d,\d", text) and re.search(r"\d\.\d", text):
        raise damaged(path, "it has numbers with commas and with points between semicolons or tabulators", advice)
    if separator != "," or '"' in text:
        lines = [_plain_line(line, separator) for line in lines]
    found = tuple(lines[0].split(",")) if lines else ()
    missing = [name for name in columns if name not in found]
    if any(found) and missing:
        raise UnreadableFileError(f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. Its header "
                                  f"must be: {','.join(columns)}. {advice}".rstrip())
    return CsvFile(found if any(found) else (), tuple(lines[1:]), bool(rest))


def _plain_line(line: str, separator: str) -> str:
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # the line then has another number of cells than the header
        return line
    decimals = separator != ","
    return ",".join(re.sub(r"^([-+]?\d+),(\d+(e[-+]?\d+)?)$", r"\1.\2", cell.strip(), flags=re.I) if decimals else cell.strip()
                    for cell in cells)


def whole_number(text: str) -> int:
    """`"12"`, or `"12.0"` as spreadsheets write it, as an int.

    Raises:
        ValueError: Something else.
    """
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text!r} is no whole number")
    return int(number)
