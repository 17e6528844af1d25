"""Simulated tasks: labels are hidden or made wrong, and the truth is handed over apart, for scores only.

A task is an `ImageDataset` whose training ids are what a user would have: `UNLABELLED` where the label is missing, another
class where it is wrong. Nothing that trains on it can see the truth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfrepr.data.class_ids import checked_ids
from tfrepr.data.dataset import UNLABELLED, ImageDataset
from tfrepr.data.loading import load_source, source_folder
from tfrepr.data.splits import stratified_order
from tfrepr.errors import UserError
from tfrepr.names import normalised
from tfrepr.registry import unknown_name
from tfrepr.seeds import generator
from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig


class Task(NamedTuple):
    """What the pipeline gets, and what only the scores get.

    Attributes:
        dataset: Training ids as a user would have them.
        truth: int64, `(n,)`, or None where nobody knows it. Entries that nobody knows are `UNLABELLED`.
    """

    dataset: ImageDataset
    truth: np.ndarray | None


def missing_label_task(config: PseudoLabelConfig, data_dir: Path | None) -> Task:
    """The data source with hidden labels, or a folder with its own unlabelled pictures.

    Raises:
        UserError: Unusable data, no unlabelled image, or a class without a labelled one (named).
    """
    dataset = load_source(config, data_dir)
    if config.labelled_percent is None:
        return Task(with_unlabelled_pictures(dataset, source_folder(config, data_dir)), None)
    given = hide_labels(dataset.train_ids, config.labelled_percent, config.seed, dataset.class_names)
    return Task(dataclasses.replace(dataset, train_ids=given), dataset.train_ids)


def noisy_label_task(config: CleaningConfig, data_dir: Path | None) -> Task:
    """The data source with wrong labels, or a folder whose labels are as they are.

    Raises:
        UserError: Unusable data or pairs, or a class with fewer images than folds (named).
    """
    dataset = load_source(config, data_dir)
    if config.noise_rate is None:
        task = Task(dataset, None)
    else:
        partners = pair_partners(dataset.class_names, config.noise_pairs) if config.noise == "pairs" else None
        given = wrong_labels(dataset.train_ids, config.noise_rate, len(dataset.class_names), config.seed, partners)
        task = Task(dataclasses.replace(dataset, train_ids=given), dataset.train_ids)
    check_folds(task.dataset.train_ids, config.folds, dataset.class_names)
    return task


def with_unlabelled_pictures(dataset: ImageDataset, folder: Path) -> ImageDataset:
    """The data set of a folder with the pictures of its sub-folder `unlabelled` added, at the end.

    Raises:
        UserError: There is no such picture.
    """
    from tfrepr.data.sources.folder import unlabelled_pictures

    pictures, files = unlabelled_pictures(folder, dataset.image_shape[0])
    if not len(pictures):
        raise UserError(f"{folder} has no unlabelled images: put pictures into its sub-folder `unlabelled`, or hide "
                        "labels with --labelled-percent.")
    return dataclasses.replace(dataset, train_images=np.concatenate([dataset.train_images, pictures]),
                               train_ids=np.concatenate([dataset.train_ids, np.full(len(pictures), UNLABELLED)]),
                               train_files=(*dataset.train_files, *files))


def hide_labels(ids: np.ndarray, percent: float, seed: int, class_names: Sequence[str]) -> np.ndarray:
    """Keeps the labels of a stratified part of the images; a smaller percentage keeps a subset.

    Args:
        ids: True class ids, int64, `(n,)`.
        percent: Percent that keep their label, rounded down.
        seed: The run's seed; its stream `"corruption"` is used.
        class_names: One name per class id.

    Returns:
        int64, `(n,)`, `UNLABELLED` where the label is hidden.

    Raises:
        UserError: A class without a labelled image, no class with two, or nothing left to hide.
    """
    ids = checked_ids(ids, classes=len(class_names))
    order = stratified_order(ids, generator(seed, "corruption", "missing"))
    count = int(round(percent * len(ids) / 100, 6))
    kept = order[:count]
    empty = np.setdiff1d(np.arange(len(class_names)), ids[kept])
    if len(empty):
        names = ", ".join(class_names[class_id] for class_id in empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise UserError(f"{percent:g}% of {len(ids)} images are {count}, and among them is no labelled image of: {names}. No "
                        "network can learn a class that it never sees. Use a larger --labelled-percent or another --seed.")
    if np.bincount(ids[kept]).max() < 2:
        raise UserError(f"{percent:g}% of {len(ids)} images are {count}, one of each class, and none is left to validate with. "
                        "Use a larger --labelled-percent.")
    if count == len(ids):
        raise UserError(f"There are no unlabelled images: {percent:g}% of {len(ids)} images are all of them. Use a smaller "
                        "--labelled-percent.")
    given = np.full(len(ids), UNLABELLED, dtype=np.int64)
    given[kept] = ids[kept]
    return given


def wrong_labels(ids: np.ndarray, rate: float, classes: int, seed: int, partners: np.ndarray | None = None) -> np.ndarray:
    """Gives a share of every class another label.

    Args:
        ids: True class ids, int64, `(n,)`.
        rate: Share of each class, rounded to whole images, in [0, 1).
        classes: Number of classes.
        seed: The run's seed; its stream `"corruption"` is used. A smaller rate makes a subset of the images wrong.
        partners: int64, `(classes,)`: the class that each one is mistaken for, or itself where it is not; None: any other class
            with equal chance.

    Returns:
        int64, `(n,)`.
    """
    ids, rng = checked_ids(ids, classes=classes), generator(seed, "corruption", "noisy")
    given = ids.copy()
    for class_id in range(classes):
        members = rng.permutation(np.flatnonzero(ids == class_id))
        others = (class_id + rng.integers(1, classes, len(members))) % classes
        new = others if partners is None else np.full(len(members), partners[class_id])
        count = round(rate * len(members))
        given[members[:count]] = new[:count]
    return given


def pair_partners(class_names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """The class that each one is mistaken for: by the pairs, or the next class in order where there are none.

    Raises:
        UserError: An unknown class, a class with two partners or with itself.
    """
    partners = np.arange(len(class_names))
    if not pairs:
        return np.roll(partners, -1)
    pairs = [(normalised(first), normalised(second)) for first, second in pairs]
    ids = {normalised(name): class_id for class_id, name in enumerate(class_names)}
    if len({first for first, _ in pairs}) < len(pairs):
        raise UserError("--noise-pairs names a class twice. A class is mistaken for one other class.")
    for first, second in pairs:
        for name in (first, second):
            if name not in ids:
                raise UserError(unknown_name("class", name, tuple(class_names)))
        if first == second:
            raise UserError(f"--noise-pairs {first}={second}: a class cannot be mistaken for itself.")
        partners[ids[first]] = ids[second]
    return partners


def check_folds(ids: np.ndarray, folds: int, class_names: Sequence[str]) -> None:
    """Raises UserError where a class has fewer images than folds, or the other folds' images are one of each class at most."""
    counts = np.bincount(checked_ids(ids), minlength=len(class_names))
    few = np.flatnonzero(counts < folds)
    if len(few):
        names = ", ".join(f"{class_names[class_id]} ({counts[class_id]})" for class_id in few[:5])
        raise UserError(f"Each of the {folds} folds needs an image of every class, but there are too few of: {names}. Use "
                        f"--folds {max(int(counts.min()), 2)} or add images.")
    if (counts - -(-counts // folds)).max() < 2:
        raise UserError(f"With {folds} folds of so few images (no class has more than {counts.max()}), a network would learn "
                        "from one of each class, and none is left to validate with. Use more --folds or add images.")
