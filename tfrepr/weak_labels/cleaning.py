"""Confident learning: find wrong labels by out-of-sample probabilities, and train again without them.

cleanlab finds the errors; everything before and after is here. Reference: Northcutt et al. 2021, "Confident learning",
https://arxiv.org/abs/1911.00068.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from tfrepr.data.splits import stratified_holdout
from tfrepr.figures.weak_labels import suspect_sheet
from tfrepr.files import npy_bytes, write_atomically
from tfrepr.seeds import generator, integer_seed
from tfrepr.weak_labels.options import CleaningConfig
from tfrepr.weak_labels.runs import WeakLabelRun, is_from_same_images
from tfrepr.weak_labels.tasks import noisy_label_task
from tfrepr.weak_labels.training import VALIDATION_SHARE, blocks, flat_cosine_only, probabilities, train
from tfrepr.weak_labels.workshop import Workshop, run_pipeline


def run_cleaning(config: CleaningConfig, output: Path, *, data_dir: Path | None = None) -> WeakLabelRun:
    """Runs the whole pipeline, or goes on where an earlier attempt stopped, or returns at once where it is finished.

    Args:
        config: The run.
        output: Folder of all results.
        data_dir: Folder with the data set's files, where the source needs one.

    Raises:
        UserError: Unusable input, or a run directory in use or made by another config.
    """
    return run_pipeline(config, output, lambda: noisy_label_task(config, data_dir), _pipeline)


def _pipeline(workshop: Workshop, truth: np.ndarray | None) -> dict[str, Any]:
    """All trainings; returns the content of metrics.json."""
    config, given, own_side = workshop.config, workshop.dataset.train_ids, workshop.dataset.image_shape[0]
    as_they_are = truth is None
    _say_images(workshop, as_they_are)
    kept, held = stratified_holdout(given, VALIDATION_SHARE, generator(config.seed, "split"))
    before = train(workshop, "noisy", blocks(config, own_side), kept, held, given)
    suspects = _suspects(workshop, as_they_are)
    _write_errors(workshop, suspects)
    _write_sheet(workshop, suspects, truth)
    flagged, quality, shares = (values[:len(given)] for values in (suspects.flagged, suspects.quality, suspects.shares))
    left_out = flagged & ~rescued(given, flagged, quality, kept)
    clean_held = held[~left_out[held]]
    stages = flat_cosine_only(config, own_side) if config.retrain == "flat-cosine" else blocks(config, own_side)
    after = train(workshop, "clean", stages, kept[~left_out[kept]], clean_held if len(clean_held) else held, given)
    found = detection_scores(flagged, None if truth is None else given != truth)
    return {"images": len(given), "flagged": int(flagged.sum()), **found,
            "flagged_test_images": int(suspects.flagged[len(given):].sum()) if as_they_are else None,
            "out_of_sample_accuracy": float((shares.argmax(axis=1) == given).mean()),
            "trainings": [before.figures, after.figures],
            "test_accuracy_before": before.figures["test_accuracy"], "test_accuracy_after": after.figures["test_accuracy"]}


@dataclass(frozen=True)
class _Suspects:
    """What is thought of the label of every image: of the training images, then of the test images where they are looked at.

    Attributes:
        images: uint8, `(n, side, side, 3)`.
        given: Class ids, `(n,)`.
        shares: Out-of-sample class probabilities, `(n, classes)`.
        flagged, quality: From `label_errors`.
    """

    images: np.ndarray
    given: np.ndarray
    shares: np.ndarray
    flagged: np.ndarray
    quality: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """Rows, the most suspect first."""
        return np.lexsort((self.quality, ~self.flagged))


def _say_images(workshop: Workshop, as_they_are: bool) -> None:
    dataset = workshop.dataset
    tests = f", and {len(dataset.test_ids)} test images, whose labels are looked at, too" if as_they_are else ""
    click.echo(f"  {len(dataset.train_ids)} training images{tests}")
    if is_from_same_images(workshop.config):
        click.secho(f"  Warning: {workshop.config.init_from} was trained on the same images. Wrong labels that it has learned "
                    "look right to it, so that fewer are found. Start from a run on other images, or leave --init-from out.",
                    fg="yellow", err=True)


def _suspects(workshop: Workshop, as_they_are: bool) -> _Suspects:
    """Of all labels; those of test images are true where the wrong ones were made."""
    dataset, (shares, of_test) = workshop.dataset, out_of_sample(workshop)
    images, given = dataset.train_images, dataset.train_ids
    if as_they_are:
        images, given = np.concatenate([images, dataset.test_images]), np.concatenate([given, dataset.test_ids])
        shares = np.concatenate([shares, of_test])
    return _Suspects(images, given, shares, *label_errors(given, shares, workshop.config.filter_by))


def out_of_sample(workshop: Workshop) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities of every image by networks that were not trained on it, float64, `(n, classes)`.

    Stratified cross-validation. Within each round a fifth of the other folds chooses checkpoint and temperature, so that
    nothing of the fold itself enters. With `--init-from` the weights that all rounds start from may have seen the images.

    Returns:
        Of the training images, each by the network of its round, and of the test images, the mean over all rounds.
    """
    from sklearn.model_selection import StratifiedKFold

    config, images, given = workshop.config, workshop.dataset.train_images, workshop.dataset.train_ids
    tests, stages = workshop.dataset.test_images, blocks(config, images.shape[1])
    shares, of_test = (np.zeros((count, workshop.representation.classes)) for count in (len(given), len(tests)))
    folds = StratifiedKFold(config.folds, shuffle=True, random_state=integer_seed(config.seed, "split", "folds"))
    for number, (others, fold) in enumerate(folds.split(given, given), start=1):
        kept, held = stratified_holdout(given[others], VALIDATION_SHARE, generator(config.seed, "split", "fold", number))
        trained = train(workshop, f"fold{number}", stages, others[kept], others[held], given)
        shares[fold] = probabilities(workshop, trained, images[fold])
        of_test += probabilities(workshop, trained, tests) / config.folds
    write_atomically(workshop.run / "probabilities.npy", npy_bytes(shares))
    return shares, of_test


def label_errors(given: np.ndarray, shares: np.ndarray, filter_by: str) -> tuple[np.ndarray, np.ndarray]:
    """What cleanlab thinks of every label.

    Args:
        given: Class ids, `(n,)`.
        shares: Out-of-sample class probabilities, `(n, classes)`.
        filter_by: cleanlab's rule, see `cleanlab.filter.find_label_issues`.

    Returns:
        bool `(n,)`, whether the label is wrong, and float `(n,)`, its quality in [0, 1] (self-confidence; low: suspect).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice to programmers, as which further package would draw a progress bar
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

        flagged = find_label_issues(given, shares, filter_by=filter_by, n_jobs=1)
    return np.asarray(flagged, bool), np.asarray(get_label_quality_scores(given, shares, method="self_confidence"))


def rescued(given: np.ndarray, flagged: np.ndarray, quality: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The best image of each class of which cleaning would leave none among `rows`; bool, `(n,)`."""
    saved = np.zeros(len(given), bool)
    for class_id in np.unique(given[rows]):
        members = rows[given[rows] == class_id]
        if flagged[members].all():
            saved[members[quality[members].argmax()]] = True
    return saved


def detection_scores(flagged: np.ndarray, wrong: np.ndarray | None) -> dict[str, float | int | None]:
    """Precision, recall and F1 of the found label errors.

    Args:
        flagged: bool, `(n,)`, labels that are said to be wrong.
        wrong: bool, `(n,)`, labels that are wrong; None where nobody knows.

    Returns:
        `wrong` (a count), `precision`, `recall`, `f1`; None where a figure is not defined (nothing flagged, nothing wrong).
    """
    if wrong is None:
        return {"wrong": None, "precision": None, "recall": None, "f1": None}
    hits, said, real = int((flagged & wrong).sum()), int(flagged.sum()), int(wrong.sum())
    return {"wrong": real, "precision": hits / said if said else None, "recall": hits / real if real else None,
            "f1": 2 * hits / (said + real) if said + real else None}


def _write_errors(workshop: Workshop, suspects: _Suspects) -> None:
    """label_errors.csv: every image, the most suspect first."""
    names, order = np.array(workshop.dataset.class_names), suspects.order
    workshop.write_list("label_errors.csv", order, given=names[suspects.given[order]],
                        suggested=names[suspects.shares[order].argmax(axis=1)], quality=np.round(suspects.quality[order], 6),
                        flagged=suspects.flagged[order].astype(int))


def _write_sheet(workshop: Workshop, suspects: _Suspects, truth: np.ndarray | None) -> None:
    """suspects.png: the most suspect of the flagged images."""
    from tfrepr.figures.style import save

    order = suspects.order[: int(suspects.flagged.sum())]
    if not len(order):
        return
    names = np.array(workshop.dataset.class_names)
    figure = suspect_sheet(suspects.images[order], names[suspects.given[order]], names[suspects.shares[order].argmax(axis=1)],
                           suspects.quality[order], None if truth is None else names[truth[order]])
    save(figure, workshop.run / "suspects", ("png",))
