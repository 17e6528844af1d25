"""One stage of a training that has several: its own rate policy, image side and frozen layers, its own files.

A stage lives in a folder with `history.csv`, `best.keras`, `last.keras` and, when it is finished, `stage.json`. Best is what
has the lowest validation *loss*. A stage that was killed goes on after its last whole epoch; a finished one is read.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import keras

from tfrepr.labels.representation import LabelRepresentation
from tfrepr.runs import RunDirectory
from tfrepr.training.callbacks import Checkpoints, CSVLog, EpochLines, Validation
from tfrepr.training.checkpoint import Checkpoint, Progress, load_model
from tfrepr.training.checkpoint_digest import checkpoint_digests
from tfrepr.training.evaluation import evaluate, forward_function
from tfrepr.training.step_rates import POLICIES
from tfrepr.training.transfer import freeze_backbone, transfer_weights

STAGE_FILE = "stage.json"


@dataclass(frozen=True)
class Stage:
    """What one stage does.

    Attributes:
        policy: Name in `POLICIES`.
        rate: Highest learning rate of Adam.
        epochs: Epochs.
        side: Side of the square images, pixels.
        frozen: Whether only the layers after `features` learn.
        validation_every: Epochs between validations.
        least_steps: Steps of the optimiser below which the epochs are too few, see `lasting`.
    """

    policy: str
    rate: float
    epochs: int
    side: int
    frozen: bool
    validation_every: int = 1
    least_steps: int = 1

    @property
    def name(self) -> str:
        """For folder and log, as `"128-flat-cosine-frozen"`."""
        return f"{self.side}-{self.policy}{'-frozen' if self.frozen else ''}"

    def lasting(self, steps_an_epoch: int) -> Stage:
        """The stage with epochs enough for `least_steps`, and about as many validations as it had."""
        epochs = max(self.epochs, math.ceil(self.least_steps / steps_an_epoch))
        return replace(self, epochs=epochs, validation_every=self.validation_every * (epochs // self.epochs))


@dataclass(frozen=True)
class Lesson:
    """The images of a stage.

    Attributes:
        batches: All training batches from an epoch (counted from 0) to the stage's last one.
        steps: Batches an epoch.
        images: Training images an epoch.
        validation: Batches of the validation images.
        mixed: Whether targets are pairs (`LabelRepresentation.mixed_losses`).
    """

    batches: Callable[[int], Any]
    steps: int
    images: int
    validation: Any
    mixed: bool


class _LowestLoss(Checkpoints):
    """Checkpoints of which the one with the lowest validation loss is the best."""

    def improves(self, accuracy: float, loss: float) -> bool:
        """Whether the loss is lower; the first validation is always kept."""
        return self.progress.best_epoch == 0 or loss < self.progress.best_loss


def run_stage(folder: Path, stage: Stage, model: keras.Model, representation: LabelRepresentation, lesson: Lesson, *,
              jit: bool = False) -> None:
    """Trains `model` by one stage, or goes on where an earlier attempt stopped; leaves the weights after the last epoch in it.

    Args:
        folder: The stage's own folder.
        stage: What to do.
        model: The network, with the weights of the stage before; a folder that has trained further wins.
        representation: Loss and decision rule.
        lesson: The images.
        jit: XLA compilation.

    Raises:
        UserError: A damaged folder, one of another network, or a loss that is no longer finite.
    """
    run = RunDirectory(folder)
    if (run / STAGE_FILE).exists():
        transfer_weights(load_model(run / "last.keras"), model, str(run / "last.keras"))
        return
    freeze_backbone(model, stage.frozen)
    schedule = POLICIES[stage.policy](stage.rate, stage.epochs * lesson.steps)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(model.trainable_variables)
    checkpoint = Checkpoint(run, model, optimizer)
    progress = checkpoint.restore()
    click.echo(f"  {folder.parent.name}, {stage.name}: {lesson.images} images, {stage.epochs} epochs"
               + (f", resumed after epoch {progress.epoch}" if progress.epoch else ""))
    if progress.epoch < stage.epochs:
        progress = _fit(run, stage, checkpoint, progress, representation, lesson, jit)
    checkpoint.finish(progress)
    run.write_json(STAGE_FILE, {"best_epoch": progress.best_epoch, "best_val_accuracy": progress.best_accuracy,
                                "best_val_loss": progress.best_loss, "epochs": progress.epoch,
                                "train_seconds": round(progress.train_seconds, 3),
                                **checkpoint_digests(run.path, "best.keras", "last.keras")})
    checkpoint.clear()


def _fit(run: RunDirectory, stage: Stage, checkpoint: Checkpoint, progress: Progress, representation: LabelRepresentation,
         lesson: Lesson, jit: bool) -> Progress:
    """Keras's `fit` from the epoch after `progress` to the stage's last one."""
    model = checkpoint.model
    trainer = keras.Model(model.inputs, model.outputs[0], name="trainer")  # the saved model carries no optimiser and no loss
    trainer.compile(optimizer=checkpoint.optimizer, jit_compile=jit,
                    loss=representation.mixed_losses if lesson.mixed else representation.losses)
    forward = forward_function(model, jit)
    checkpoints = _LowestLoss(checkpoint, progress)
    callbacks = [Validation(stage, lesson.images, lambda: evaluate(forward, representation, lesson.validation)),
                 CSVLog(run / "history.csv", progress.epoch), checkpoints,
                 EpochLines(stage.epochs, moving=sys.stdout.isatty())]
    trainer.fit(lesson.batches(progress.epoch), initial_epoch=progress.epoch, epochs=stage.epochs,
                steps_per_epoch=lesson.steps, shuffle=False, callbacks=callbacks, verbose=0)
    return checkpoints.progress
