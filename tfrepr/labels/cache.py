"""Label tables kept between runs, found by what they were made from."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.surroundings import cache_root


def cache_folder() -> Path:
    """Where tables are kept: `$TFREPR_CACHE`, or `tfrepr` in the user's cache folder."""
    if chosen := os.environ.get("TFREPR_CACHE"):
        return Path(os.path.expanduser(chosen))
    return cache_root() / "tfrepr"


def cached_table(recipe: dict[str, Any], make: Callable[[], np.ndarray]) -> np.ndarray:
    """The table made from `recipe`: read if it was made before, otherwise made and kept.

    A file that is damaged (its CRC-32 tells) is made again. Where nothing can be written the table is made every time.

    Args:
        recipe: JSON values that determine the table completely, versions of the libraries included.
        make: Makes the table.
    """
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]
    path = cache_folder() / "labels" / f"{key}.npz"
    table = _read(path)
    if table is None:
        table = make()
        _write(path, table)
    return table


def _read(path: Path) -> np.ndarray | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["table"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.zlib.error):
        return None


def _write(path: Path, table: np.ndarray) -> None:
    """Writes a temporary file and renames it, so that no reader ever sees half a table."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            np.savez(file, table=table)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        warnings.warn(f"The label table could not be kept in {path.parent} ({error.strerror}); it will be made again next "
                      "time. Set TFREPR_CACHE to a folder that can be written.", stacklevel=2)
