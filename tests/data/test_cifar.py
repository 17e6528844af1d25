"""CIFAR in its official layout: found, read, recognised, refused. Small files; the official ones are too large for a test."""

import dataclasses
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from cifar_writing import python2_pickle, python3_pickle, small_records, write_archive, write_folder

from tfrepr.data.sources import cifar_files
from tfrepr.data.sources.cifar import CIFAR10, CIFAR10_NAMES, CIFAR100, CIFAR100_NAMES, MEAN, STD, read_cifar
from tfrepr.data.sources.jpeg_copy import LUMA, PROBES, is_jpeg_copy
from tfrepr.data.splits import split
from tfrepr.errors import UserError
from tfrepr.registry import DATASETS
from tfrepr.surroundings import keras_home

BOTH = [("cifar10", CIFAR10, CIFAR10_NAMES), ("cifar100", CIFAR100, CIFAR100_NAMES)]


@pytest.fixture(autouse=True)
def empty_keras_cache(tmp_path, monkeypatch):
    """No test finds the user's own files, and none reaches the network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(cifar_files, "ORIGIN", f"file://{tmp_path}/server/")
    return tmp_path / "keras" / "datasets"


def blobs_of(files, names, dumps=python2_pickle, **changes):
    return {member: dumps(record) for member, record in small_records(files, names, **changes).items()}


def with_sums_of(files, blobs):
    """The data set's description as if these small files were the official ones."""
    def sums(part):
        return {member: hashlib.md5(blobs[member]).hexdigest() for member in part}
    return dataclasses.replace(files, train=sums(files.train), test=sums(files.test))


def expected_images(records, members):
    """Red, green and blue planes of 32 rows each, one image at a time."""
    images = []
    for member in members:
        for row in records[member][b"data"]:
            planes = [row[channel * 1024 : (channel + 1) * 1024].reshape(32, 32) for channel in range(3)]
            images.append(np.dstack(planes))
    return np.stack(images)


@pytest.mark.parametrize(("name", "files", "names"), BOTH)
@pytest.mark.parametrize("dumps", [python2_pickle, python3_pickle])
@pytest.mark.parametrize("write", [write_archive, write_folder])
def test_reads_the_official_layout(tmp_path, name, files, names, dumps, write):
    records = small_records(files, names)
    write(tmp_path / "data", files, {member: dumps(record) for member, record in records.items()})
    data = DATASETS[name](tmp_path / "data", None)
    np.testing.assert_array_equal(data.train_images, expected_images(records, files.train))
    np.testing.assert_array_equal(data.test_images, expected_images(records, files.test))
    ids = [records[member][files.ids_key.encode()] for member in files.train]
    np.testing.assert_array_equal(data.train_ids, np.concatenate(ids))
    assert data.train_images.dtype == np.uint8
    assert data.train_ids.dtype == np.int64
    assert (data.class_names, data.mean, data.std) == (names, MEAN, STD)
    assert (data.flip, data.validation, data.name) == (True, 5000, name)


def test_class_names():
    assert CIFAR10_NAMES == ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    assert len(CIFAR100_NAMES) == 100
    assert list(CIFAR100_NAMES) == sorted(CIFAR100_NAMES)
    assert (CIFAR100_NAMES[0], CIFAR100_NAMES[41], CIFAR100_NAMES[81], CIFAR100_NAMES[99]) == (
        "apple", "lawn_mower", "streetcar", "worm")


@pytest.mark.parametrize(("name", "files", "names"), BOTH)
@pytest.mark.parametrize("write", [write_archive, write_folder])
def test_the_sums_decide_what_is_official(tmp_path, name, files, names, write):
    blobs = blobs_of(files, names)
    write(tmp_path, files, blobs)
    assert read_cifar(name, with_sums_of(files, blobs), names, tmp_path).variant == "official"
    place = "archive" if write is write_archive else "unpacked folder"
    assert read_cifar(name, files, names, tmp_path).variant == f"{files.title} ({place}, not the official MD5 sums)"


def test_jpeg_copy_is_known_by_its_file_names(tmp_path):
    write_folder(tmp_path, CIFAR10, blobs_of(CIFAR10, CIFAR10_NAMES, suffix="jpg"))
    assert DATASETS["cifar10"](tmp_path, None).variant == "CIFAR-10 (JPEG copy)"


def test_official_sums_outrank_the_signs_of_a_copy(tmp_path):
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES, suffix="jpg")
    write_folder(tmp_path, CIFAR10, blobs)
    assert read_cifar("cifar10", with_sums_of(CIFAR10, blobs), CIFAR10_NAMES, tmp_path).variant == "official"


def test_jpeg_copy_is_known_by_its_pixels(shared):
    """Without file names: original pixels are no copy; a copy stays one through another decoder's few levels."""
    original = np.load(shared / "data" / "cifar10_test_first1017_original.npz")["images"]
    assert not is_jpeg_copy(original, ())
    image, row, column, before, after = PROBES.T
    brightness = original[image, row, column] @ LUMA
    np.testing.assert_allclose(brightness, before, atol=0.51)
    copy = original[:16].astype(int)
    copy[image, row, column] += (after - before)[:, None]
    copy = copy.clip(0, 255).astype(np.uint8)
    assert is_jpeg_copy(copy, ())
    noisy = copy + np.random.default_rng(0).integers(-4, 5, copy.shape)
    assert is_jpeg_copy(noisy.clip(0, 255).astype(np.uint8), ())
    assert not is_jpeg_copy(copy[:15], ())
    assert np.abs(after - before).min() > 14


@pytest.mark.slow
def test_the_jpeg_copy_itself(shared, tmp_path):
    subprocess.run([sys.executable, shared / "data" / "unpack_cifar10.py", tmp_path], check=True, capture_output=True)
    data = DATASETS["cifar10"](tmp_path, None)
    assert data.variant == "CIFAR-10 (JPEG copy)"
    assert is_jpeg_copy(data.test_images, ())
    assert np.bincount(data.train_ids).tolist() == [5000] * 10
    original = np.load(shared / "data" / "cifar10_test_first1017_original.npz")
    np.testing.assert_array_equal(data.test_ids[:1017], original["labels"])
    error = (data.test_images[:1017].astype(float) - original["images"]) ** 2
    assert 29 < np.median(10 * np.log10(255**2 / error.mean(axis=(1, 2, 3)))) < 32
    parts = split(data.train_ids, validation=data.validation, seed=0, class_names=data.class_names)
    assert (len(parts.train), len(parts.validation), len(data.test_ids)) == (45_000, 5_000, 10_000)


@pytest.mark.parametrize("name", [CIFAR10.archive, "cifar-10-batches-py.tar.gz", "cifar-10-batches-py-target_archive"])
def test_archive_in_the_keras_cache(empty_keras_cache, name):
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES)
    write_archive(empty_keras_cache, CIFAR10, blobs, name)
    assert len(DATASETS["cifar10"](None, None).test_ids) == 4


@pytest.mark.parametrize("parent", [".", "cifar-10-batches-py-target"])
def test_folder_in_the_keras_cache(empty_keras_cache, parent, tmp_path):
    write_folder(empty_keras_cache / parent, CIFAR10, blobs_of(CIFAR10, CIFAR10_NAMES))
    (tmp_path / "elsewhere").mkdir()
    assert len(DATASETS["cifar10"](tmp_path / "elsewhere", None).test_ids) == 4


def test_keras_home_without_the_variable(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keras_home() == tmp_path / ".keras"


def test_data_dir_may_be_the_archive_or_the_folder(tmp_path):
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES)
    archive = write_archive(tmp_path / "a", CIFAR10, blobs, "renamed.tgz")
    folder = write_folder(tmp_path / "b", CIFAR10, blobs)
    images = [DATASETS["cifar10"](place, None).train_images for place in (archive, folder)]
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize("given", [True, False])
def test_download(tmp_path, empty_keras_cache, given):
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES)
    served = write_archive(tmp_path / "server", CIFAR10, blobs)
    files = dataclasses.replace(CIFAR10, archive_md5=hashlib.md5(served.read_bytes()).hexdigest())
    target = tmp_path / "mine" if given else empty_keras_cache
    (tmp_path / "mine").mkdir()
    data = read_cifar("cifar10", files, CIFAR10_NAMES, target if given else None)
    assert len(data.test_ids) == 4
    assert [path.name for path in target.iterdir()] == [CIFAR10.archive]


def test_download_of_something_else_is_refused(tmp_path, empty_keras_cache):
    write_archive(tmp_path / "server", CIFAR10, blobs_of(CIFAR10, CIFAR10_NAMES))
    with pytest.raises(UserError, match=f"could not be downloaded.*MD5 {CIFAR10.archive_md5}"):
        DATASETS["cifar10"](None, None)
    assert list(empty_keras_cache.iterdir()) == []


def test_without_network_the_message_says_where_the_archive_goes(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError) as caught:
        DATASETS["cifar100"](tmp_path / "mine", None)
    for part in ("not on this machine", "cifar-100-python.tar.gz", CIFAR100.archive_md5, str(tmp_path / "mine"), "--data-dir"):
        assert part in str(caught.value)
    assert list((tmp_path / "mine").iterdir()) == []


def test_missing_data_dir(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        DATASETS["cifar10"](tmp_path / "nowhere", None)


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.97, -20])
def test_truncated_archive(tmp_path, keep):
    path = write_archive(tmp_path, CIFAR10, blobs_of(CIFAR10, CIFAR10_NAMES))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if 0 < keep < 1 else keep])
    with pytest.raises(UserError, match=rf"{path} is damaged or incomplete .*MD5.*Delete it and start again"):
        DATASETS["cifar10"](tmp_path, None)


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_archive_with_flipped_bits(tmp_path, where):
    path = write_archive(tmp_path, CIFAR10, blobs_of(CIFAR10, CIFAR10_NAMES))
    content = bytearray(path.read_bytes())
    for position in range(int(where * len(content)), int(where * len(content)) + 8):
        content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        DATASETS["cifar10"](tmp_path, None)


def test_something_else_called_the_archive(tmp_path):
    (tmp_path / CIFAR10.archive).write_text("<html>404</html>")
    with pytest.raises(UserError, match="damaged or incomplete"):
        DATASETS["cifar10"](tmp_path, None)


@pytest.mark.parametrize("write", [write_archive, write_folder])
def test_missing_file(tmp_path, write):
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES)
    del blobs["data_batch_4"], blobs["test_batch"]
    write(tmp_path, CIFAR10, blobs)
    with pytest.raises(UserError, match="lacks data_batch_4, test_batch of CIFAR-10"):
        DATASETS["cifar10"](tmp_path, None)


@pytest.mark.parametrize("kept", [("data_batch_1", "batches.meta"), ("data_batch_1", "data_batch_4", "test_batch")])
@pytest.mark.parametrize("where", ["beside", "cache"])
def test_a_whole_archive_is_preferred_to_a_folder_unpacked_in_part(tmp_path, empty_keras_cache, kept, where):
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES)
    write_folder(tmp_path / "data", CIFAR10, {name: blobs[name] for name in kept})
    write_archive(tmp_path / "data" if where == "beside" else empty_keras_cache, CIFAR10, blobs)
    data = DATASETS["cifar10"](tmp_path / "data", None)
    assert data.variant == "CIFAR-10 (archive, not the official MD5 sums)"


def test_a_file_cut_while_unpacking_names_the_archive_beside_it(tmp_path):
    """All names are there, the last file is short."""
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES)
    archive = write_archive(tmp_path, CIFAR10, blobs)
    folder = write_folder(tmp_path, CIFAR10, blobs | {"data_batch_1": blobs["data_batch_1"][:5000]})
    with pytest.raises(UserError, match=rf"data_batch_1, is damaged .*remove the folder {folder}.*archive {archive} beside it"):
        DATASETS["cifar10"](tmp_path, None)
    shutil.rmtree(folder)
    assert len(DATASETS["cifar10"](tmp_path, None).test_ids) == 4


def bomb(path: Path, sizes: list[int], name: str = "readme.html", kind: bytes = tarfile.REGTYPE) -> None:
    """An archive whose members announce that many bytes and hold as many zeros."""
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for size in sizes:
            entry = tarfile.TarInfo(f"{CIFAR10.folder}/{name}")
            entry.size, entry.type = size, kind
            stream.write(entry.tobuf())
            for _ in range(size >> 20):
                stream.write(bytes(1 << 20))


@pytest.mark.parametrize(("sizes", "name", "kind"), [
    ([60 << 20], "readme.html", tarfile.REGTYPE), ([60 << 20], "data_batch_1", tarfile.REGTYPE),
    ([20 << 20] * 3, "data_batch_9", tarfile.REGTYPE), ([60 << 20], "name", tarfile.GNUTYPE_LONGNAME),
    ([60 << 20], "pax", tarfile.XHDTYPE)])
def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch, sizes, name, kind):
    """The limit is lowered, for the test's own time; kinds that tarfile itself reads into memory count as well."""
    monkeypatch.setattr(cifar_files, "MOST_BYTES", 50 << 20)
    bomb(tmp_path / CIFAR10.archive, sizes, name, kind)
    tracemalloc.start()
    with pytest.raises(UserError, match="takes more than 52,428,800 bytes unpacked, CIFAR-10 much less"):
        DATASETS["cifar10"](tmp_path, None)
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()


def test_a_file_of_a_folder_that_is_too_large_is_refused_unread(tmp_path):
    folder = write_folder(tmp_path, CIFAR10, blobs_of(CIFAR10, CIFAR10_NAMES))
    with (folder / "data_batch_1").open("r+b") as file:
        file.truncate(cifar_files.MOST_BYTES + 1)
    with pytest.raises(UserError, match="data_batch_1 takes more than 536,870,912 bytes"):
        DATASETS["cifar10"](tmp_path, None)


class RunsCode:
    def __reduce__(self):
        return os.system, ("false",)


def records_with(**changes):
    records = small_records(CIFAR10, CIFAR10_NAMES)
    records["data_batch_2"] |= {key.encode(): value for key, value in changes.items()}
    return records


@pytest.mark.parametrize(("changes", "message"), [
    ({"data": np.zeros((4, 3071), np.uint8)}, r"shape \(n, 3072\). Received: uint8 \(4, 3071\)"),
    ({"data": np.zeros((4, 3, 32, 32), np.uint8)}, r"Received: uint8 \(4, 3, 32, 32\)"),
    ({"data": np.zeros((4, 3072), np.int64)}, "Received: int64"),
    ({"data": [1, 2, 3]}, "Received: list"),
    ({"labels": [0, 1, 2]}, "one integer in `labels` for each of its 4 images"),
    ({"labels": [0, 1, 2, "dog"]}, "one integer"),
    ({"labels": [0, 1, 2, 10]}, "labels from 0 to 10; CIFAR-10 has 0 to 9"),
    ({"labels": [0, 1, 2, -1]}, "labels from -1 to 2"),
    ({"labels": [0, 1, 2, 2**70]}, "labels from 0 to 1000000000000000000"),
    ({"labels": [[0], [1], [2], [3]]}, "one integer"),
    ({"data": RunsCode()}, r"asks for \w+\.system"),
])
def test_wrong_content_is_refused_and_named(tmp_path, changes, message):
    blobs = {member: python3_pickle(record) for member, record in records_with(**changes).items()}
    folder = write_folder(tmp_path, CIFAR10, blobs)
    with pytest.raises(UserError, match=rf"{folder}, file data_batch_2, .*{message}"):
        DATASETS["cifar10"](tmp_path, None)


def test_a_pickle_that_is_no_dictionary(tmp_path):
    blobs = blobs_of(CIFAR10, CIFAR10_NAMES) | {"test_batch": python3_pickle([1, 2])}
    write_archive(tmp_path, CIFAR10, blobs)
    with pytest.raises(UserError, match=r"test_batch, holds a list"):
        DATASETS["cifar10"](tmp_path, None)


def test_other_class_names_are_refused(tmp_path):
    swapped = ("automobile", "airplane", *CIFAR10_NAMES[2:])
    write_folder(tmp_path, CIFAR10, blobs_of(CIFAR10, swapped))
    with pytest.raises(UserError, match="names the classes automobile, airplane"):
        DATASETS["cifar10"](tmp_path, None)


def test_nothing_is_unpacked(tmp_path):
    path = write_archive(tmp_path / "data", CIFAR10, blobs_of(CIFAR10, CIFAR10_NAMES))
    DATASETS["cifar10"](tmp_path / "data", None)
    assert [found for found in Path(tmp_path / "data").rglob("*")] == [path]
