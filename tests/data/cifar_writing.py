"""Writes small data sets in CIFAR's official layout, by Python 3's pickle and, byte for byte, as Python 2 pickled."""

import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np

from tfrepr.data.sources.cifar_files import CifarFiles


def small_records(files: CifarFiles, class_names: tuple[str, ...], rows: int = 4, suffix: str = "png") -> dict[str, dict]:
    """The dictionaries of all files of a data set, `rows` random images in each; keys and names are bytes."""
    rng = np.random.default_rng(5)
    records = {files.meta: {files.names_key.encode(): [name.encode() for name in class_names]}}
    for name in (*files.train, *files.test):
        records[name] = {
            b"batch_label": name.encode(),
            files.ids_key.encode(): rng.integers(0, len(class_names), rows).tolist(),
            b"data": rng.integers(0, 256, (rows, 3072), dtype=np.uint8),
            b"filenames": [f"picture_s_{number:06d}.{suffix}".encode() for number in range(rows)],
        }
    return records


def python3_pickle(record: dict) -> bytes:
    """Protocol 4, as a Python 3 program writes it."""
    return pickle.dumps(record, protocol=4)


def python2_pickle(value: object) -> bytes:
    """Protocol 2 with the opcodes that Python 2 and its NumPy wrote."""
    return b"\x80\x02" + _python2(value) + b"."


def _python2(value: object) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(_python2(key) + _python2(item) for key, item in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_python2, value)) + b"e"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, bytes):
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, np.ndarray):
        new = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        kind = b"cnumpy\ndtype\nU\x02" + value.dtype.str[1:].encode() + b"K\x00K\x01\x87R(K\x03U\x01|NNNJ" + b"\xff" * 4
        kind += b"J" + b"\xff" * 4 + b"K\x00tb"
        shape = b"".join(map(_python2, value.shape)) + (b"\x86" if value.ndim == 2 else b"\x85")
        return new + b"(K\x01" + shape + kind + b"\x89" + _python2(value.tobytes()) + b"tb"
    raise TypeError(type(value))


def write_folder(parent: Path, files: CifarFiles, blobs: dict[str, bytes]) -> Path:
    """The unpacked layout: `parent/<folder>/<file>`."""
    folder = parent / files.folder
    folder.mkdir(parents=True)
    for name, blob in blobs.items():
        (folder / name).write_bytes(blob)
    return folder


def write_archive(parent: Path, files: CifarFiles, blobs: dict[str, bytes], name: str | None = None) -> Path:
    """The archive `parent/<name>`, by default under the official name."""
    parent.mkdir(parents=True, exist_ok=True)
    path = parent / (name or files.archive)
    with tarfile.open(path, "w:gz") as archive:
        for member, blob in {"readme.html": b"", **blobs}.items():
            entry = tarfile.TarInfo(f"{files.folder}/{member}")
            entry.size = len(blob)
            archive.addfile(entry, io.BytesIO(blob))
    return path
