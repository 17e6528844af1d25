"""attacks.csv: one row for each protocol, attack, goal, epsilon and criterion; and which images withstood each attack.

Counts, no rates. Epsilon is in the space's unit, normalised units or 1/255 for pixels, and has all its digits. `images` test
images were looked at; `clean_correct` of them are correct by the row's own criterion without an attack; of those,
`still_correct` are correct afterwards, `hit_target` are taken for the target class (targeted attacks only) and `no_gradient`
have a gradient that is zero in float32 at the clean image (attacks that use the model's own gradient only). `seconds` is the
attack's time divided by the rows that it fills, so that sums are right. `every_iterate` is 1 where any iterate could break an
image, and 0 where the last one counts; a row of the first kind takes the place of one of the second. Rows of a protocol that is
a cascade count what is left after their attack and all attacks before it.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import npz_bytes, write_atomically
from tfrepr.reading import UnreadableFileError, read_arrays, read_csv, whole_number

Key = tuple[Any, ...]
ENSEMBLE = "ensemble"
"""Name of the worst case over all attacks of a protocol; its goal is `untargeted`, its loss `worst`, its steps those and the
queries of all attacks together (but transfer, which a categorical model lacks: its rows should match the others)."""


@dataclass(frozen=True)
class AttackRow:
    """One line of attacks.csv; the fields are its columns, the module's docstring says what they count."""

    protocol: str
    attack: str
    goal: str
    loss: str
    space: str
    epsilon: float
    steps: int
    restarts: int
    attack_seed: int
    criterion: str
    images: int
    clean_correct: int
    still_correct: int
    hit_target: int | None
    no_gradient: int | None
    seconds: float
    every_iterate: int = 0

    @property
    def key(self) -> Key:
        """What the row is about: the columns up to `images`."""
        return tuple(getattr(self, name) for name in KEY_COLUMNS)


ALL_COLUMNS = tuple(field.name for field in dataclasses.fields(AttackRow))
COLUMNS = ALL_COLUMNS[:ALL_COLUMNS.index("every_iterate")]
"""Those that files of every version have."""
KEY_COLUMNS = COLUMNS[:COLUMNS.index("images") + 1]
WHOLE_NUMBERS = tuple(field.name for field in dataclasses.fields(AttackRow) if field.type == "int")
SURVIVORS_FILE = "attack_survivors.npz"
PIXEL_PROTOCOLS = ("standard", "adaptive", "autoattack")
"""Whose worst cases are taken together, from the weakest to the strongest; older runs lack the last one."""
_READERS = {"str": str, "int": whole_number, "float": float, "int | None": lambda text: whole_number(text) if text else None}


def values_of(row: Mapping[str, Any], names: Sequence[str] = KEY_COLUMNS) -> Key:
    """Cells of a row of a data frame, where whole numbers may be floats, as an `AttackRow` has them; by default its key."""
    return tuple(int(row[name]) if name in WHOLE_NUMBERS else row[name] for name in names)


def read_rows(path: Path) -> list[AttackRow]:
    """Reads attacks.csv; a torn last row is left out, so that it is done again.

    Raises:
        UserError: Other columns, or a damaged row that is not the last.
    """
    if not path.exists():
        return []
    table = read_csv(path, COLUMNS, "Move it away; the next attack makes it anew.")
    if further := [name for name in table.columns if name not in ALL_COLUMNS]:
        raise UserError(f"{path} has columns that this version does not write: {', '.join(further)}. Move it away; the next "
                        "attack makes it anew.")
    lines = {number: line for number, line in enumerate(table.lines, start=2) if line.strip(",")}
    rows = {number: _parse(table.row(line)) for number, line in lines.items()}
    damaged = [number for number, row in rows.items() if row is None]
    if damaged and damaged[0] == max(rows) and not table.cut:
        del rows[damaged.pop()]
    if damaged:
        raise UserError(f"Line {damaged[0]} of {path} is damaged: {lines[damaged[0]][:200]!r}. Delete that line; the next "
                        "attack does it again.")
    return list(rows.values())


def _parse(texts: dict[str, str] | None) -> AttackRow | None:
    """A row, or None where its line is not a whole one."""
    if texts is None:
        return None
    try:
        return AttackRow(**{field.name: _READERS[field.type](texts[field.name]) for field in dataclasses.fields(AttackRow)
                            if field.name in texts})
    except (ValueError, OverflowError):
        return None


def write_rows(path: Path, rows: Iterable[AttackRow]) -> None:
    """Writes attacks.csv whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ALL_COLUMNS)
    writer.writerows(["" if value is None else number_text(value) if name == "epsilon" else value
                      for name, value in dataclasses.asdict(row).items()] for row in rows)
    write_atomically(path, text.getvalue().encode())


class Survivors:
    """Which images withstood which attack, one bit an image and criterion, for the worst case and to compare models.

    Args:
        path: An `.npz` file; one that is missing or damaged counts as empty, and its attacks are done again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bits: dict[str, np.ndarray] = {}
        with contextlib.suppress(UnreadableFileError):
            self._bits = read_arrays(path)

    def __contains__(self, key: Key) -> bool:
        bits = self._bits.get(_text(key))
        return bits is not None and (bits.dtype, bits.shape) == (np.uint8, (-(-key[-1] // 8),))

    def __getitem__(self, key: Key) -> np.ndarray:
        """bool, `(images,)`; `images` is the last part of the key."""
        return np.unpackbits(self._bits[_text(key)], count=key[-1]).astype(bool)

    def add(self, survivors: Mapping[Key, np.ndarray]) -> None:
        """Takes in what an attack left, and writes the file."""
        self._bits.update({_text(key): np.packbits(flags) for key, flags in survivors.items()})
        write_atomically(self._path, npz_bytes(self._bits))


def number_text(value: float) -> str:
    """The shortest text that reads as the same number: `:g` where it does, as `"0"` and `"0.15"`, all digits elsewhere."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def _text(key: Key) -> str:
    return " ".join(number_text(part) if isinstance(part, float) else str(part) for part in key)
