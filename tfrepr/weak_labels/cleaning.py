"""Confident learning: find wrong labels by out-of-sample probabilities, and train again without them.

cleanlab finds the errors; everything before and after is here. Reference: Northcutt et al. 2021, "Confident learning",
https://arxiv.org/abs/1911.00068.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import click
import numpy as np

from tfrepr.data.splits import stratified_holdout
from tfrepr.figures.weak_labels import suspect_sheet
from tfrepr.runs import replacing, write_atomically
from tfrepr.seeds import generator, integer_seed
from tfrepr.text_tables import guarded_frame
from tfrepr.weak_labels.options import CleaningConfig
from tfrepr.weak_labels.runs import WeakLabelRun
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
    click.echo(f"  {len(given)} images")
    kept, held = stratified_holdout(given, VALIDATION_SHARE, generator(config.seed, "split"))
    before = train(workshop, "noisy", blocks(config, own_side), kept, held, given)
    shares = out_of_sample(workshop)
    flagged, quality = label_errors(given, shares, config.filter_by)
    _write_errors(workshop, flagged, quality, shares)
    _write_sheet(workshop, flagged, quality, shares, truth)
    left_out = flagged & ~rescued(given, flagged, quality, kept)
    clean_held = held[~left_out[held]]
    stages = flat_cosine_only(config, own_side) if config.retrain == "flat-cosine" else blocks(config, own_side)
    after = train(workshop, "clean", stages, kept[~left_out[kept]], clean_held if len(clean_held) else held, given)
    found = detection_scores(flagged, None if truth is None else given != truth)
    return {"images": len(given), "flagged": int(flagged.sum()), **found,
            "out_of_sample_accuracy": float((shares.argmax(axis=1) == given).mean()),
            "trainings": [before.figures, after.figures],
            "test_accuracy_before": before.figures["test_accuracy"], "test_accuracy_after": after.figures["test_accuracy"]}


def out_of_sample(workshop: Workshop) -> np.ndarray:
    """Class probabilities of every training image by a network that has not seen it, float64, `(n, classes)`.

    Stratified cross-validation. Within each round a fifth of the other folds chooses checkpoint and temperature, so that
    nothing of the fold itself enters.
    """
    from sklearn.model_selection import StratifiedKFold

    config, images, given = workshop.config, workshop.dataset.train_images, workshop.dataset.train_ids
    shares, stages = np.zeros((len(given), workshop.representation.classes)), blocks(config, images.shape[1])
    folds = StratifiedKFold(config.folds, shuffle=True, random_state=integer_seed(config.seed, "split", "folds"))
    for number, (others, fold) in enumerate(folds.split(given, given), start=1):
        kept, held = stratified_holdout(given[others], VALIDATION_SHARE, generator(config.seed, "split", "fold", number))
        trained = train(workshop, f"fold{number}", stages, others[kept], others[held], given)
        shares[fold] = probabilities(workshop, trained, images[fold])
    with replacing(workshop.run / "probabilities.npy") as temporary:
        np.save(temporary, shares)
    return shares


def label_errors(given: np.ndarray, shares: np.ndarray, filter_by: str) -> tuple[np.ndarray, np.ndarray]:
    """What cleanlab thinks of every label.

    Args:
        given: Class ids, `(n,)`.
        shares: Out-of-sample class probabilities, `(n, classes)`.
        filter_by: cleanlab's rule, see `cleanlab.filter.find_label_issues`.

    Returns:
        bool `(n,)`, whether the label is wrong, and float `(n,)`, its quality in [0, 1] (self-confidence; low: suspect).
    """
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


def _write_errors(workshop: Workshop, flagged: np.ndarray, quality: np.ndarray, shares: np.ndarray) -> None:
    """label_errors.csv: every image, the most suspect first."""
    import pandas as pd

    names, given = np.array(workshop.dataset.class_names), workshop.dataset.train_ids
    table = pd.DataFrame({"image": np.arange(len(given)), "given": names[given], "suggested": names[shares.argmax(axis=1)],
                          "quality": np.round(quality, 6), "flagged": flagged.astype(int)})
    buffer = io.StringIO()
    guarded_frame(table).iloc[_suspects_first(flagged, quality)].to_csv(buffer, index=False)
    write_atomically(workshop.run / "label_errors.csv", buffer.getvalue().encode())


def _write_sheet(workshop: Workshop, flagged: np.ndarray, quality: np.ndarray, shares: np.ndarray,
                 truth: np.ndarray | None) -> None:
    """suspects.png: the most suspect of the flagged images."""
    from tfrepr.figures.style import save

    order = _suspects_first(flagged, quality)[: int(flagged.sum())]
    if not len(order):
        return
    names, dataset = np.array(workshop.dataset.class_names), workshop.dataset
    figure = suspect_sheet(dataset.train_images[order], names[dataset.train_ids[order]], names[shares[order].argmax(axis=1)],
                           quality[order], None if truth is None else names[truth[order]])
    save(figure, workshop.run / "suspects", ("png",))


def _suspects_first(flagged: np.ndarray, quality: np.ndarray) -> np.ndarray:
    return np.lexsort((quality, ~flagged))
