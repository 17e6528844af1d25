"""Scikit-learn's handwritten digits: 1,797 real images that need no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfrepr.data.dataset import ImageDataset
from tfrepr.data.splits import stratified_holdout
from tfrepr.registry import DATASETS
from tfrepr.seeds import generator

CLASS_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIDE = 32
TEST_FRACTION = 0.2
TEST_SEED = 0
"""The test set is drawn with this seed, whatever the run's own: all runs answer the same questions."""

MEAN = (0.3093, 0.3093, 0.3093)
STD = (0.3490, 0.3490, 0.3490)
"""Of the training images."""


@DATASETS.register("digits")
def digits(data_dir: Path | None = None, image_size: int | None = None) -> ImageDataset:
    """1,797 handwritten digits of scikit-learn, 32x32; no download.

    The 8x8 images with 17 grey levels are enlarged bicubically and repeated over three channels. A fixed stratified fifth is
    the test set, a stratified tenth of the rest validates. Both arguments are unused: the data are part of scikit-learn and
    have one size.

    Reference:
        E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998 (the 1,797
        test images of that set).
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, ids = _enlarge(bunch.images), bunch.target.astype(np.int64)
    train, test = stratified_holdout(ids, TEST_FRACTION, generator(TEST_SEED, "split", "digits"))
    return ImageDataset(name="digits", variant="scikit-learn digits", class_names=CLASS_NAMES, train_images=images[train],
                        train_ids=ids[train], test_images=images[test], test_ids=ids[test], mean=MEAN, std=STD, flip=False,
                        validation=0.1)


def _enlarge(levels: np.ndarray) -> np.ndarray:
    """Grey levels 0..16, `(n, 8, 8)`, as uint8 images `(n, 32, 32, 3)`."""
    from PIL import Image

    grey = np.round(levels * (255 / 16)).astype(np.uint8)
    large = np.stack([np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for image in grey])
    return np.repeat(large[..., None], 3, axis=-1)
