"""CIFAR-10 and CIFAR-100 in their official "Python version": an archive of pickles.

The archive is read in place, without unpacking it to disk. What was read is told by MD5 sums and stated in the data set's
`variant`: reports on anything but the official data say so.

Reference:
    A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfrepr.data.dataset import ImageDataset
from tfrepr.data.sources import cifar_files
from tfrepr.data.sources.array_pickle import load_arrays
from tfrepr.data.sources.cifar_files import CifarFiles
from tfrepr.data.sources.jpeg_copy import is_jpeg_copy
from tfrepr.errors import UserError
from tfrepr.names import printable
from tfrepr.registry import DATASETS

MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2023, 0.1994, 0.2010)
"""The paper's constants for both data sets (A.5). The deviations are means over per-image deviations."""

VALIDATION = 5000
"""Images of the training set that validate (paper section 4)."""

CIFAR10 = CifarFiles(
    title="CIFAR-10",
    archive="cifar-10-python.tar.gz",
    archive_md5="c58f30108f718f92721af3b95e74349a",
    folder="cifar-10-batches-py",
    train={"data_batch_1": "c99cafc152244af753f735de768cd75f", "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
           "data_batch_3": "54ebc095f3ab1f0389bbae665268c751", "data_batch_4": "634d18415352ddfa80567beed471001a",
           "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb"},
    test={"test_batch": "40351d587109b95175f43aff81a1287e"},
    meta="batches.meta", names_key="label_names", ids_key="labels")

CIFAR100 = CifarFiles(
    title="CIFAR-100",
    archive="cifar-100-python.tar.gz",
    archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
    folder="cifar-100-python",
    train={"train": "16019d7e3df5f24257cddd939b257f8d"},
    test={"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
    meta="meta", names_key="fine_label_names", ids_key="fine_labels")

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100_NAMES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
    "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum",
    "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm")


@DATASETS.register("cifar10")
def cifar10(data_dir: Path | None = None, image_size: int | None = None) -> ImageDataset:
    """CIFAR-10: 60,000 images of 10 classes, 32x32 (162 MB, downloaded once).

    Args:
        data_dir: Where the archive or its unpacked folder may be, also a path to either; see `cifar_files.locate`.
        image_size: Unused: the images have one size.
    """
    return read_cifar("cifar10", CIFAR10, CIFAR10_NAMES, data_dir)


@DATASETS.register("cifar100")
def cifar100(data_dir: Path | None = None, image_size: int | None = None) -> ImageDataset:
    """CIFAR-100 with its 100 fine labels: 60,000 images, 32x32 (161 MB, downloaded once); arguments as for `cifar10`."""
    return read_cifar("cifar100", CIFAR100, CIFAR100_NAMES, data_dir)


@dataclass(frozen=True)
class _Batch:
    """One pickle: images uint8 `(n, 32, 32, 3)`, class ids int64 `(n,)`, the names of the image files, its MD5 sum."""

    images: np.ndarray
    ids: np.ndarray
    filenames: tuple[str, ...]
    md5: str


def read_cifar(name: str, files: CifarFiles, class_names: tuple[str, ...], data_dir: Path | None) -> ImageDataset:
    """Finds, reads and checks one of the two data sets.

    Args:
        name: The source's name.
        files: Names and MD5 sums of its files.
        class_names: The names by class id; those in the files must agree.
        data_dir: As for `cifar_files.locate`.

    Raises:
        UserError: Nothing found, a damaged or foreign file, arrays of the wrong shape or labels out of range.
    """
    path = cifar_files.locate(files, data_dir)
    try:
        batches = _read_batches(path, files, class_names)
    except UserError as error:
        archive = cifar_files.find_archive(files, path.parent) if path.is_dir() else None
        if archive is None:
            raise
        raise UserError(f"{error} Or remove the folder {path}, which may have been unpacked in part only: the archive "
                        f"{archive} beside it is read then.") from error
    train, test = ([batches[member] for member in part] for part in (files.train, files.test))
    return ImageDataset(name=name, variant=_variant(path, files, batches), class_names=class_names,
                        train_images=np.concatenate([batch.images for batch in train]),
                        train_ids=np.concatenate([batch.ids for batch in train]),
                        test_images=np.concatenate([batch.images for batch in test]),
                        test_ids=np.concatenate([batch.ids for batch in test]),
                        mean=MEAN, std=STD, flip=True, validation=VALIDATION)


def _read_batches(path: Path, files: CifarFiles, class_names: tuple[str, ...]) -> dict[str, _Batch]:
    """Every training and test file by name."""
    batches: dict[str, _Batch] = {}
    for member, blob in cifar_files.members(path, files):
        source = f"{path}, file {member},"
        values = _values(load_arrays(blob, source), source)
        if member == files.meta:
            _check_names(values, files, class_names, source)
        else:
            batches[member] = _batch(values, files, len(class_names), source, hashlib.md5(blob).hexdigest())
    return batches


def _values(record: object, source: str) -> dict[str, object]:
    """The pickled dictionary with text keys (Python 2 wrote bytes)."""
    if not isinstance(record, Mapping):
        raise UserError(f"{source} holds a {type(record).__name__} where CIFAR has a dictionary. Fetch the official file.")
    return {_text(key): value for key, value in record.items() if isinstance(key, (bytes, str))}


def _text(value: object) -> str:
    """A pickled string; of anything else the name of its type."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else type(value).__name__


def _strings(values: object) -> tuple[str, ...]:
    """A pickled list of names as text."""
    return tuple(map(_text, values)) if isinstance(values, list) else ()


def _check_names(values: dict[str, object], files: CifarFiles, class_names: tuple[str, ...], source: str) -> None:
    """Refuses another order of the classes: label tables would belong to the wrong ones."""
    found = _strings(values.get(files.names_key))
    if found != class_names:
        shown = printable(", ".join(f"{name:.30}" for name in found[:5]))
        raise UserError(f"{source} names the classes {shown}, ...; {files.title} has "
                        f"{', '.join(class_names[:5])}, ... in this order. Fetch the official file.")


def _batch(values: dict[str, object], files: CifarFiles, classes: int, source: str, md5: str) -> _Batch:
    pixels, labels = values.get("data"), values.get(files.ids_key)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3072:
        found = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise UserError(f"{source} must have `data` of type uint8 and shape (n, 3072). Received: {found}. Fetch the official "
                        "file.")
    if not isinstance(labels, list) or len(labels) != len(pixels) or not all(type(label) is int for label in labels):
        raise UserError(f"{source} must have one integer in `{files.ids_key}` for each of its {len(pixels)} images. Fetch the "
                        "official file.")
    low, high = (min(max(label, -10**18), 10**18) for label in (min(labels, default=0), max(labels, default=0)))
    if not 0 <= low <= high < classes:
        raise UserError(f"{source} has labels from {low} to {high}; {files.title} has 0 to {classes - 1}. Fetch the official "
                        "file.")
    images = np.stack(np.split(pixels, 3, axis=1), axis=-1).reshape(-1, 32, 32, 3)
    return _Batch(images, np.array(labels, dtype=np.int64), _strings(values.get("filenames")), md5)


def _variant(path: Path, files: CifarFiles, batches: dict[str, _Batch]) -> str:
    """What was read, in words: `"official"` where every batch has the official MD5 sum."""
    if all(batches[member].md5 == md5 for member, md5 in {**files.train, **files.test}.items()):
        return "official"
    test = batches[next(iter(files.test))]
    if is_jpeg_copy(test.images, test.filenames):
        return f"{files.title} (JPEG copy)"
    return f"{files.title} ({'unpacked folder' if path.is_dir() else 'archive'}, not the official MD5 sums)"
