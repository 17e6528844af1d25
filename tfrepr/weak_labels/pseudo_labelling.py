"""Pseudo-labelling: train on the labelled images, label the others with the network, train on both, and again.

Reference: Lee 2013, "Pseudo-Label: the simple and efficient semi-supervised learning method for deep neural networks".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from tfrepr.data.splits import stratified_holdout
from tfrepr.seeds import generator
from tfrepr.weak_labels.options import PseudoLabelConfig
from tfrepr.weak_labels.runs import WeakLabelRun, is_from_same_images
from tfrepr.weak_labels.tasks import UNLABELLED, missing_label_task
from tfrepr.weak_labels.training import VALIDATION_SHARE, Trained, blocks, probabilities, train
from tfrepr.weak_labels.workshop import Workshop, run_pipeline


def run_pseudo_labelling(config: PseudoLabelConfig, output: Path, *, data_dir: Path | None = None) -> WeakLabelRun:
    """Runs the whole pipeline, or goes on where an earlier attempt stopped, or returns at once where it is finished.

    The labelled images are divided 80/20 once; the validation part stays the same to the end and never holds a guessed label.

    Args:
        config: The run.
        output: Folder of all results.
        data_dir: Folder with the data set's files, where the source needs one.

    Raises:
        UserError: Unusable input, or a run directory in use or made by another config.
    """
    return run_pipeline(config, output, lambda: missing_label_task(config, data_dir), _pipeline)


def _pipeline(workshop: Workshop, truth: np.ndarray | None) -> dict[str, Any]:
    """All trainings; returns the content of metrics.json."""
    config, given = workshop.config, workshop.dataset.train_ids
    labelled, unlabelled = np.flatnonzero(given != UNLABELLED), np.flatnonzero(given == UNLABELLED)
    click.echo(f"  {len(labelled)} labelled and {len(unlabelled)} unlabelled images")
    if truth is not None and is_from_same_images(config):
        click.secho(f"  Warning: {config.init_from} was trained on the same images. It may know the labels that are hidden "
                    "here. Start from a run on other images, or leave --init-from out.", fg="yellow", err=True)
    kept, held = stratified_holdout(given[labelled], VALIDATION_SHARE, generator(config.seed, "split"))
    train_rows, validation_rows = labelled[kept], labelled[held]
    stages = blocks(config, workshop.dataset.image_shape[0])

    trained = train(workshop, "training0", stages, train_rows, validation_rows, given)
    trainings, rounds = [trained.figures], []
    for iteration in range(1, config.iterations + 1):
        guessed, sure = _label(workshop, trained, unlabelled, iteration)
        ids = given.copy()
        ids[unlabelled] = guessed
        trained = train(workshop, f"training{iteration}", stages, np.concatenate([train_rows, unlabelled[sure]]),
                        validation_rows, ids)
        trainings.append(trained.figures)
        rounds.append({"kept": int(sure.sum()), **agreement(guessed, sure, None if truth is None else truth[unlabelled])})
    return {"labelled_images": len(labelled), "unlabelled_images": len(unlabelled), "pseudo_labels": rounds,
            "trainings": trainings, "test_accuracy_before": trainings[0]["test_accuracy"],
            "test_accuracy_after": trainings[-1]["test_accuracy"]}


def _label(workshop: Workshop, trained: Trained, rows: np.ndarray, iteration: int) -> tuple[np.ndarray, np.ndarray]:
    """Guessed class ids of unlabelled images, and which of them are kept; both are written down."""
    guesses = probabilities(workshop, trained, workshop.dataset.train_images[rows])
    guessed, confidence = guesses.argmax(axis=1), guesses.max(axis=1)
    sure = confidence >= (workshop.config.confidence or 0.0)
    if not sure.any():
        click.secho(f"  No prediction is {workshop.config.confidence:.0%} sure; the next training has the labelled images "
                    "alone.", fg="yellow")
    workshop.write_list(f"pseudo_labels-{iteration}.csv", rows, class_id=guessed,
                        class_name=np.array(workshop.dataset.class_names)[guessed], confidence=np.round(confidence, 6),
                        kept=sure.astype(int))
    return guessed, sure


def agreement(guessed: np.ndarray, sure: np.ndarray, truth: np.ndarray | None) -> dict[str, float | None]:
    """How many guesses are right: of all, and of those that were kept; None where nobody knows.

    Args:
        guessed: Class ids, `(n,)`.
        sure: bool, `(n,)`, which were kept.
        truth: True class ids, `(n,)`, or None.
    """
    if truth is None:
        return {"accuracy": None, "kept_accuracy": None}
    right = guessed == truth
    return {"accuracy": float(right.mean()), "kept_accuracy": float(right[sure].mean()) if sure.any() else None}
