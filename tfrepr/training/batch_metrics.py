"""What is measured on training batches while they train: accuracy over an epoch, loss every few steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from tfrepr.files import append
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.runs import STEP_COLUMNS
from tfrepr.training.csv_files import cut_back
from tfrepr.training.evaluation import in_top


def training_accuracies(representation: LabelRepresentation) -> list[Callable[[Any, Any], Any]]:
    """Metric functions of targets and outputs for Keras's `compile`, each float32, `(batch,)`, one or zero an image.

    Keras averages them over the images of an epoch while the weights change, as it does with the loss: a running mean, which
    lags behind the accuracy at the end of the epoch by up to an epoch. It costs no further pass over the images.
    """
    def train_accuracy(targets: Any, outputs: Any) -> Any:
        return representation.accuracy(_class_ids(targets), outputs)

    def train_top5_accuracy(targets: Any, outputs: Any) -> Any:
        return keras.ops.cast(in_top(5, representation, _class_ids(targets), outputs), "float32")

    return [train_accuracy, train_top5_accuracy] if representation.classes > 5 else [train_accuracy]


def _class_ids(targets: Any) -> Any:
    """Class ids of targets `(batch,)`, or `(batch, 1 + k)` with what varies in the label behind them."""
    return keras.ops.cast(targets if len(targets.shape) == 1 else targets[:, 0], "int32")


class StepLog(keras.callbacks.Callback):
    """Writes the mean training loss of every `every` steps, with the columns `STEP_COLUMNS`.

    A row never spans two epochs: the last one of an epoch may stand for fewer steps. Keras hands over the mean over the images
    since the epoch began; a row is the difference of two such sums.

    Args:
        path: The file. Rows after `epochs_done`, and a torn last line, are cut off before training goes on.
        every: Steps a row.
        steps: Steps an epoch.
        batch_size, images: Images a batch and an epoch; the last batch of an epoch may be short.
        epochs_done: Epochs that the checkpoint holds.
    """

    def __init__(self, path: Path, every: int, *, steps: int, batch_size: int, images: int, epochs_done: int) -> None:
        super().__init__()
        self.every, self.steps, self.batch_size, self.images = every, steps, batch_size, images
        cut_back(path, STEP_COLUMNS, epochs_done * steps)
        self.path = path

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Counts from zero, as Keras's mean does."""
        self.first_step, self.seen, self.sum, self.rows = epoch * self.steps, 0, 0.0, []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        """Takes in a row after every `every` steps and after the epoch's last one."""
        done = batch + 1
        if done % self.every and done != self.steps:
            return
        seen = min(done * self.batch_size, self.images)
        total = float(logs["loss"]) * seen
        self.rows.append(f"{self.first_step + done},{(total - self.sum) / (seen - self.seen):.6g}\n")
        self.seen, self.sum = seen, total

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Appends the epoch's rows before the checkpoint names the epoch."""
        append(self.path, "".join(self.rows))
