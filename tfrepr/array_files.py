"""NumPy files that users bring: read without pickles, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

MOST_BYTES = 2 * 2**30
"""What a file, or the arrays of an .npz file together, may take."""


def read_array_file(path: Path, most_bytes: int = MOST_BYTES) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a .npy file, or those of an .npz file by name.

    Raises:
        ValueError: No such file, pickled objects, a damaged file, or one that unpacks to more than `most_bytes`; its message is
            the reason in short.
    """
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        if path.stat().st_size > most_bytes:
            raise ValueError(f"it has more than {most_bytes:,} bytes")
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            if sum(entry.file_size for entry in loaded.zip.infolist()) > most_bytes:
                raise ValueError(f"it unpacks to more than {most_bytes:,} bytes")
            return {name: loaded[name] for name in loaded.files}
    except Exception as error:  # a damaged header makes NumPy raise nearly anything, a huge shape for one a MemoryError
        raise ValueError(str(error) or type(error).__name__) from error
