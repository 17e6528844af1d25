"""Word vectors of GloVe, read from the public file or from its archive on the web, without keeping either.

Reference:
    J. Pennington, R. Socher and C. D. Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014;
    https://nlp.stanford.edu/projects/glove/. Licence of the vectors: Public Domain Dedication and License 1.0.
"""

from __future__ import annotations

import gzip
import http.client
import io
import re
import urllib.request
import zipfile
import zlib
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.labels.cache import cached_table

MEMBER = "glove.6B.50d.txt"
ARCHIVE_URL = "https://nlp.stanford.edu/data/glove.6B.zip"
PLACES = (Path("data") / MEMBER, Path("data/glove.6B.zip"))
"""Where the file is looked for when no path is given."""

TIMEOUT = 30.0
BLOCK = 1 << 20
"""Seconds and bytes of one request to the web."""

LONGEST_LINE = 1 << 20
"""Characters; a word and its numbers take a few thousand."""

UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError)

HOW_TO_FETCH = (f"Fetch {ARCHIVE_URL} (822 MB) and put it, packed or unpacked, at {PLACES[1]} or {PLACES[0]}, or name it with "
                "--glove-file.")


def lookup_words(words: Sequence[str]) -> tuple[str, ...]:
    """The one word that stands for each class: lower case, the first part at a blank, then at a hyphen or underscore.

    The authors' rule for names of several words: "aquarium fish" is looked up as "aquarium", "lawn-mower" as "lawn".
    """
    return tuple(next((part for part in re.split(r"[\s_-]+", word.lower()) if part), "") for word in words)


def word_vectors(words: Sequence[str], glove_file: str | None) -> np.ndarray:
    """One vector per word.

    Args:
        words: As in the file: lower case, no blanks.
        glove_file: `glove.6B.50d.txt`, packed as .zip or .gz or not; another file in this format has its own length of vectors.
            None looks at `PLACES`, then in the label cache, then reads from the web as far as needed.

    Returns:
        float32, `(words, 50)`.

    Raises:
        UserError: No such file and no web, not a file in this format, or words that it does not have; all of them are named.
    """
    path = user_path(glove_file) if glove_file else next((place for place in PLACES if place.exists()), None)
    if path is None:
        return cached_table({"label": "glove", "file": ARCHIVE_URL, "words": list(words)}, lambda: _from_web(words))
    try:
        with ExitStack() as stack:
            return stack_vectors(_scan(_text_lines(_open(path, stack)), words), words, str(path))
    except UNREADABLE as error:
        raise UserError(f"The word vectors {path} cannot be read ({error}). {HOW_TO_FETCH}") from error


def stack_vectors(found: dict[str, np.ndarray], words: Sequence[str], source: str) -> np.ndarray:
    """The vectors in the order of `words`.

    Raises:
        UserError: Missing words, or vectors of different lengths.
    """
    missing = sorted(set(words) - set(found))
    if missing:
        raise UserError(f"{source} has no vector for: {', '.join(missing)}. Give these classes other words, for example "
                        "--spoken NAME=WORD.")
    if len({len(vector) for vector in found.values()}) > 1:
        raise UserError(f"{source} is not in GloVe's format: its vectors differ in length. {HOW_TO_FETCH}")
    return np.stack([found[word] for word in words])


def _scan(lines: Iterable[str], words: Collection[str]) -> dict[str, np.ndarray]:
    """The first vector of every word; stops as soon as all are found."""
    wanted, found = set(words), {}
    for line in lines:
        word, _, numbers = line.partition(" ")
        if word in wanted and word not in found:
            found[word] = _vector(word, numbers)
            if len(found) == len(wanted):
                break
    return found


def _vector(word: str, numbers: str) -> np.ndarray:
    try:
        vector = np.array(numbers.split(), np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    if not len(vector) or not np.isfinite(vector).all():
        raise UserError(f"The line of {word!r} is not in GloVe's format, a word and then numbers. {HOW_TO_FETCH}")
    return vector


def _text_lines(stream: BinaryIO) -> Iterable[str]:
    """Lines at line feeds alone: the file has tokens that other Unicode line ends would cut.

    Raises:
        OSError: A line that no word and its numbers need; packed, it may be many gigabytes.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise OSError(f"it has a line of more than {LONGEST_LINE:,} characters")
        yield line


def _open(path: Path, stack: ExitStack) -> BinaryIO:
    if path.exists() and not path.is_file():
        raise UserError(f"{path} cannot be read (it is no regular file). {HOW_TO_FETCH}")
    if path.suffix == ".zip":
        return _open_member(stack.enter_context(zipfile.ZipFile(path)), stack)
    if path.suffix == ".gz":
        return stack.enter_context(gzip.open(path))
    return stack.enter_context(path.open("rb"))


def _open_member(archive: zipfile.ZipFile, stack: ExitStack) -> BinaryIO:
    names = [name for name in archive.namelist() if name.endswith(".txt")]
    if MEMBER not in names and len(names) != 1:
        raise UserError(f"{archive.filename} holds no {MEMBER}. {HOW_TO_FETCH}")
    return stack.enter_context(archive.open(MEMBER if MEMBER in names else names[0]))


def _from_web(words: Sequence[str]) -> np.ndarray:
    """Reads the archive on the web from its start to the last word that is needed, a few to some tens of megabytes."""
    try:
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(io.BufferedReader(WebFile(ARCHIVE_URL), BLOCK)))
            return stack_vectors(_scan(_text_lines(_open_member(archive, stack)), words), words, ARCHIVE_URL)
    except (*UNREADABLE, http.client.HTTPException) as error:
        raise UserError(f"The label glove needs word vectors, and {ARCHIVE_URL} cannot be read ({error}). "
                        f"{HOW_TO_FETCH}") from error


class WebFile(io.RawIOBase):
    """A file on the web that is read in pieces, each with one HTTP range request.

    Args:
        url: Of a file whose server knows ranges.

    Raises:
        OSError: No connection, or a server that does not know ranges.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url, self._position = url, 0
        self._size = self._request(0, 0)[1]

    def _request(self, first: int, last: int) -> tuple[bytes, int]:
        """Bytes `first` to `last`, both included, and the size of the whole file."""
        request = urllib.request.Request(self._url, headers={"Range": f"bytes={first}-{last}"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            if response.status != 206:
                raise OSError("the server does not send parts of files")
            size = (response.headers["Content-Range"] or "").rpartition("/")[2]
            if not size.isdigit():
                raise OSError("the server does not tell the size of the file")
            return response.read(), int(size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def readinto(self, buffer: memoryview) -> int:
        last = min(self._position + len(buffer), self._size) - 1
        if last < self._position:
            return 0
        data, _ = self._request(self._position, last)
        buffer[:len(data)] = data
        self._position += len(data)
        return len(data)
