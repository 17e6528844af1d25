"""Analyses of several finished runs, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from tfrepr.analysis.gradcam import write_gradcam
from tfrepr.data.dataset import ImageDataset
from tfrepr.reading import noted, read_text
from tfrepr.results.features import (
    FOLDER,
    chosen_images,
    compute_features,
    feature_model,
    read_features,
    write_features,
    write_images,
    write_scores,
)
from tfrepr.runs import RunDirectory, each_run
from tfrepr.training.trained import TrainedModel, load_data


def analyse_runs(runs: Sequence[RunDirectory], data_dir: Path | None) -> int:
    """Writes Grad-CAM maps and missing features of every run; one that fails does not stop the rest.

    Returns:
        0, or the exit code of the last run that failed.
    """
    def work(run: RunDirectory) -> None:
        for line in analyse(run, data_dir):
            click.echo(f"  {line}")

    return each_run(runs, work)


def analyse(run: RunDirectory, data_dir: Path | None) -> Iterator[str]:
    """Analyses one run; yields lines that say what was written.

    Raises:
        UserError: An unfinished run, other data than those of the training, an encoder without stages.
    """
    trained = TrainedModel.load(run, data_dir)
    dataset = load_data(run, data_dir)
    with run.locked():
        if not read_features(run):
            write_last_features(run, dataset)
            yield f"{run / FOLDER}: features after the last epoch"
        elif not (run / FOLDER / "scores.csv").exists():
            write_scores(run)
        yield from noted(lambda: read_text(run / FOLDER / "scores.csv"), "").splitlines()
        yield str(write_gradcam(trained, dataset))


def write_last_features(run: RunDirectory, dataset: ImageDataset) -> None:
    """Features of `last.keras`, for a run whose training kept none."""
    from tfrepr.data.pipeline import evaluation_batches
    from tfrepr.training.checkpoint import load_model
    from tfrepr.training.evaluation import forward_function

    indices: np.ndarray = chosen_images(len(dataset.test_ids))
    batches = evaluation_batches(dataset.test_images[indices], dataset.test_ids[indices], mean=dataset.mean, std=dataset.std)
    forward = forward_function(feature_model(load_model(run / "last.keras")))
    write_images(run, indices, dataset.test_ids[indices])
    write_features(run, run.config().epochs, compute_features(forward, batches))
