"""How files are written so that nothing is lost: whole or not at all, never through a link, never into a device.

A file is written under a temporary name beside its place, brought to the disk and renamed. The temporary name is drawn, and
the file is made anew under it, so that several processes may write the same file at once: each rename puts a whole file there.
While it is written its writer holds a lock on it. The operating system lets go of the lock when a process dies, however it
dies, and whoever writes in the same folder later removes what the dead one left.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tfrepr.errors import UserError

if TYPE_CHECKING:
    import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

UNFINISHED = re.compile(r"\.unfinished-[0-9a-f]{16}")
"""Start of temporary names."""
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
"""Start of an address on the web; a `Path` of it has lost a slash."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)
_KINDS = ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"),
          (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))


def user_path(text: str | os.PathLike[str]) -> Path:
    """The path that a user means: `~` and `~name` at its start stand for home folders.

    Raises:
        UserError: No user has that name, nobody knows where the home folder is, or the text is an address on the web.
    """
    if ADDRESS.match(os.fspath(text)):
        raise UserError(f"{os.fspath(text)} is an address, and a path on this computer is wanted. Download it first, then give "
                        "the path of what was downloaded.")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"The home folder at the start of {os.fspath(text)!r} is not known. Write the path out, or ./~name for "
                        "a file whose name begins with ~.") from None


def json_bytes(values: Any) -> bytes:
    """The values as a JSON file."""
    return (json.dumps(values, indent=2) + "\n").encode()


def npy_bytes(array: np.ndarray) -> bytes:
    """The array as a .npy file."""
    import numpy as np

    content = io.BytesIO()
    np.save(content, np.asarray(array, order="C"), allow_pickle=False)
    return content.getvalue()


def npz_bytes(arrays: Mapping[str, np.ndarray], *, compressed: bool = True) -> bytes:
    """The arrays as an .npz file; equal arrays give equal bytes, since its entries carry no date."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), npy_bytes(array),
                             zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)
    return content.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes the whole file, or leaves what was there; `path` is whole at every moment, whoever else writes it.

    Raises:
        UserError: See `replacing`.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` with the same ending, renamed to `path` on success and removed on failure.

    Raises:
        UserError: The disk is full, the folder cannot be written, or `path` is a link, a folder, a pipe or a device.
    """
    try:
        _check_place(path)
        with unfinished(path) as temporary:
            yield temporary
    except OSError as error:
        raise UserError(f"Cannot write {path} ({error.strerror or error}). Earlier results are intact: make room or choose "
                        "another folder, then repeat the command.") from None


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """As `replacing`, for callers that can do without the file.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    temporary, held = _new_file(path)
    try:
        yield temporary
        os.fsync(held.fileno())
        if fcntl is None:
            held.close()  # Windows renames no open file
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        held.close()
        temporary.unlink(missing_ok=True)


def append(path: Path, text: str) -> None:
    """Adds text to the end of a file and brings it to the disk; what does not fit is not kept in memory either.

    Raises:
        UserError: As for `replacing`; the file may end in a part of the text then.
    """
    rest = text.encode()
    try:
        _check_place(path)
        with open(path, "ab", buffering=0, opener=_open_plainly) as file:
            while rest:
                rest = rest[file.write(rest):]
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"Cannot write {path} ({error.strerror or error}). Earlier results are intact: make room, then repeat "
                        "the command.") from None


def make_folder(root: Path, *names: str) -> Path:
    """The folder `names` in `root`, made where it is missing, where nothing below `root` is a link.

    Someone else's run directory could lead elsewhere by a link; `root` itself is the user's own choice.

    Raises:
        UserError: A link or a file stands at its place, or it cannot be made.
    """
    folder = root
    try:
        root.mkdir(parents=True, exist_ok=True)
        for name in names:
            folder = folder / name
            if folder.is_symlink():
                raise UserError(f"{folder} is a symbolic link, through which nothing is written. Remove it, or have the files "
                                "written to another place.")
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {folder} ({error.strerror or error}). Choose another one, or change what is "
                        "there.") from None
    return folder


def _check_place(path: Path) -> None:
    """Refuses what is neither a regular file nor nothing."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise UserError(f"{path} is {_kind(mode)}; only a regular file is replaced there. Remove it, or choose another "
                        "place.")


def _kind(mode: int) -> str:
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "no file")


def _open_plainly(path: str, flags: int) -> int:
    """For `open`: follows no link, waits for no other end of a pipe."""
    return os.open(path, flags | _NO_LINK | _NO_WAITING, 0o666)


def _new_file(path: Path) -> tuple[Path, BinaryIO]:
    """The name of a file beside `path` that was not there before, and the open file, which holds the lock."""
    while True:
        temporary = path.with_name(f".unfinished-{secrets.token_hex(8)}{path.suffix}")
        held = open(temporary, "xb", opener=_open_plainly)  # noqa: SIM115, the caller closes it
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks, where nobody removes what another one left
                fcntl.flock(held, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, held
        held.close()  # someone took it for abandoned before it was locked


def _remove_abandoned(folder: Path) -> None:
    """Removes temporary files whose writers died: nobody holds their locks."""
    if fcntl is None:
        return
    with suppress(OSError):  # a folder that may be written and not read
        for left in [entry.path for entry in os.scandir(folder) if UNFINISHED.match(entry.name)]:
            with suppress(OSError), open(left, "r+b", opener=_open_plainly) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(left)


def _sync_folder(folder: Path) -> None:
    """Brings a rename to the disk, where the system allows it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
