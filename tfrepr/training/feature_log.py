"""A callback that keeps the features of a fixed set of test images at 10, 30, 50, 70 and 100% of the training."""

from __future__ import annotations

from typing import Any

import keras

from tfrepr.data.dataset import ImageDataset
from tfrepr.data.pipeline import evaluation_batches
from tfrepr.results.features import (
    chosen_images,
    compute_features,
    feature_model,
    is_requested,
    milestones,
    write_features,
    write_images,
)
from tfrepr.runs import RunDirectory
from tfrepr.training.evaluation import forward_function


class FeatureLog(keras.callbacks.Callback):
    """Writes `features/epoch-<n>.npz` and `features/scores.csv`; weights and log stay what they are without it.

    It stands before the callback that saves the state: a run killed in between repeats the epoch and its file.

    Args:
        run: The run directory.
        network: The model that is trained.
        dataset: The run's data; `features.chosen_images` says which test images are used.
        jit: XLA compilation.
    """

    def __init__(self, run: RunDirectory, network: keras.Model, dataset: ImageDataset, jit: bool) -> None:
        super().__init__()
        self.run = run
        self.milestones = milestones(run.config().epochs)
        self.indices = chosen_images(len(dataset.test_ids))
        self.class_ids = dataset.test_ids[self.indices]
        self.forward = forward_function(feature_model(network), jit)
        self.batches = evaluation_batches(dataset.test_images[self.indices], self.class_ids, mean=dataset.mean, std=dataset.std,
                                          per_image=run.config().preprocessing == "per-image")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Notes which images the features belong to."""
        write_images(self.run, self.indices, self.class_ids)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps the features where the epoch is one of the milestones."""
        if epoch + 1 in self.milestones:
            write_features(self.run, epoch + 1, compute_features(self.forward, self.batches))


def feature_logs(run: RunDirectory, network: keras.Model, dataset: ImageDataset, jit: bool) -> list[FeatureLog]:
    """The callback, where features of the run were asked for (`features.request_features`)."""
    return [FeatureLog(run, network, dataset, jit)] if is_requested(run) else []
