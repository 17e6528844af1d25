"""NumPy files as users bring them: whole ones, damaged ones, and ones that announce more than a machine has."""

import io
import os
import zipfile

import numpy as np
import pytest

from tfrepr import reading
from tfrepr.analysis.paired_copies import read_images
from tfrepr.errors import UserError
from tfrepr.labels.build import read_table
from tfrepr.labels.tables import load_table
from tfrepr.reading import MOST_BYTES, UnreadableFileError, read_array, read_arrays


def npy_with_header(path, shape: str, body: bytes = b"\0" * 64):
    """A .npy file whose header announces a shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body)
    return path


@pytest.mark.parametrize("shape", ["(1000000000000, 64, 64)", "(10, 9223372036854775807)", "(10000000000000000000000, 2)",
                                   "(2, " + "-" * 9000 + "1)", "(" * 500 + "2" + ")" * 500])
def test_a_header_that_announces_a_huge_shape_is_a_message(tmp_path, shape):
    with pytest.raises(UserError, match=r"table\.npy is damaged"):
        read_table(npy_with_header(tmp_path / "table.npy", shape), None)


def test_a_huge_file_is_refused_unread(tmp_path):
    path = npy_with_header(tmp_path / "table.npy", "(2, 2147483648)")
    os.truncate(path, MOST_BYTES + 1)
    with pytest.raises(UserError, match=r"table\.npy has more than 2,147,483,648 bytes"):
        read_table(path, 2)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    """A megabyte of zeros packs to a kilobyte; entries count together."""
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((60, 32, 32, 3), np.uint8), labels=np.zeros(100_000, np.int64))
    assert (tmp_path / "a.npz").stat().st_size < 5000
    monkeypatch.setattr(reading, "MOST_BYTES", 1_100_000)
    assert list(read_arrays(tmp_path / "a.npz")) == ["images", "labels"]
    monkeypatch.setattr(reading, "MOST_BYTES", 900_000)
    with pytest.raises(UnreadableFileError, match="it unpacks to more than 900,000 bytes"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", ["(1000000000000, 32, 32, 3)", "(4, 32, 32, 3)"])
def test_an_archive_whose_arrays_announce_more_than_they_hold(tmp_path, shape):
    with zipfile.ZipFile(tmp_path / "copies.npz", "w") as archive:
        archive.writestr("images.npy", npy_with_header(tmp_path / "i.npy", shape).read_bytes())
        labels = io.BytesIO()
        np.save(labels, np.zeros(4, np.int64))
        archive.writestr("labels.npy", labels.getvalue())
    with pytest.raises(UserError, match=r"copies\.npz cannot be read as an \.npz file with the arrays images"):
        read_images(tmp_path / "copies.npz")


def test_other_things_under_that_name(tmp_path):
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    os.mkfifo(tmp_path / "pipe.npy")
    for name in ("text.npy", "objects.npy", "pipe.npy", "missing.npy", "."):
        with pytest.raises(UnreadableFileError, match=r"\w"):
            read_array(tmp_path / name)


def test_a_sidecar_that_nests_absurdly_says_nothing_about_its_table(tmp_path):
    np.save(tmp_path / "mine.npy", np.eye(3))
    (tmp_path / "mine.json").write_text("[" * 100_000)
    assert load_table(tmp_path / "mine.npy").label == "mine"
