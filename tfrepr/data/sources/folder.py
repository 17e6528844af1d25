"""Pictures of one's own: a folder with one sub-folder a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfrepr.data.dataset import ImageDataset, channel_statistics
from tfrepr.data.sources.folder_listing import Files, list_folder
from tfrepr.data.sources.pictures import read_pictures
from tfrepr.data.splits import stratified_holdout
from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.names import printable
from tfrepr.registry import DATASETS
from tfrepr.seeds import generator

DEFAULT_SIZE = 32
TEST_FRACTION = 0.2
TEST_SEED = 0
"""The test set and the order of the pictures are drawn with this seed, whatever the run's own: all runs answer the same
questions, and the first so many of them are of all classes."""


@DATASETS.register("folder")
def folder(data_dir: Path | None, image_size: int | None = None, *, together: bool = False) -> ImageDataset:
    """Your own PNG, JPEG and WebP pictures: one sub-folder a class, named by the sub-folder (--data-dir).

    Where the folder has exactly the sub-folders `train` and `test`, these hold the classes; otherwise a fixed stratified fifth
    of the pictures is the test set. A stratified tenth of the training pictures validates. Pictures are turned as their EXIF
    orientation says, laid on white where transparent, cropped to the square in their middle and resized with anti-aliasing.
    Training mirrors half of them: keep classes apart that a mirror would exchange. Hidden files are ignored. Files that are no
    pictures by their names, folders inside class folders, dead links and what other programs add are left out with a warning
    that counts and names them, and so is a sub-folder `unlabelled` or `unlabeled`, which scripts/pseudo_label.py reads.

    Args:
        data_dir: The folder.
        image_size: Side of the square images, pixels; None: 32.
        together: Whether the parts will be used as one set of pictures, so that one picture a class is enough, and the test
            set may be empty.

    Raises:
        UserError: No folder, fewer than two classes, a class with too few pictures, a picture that cannot be decoded.
    """
    if data_dir is None or not user_path(data_dir).is_dir():
        raise UserError("The data source `folder` needs a folder with one sub-folder of pictures a class. Received: "
                        f"--data-dir {data_dir}.")
    root, side = user_path(data_dir), image_size or DEFAULT_SIZE
    listing = list_folder(root)
    names = _names(root, listing.train)
    if listing.test is None:
        images, ids = _load(root, listing.train, side, at_least=1 if together else 3)
        train, test = stratified_holdout(ids, TEST_FRACTION, generator(TEST_SEED, "split", "folder"))
        train_images, train_ids, test_images, test_ids = images[train], ids[train], images[test], ids[test]
        names, test_names = [names[row] for row in train], [names[row] for row in test]
    else:
        train_images, train_ids = _load(root / "train", listing.train, side, at_least=1 if together else 2)
        test_images, test_ids = _load(root / "test", listing.test, side, at_least=1)
        test_names = _names(root, listing.test)
    train_images, train_ids, names = _mixed("train", train_images, train_ids, names)
    test_images, test_ids, test_names = _mixed("test", test_images, test_ids, test_names)
    mean, std = channel_statistics(train_images)
    return ImageDataset(name="folder", variant=f"folder {printable(root.resolve().name)}", class_names=tuple(listing.train),
                        train_images=train_images, train_ids=train_ids, test_images=test_images, test_ids=test_ids,
                        mean=mean, std=std, flip=True, validation=0.1, train_files=tuple(names),
                        test_files=tuple(test_names))


def unlabelled_pictures(root: Path, side: int) -> tuple[np.ndarray, list[str]]:
    """The pictures in the sub-folder `unlabelled` or `unlabeled`, by name.

    Args:
        root: The folder of the data source.
        side: Side of the square images, pixels.

    Returns:
        uint8, `(n, side, side, 3)`, and their paths relative to `root`; n is 0 where there is no such sub-folder.

    Raises:
        UserError: A picture that cannot be decoded.
    """
    root = user_path(root)
    files = list_folder(root).unlabelled
    return read_pictures(files, side), _relative(root, files)


def _mixed(part: str, images: np.ndarray, ids: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The same in an order in which the classes are mixed."""
    order = generator(TEST_SEED, "shuffling", "folder", part).permutation(len(ids))
    return images[order], ids[order], [names[row] for row in order]


def _names(root: Path, files: Files) -> list[str]:
    return _relative(root, [path for found in files.values() for path in found])


def _relative(root: Path, files: list[Path]) -> list[str]:
    """Paths as a user writes them inside the folder, with slashes on every system."""
    return [path.relative_to(root).as_posix() for path in files]


def _load(parent: Path, files: Files, side: int, at_least: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `(n, side, side, 3)` and class ids int64 `(n,)`, class after class; each class has `at_least` so many."""
    for name, found in files.items():
        if not found:
            raise UserError(f"The class folder {parent / name} holds no PNG, JPEG or WebP picture. Add some, or remove the "
                            "folder.")
        if len(found) < at_least:
            raise UserError(f"The class folder {parent / name} holds too few pictures: {len(found)}. At least {at_least} are "
                            f"needed to have one each for training, validation{' and test' if at_least > 2 else ''}. Add some. "
                            "To test a network on fewer, use scripts/evaluate.py with --all-images.")
    images = read_pictures([path for found in files.values() for path in found], side)
    return images, np.repeat(np.arange(len(files)), [len(found) for found in files.values()]).astype(np.int64)
