"""The restricted unpickler against what CIFAR's files hold, and against pickles that mean harm."""

import io
import os
import pickle
import pickletools
import struct
import tracemalloc
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from cifar_writing import python2_pickle, python3_pickle

from tfrepr.data.sources import array_pickle
from tfrepr.data.sources.array_pickle import load_arrays
from tfrepr.errors import UserError

RECORD = {b"labels": [3, 0, 255, -1, 70000], b"data": np.arange(24, dtype=np.uint8).reshape(2, 12), b"name": b"a\xffb"}


@pytest.mark.parametrize("dumps", [python2_pickle, python3_pickle, lambda value: pickle.dumps(value, protocol=3)])
def test_reads_what_python_2_and_3_write(dumps):
    loaded = load_arrays(dumps(RECORD), "here")
    assert list(loaded) == list(RECORD)
    assert loaded[b"labels"] == RECORD[b"labels"]
    assert loaded[b"name"] == RECORD[b"name"]
    assert loaded[b"data"].dtype == np.uint8
    np.testing.assert_array_equal(loaded[b"data"], RECORD[b"data"])


def test_our_python_2_bytes_are_an_official_pickle():
    """The helper's bytes mean to the full unpickler what they mean to ours."""
    full = pickle.loads(python2_pickle(RECORD), encoding="bytes")
    np.testing.assert_array_equal(full[b"data"], RECORD[b"data"])
    assert full[b"labels"] == RECORD[b"labels"]


@pytest.mark.parametrize("array", [np.arange(6, dtype=">i8").reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)),
                                   np.arange(5, dtype=np.int16), np.zeros((0, 3072), np.uint8)])
def test_array_layouts(array):
    loaded = load_arrays(pickle.dumps(array, protocol=4), "here")
    assert loaded.dtype == array.dtype
    np.testing.assert_array_equal(loaded, array)


class TouchesFile:
    """Pickles as a call of `os.system`, which would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_refuses_and_does_not_run_code(tmp_path, protocol):
    target = tmp_path / "made"
    blob = pickle.dumps({"data": TouchesFile(target)}, protocol=protocol)
    with pytest.raises(UserError, match=rf"batch 7 asks for {os.system.__module__}\.system, which"):
        load_arrays(blob, "batch 7")
    assert not target.exists()
    pickle.loads(blob)
    assert target.exists(), "the pickle would have run code"


@pytest.mark.parametrize(("module", "name"), [("builtins", "eval"), ("numpy", "load"), ("numpy", "ndarray.tofile"),
                                              ("numpy.core.multiarray", "fromfile"), ("pickle", "loads"),
                                              ("functools", "partial"), ("copyreg", "_reconstructor")])
def test_refuses_every_other_name(module, name):
    blob = b"\x80\x04" + b"".join(b"\x8c" + struct.pack("B", len(text)) + text.encode() for text in (module, name)) + b"\x93."
    pickletools.dis(blob, out=io.StringIO())
    with pytest.raises(UserError, match=f"{module}.{name}"):
        load_arrays(blob, "here")


@pytest.mark.parametrize("value", [OrderedDict(a=1), np.array(["text"], dtype=object), np.array([0.5]), {1, 2}.__class__,
                                   np.array([("a", 1)], dtype=[("x", "S1"), ("y", "i4")])])
def test_refuses_other_types(value):
    with pytest.raises(UserError, match=r"asks for|array of type"):
        load_arrays(pickle.dumps(value, protocol=4), "here")


def test_an_array_cannot_be_built_directly():
    """`ndarray((10**6, 10**6))` would take all memory."""
    with pytest.raises(UserError, match="damaged"):
        load_arrays(b"\x80\x02cnumpy\nndarray\nJ\x40\x42\x0f\x00J\x40\x42\x0f\x00\x86\x85R.", "here")


def test_the_pickle_cannot_change_the_reader():
    """BUILD on one of the admitted names sets attributes of what it stands for, if it can."""
    hostile = b"\x80\x02cnumpy\ndtype\nN}X\x08\x00\x00\x00__code__K\x01s\x86b."
    with pytest.raises(UserError, match="damaged"):
        load_arrays(hostile, "here")
    test_reads_what_python_2_and_3_write(python3_pickle)


@pytest.mark.parametrize("size", [0, 1, 10, 60, 150])
def test_a_cut_pickle_is_damaged(size):
    with pytest.raises(UserError, match=r"batch 7 is damaged .* Delete it and fetch it again"):
        load_arrays(python3_pickle(RECORD)[:size], "batch 7")


def test_array_with_too_few_bytes_is_damaged():
    blob = python2_pickle(RECORD[b"data"])
    with pytest.raises(UserError, match="damaged"):
        load_arrays(blob.replace(struct.pack("<i", 12), struct.pack("<i", 13)), "here")


def nested(levels: int) -> bytes:
    """A dictionary whose key is a tuple in a tuple in a tuple..."""
    return b"\x80\x02}(" + b")" + b"\x85" * levels + b"K\x01u."


@pytest.mark.parametrize(("name", "blob"), [
    ("a place in the memory that would take 34 GB", b"\x80\x02]r\xff\xff\xff\x7f."),
    ("the same as text", b"\x80\x02]p2147483647\n."),
    ("an array of bytes that announces an exabyte", b"\x80\x05\x96" + struct.pack("<Q", 2**60) + b"."),
    ("twenty thousand empty lists in twenty kilobytes", b"\x80\x02(" + b"]" * 20_000 + b"l."),
    ("tuples so deep that hashing them overflows the stack", nested(1_000_000))])
def test_pickles_out_of_all_proportion_are_refused_unloaded(monkeypatch, name, blob):
    """The limit of instructions is lowered, for the test's own time."""
    monkeypatch.setattr(array_pickle, "MOST_INSTRUCTIONS", 15_000)
    tracemalloc.start()
    with pytest.raises(UserError, match="here is damaged"):
        load_arrays(blob, "here")
    assert tracemalloc.get_traced_memory()[1] < 50 << 20, name
    tracemalloc.stop()


def test_references_are_not_multiplied():
    """Each dictionary holds the one before twice: forty levels are 10^12 values if every path is walked."""
    value = {"data": 1}
    for _ in range(40):
        value = {"a": value, "b": value}
    assert load_arrays(pickle.dumps(value, protocol=4), "here").keys() == {"a", "b"}


def test_as_many_values_as_cifar_100_has_are_read():
    names = [b"picture_%06d" % number for number in range(50_000)]
    record = {b"fine_labels": [3] * 50_000, b"coarse_labels": [1] * 50_000, b"filenames": names,
              b"data": np.zeros((9, 3072), np.uint8)}
    for dumps in (python2_pickle, python3_pickle):
        assert len(load_arrays(dumps(record), "here")[b"filenames"]) == 50_000
