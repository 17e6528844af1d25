"""Readers of every kind of file against what disks, people and other programs leave behind."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tfrepr.reading import (
    CsvFile,
    MissingFileError,
    UnreadableFileError,
    fits,
    noted,
    read_array,
    read_arrays,
    read_bytes,
    read_csv,
    read_json,
    read_text,
    whole_number,
)

COUNTS = {"a": int}
READERS = {"json": lambda path: read_json(path, COUNTS, needed=["a"]), "npy": read_array,
           "npz": lambda path: read_arrays(path, ["a"]), "csv": lambda path: read_csv(path, ["a"])}


def good(kind: str, folder: Path) -> bytes:
    """A whole file of that kind."""
    path = folder / f"good.{kind}"
    if kind == "json":
        path.write_text('{"a": 1}')
    elif kind == "npy":
        np.save(path, np.arange(12.0))
    elif kind == "npz":
        np.savez_compressed(path, a=np.arange(12.0))
    else:
        path.write_text("a,b\n1,2\n")
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["json", "npy", "npz"])
def test_every_cut_and_every_changed_byte_is_read_or_refused(kind, tmp_path):
    whole, path, noise = good(kind, tmp_path), tmp_path / f"file.{kind}", np.random.default_rng(0)
    changed = []
    for _ in range(300):
        content = bytearray(whole)
        content[noise.integers(len(content))] = noise.integers(256)
        changed.append(bytes(content))
    for content in [*(whole[:length] for length in range(len(whole))), *changed]:
        path.write_bytes(content)
        with contextlib.suppress(UnreadableFileError):
            READERS[kind](path)
    path.write_bytes(whole)
    READERS[kind](path)


@pytest.mark.parametrize("kind", ["json", "npy", "npz"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\xfd", b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900,
                                     b"\x80\x04K\x01.", b"null", b"[]", b'{"a": "1"}', b"PK\x03\x04",
                                     b"\x93NUMPY\x01\x00v\x00" + b"(" * 118])
def test_what_is_of_another_kind_is_refused_with_its_name(kind, content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UnreadableFileError, match="file is damaged"):
        READERS[kind](tmp_path / "file")


@pytest.mark.parametrize("kind", READERS)
def test_nothing_a_folder_and_a_pipe_that_nobody_writes_to(kind, tmp_path):
    with pytest.raises(MissingFileError, match="There is no file"):
        READERS[kind](tmp_path / "nothing")
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        READERS[kind](tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableFileError, match="pipe is no regular file"):
        READERS[kind](tmp_path / "pipe")
    with pytest.raises(UnreadableFileError, match="null is no regular file"):
        read_bytes(Path("/dev/null"))


def test_json_says_which_key_is_wrong_and_what_is_wanted(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"count": "many", "rest": None}))
    with pytest.raises(UnreadableFileError, match=r'count is "many", where int \| None is wanted\)\. Do this\.'):
        read_json(path, {"count": int | None}, advice="Do this.")
    with pytest.raises(UnreadableFileError, match="it lacks rest, best"):
        read_json(path, {"rest": str | None}, needed=["count", "rest", "best"])
    assert read_json(path, {"other": int})["count"] == "many"


@pytest.mark.parametrize(("value", "kind", "expected"), [
    (1, int, True), (1, float, True), (1.0, int, False), (True, int, False), (True, bool, True), (2**70, int, False),
    (None, int | None, True), ("a", int | None, False), (["a"], list[str], True), ([1], list[str], False),
    ([["a", "b"]], tuple[tuple[str, str], ...], True), ([["a"]], tuple[tuple[str, str], ...], False),
    ({"a": 1}, dict[str, int], True), ({"a": []}, dict[str, int], False), ([{"a": 1}], list[COUNTS], True)])
def test_fits(value, kind, expected):
    assert fits(value, kind) is expected


def test_texts_in_two_encodings(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "x").write_bytes("ä\r\nb\rc".encode(encoding))
        assert read_text(tmp_path / "x") == "ä\nb\nc"
    (tmp_path / "x").write_bytes("ä".encode("latin-1"))
    with pytest.raises(UnreadableFileError, match="damaged"):
        read_text(tmp_path / "x")


PLAIN = "epoch,train_loss,name\n1,0.5,a\n2,1e-05,b\n"


@pytest.mark.parametrize("content", [
    PLAIN.encode(), PLAIN.encode("utf-8-sig"), PLAIN.encode("utf-16"), PLAIN.replace("\n", "\r\n").encode(),
    PLAIN.replace(",", ";").replace(".", ",").encode("utf-8-sig"), PLAIN.replace(",", "\t").encode("utf-16"),
    b'"epoch","train_loss","name"\n"1","0.5","a"\n"2","1e-05","b"\n', (PLAIN + ",,\n\n").encode()])
def test_csv_as_spreadsheets_save_it(content, tmp_path):
    (tmp_path / "x.csv").write_bytes(content)
    table = read_csv(tmp_path / "x.csv", ("epoch", "name"))
    assert table.columns == ("epoch", "train_loss", "name")
    assert [{**row, "train_loss": float(row["train_loss"])} for row in table.rows()] == [
        {"epoch": "1", "train_loss": 0.5, "name": "a"}, {"epoch": "2", "train_loss": 1e-5, "name": "b"}]
    assert table.torn == 0


def test_csv_that_is_not_clear_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("a;b\n1,5;3.600\n")
    with pytest.raises(UnreadableFileError, match="commas and with points"):
        read_csv(tmp_path / "x.csv", ("a",))


def test_csv_lines_that_are_torn_are_counted(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3\n\n4,5")
    table = read_csv(tmp_path / "x.csv", ("a",))
    assert (table.rows(), table.torn, table.cut) == ([{"a": "1", "b": "2"}], 2, True)
    (tmp_path / "x.csv").write_text("")
    assert read_csv(tmp_path / "x.csv", ("a",)) == CsvFile((), (), False)
    (tmp_path / "x.csv").write_text("b\n1\n")
    with pytest.raises(UnreadableFileError, match=r"lacks the columns a, c\. Its header must be: a,c\. Do this\."):
        read_csv(tmp_path / "x.csv", ("a", "c"), "Do this.")


def test_whole_numbers():
    assert [whole_number("12"), whole_number("12.0")] == [12, 12]
    for text in ("1.5", "", "x", "nan"):
        with pytest.raises(ValueError):  # noqa: PT011
            whole_number(text)


def test_a_note_takes_the_place_of_what_cannot_be_read(tmp_path, capsys):
    assert noted(lambda: read_bytes(tmp_path / "x"), b"nothing") == b"nothing"
    assert capsys.readouterr().err == f"Note: There is no file {tmp_path / 'x'}.\n"
