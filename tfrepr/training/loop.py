"""Trains one cell: from a config to a finished run directory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import keras

from tfrepr.config import RunConfig
from tfrepr.data.corruption import corrupted
from tfrepr.data.dataset import ImageDataset, centre_cropped
from tfrepr.data.loading import load_source
from tfrepr.data.pipeline import evaluation_batches, training_batches
from tfrepr.data.splits import Split
from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.models.build import build_model, parameter_count
from tfrepr.results.answers import ANSWERS_FILE, only_answer, packed_answers
from tfrepr.results.features import chosen_images, is_requested
from tfrepr.runs import RunDirectory, history_columns
from tfrepr.seeds import integer_seed
from tfrepr.training.batch_metrics import StepLog, training_accuracies
from tfrepr.training.callbacks import Checkpoints, CSVLog, EpochLines, Validation
from tfrepr.training.checkpoint import Checkpoint, Progress, load_model
from tfrepr.training.checkpoint_digest import checkpoint_digests
from tfrepr.training.cost import DEVICES, Sizes, duration, expected_seconds
from tfrepr.training.data_parallel import DataParallel
from tfrepr.training.devices import Device, compute_types, jit_compile, prepare_device
from tfrepr.training.environment import describe_environment
from tfrepr.training.epoch_rates import learning_rate
from tfrepr.training.evaluation import Evaluation, evaluate, forward_function
from tfrepr.training.feature_log import feature_logs
from tfrepr.training.optimizer import SGD
from tfrepr.training.trained import split_of

CROP_SIDE = 28
"""Side of the centre crop under `--preprocessing per-image` (Zhang et al. 2016, appendix A), pixels."""
FEW_PICTURES, GENTLE_BATCH, GENTLE_RATE = 1000, 16, 0.02
"""For fewer training pictures than these, batch size and rate that did better than the paper's (docs/train.md)."""


@dataclass(frozen=True)
class Reporting:
    """What a run tells while it trains; see `run_cell`."""

    progress_bar: bool = False
    tensorboard: bool = False
    log_steps: int | None = None


@dataclass(frozen=True)
class Cell:
    """Everything that a run is made of, loaded and checked."""

    config: RunConfig
    dataset: ImageDataset
    representation: LabelRepresentation
    split: Split

    @property
    def steps(self) -> int:
        """Training batches an epoch, the last one possibly short."""
        return math.ceil(len(self.split.train) / self.config.batch_size)

    @property
    def per_image(self) -> bool:
        """Whether each image is standardised by its own mean and deviation."""
        return self.config.preprocessing == "per-image"

    def training_batches(self, first_epoch: int) -> Any:
        """All batches from an epoch (counted from 0) to the end of the run."""
        rows = self.split.train
        return training_batches(self.dataset.train_images[rows], self.dataset.train_ids[rows], mean=self.dataset.mean,
                                std=self.dataset.std, flip=self.dataset.flip, batch_size=self.config.batch_size,
                                seed=self.config.seed, first_epoch=first_epoch, last_epoch=self.config.epochs,
                                augment=self.config.augmentation != "off", per_image=self.per_image,
                                label_changes=self.representation.label_changes(len(rows), self.config.seed))

    def validation_batches(self) -> Any:
        """The validation images, in batches of 100 as the authors have it."""
        rows = self.split.validation
        return evaluation_batches(self.dataset.train_images[rows], self.dataset.train_ids[rows], mean=self.dataset.mean,
                                  std=self.dataset.std, per_image=self.per_image)

    def test_batches(self) -> Any:
        """The test images."""
        return evaluation_batches(self.dataset.test_images, self.dataset.test_ids, mean=self.dataset.mean,
                                  std=self.dataset.std, per_image=self.per_image)


def load_cell(config: RunConfig, data_dir: Path | None) -> Cell:
    """Loads data, splits it, corrupts it and makes the label table.

    The split goes by the true labels: which images train does not depend on the corruption.

    Raises:
        UserError: Anything about data, split or label that cannot be used.
    """
    dataset = load_source(config, data_dir)
    parts = split_of(config, dataset)
    if config.preprocessing == "per-image":
        dataset = centre_cropped(dataset, CROP_SIDE)
    dataset = corrupted(dataset, config.corruption, level=config.corruption_level, seed=config.seed)
    representation = build_representation(config.label, dataset.class_names, image_side=dataset.image_shape[0],
                                          options=config.label_options, smoothing=config.label_smoothing)
    return Cell(config, dataset, representation, parts)


def run_cell(config: RunConfig, output: Path, *, data_dir: Path | None = None, progress_bar: bool = False,
             tensorboard: bool = False, strategy: str = "none", log_steps: int | None = None) -> RunDirectory:
    """Trains a cell, or goes on where an earlier attempt stopped, or returns at once where it is finished.

    Args:
        config: The cell.
        output: Folder of all results; the run lives in `output/runs/<run name>`.
        data_dir: Folder with the data set's files, where the source needs one.
        progress_bar: For a terminal: a line that moves with the batches, beside the plain line of each epoch.
        tensorboard: Write TensorBoard events to the run directory as well.
        strategy: `"mirrored"` divides every batch over all devices, see `tfrepr.training.data_parallel`.
        log_steps: Write the training loss of every so many steps to steps.csv as well.

    Returns:
        The finished run directory.

    Raises:
        UserError: Unusable input, a run directory in use or made by another config, or a loss that is no longer finite.
    """
    run = RunDirectory.of(config, output)
    if run.skipped(config):
        return run
    if strategy != "none" and config.validation == "none":
        raise UserError(f"--strategy {strategy} cannot measure accuracy on training batches, which --validation none asks for. "
                        "Leave --strategy out; several GPUs are used by --jobs, one for each cell.")
    device = prepare_device(config)
    cell = load_cell(config, data_dir)
    with run.claimed(config), compute_types(config.mixed_precision):
        if not run.finished:  # another process may have finished it since the first look
            _train(run, cell, device, DataParallel(strategy), Reporting(progress_bar, tensorboard, log_steps))
    return run


def _train(run: RunDirectory, cell: Cell, device: Device, parallel: DataParallel, reporting: Reporting) -> None:
    config = cell.config
    keras.utils.set_random_seed(integer_seed(config.seed, "initialisation"))
    with parallel.scope():
        model = build_model(config.encoder, cell.dataset.image_shape, cell.representation)
        optimizer = SGD(config.learning_rate, config.momentum, config.weight_decay)
        optimizer.build(model.trainable_variables)
    environment = _claim_environment(run, cell, device, model)
    checkpoint = Checkpoint(run, model, optimizer)
    progress = checkpoint.restore()
    if progress.epoch < config.epochs:
        run.note_resumption(environment, "epoch", progress.epoch + 1)
    _announce(run, cell, device, progress)
    if progress.epoch < config.epochs:
        progress = _fit(run, cell, model, checkpoint, progress, device, parallel, reporting)
    checkpoint.finish(progress)
    _write_metrics(run, cell, progress, jit_compile(config, device))
    checkpoint.clear()


def _fit(run: RunDirectory, cell: Cell, model: keras.Model, checkpoint: Checkpoint, progress: Progress, device: Device,
         parallel: DataParallel, reporting: Reporting) -> Progress:
    """Keras's `fit` from the epoch after `progress` to the last one."""
    config, jit = cell.config, jit_compile(cell.config, device)
    trainer = parallel.trainer(model)
    checkpoints = Checkpoints(checkpoint, progress)
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch: learning_rate(config, epoch)),
        Validation(config, len(cell.split.train), _validation(cell, model, jit)),
        *([_step_log(run, cell, reporting.log_steps, progress)] if reporting.log_steps else []),
        CSVLog(run / "history.csv", progress.epoch, history_columns(config)),
        *feature_logs(run, model, cell.dataset, jit),
        checkpoints,
        EpochLines(config.epochs, moving=reporting.progress_bar),
        *([_tensorboard(run)] if reporting.tensorboard else []),
    ]
    with parallel.scope():
        trainer.compile(optimizer=checkpoint.optimizer, loss=cell.representation.losses,
                        jit_compile=jit and parallel.replicas == 1,
                        metrics=training_accuracies(cell.representation) if config.validation == "none" else None)
        trainer.fit(cell.training_batches(progress.epoch), initial_epoch=progress.epoch, epochs=config.epochs,
                    steps_per_epoch=cell.steps, shuffle=False, callbacks=callbacks, verbose=0)
    return checkpoints.progress


def _validation(cell: Cell, model: keras.Model, jit: bool) -> Callable[[], Evaluation] | None:
    """The evaluation of the model on the validation images; None where the run has none."""
    if not len(cell.split.validation):
        return None
    forward, batches = forward_function(model, jit), cell.validation_batches()
    return lambda: evaluate(forward, cell.representation, batches)


def _step_log(run: RunDirectory, cell: Cell, every: int, progress: Progress) -> StepLog:
    return StepLog(run / "steps.csv", every, steps=cell.steps, batch_size=cell.config.batch_size, images=len(cell.split.train),
                   epochs_done=progress.epoch)


def _tensorboard(run: RunDirectory) -> keras.callbacks.Callback:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise UserError("--tensorboard needs the package tensorboard. Install it with: pip install tensorboard") from None
    return keras.callbacks.TensorBoard(str(run.folder("tensorboard")))


def _claim_environment(run: RunDirectory, cell: Cell, device: Device, model: keras.Model) -> dict[str, Any]:
    """Writes environment.json and the label table; a resumed run must find its data and labels unchanged.

    Returns:
        The present values of environment.json.
    """
    environment = describe_environment(device) | {
        "data_variant": cell.dataset.variant,
        "data_fingerprint": cell.dataset.fingerprint,
        "label_fingerprint": cell.representation.fingerprint,
        "class_names": list(cell.dataset.class_names),
        "mean": list(cell.dataset.mean),
        "std": list(cell.dataset.std),
        "train_images": len(cell.split.train),
        "validation_images": len(cell.split.validation),
        "parameters": parameter_count(model),
    }
    run.claim_environment(environment, {"label_table.npy": cell.representation.table})
    return environment


def _announce(run: RunDirectory, cell: Cell, device: Device, progress: Progress) -> None:
    """Says what is trained, on what, and what it is expected to take."""
    config, images = cell.config, len(cell.split.train)
    height, width, _ = cell.dataset.image_shape
    click.echo(f"{config.run_name}\n  {cell.dataset.variant}: {images} training images, {len(cell.split.validation)} for "
               f"validation, {len(cell.dataset.test_ids)} for the test; {config.epochs} epochs on {device.description} "
               f"({device.backend}).")
    tests = len(cell.dataset.test_ids)
    sizes = Sizes(images, len(cell.split.validation), tests, len(chosen_images(tests)) if is_requested(run) else 0)
    seconds = expected_seconds(config, device.kind, sizes, height * width, progress.epoch)
    if seconds is not None:
        click.echo(f"  Expected to take about {duration(seconds)} on {DEVICES[device.kind]}: training, validation"
                   f"{', features' if sizes.features else ''} and test.")
    if progress.epoch:
        click.echo(f"  Resumed after epoch {progress.epoch}.")
    elif config.dataset == "folder" and images < FEW_PICTURES and config.learning_rate > GENTLE_RATE:
        click.secho(f"  Warning: {images} pictures are few for a learning rate of {config.learning_rate:g}: in our trials the "
                    "loss on validation rose to hundreds and thousands at first, and speech ended worse. "
                    f"Try --batch-size {GENTLE_BATCH} --learning-rate {GENTLE_RATE:g}.", fg="yellow", err=True)


def _write_metrics(run: RunDirectory, cell: Cell, progress: Progress, jit: bool) -> None:
    """Evaluates the best checkpoint on the test set, once."""
    started = time.perf_counter()
    test: Evaluation = evaluate(forward_function(load_model(run / "best.keras"), jit), cell.representation, cell.test_batches())
    run.write_json(ANSWERS_FILE, packed_answers(test.right))
    if (only := only_answer(test.right["nearest"], cell.dataset.test_ids)) is not None:
        click.secho(f"  Note: the network seems to answer {cell.dataset.class_names[only]!r} to every test image, as one that "
                    "has not learned yet. Train longer, or with another learning rate.", fg="yellow", err=True)
    run.write_json("metrics.json", test.figures("test") | {
        **_best_on_validation(progress),
        "epochs": cell.config.epochs, "train_seconds": round(progress.train_seconds, 3),
        "test_seconds": round(time.perf_counter() - started, 3),
        **checkpoint_digests(run.path, "best.keras", "last.keras")})


def _best_on_validation(progress: Progress) -> dict[str, Any]:
    """The epoch behind best.keras and its validation figures; the last epoch, without figures, where nothing was validated."""
    if not progress.best_epoch:
        return {"best_epoch": progress.epoch, "best_val_accuracy": None, "best_val_loss": None}
    return {"best_epoch": progress.best_epoch, "best_val_accuracy": progress.best_accuracy, "best_val_loss": progress.best_loss}
