"""What a data source hands over: images, class ids and what the pipeline must know about them."""

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfrepr.data.class_ids import checked_ids
from tfrepr.errors import UserError
from tfrepr.names import class_names_from

UNLABELLED = -1
"""Class id of a training image without label."""


@dataclass(frozen=True)
class ImageDataset:
    """An image classification data set in memory.

    Attributes:
        name: The source's name (`"digits"`, `"cifar10"`, ...).
        variant: What exactly was read, shown in every report: `"official"` where the MD5 sum is the official one,
            otherwise words such as `"CIFAR-10 (JPEG copy)"`.
        class_names: One name per class id, in Unicode's composed form.
        train_images: uint8, `(n, height, width, 3)`, 0..255. Validation images are taken from these (`data.splits`). Some
            corruptions put float32 noise in their place, in the same unit.
        train_ids: int64, `(n,)`, class ids; -1 where an image has no label (`weak_labels`). Integers of any type and of the
            shape `(n, 1)` are taken as well.
        test_images, test_ids: The same for the test set, which is read once, after training.
        mean, std: Per channel, of images scaled to [0, 1].
        flip: Whether a horizontal flip keeps the class (it does not for digits).
        validation: Size of the validation set: a count (CIFAR: 5,000, drawn as the paper does) or a fraction (stratified).
        train_files, test_files: Where the images were read from, one path an image, relative to the source's folder; empty
            for sources that do not keep each image in a file.

    Raises:
        UserError: Class names that are equal or cannot be shown, images of another shape, or class ids that are not one integer
            of the classes for each image.
    """

    name: str
    variant: str
    class_names: tuple[str, ...]
    train_images: np.ndarray
    train_ids: np.ndarray
    test_images: np.ndarray
    test_ids: np.ndarray
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    flip: bool
    validation: int | float
    train_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", class_names_from(self.class_names, self.variant))
        for part, least in (("train", UNLABELLED), ("test", 0)):
            images, ids = getattr(self, f"{part}_images"), getattr(self, f"{part}_ids")
            if images.ndim != 4 or images.shape[-1] != 3:
                raise UserError(f"Images must have the shape (n, height, width, 3). Received: {images.shape}.")
            ids = checked_ids(ids, images=len(images), classes=len(self.class_names), least=least)
            object.__setattr__(self, f"{part}_ids", ids.astype(np.int64, copy=False))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)`."""
        return tuple(self.train_images.shape[1:])

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over names, ids and pixels: equal data, equal fingerprint."""
        digest = hashlib.sha256("\0".join(self.class_names).encode())
        for array in (self.train_ids, self.test_ids, self.train_images, self.test_images):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def centre_cropped(dataset: ImageDataset, side: int) -> ImageDataset:
    """The data set with the middle side x side pixels of every image.

    Where the border is odd, the crop lies half a pixel towards the top left.

    Raises:
        UserError: The images are smaller than that.
    """
    height, width, _ = dataset.image_shape
    if min(height, width) < side:
        raise UserError(f"The centre crop takes {side}x{side} pixels, and the images have {height}x{width}. Choose a larger "
                        "--image-size, or --preprocessing dataset.")
    top, left = (height - side) // 2, (width - side) // 2
    rows, columns = slice(top, top + side), slice(left, left + side)
    return dataclasses.replace(dataset, train_images=dataset.train_images[:, rows, columns],
                               test_images=dataset.test_images[:, rows, columns])


def channel_statistics(images: np.ndarray) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of every channel, of pixels scaled to [0, 1].

    They come from integer counts of the 256 levels and are therefore exact, whatever the order of the images. A channel of one
    constant level gets the deviation of one level, so that dividing by it is possible.

    Args:
        images: uint8, `(n, height, width, 3)`.
    """
    levels = np.arange(256) / 255
    counts = np.stack([np.bincount(images[..., channel].reshape(-1), minlength=256) for channel in range(3)])
    shares = counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ levels
    std = np.sqrt((shares * (levels - mean[:, None]) ** 2).sum(axis=1))
    return tuple(mean.tolist()), tuple(np.maximum(std, 1 / 255).tolist())
