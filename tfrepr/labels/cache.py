"""Label tables kept between runs, found by what they were made from."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.files import npz_bytes, unfinished, user_path
from tfrepr.reading import UnreadableFileError, read_arrays
from tfrepr.surroundings import cache_root


def cache_folder() -> Path:
    """Where tables are kept: `$TFREPR_CACHE`, or `tfrepr` in the folder for caches (see `tfrepr.surroundings`).

    Raises:
        UserError: `$TFREPR_CACHE` begins with the home of nobody.
    """
    if chosen := os.environ.get("TFREPR_CACHE"):
        return user_path(chosen)
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
        try:
            with unfinished(path) as temporary:
                temporary.write_bytes(npz_bytes({"table": table}))
        except OSError as error:
            _warn(error)
    return table


def _read(path: Path) -> np.ndarray | None:
    try:
        return read_arrays(path, ("table",))["table"]
    except UnreadableFileError:
        return None


def _warn(error: OSError) -> None:
    warnings.warn(f"The label table could not be kept ({error}); it will be made again next time. Set TFREPR_CACHE to a folder "
                  "that can be written.", stacklevel=3)
