"""Keras callbacks: validation, the CSV log, checkpoints, divergence, and a line an epoch for people and log files.

They run in the order Validation, CSVLog, Checkpoints, EpochLines; each finds in `logs` what the ones before it put there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from tfrepr.config import RunConfig
from tfrepr.errors import TrainingDivergedError
from tfrepr.files import append
from tfrepr.runs import HISTORY_COLUMNS
from tfrepr.training.checkpoint import Checkpoint, Progress
from tfrepr.training.cost import duration
from tfrepr.training.csv_files import cut_back
from tfrepr.training.evaluation import Evaluation

BAR, BAR_WIDTH = 24, 72
"""Characters of the bar that moves on a terminal, and of the whole line."""


class Validation(keras.callbacks.Callback):
    """Times the epoch, stops a run that diverges, and validates every `config.validation_every` epochs and at the end.

    The learning rate of an epoch, that of its first step, is read from the optimiser: the log shows what was trained with.

    Args:
        config: The run's config, or that of a stage.
        train_images: Images an epoch.
        validate: Evaluates the model on the validation images; None where there are none.
    """

    def __init__(self, config: RunConfig, train_images: int, validate: Callable[[], Evaluation] | None) -> None:
        super().__init__()
        self.config = config
        self.train_images = train_images
        self.validate = validate

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Reads the rate and starts the clock."""
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        self.rate = float(str(np.float32(rate)))  # 0.1, not 0.100000001
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Adds the columns of history.csv to the logs; `images_per_second` counts training, `seconds` validation as well."""
        training_seconds = time.perf_counter() - self.started
        loss = logs.pop("loss")
        if not math.isfinite(loss):
            raise TrainingDivergedError(f"The training loss became {loss} in epoch {epoch + 1} at learning rate {self.rate:g}. "
                                        "What was written up to the epoch before is kept. Try a smaller --learning-rate.")
        logs.update(epoch=epoch + 1, learning_rate=self.rate, train_loss=loss,
                    images_per_second=self.train_images / training_seconds)
        due = (epoch + 1) % self.config.validation_every == 0 or epoch + 1 == self.config.epochs
        if due and self.validate is not None:
            result = self.validate()
            logs.update(val_loss=result.loss, val_accuracy=result.accuracy)
            if result.threshold_accuracy is not None:
                logs["val_threshold_accuracy"] = result.threshold_accuracy
        logs["seconds"] = time.perf_counter() - self.started


class CSVLog(keras.callbacks.Callback):
    """Adds a row an epoch, with fixed columns, to a CSV file; what was not measured stays empty.

    Every row goes straight to the disk: Keras's logger would try a row that did not fit once more when the program ends.

    Args:
        path: The file. Rows after `epochs_done`, and a torn last line, are cut off before training goes on.
        epochs_done: Epochs that the checkpoint holds.
        columns: Names of columns, `"epoch"` first.
    """

    def __init__(self, path: Path, epochs_done: int, columns: Sequence[str] = HISTORY_COLUMNS) -> None:
        super().__init__()
        cut_back(path, columns, epochs_done)
        self.path, self.columns = path, columns

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Appends the epoch's row."""
        append(self.path, ",".join(_cell(name, logs[name]) if name in logs else "" for name in self.columns) + "\n")


def _cell(name: str, value: float) -> str:
    return f"{value:.3f}" if name in ("seconds", "images_per_second") else f"{value:.9g}"


class Checkpoints(keras.callbacks.Callback):
    """Saves the state after every epoch, and the model whenever validation finds it the best so far.

    Args:
        checkpoint: Where to save.
        progress: State at the start; `self.progress` is the present one.
    """

    def __init__(self, checkpoint: Checkpoint, progress: Progress) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.progress = progress

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Saves; ties of validation accuracy go to the lower validation loss."""
        best = {}
        if "val_accuracy" in logs and self.improves(logs["val_accuracy"], logs["val_loss"]):
            best = {"best_epoch": epoch + 1, "best_accuracy": logs["val_accuracy"], "best_loss": logs["val_loss"]}
        seconds = self.progress.train_seconds + logs["seconds"]
        kept = {"best_epoch": self.progress.best_epoch, "best_accuracy": self.progress.best_accuracy,
                "best_loss": self.progress.best_loss}
        self.progress = Progress(epoch=epoch + 1, train_seconds=seconds, **{**kept, **best})
        self.checkpoint.save(self.progress, improved=bool(best))

    def improves(self, accuracy: float, loss: float) -> bool:
        """Whether a validation result is better than the best one so far."""
        return self.progress.beaten_by(accuracy, loss)


SECONDS_BETWEEN = 5.0
"""Least time between two lines of `EpochLines`, so that runs of many short epochs keep a readable log."""


class EpochLines(keras.callbacks.Callback):
    """One plain line an epoch, at most one every `SECONDS_BETWEEN` seconds, and always the last epoch's.

    Args:
        epochs: Epochs of the whole run.
        moving: For a terminal: a bar that is drawn over shows how much of the run is done, and about how long the rest takes.
    """

    def __init__(self, epochs: int, moving: bool = False) -> None:
        super().__init__()
        self.epochs = epochs
        self.moving = moving
        self.last_line = self.last_move = -math.inf
        self.begun: tuple[int, float] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Remembers the epoch for the bar."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the bar, five times a second at most. The first batch, which compiles the step, foretells nothing."""
        now, steps = time.perf_counter(), self.params["steps"]
        done = self.epoch * steps + batch + 1
        self.begun = self.begun or (done, now)
        if self.moving and now - self.last_move > 0.2:
            self.last_move = now
            title = f"epoch {self.epoch + 1}/{self.epochs}"
            click.echo("\r" + bar_text(done, self.epochs * steps, title, *self.begun, now), nl=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """Prints epoch, losses, accuracies and speed."""
        if self.moving:
            click.echo("\r" + " " * BAR_WIDTH + "\r", nl=False)
        now = time.perf_counter()
        if now - self.last_line < SECONDS_BETWEEN and epoch + 1 < self.epochs:
            return
        self.last_line = now
        parts = [f"epoch {epoch + 1}/{self.epochs}", f"loss {logs['train_loss']:.4g}"]
        if "train_accuracy" in logs:
            parts.append(f"train accuracy {logs['train_accuracy']:.1%}")
        if "val_accuracy" in logs:
            parts += [f"val loss {logs['val_loss']:.4g}", f"val accuracy {logs['val_accuracy']:.1%}"]
        if "val_threshold_accuracy" in logs:
            parts.append(f"under threshold {logs['val_threshold_accuracy']:.1%}")
        parts.append(f"{logs['images_per_second']:.0f} images/s")
        click.echo("  " + "  ".join(parts))


def bar_text(done: int, steps: int, title: str, first: int, begun: float, now: float) -> str:
    """A bar of the whole run with the time left, always `BAR_WIDTH` wide: `"  epoch 3/10  [####------]  38%  12 min left"`.

    Args:
        done: Steps that are done.
        steps: Of the whole run.
        title: Before the bar.
        first: Step at whose end the clock was first read.
        begun: That time in seconds; the speed since then is taken for the rest.
        now: The time now.
    """
    full = BAR * done // steps
    left = f"{duration((now - begun) / (done - first) * (steps - done))} left" if done > first else ""
    return f"  {title}  [{'#' * full}{'-' * (BAR - full)}]  {done / steps:4.0%}  {left}".ljust(BAR_WIDTH)[:BAR_WIDTH]
