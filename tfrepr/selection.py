"""Which runs a command means: paths, names and patterns of either, in the same way everywhere."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path

from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.training.pretrained import PREFIX, pretrained_names, pretrained_run

MOST_NAMED = 5
"""Of many runs, so many are named in a message."""


def find_runs(output: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Run directories under `output`, or those that are asked for, each once.

    Args:
        output: The folder that holds `runs/`.
        wanted: Each one a run directory, a folder of run directories, a folder that holds `runs/`, or the name of a run in
            `<output>/runs`. All of these may be patterns with `*`, `?` and `[...]`, as `"output/runs/cifar10-*"` and
            `"*-speech-p*"`. A path goes before a name. `"pretrained:NAME"` is a published network. None: all runs.

    Raises:
        UserError: Nothing fits; the message says which command makes runs.
    """
    found = _runs_in(output / "runs")
    if wanted:
        found = list({path.resolve(): path for text in wanted for path in _matching(text, found, output)}.values())
    if not found:
        raise UserError(f"There are no runs in {output / 'runs'}. Make some with: python scripts/train.py "
                        "(or say where they are with --output).")
    return found


def find_run(output: Path, wanted: str) -> Path:
    """The one run directory that is asked for, see `find_runs`.

    Raises:
        UserError: Nothing fits, or several runs do.
    """
    found = find_runs(output, [wanted])
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:MOST_NAMED]) + (", ..." if len(found) > MOST_NAMED else "")
        raise UserError(f"{wanted!r} fits {len(found)} runs, and this takes one: {names}. Name one of them.")
    return found[0]


def _runs_in(folder: Path) -> list[Path]:
    return sorted(config.parent for config in folder.glob("*/config.json"))


def _matching(text: str, runs: Sequence[Path], output: Path) -> list[Path]:
    """Runs by path or, where no path fits, by name."""
    if not text.strip():
        raise UserError("An empty text names no run. Give a run directory, a folder of them, or a pattern such as "
                        "'*-speech-p*'.")
    if text.startswith(PREFIX):
        return [pretrained_run(text, output)]
    matching = [run for place in _places(str(user_path(text))) for run in _runs_at(place)]
    matching = matching or [run for run in runs if fnmatch(run.name, text)]
    if not matching:
        name, names = Path(text).name, [run.name for run in runs]
        published = [f"{PREFIX}{near}" for near in get_close_matches(name, pretrained_names(), n=1, cutoff=0.7)]
        near = published + (get_close_matches(name, names, n=3, cutoff=0.3) or names[:3])
        hint = f" There are, for example: {', '.join(near)}." if near else " Make runs with: python scripts/train.py"
        raise UserError(f"No run directory fits {text!r}: it is neither a run directory (with a config.json), nor a folder of "
                        f"them, nor the name of a run in {output / 'runs'}, nor a pattern of one of these.{hint}")
    return matching


def _places(text: str) -> list[Path]:
    """Paths that fit; one that exists is itself, also where its name looks like a pattern."""
    return [Path(text)] if os.path.lexists(text) else sorted(map(Path, glob.glob(text)))


def _runs_at(place: Path) -> list[Path]:
    """A run directory, or those in a folder of them or in a folder of results."""
    if (place / "config.json").is_file():
        return [place]
    return _runs_in(place) or _runs_in(place / "runs")
