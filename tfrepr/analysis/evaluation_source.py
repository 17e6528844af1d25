"""The images on which a finished run is evaluated: its own test set, or another data source with the same classes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tfrepr.data.dataset import ImageDataset
from tfrepr.data.loading import load_source
from tfrepr.data.sources.folder import folder
from tfrepr.errors import UserError
from tfrepr.names import normalised
from tfrepr.registry import DATASETS
from tfrepr.training.trained import TrainedModel, load_data, split_of


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """Images with class ids of the run.

    Attributes:
        title: What they are, for reports.
        name: The same in a file name.
        images: uint8, `(n, height, width, 3)`.
        class_ids: int64, `(n,)`.
    """

    title: str
    name: str
    images: np.ndarray
    class_ids: np.ndarray


def own_test_images(trained: TrainedModel, data_dir: Path | None) -> LabelledImages:
    """The test set of the data that the run was trained on."""
    dataset = load_data(trained.run, data_dir)
    return LabelledImages(f"{_title(dataset)}, test set", f"{dataset.name}-test", dataset.test_images, dataset.test_ids)


def other_images(trained: TrainedModel, source: str, data_dir: Path | None, all_images: bool) -> LabelledImages:
    """Images of another data source.

    Args:
        trained: The run.
        source: A name of `DATASETS`.
        data_dir: Folder with its files.
        all_images: Training and test images; otherwise the test set alone.

    Raises:
        UserError: Other classes than the run's, images of another size, or all images of the data that the run has learned.
    """
    side = trained.image_shape[0]
    dataset = folder(data_dir, side, together=all_images) if source == "folder" else DATASETS[source](data_dir, None)
    own = trained.run.environment("data_fingerprint")["data_fingerprint"] == dataset.fingerprint
    if own and all_images:
        raise UserError(f"{trained.run.path} was trained on these images: --all-images would test it on what it has learned. "
                        "Leave --all-images out, or name other data.")
    if dataset.image_shape != trained.image_shape:
        raise UserError(f"The run takes images of {_shape(trained.image_shape)} pixels, and the data source {source!r} has "
                        f"{_shape(dataset.image_shape)}. Save its images into a folder, one sub-folder a class, and use "
                        "--dataset folder, which resizes them.")
    new_ids = _matching_ids(dataset.class_names, trained.representation.class_names)
    images, ids, part = dataset.test_images, dataset.test_ids, "test"
    if all_images:
        images, ids, part = np.concatenate([dataset.train_images, images]), np.concatenate([dataset.train_ids, ids]), "all"
    title = f"{_title(dataset)}, {'test set' if part == 'test' else 'all images'}"
    which = f"-{dataset.fingerprint[:8]}" if source == "folder" and not own else ""  # two folders are two sources
    return LabelledImages(title, f"{dataset.name}{which}-{part}", images, new_ids[ids])


def validation_images(trained: TrainedModel, data_dir: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Validation images and class ids of the run's own data; none where the run was trained without validation.

    A corruption may have changed the labels, but the true ones decide which images validate.
    """
    config = trained.run.config()
    dataset = load_data(trained.run, data_dir)
    true = dataset if config.corruption == "true_labels" else load_source(config, data_dir)
    rows = split_of(config, true).validation
    return dataset.train_images[rows], dataset.train_ids[rows]


def _matching_ids(names: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    """For each class id of a data source the class id of the same name in the run.

    Raises:
        UserError: The names are not the same ones.
    """
    names, wanted = (tuple(map(normalised, some)) for some in (names, wanted))
    if set(names) != set(wanted):
        missing, further = sorted(set(wanted) - set(names)), sorted(set(names) - set(wanted))
        parts = [f"{what}: {', '.join(some[:10])}{', ...' if len(some) > 10 else ''}" for what, some in
                 (("only the run has", missing), ("only the data have", further)) if some]
        raise UserError(f"The classes do not match ({'; '.join(parts)}). Choose data with the run's {len(wanted)} class names; "
                        "for --dataset folder these are the names of the sub-folders.")
    return np.array([wanted.index(name) for name in names], dtype=np.int64)


def _title(dataset: ImageDataset) -> str:
    return dataset.name if dataset.variant == "official" else dataset.variant


def _shape(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]}"
