"""Signs that the evaluation of a run's robustness works, as attacks.json holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfrepr.reading import damaged, read_json
from tfrepr.runs import REMEDIES, RunDirectory

FILE = "attacks.json"
BINARISATION = "binarisation"
"""Name of the sign of that test, and key in the file of its numbers (`attacks.binarisation`)."""
WORDS = {True: "holds", False: "fails", None: "not measured"}


@dataclass(frozen=True)
class Sign:
    """One sign.

    Attributes:
        name: Key in attacks.json.
        holds: None where it is not measured.
        message: What was seen, with numbers, or what to run.
        epsilons: Strengths at which it was looked for, in units of 1/255, for signs that depend on the strength.
        images: How many test images were attacked for it, for signs that say something of these images.
    """

    name: str
    holds: bool | None
    message: str
    epsilons: tuple[float, ...] = ()
    images: int | None = None

    def __str__(self) -> str:
        return f"{self.name}: {WORDS[self.holds]}. {self.message}"


def is_undefended(label: str, label_smoothing: float) -> bool:
    """Whether a run is a plain categorical one, which nothing defends: attacks that spare it are at fault themselves."""
    return label == "category" and not label_smoothing


def read_signs(run: Path) -> dict[str, Sign]:
    """The signs of a run by name; none where nothing was attacked, or by a version that did not look for them.

    Raises:
        UserError: A damaged file.
    """
    if not (run / FILE).exists():
        return {}
    signs = read_json(run / FILE, {"signs": dict[str, dict[str, Any]]}, advice=REMEDIES[FILE]).get("signs") or {}
    for name, sign in signs.items():
        if not (sign.get("holds", 0) in (True, False, None) and isinstance(sign.get("message"), str)
                and isinstance(sign.get("epsilons", []), list) and isinstance(sign.get("images"), (int, type(None)))):
            raise damaged(run / FILE, f"the sign {name!r} has no 'holds' and 'message', or 'epsilons' is no list, or "
                          "'images' no number", REMEDIES[FILE])
    return {name: Sign(name, sign["holds"], sign["message"], tuple(sign.get("epsilons", ())), sign.get("images"))
            for name, sign in signs.items()}


def add_signs(run: RunDirectory, signs: Iterable[Sign]) -> None:
    """Writes signs into attacks.json, in place of those of the same names and beside all others.

    Raises:
        UserError: A damaged file.
    """
    kept = read_signs(run.path) | {sign.name: sign for sign in signs}
    run.write_json(FILE, run.read_json(FILE) | {"signs": {
        sign.name: {"holds": sign.holds, "message": sign.message, "epsilons": sorted(sign.epsilons), "images": sign.images}
        for sign in kept.values()}})
