"""Names that users give to classes, in one spelling: Unicode's composed form (NFC).

macOS writes the names of files decomposed ("e" and a combining accent), keyboards write them composed. Both look alike, but a
voice says them as different words, and a comparison finds them different.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable

from tfrepr.errors import UserError

UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that no name may hold: control characters, line breaks, and bytes that are not UTF-8."""


def normalised(name: str) -> str:
    """The name in NFC; names in ASCII stay what they are."""
    return unicodedata.normalize("NFC", name)


def printable(text: str) -> str:
    """The text with escapes for what terminals, files and figures cannot show: control characters, bytes that are not UTF-8."""
    return "".join(char.encode("unicode_escape").decode() if unicodedata.category(char) in UNPRINTABLE else char
                   for char in text)


def class_names_from(names: Iterable[str], source: str) -> tuple[str, ...]:
    """Class names as the program uses them.

    Args:
        names: One name per class id, in any normal form.
        source: Where they come from, for messages, for example `"--names"`.

    Returns:
        The names in NFC.

    Raises:
        UserError: One text in place of a list, names that are no texts, that are empty or equal, or that no terminal and no
            figure can show; they are named.
    """
    if isinstance(names, str):
        raise UserError(f"{source}: class names are a list of texts, one a class. Received: the text {names[:100]!r}.")
    names = tuple(names)
    if wrong := [name for name in names if not isinstance(name, str) or not name]:
        raise UserError(f"{source}: each class name must be a text of one character or more. Received: {wrong[0]!r}.")
    names = tuple(map(normalised, names))
    bad = [name for name in names if printable(name) != name]
    if bad:
        raise UserError(f"{source}: these class names hold line breaks, control characters or bytes that are not UTF-8: "
                        f"{', '.join(map(ascii, bad))}. Rename them.")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise UserError(f"{source}: class names must differ from each other. Doubled: {', '.join(doubled)}.")
    return names


def equal_classes(items: Iterable[Hashable], names: Iterable[str]) -> str:
    """Which classes have equal items, for messages: `"'a' and 'c'; 'b' and 'd'"`; empty where all differ.

    Args:
        items: One a class.
        names: One name a class.
    """
    groups: dict[Hashable, list[str]] = {}
    for item, name in zip(items, names, strict=True):
        groups.setdefault(item, []).append(repr(name))
    return "; ".join(" and ".join(group) for group in groups.values() if len(group) > 1)
