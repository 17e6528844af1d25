"""Two copies of the same test images, such as originals and a lossy copy: what the difference costs, image by image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.analysis.evaluation_results import answer
from tfrepr.analysis.evaluation_source import own_test_images
from tfrepr.errors import UserError
from tfrepr.reading import UnreadableFileError, read_arrays
from tfrepr.runs import RunDirectory
from tfrepr.training.trained import TrainedModel


def read_images(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `(n, height, width, 3)` and class ids int64 `(n,)` of an .npz file with the arrays `images` and `labels`.

    Labels of shape `(n, 1)` are taken as well.

    Raises:
        UserError: No such file, or other arrays.
    """
    try:
        arrays = read_arrays(path, ("images", "labels"))
    except UnreadableFileError as error:
        raise UserError(f"{path} cannot be read as an .npz file with the arrays images (uint8, n x height x width x 3) and "
                        f"labels (n class ids): {error}") from None
    images, labels = arrays["images"], arrays["labels"]
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    whole = np.issubdtype(labels.dtype, np.integer)
    if images.dtype != np.uint8 or images.ndim != 4 or not whole or labels.shape != images.shape[:1] or not len(labels):
        raise UserError(f"{path} must hold images (uint8, n x height x width x 3) and labels (n class ids). Received: images "
                        f"{images.dtype} {images.shape}, labels {labels.dtype} {labels.shape}.")
    return images, labels.astype(np.int64)


def paired_counts(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """How often two series of decisions on the same images are right.

    Args:
        ours, theirs: bool, `(n,)`: right on the run's own test image, and on the other copy of it.

    Returns:
        `images`; counts `both`, `only_own`, `only_other`, `neither`; `own_accuracy`, `other_accuracy`; `difference` (other
        minus own) with the ends `low` and `high` of its 95% interval (Wald, paired); `p_value` of McNemar's exact test.
    """
    from scipy.stats import binomtest, norm

    count, both = len(ours), int((ours & theirs).sum())
    own, other = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    difference = (other - own) / count
    error = math.sqrt(own + other - (other - own) ** 2 / count) / count
    low, high = norm.interval(0.95, difference, error) if error else (difference, difference)
    return {"images": count, "both": both, "only_own": own, "only_other": other, "neither": count - both - own - other,
            "own_accuracy": (both + own) / count, "other_accuracy": (both + other) / count, "difference": difference,
            "low": float(low), "high": float(high),
            "p_value": float(binomtest(own, own + other).pvalue) if own + other else 1.0}


def compare_copies(run: Path, file: Path, data_dir: Path | None, out: Path | None) -> Iterator[str]:
    """Compares a run's decisions on its first test images with those on another copy of them; yields lines for the terminal.

    Args:
        run: The run directory.
        file: See `read_images`; the i-th image is a copy of the run's i-th test image.
        data_dir: Folder with the files of the run's data.
        out: Folder for paired.json, or None for one in the run directory.

    Raises:
        UserError: An unfinished run, an unreadable file, images of another size or number, or with other labels.
    """
    trained = TrainedModel.load(RunDirectory(run), data_dir)
    images, labels = read_images(file)
    own = own_test_images(trained, data_dir)
    if images.shape[1:] != own.images.shape[1:] or len(images) > len(own.images):
        raise UserError(f"{file} must hold copies of the first of the run's {len(own.images):,} test images, "
                        f"{own.images.shape[1:]}. Received: {images.shape}.")
    if (labels != own.class_ids[:len(labels)]).any():
        place = int((labels != own.class_ids[:len(labels)]).argmax())
        raise UserError(f"{file} does not hold copies of the run's first test images: the label of image {place} is "
                        f"{labels[place]}, in the test set {own.class_ids[place]}.")
    found = paired_counts(*(answer(trained, copy, labels).correct for copy in (own.images[:len(labels)], images)))
    folder = out or trained.run.folder("evaluation", file.stem)
    RunDirectory(folder).write_json("paired.json", {"file": file.name, "own": own.title, **found})
    yield (f"{run.name}: the first {found['images']:,} images of {own.title}: accuracy {found['own_accuracy']:.2%}, on "
           f"{file.name} {found['other_accuracy']:.2%}")
    yield (f"  difference {100 * found['difference']:+.2f} points [{100 * found['low']:+.2f}, {100 * found['high']:+.2f}], "
           f"p = {found['p_value']:.3g}; {found['only_other']} images are right there only, {found['only_own']} here only")
    yield f"Written: {folder / 'paired.json'}"
