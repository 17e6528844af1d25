"""Label tables kept between runs, found by what they were made from."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import npz_bytes, unfinished, user_path
from tfrepr.reading import UnreadableFileError, read_arrays


def cache_folder() -> Path:
    """Where tables are kept: `$TFREPR_CACHE`, or `tfrepr` in the user's cache folder.

    For a user without a home, or with one that cannot be written, a folder of the user's own among the temporary files.

    Raises:
        UserError: `$TFREPR_CACHE` begins with the home of nobody.
        OSError: There is no such place.
    """
    if chosen := os.environ.get("TFREPR_CACHE"):
        return user_path(chosen)
    with suppress(UserError, OSError):
        folder = user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "tfrepr"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    return _temporary_folder()


def _temporary_folder() -> Path:
    """Refuses a folder that another user made under this name, or may write to: tables there could be anybody's."""
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    folder = Path(tempfile.gettempdir()) / f"tfrepr-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or (os.name == "posix" and found.st_mode & 0o022):
        raise PermissionError(errno.EACCES, "not a folder of this user alone", str(folder))
    return folder


def cached_table(recipe: dict[str, Any], make: Callable[[], np.ndarray]) -> np.ndarray:
    """The table made from `recipe`: read if it was made before, otherwise made and kept.

    A file that is damaged (its CRC-32 tells) is made again. Where nothing can be written the table is made every time.

    Args:
        recipe: JSON values that determine the table completely, versions of the libraries included.
        make: Makes the table.
    """
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]
    try:
        path = cache_folder() / "labels" / f"{key}.npz"
    except OSError as error:
        _warn(error)
        return make()
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
