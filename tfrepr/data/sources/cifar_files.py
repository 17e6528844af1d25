"""Where the CIFAR files are: found on disk as archive or folder, or downloaded; and the bytes of what is in them."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfrepr.errors import UserError
from tfrepr.surroundings import keras_home

ORIGIN = "https://www.cs.toronto.edu/~kriz/"


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
        data_dir = Path(data_dir).expanduser()
        if not data_dir.exists():
            raise UserError(f"The data folder {data_dir} does not exist. Create it and put {files.archive} there, or leave out "
                            "--data-dir to download it.")
        if data_dir.is_file():
            return data_dir
        places.insert(0, data_dir)
    for place in places:
        if (found := _find(files, place)) is not None:
            return found
    return _download(files, places[0])


def _find(files: CifarFiles, place: Path) -> Path | None:
    """The unpacked folder or the archive at `place`, under the official names or those that Keras gives them."""
    for folder in (place, place / files.folder, place / f"{files.folder}-target" / files.folder):
        if (folder / next(iter(files.train))).is_file() and (folder / files.meta).is_file():
            return folder
    for name in (files.archive, f"{files.folder}.tar.gz", f"{files.folder}-target_archive"):
        if (place / name).is_file():
            return place / name
    return None


def _download(files: CifarFiles, place: Path) -> Path:
    """Fetches the archive to `place` under a temporary name, so that an interrupted download is never taken for the file."""
    import keras

    target, partial = place / files.archive, f"{files.archive}.part-{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        fetched = Path(keras.utils.get_file(partial, ORIGIN + files.archive, cache_dir=str(place), cache_subdir="",
                                            file_hash=files.archive_md5, hash_algorithm="md5"))
        os.replace(fetched, target)
    except Exception as error:  # get_file reports network trouble as a bare Exception
        (place / partial).unlink(missing_ok=True)
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
            yield name, (path / name).read_bytes()


def _archive_members(path: Path, files: CifarFiles) -> Iterator[tuple[str, bytes]]:
    """Reads the archive in one pass, to its very end: only there gzip finds out whether any bit has changed."""
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                folder, _, name = member.name.removeprefix("./").partition("/")
                if folder == files.folder and name in files.members and member.isfile():
                    yield name, archive.extractfile(member).read()
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _damaged(path, files, error) from error


def _damaged(path: Path, files: CifarFiles, error: Exception) -> UserError:
    with path.open("rb") as stream:
        digest = hashlib.md5()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return UserError(f"The archive {path} is damaged or incomplete ({error}; MD5 {digest.hexdigest()}, official "
                     f"{files.archive_md5}). Delete it and start again to download it, or fetch {ORIGIN}{files.archive}.")
