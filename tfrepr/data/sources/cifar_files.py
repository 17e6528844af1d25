"""Where the CIFAR files are: found on disk as archive or folder, or downloaded; and the bytes of what is in them."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tfrepr.errors import UserError
from tfrepr.files import unfinished, user_path
from tfrepr.surroundings import keras_home

ORIGIN = "https://www.cs.toronto.edu/~kriz/"
MOST_BYTES = 512 * 2**20
"""What an archive, or one file in a folder, may take unpacked; the official ones take 186 MB."""


@dataclass(frozen=True)
class CifarFiles:
    """Names and MD5 sums of one data set's official files.

    Attributes:
        title: For messages, for example `"CIFAR-10"`.
        archive, archive_md5: The official archive.
        folder: The folder in it.
        train, test: File names in the folder and the MD5 sum of each.
        meta: The file with the class names, under the key `names_key`.
        ids_key: The key of the class ids in the training and test files.
    """

    title: str
    archive: str
    archive_md5: str
    folder: str
    train: dict[str, str]
    test: dict[str, str]
    meta: str
    names_key: str
    ids_key: str

    @property
    def members(self) -> tuple[str, ...]:
        """All file names that are read."""
        return (*self.train, *self.test, self.meta)


def locate(files: CifarFiles, data_dir: Path | None) -> Path:
    """The archive or the unpacked folder: in `data_dir`, else in Keras's cache, else downloaded.

    A whole archive is preferred to a folder that was unpacked in part.

    A download goes to `data_dir` where one is given and to Keras's cache (`$KERAS_HOME/datasets` or `~/.keras/datasets`)
    otherwise.

    Args:
        files: The data set.
        data_dir: A folder that holds the archive or the unpacked folder, or the path of either itself.

    Raises:
        UserError: `data_dir` does not exist, or nothing was found and the download failed.
    """
    places = [keras_home() / "datasets"]
    if data_dir is not None:
        data_dir = user_path(data_dir)
        if not data_dir.exists():
            raise UserError(f"The data folder {data_dir} does not exist. Create it and put {files.archive} there, or leave out "
                            "--data-dir to download it.")
        if data_dir.is_file():
            return data_dir
        places.insert(0, data_dir)
    for find in (_find, _find_part):
        for place in places:
            if (found := find(files, place)) is not None:
                return found
    return _download(files, places[0])


def _folders(files: CifarFiles, place: Path) -> tuple[Path, ...]:
    return place, place / files.folder, place / f"{files.folder}-target" / files.folder


def _find(files: CifarFiles, place: Path) -> Path | None:
    """The whole unpacked folder or the archive at `place`, under the official names or those that Keras gives them."""
    for folder in _folders(files, place):
        if all((folder / name).is_file() for name in files.members):
            return folder
    return find_archive(files, place)


def find_archive(files: CifarFiles, place: Path) -> Path | None:
    """The archive at `place`."""
    for name in (files.archive, f"{files.folder}.tar.gz", f"{files.folder}-target_archive"):
        if (place / name).is_file():
            return place / name
    return None


def _find_part(files: CifarFiles, place: Path) -> Path | None:
    """A folder at `place` that was unpacked in part: rather than a download, the user gets to know what it lacks."""
    return next((folder for folder in _folders(files, place) if any((folder / name).is_file() for name in files.train)), None)


def _download(files: CifarFiles, place: Path) -> Path:
    """Fetches the archive to `place` under a temporary name, so that an interrupted download is never taken for the file."""
    import keras

    target = place / files.archive
    try:
        with unfinished(target) as temporary:
            keras.utils.get_file(temporary.name, ORIGIN + files.archive, cache_dir=str(place), cache_subdir="",
                                 file_hash=files.archive_md5, hash_algorithm="md5", force_download=True)
    except Exception as error:  # get_file reports network trouble as a bare Exception
        raise UserError(f"{files.title} is not on this machine and could not be downloaded ({error}). Fetch "
                        f"{ORIGIN}{files.archive} (MD5 {files.archive_md5}) by other means and put it into {place}, or name "
                        "its folder with --data-dir.") from error
    return target


def members(path: Path, files: CifarFiles) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of the data set, from a folder or straight from the archive.

    Raises:
        UserError: A file is missing or may not be read, or the archive is damaged.
    """
    found = set()
    try:
        for name, blob in _folder_members(path, files) if path.is_dir() else _archive_members(path, files):
            found.add(name)
            yield name, blob
    except PermissionError as error:
        raise UserError(f"{error.filename} may not be read: {error.strerror}. Change its permissions.") from error
    missing = [name for name in files.members if name not in found]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)} of {files.title}. Fetch {ORIGIN}{files.archive} again.")


def _folder_members(path: Path, files: CifarFiles) -> Iterator[tuple[str, bytes]]:
    for name in files.members:
        if (path / name).is_file():
            if (path / name).stat().st_size > MOST_BYTES:
                raise _too_large(path / name, files)
            yield name, (path / name).read_bytes()


def _archive_members(path: Path, files: CifarFiles) -> Iterator[tuple[str, bytes]]:
    """Reads the archive in one pass, to its very end: only there gzip finds out whether any bit has changed."""
    try:
        with gzip.open(path) as packed, tarfile.open(fileobj=(stream := _Bounded(packed)), mode="r|") as archive:
            for member in archive:
                archive.members.clear()  # it would keep what it has passed
                if member.size > MOST_BYTES:
                    raise _too_large(path, files)
                folder, _, name = member.name.removeprefix("./").partition("/")
                if folder == files.folder and name in files.members and member.isfile():
                    yield name, archive.extractfile(member).read()
            while stream.read(1 << 20):
                pass
    except _TooLargeError as error:
        raise _too_large(path, files) from error
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _damaged(path, files, error) from error


class _TooLargeError(Exception):
    """An archive unpacks to more than it may."""


class _Bounded:
    """A stream of which no more than `MOST_BYTES` can be read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left = stream, MOST_BYTES

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise _TooLargeError
        return content


def _too_large(path: Path, files: CifarFiles) -> UserError:
    return UserError(f"{path} takes more than {MOST_BYTES:,} bytes unpacked, {files.title} much less. It is another file: "
                     f"fetch {ORIGIN}{files.archive}, or name the right folder with --data-dir.")


def _damaged(path: Path, files: CifarFiles, error: Exception) -> UserError:
    with path.open("rb") as stream:
        digest = hashlib.md5()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return UserError(f"The archive {path} is damaged or incomplete ({error}; MD5 {digest.hexdigest()}, official "
                     f"{files.archive_md5}). Delete it and start again to download it, or fetch {ORIGIN}{files.archive}.")
