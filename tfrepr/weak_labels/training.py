"""One training of a pipeline: blocks of stages, the best checkpoint, its temperature and its test figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
import keras
import numpy as np

from tfrepr.analysis.calibration import expected_calibration_error, temperature_warning, top_probabilities
from tfrepr.analysis.temperature import fit_temperature
from tfrepr.data.resizing import Recipe, training_batches
from tfrepr.files import user_path
from tfrepr.models.build import build_model
from tfrepr.models.encoders.resnet50 import load_pretrained
from tfrepr.runs import RunDirectory
from tfrepr.seeds import integer_seed
from tfrepr.training.checkpoint import load_model, save_model
from tfrepr.training.checkpoint_digest import checkpoint_digests
from tfrepr.training.devices import compute_types
from tfrepr.training.evaluation import evaluate, forward_function
from tfrepr.training.stages import Lesson, Stage, run_stage
from tfrepr.training.transfer import transfer_weights
from tfrepr.weak_labels.options import WeakLabelConfig
from tfrepr.weak_labels.runs import starting_weights
from tfrepr.weak_labels.workshop import Workshop

VALIDATION_SHARE = 0.2
"""Of the labelled images, as in the report."""
MODEL_FILE, TRAINING_FILE = "model.keras", "training.json"


@dataclass(frozen=True)
class Trained:
    """A network that has been trained, at its lowest validation loss.

    Attributes:
        outputs: From batches of images to network outputs.
        temperature: Of its class probabilities.
        figures: Validation and test figures, see `training.json`.
    """

    outputs: Callable[[Any], Any]
    temperature: float
    figures: dict[str, Any]


def blocks(config: WeakLabelConfig, own_side: int) -> list[Stage]:
    """The stages of a training: for each side a flat-then-cosine stage, then a one-cycle stage on everything.

    The backbone is frozen in a first stage if it has been trained before, elsewhere or in a smaller block: a head on a backbone
    of random weights would learn little. `train` lengthens stages that would have too few steps.
    """
    stages, least = [], config.scaled(config.least_steps)
    for number, side in enumerate(config.sides(own_side)):
        trained = number > 0 or config.weights != "none" or config.init_from is not None
        stages += [Stage("flat-cosine", config.learning_rate, config.scaled(config.frozen_epochs), side, frozen=trained,
                         least_steps=least),
                   Stage("one-cycle", config.tuning_rate, config.scaled(config.tuning_epochs), side, frozen=False,
                         least_steps=least)]
    return stages


def flat_cosine_only(config: WeakLabelConfig, own_side: int) -> list[Stage]:
    """One flat-then-cosine stage on everything at the largest side, as long as a block."""
    epochs = config.scaled(config.frozen_epochs) + config.scaled(config.tuning_epochs)
    return [Stage("flat-cosine", config.learning_rate, epochs, config.sides(own_side)[-1], frozen=False,
                  least_steps=2 * config.scaled(config.least_steps))]


def train(workshop: Workshop, name: str, stages: list[Stage], train_rows: np.ndarray, validation_rows: np.ndarray,
          ids: np.ndarray) -> Trained:
    """Trains a new network, or goes on where an earlier attempt stopped, or reads a finished training.

    Args:
        workshop: What all trainings share.
        name: Name of the training's folder; initialisation, order and crops depend on it.
        stages: What to do; those that would have too few steps with so few images get more epochs.
        train_rows, validation_rows: Indices into the training images.
        ids: Class id of every training image, given or guessed; only those of the two rows are read.

    Returns:
        The network at the lowest validation loss of its last stage.
    """
    folder = RunDirectory(workshop.run.folder(name))
    seed = integer_seed(workshop.config.seed, "initialisation", name)
    config = workshop.config
    stages = [stage.lasting(_steps(config, train_rows)) for stage in stages]
    with compute_types(config.mixed_precision):
        if (folder / TRAINING_FILE).exists():
            figures = folder.read_json(TRAINING_FILE, "temperature", "test_accuracy")
            return Trained(forward_function(load_model(folder / MODEL_FILE), workshop.jit), figures["temperature"], figures)
        _run_stages(workshop, folder, stages, train_rows, validation_rows, ids, seed)
        return _finish(workshop, folder, stages, validation_rows, ids)


def probabilities(workshop: Workshop, trained: Trained, images: np.ndarray) -> np.ndarray:
    """Class probabilities of uint8 images, float64, `(n, classes)`; rows sum to 1."""
    scores = _scores(workshop, trained.outputs, images)
    shares = keras.ops.convert_to_numpy(keras.ops.softmax(scores / trained.temperature, axis=-1)).astype(np.float64)
    return shares / shares.sum(axis=1, keepdims=True)


def _run_stages(workshop: Workshop, folder: RunDirectory, stages: list[Stage], train_rows: np.ndarray,
                validation_rows: np.ndarray, ids: np.ndarray, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    model = new_model(workshop, stages[0].side)
    for number, stage in enumerate(stages, start=1):
        if model.input_shape[1] != stage.side:
            larger = _untrained(workshop, stage.side)
            transfer_weights(model, larger, f"the {model.input_shape[1]}-pixel block")
            model = larger
        lesson = _lesson(workshop, stage, train_rows, validation_rows, ids, seed + number)
        run_stage(folder.folder(f"{number}-{stage.name}"), stage, model, workshop.representation, lesson, jit=workshop.jit)


def new_model(workshop: Workshop, side: int) -> keras.Model:
    """A network for images of that side, with the weights that the config starts from."""
    config, model = workshop.config, _untrained(workshop, side)
    if config.weights != "none":
        load_pretrained(model, config.weights)
    elif config.init_from is not None:
        path = starting_weights(user_path(config.init_from))
        transfer_weights(load_model(path), model, str(path))
    return model


def _untrained(workshop: Workshop, side: int) -> keras.Model:
    return build_model(workshop.config.encoder, (side, side, 3), workshop.representation)


def _lesson(workshop: Workshop, stage: Stage, train_rows: np.ndarray, validation_rows: np.ndarray, ids: np.ndarray,
            seed: int) -> Lesson:
    config, dataset = workshop.config, workshop.dataset
    recipe = Recipe(flip=dataset.flip, crop_area=config.crop_area, erasing=config.erasing, mixup=config.mixup)

    def batches(first_epoch: int) -> Any:
        return training_batches(dataset.train_images[train_rows], ids[train_rows], side=stage.side,
                                pixel_map=workshop.pixel_map, recipe=recipe, batch_size=config.batch_size, seed=seed,
                                first_epoch=first_epoch, last_epoch=stage.epochs)

    validation = workshop.batches(dataset.train_images[validation_rows], ids[validation_rows], stage.side)
    return Lesson(batches, _steps(config, train_rows), len(train_rows), validation, mixed=config.mixup > 0)


def _steps(config: WeakLabelConfig, train_rows: np.ndarray) -> int:
    """Batches an epoch."""
    return math.ceil(len(train_rows) / config.batch_size)


def _finish(workshop: Workshop, folder: RunDirectory, stages: list[Stage], validation_rows: np.ndarray,
            ids: np.ndarray) -> Trained:
    """Keeps the best model of the last stage and writes its temperature and figures."""
    last = stages[-1]
    model = load_model(folder / f"{len(stages)}-{last.name}" / "best.keras")
    save_model(model, folder / MODEL_FILE)
    forward, dataset = forward_function(model, workshop.jit), workshop.dataset
    images = dataset.train_images[validation_rows]
    figures: dict[str, Any] = {"name": folder.path.name}
    for part, batches in (("val", workshop.batches(images, ids[validation_rows], last.side)),
                          ("test", workshop.batches(dataset.test_images, dataset.test_ids, last.side))):
        figures |= evaluate(forward, workshop.representation, batches).figures(part)
    scores = keras.ops.convert_to_numpy(_scores(workshop, forward, images))
    figures |= temperature_figures(scores, ids[validation_rows])
    figures |= checkpoint_digests(folder.path, MODEL_FILE)
    folder.write_json(TRAINING_FILE, figures)
    return Trained(forward, figures["temperature"], figures)


def temperature_figures(scores: np.ndarray, class_ids: np.ndarray) -> dict[str, float]:
    """The temperature that fits validation images, their calibration errors at temperature 1 and at this one.

    A temperature that makes them less calibrated is kept, since it is the likeliest, but not without a word.

    Args:
        scores: `(n, classes)`, larger is better.
        class_ids: Integers, `(n,)`.
    """
    temperature, correct = fit_temperature(scores, class_ids), scores.argmax(axis=1) == class_ids
    plain, fitted = (expected_calibration_error(top_probabilities(scores, value), correct) for value in (1.0, temperature))
    if warning := temperature_warning({f"{len(scores)} validation images:": (plain, fitted)}):
        click.secho(f"  {warning}", fg="yellow", err=True)
    return {"temperature": temperature, "val_calibration_error": plain, "val_fitted_calibration_error": fitted}


def _scores(workshop: Workshop, forward: Callable[[Any], Any], images: np.ndarray) -> Any:
    """Scores of every class, `(n, classes)`."""
    batches = workshop.batches(images, np.zeros(len(images), np.int32))
    return keras.ops.concatenate([workshop.representation.scores(forward(batch)) for batch, _ in batches])
