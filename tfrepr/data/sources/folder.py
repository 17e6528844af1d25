"""Pictures of one's own: a folder with one sub-folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.data.dataset import ImageDataset, channel_statistics
from tfrepr.data.splits import stratified_holdout
from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.registry import DATASETS
from tfrepr.seeds import generator

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
UNLABELLED_FOLDER = "unlabelled"
"""A sub-folder of this name is no class: its pictures have no label (`unlabelled_pictures`)."""
DEFAULT_SIZE = 32
TEST_FRACTION = 0.2
TEST_SEED = 0
"""The test set is drawn with this seed, whatever the run's own: all runs answer the same questions."""

Files = dict[str, list[Path]]
"""The image files of every class, classes and files sorted by name."""


@DATASETS.register("folder")
def folder(data_dir: Path | None, image_size: int | None = None) -> ImageDataset:
    """Your own PNG and JPEG pictures: one sub-folder a class, named by the sub-folder (--data-dir).

    Where the folder has exactly the sub-folders `train` and `test`, these hold the classes; otherwise a fixed stratified fifth
    of the pictures is the test set. A stratified tenth of the training pictures validates. Pictures are turned as their EXIF
    orientation says, laid on white where transparent, cropped to the square in their middle and resized with anti-aliasing.
    Training mirrors half of them: keep classes apart that a mirror would exchange. Hidden files, and files that are neither
    PNG nor JPEG by their names, are ignored, and so is a sub-folder `unlabelled`, which scripts/pseudo_label.py reads.

    Args:
        data_dir: The folder.
        image_size: Side of the square images, pixels; None: 32.

    Raises:
        UserError: No folder, fewer than two classes, a class with too few pictures, a picture that cannot be decoded.
    """
    if data_dir is None or not user_path(data_dir).is_dir():
        raise UserError("The data source `folder` needs a folder with one sub-folder of pictures a class. Received: "
                        f"--data-dir {data_dir}.")
    root, side = user_path(data_dir), image_size or DEFAULT_SIZE
    train_files, test_files = _files(root)
    train_images, train_ids = _load(train_files, side)
    if test_files is None:
        train, test = stratified_holdout(train_ids, TEST_FRACTION, generator(TEST_SEED, "split", "folder"))
        test_images, test_ids = train_images[test], train_ids[test]
        train_images, train_ids = train_images[train], train_ids[train]
    else:
        test_images, test_ids = _load(test_files, side)
    mean, std = channel_statistics(train_images)
    return ImageDataset(name="folder", variant=f"folder {root.resolve().name}", class_names=tuple(train_files),
                        train_images=train_images, train_ids=train_ids, test_images=test_images, test_ids=test_ids,
                        mean=mean, std=std, flip=True, validation=0.1)


def unlabelled_pictures(root: Path, side: int) -> np.ndarray:
    """The pictures in the sub-folder `unlabelled`, by name.

    Args:
        root: The folder of the data source.
        side: Side of the square images, pixels.

    Returns:
        uint8, `(n, side, side, 3)`; n is 0 where there is no such sub-folder.

    Raises:
        UserError: A picture that cannot be decoded.
    """
    folder = user_path(root) / UNLABELLED_FOLDER
    files = _pictures(folder) if folder.is_dir() else []
    return np.stack([read_picture(path, side) for path in files]) if files else np.zeros((0, side, side, 3), np.uint8)


def _files(root: Path) -> tuple[Files, Files | None]:
    """The files for training and, where the folder divides them itself, for test."""
    present = {path.name for path in _visible(root) if path.is_dir()} - {UNLABELLED_FOLDER}
    if not {"train", "test"} <= present:
        return _class_files(root, at_least=3), None
    if len(present) > 2:
        raise UserError(f"{root} has the sub-folders train and test beside {', '.join(sorted(present - {'train', 'test'}))}. "
                        "Keep either train and test alone, or one sub-folder a class.")
    train, test = _class_files(root / "train", at_least=2), _class_files(root / "test", at_least=1)
    if set(train) != set(test):
        raise UserError(f"{root}/train and {root}/test must have the same classes. Only one has: "
                        f"{', '.join(sorted(set(train) ^ set(test)))}.")
    return train, test


def _visible(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"The folder {parent} cannot be read: {error.strerror}.") from error


def _pictures(folder: Path) -> list[Path]:
    return [file for file in _visible(folder) if file.is_file() and file.suffix.lower() in SUFFIXES]


def _class_files(parent: Path, at_least: int) -> Files:
    """Every class folder in `parent` with its image files, of which each class has `at_least` so many."""
    files = {path.name: _pictures(path) for path in _visible(parent) if path.is_dir() and path.name != UNLABELLED_FOLDER}
    if len(files) < 2:
        raise UserError(f"{parent} must have at least two sub-folders, one a class. Found: {', '.join(files) or 'none'}.")
    for name, found in files.items():
        if not found:
            raise UserError(f"The class folder {parent / name} holds no PNG or JPEG picture. Add some, or remove the folder.")
        if len(found) < at_least:
            raise UserError(f"The class folder {parent / name} holds too few pictures: {len(found)}. At least {at_least} are "
                            "needed to have one each for training, validation" + (" and test." if at_least > 2 else "."))
    return files


def _load(files: Files, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `(n, side, side, 3)` and class ids int64 `(n,)`, class after class."""
    images = np.stack([read_picture(path, side) for found in files.values() for path in found])
    return images, np.repeat(np.arange(len(files)), [len(found) for found in files.values()]).astype(np.int64)


def read_picture(path: Path, side: int) -> np.ndarray:
    """One PNG or JPEG picture as uint8 `(side, side, 3)`, turned, laid on white, cropped and resized as `folder` says.

    Raises:
        UserError: It is missing or cannot be decoded.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            image.draft(None, (4 * side, 4 * side))  # a large JPEG is decoded at a fraction of its size, still fine enough
            upright = _rgb(ImageOps.exif_transpose(image))
            return np.asarray(ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC))
    except Exception as error:  # Pillow reports damaged files by a dozen kinds of error
        raise UserError(f"The picture {path} cannot be decoded ({error}). Replace or remove it.") from error


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16-bit grey scaled to 8 bits, transparency laid on white."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
