"""A finished run, ready to be looked at: its best model, its label, and how its images are standardised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.config import RunConfig
from tfrepr.data.corruption import corrupted
from tfrepr.data.dataset import ImageDataset
from tfrepr.data.loading import load_source, source_folder
from tfrepr.data.splits import Split, split
from tfrepr.data.standardisation import standardised
from tfrepr.errors import RunRefusedError, UserError
from tfrepr.files import user_path
from tfrepr.labels.representation import CategoryRepresentation, LabelRepresentation, RegressionRepresentation
from tfrepr.reading import damaged, read_array
from tfrepr.runs import RunDirectory

if TYPE_CHECKING:
    import keras

BATCH = 100
GIVE_PLACE = "Give the place of the run's own data with --data-dir (scripts/evaluate.py beside --dataset: --train-dir)."


@dataclass(frozen=True)
class TrainedModel:
    """The best checkpoint of a finished run.

    Attributes:
        run: The run directory.
        model: From standardised images to outputs.
        representation: The run's label, from its own table.
        mean, std: Per channel, of the training images scaled to [0, 1]; other images are standardised with them too.
    """

    run: RunDirectory
    model: keras.Model
    representation: LabelRepresentation
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def load(cls, run: RunDirectory, data_dir: Path | None = None) -> TrainedModel:
        """Loads a run.

        Args:
            run: A run directory.
            data_dir: Folder with the run's data; read only for runs whose environment.json does not hold mean and deviation.

        Raises:
            UserError: No run directory, an unfinished run, damaged files, or `--preprocessing per-image`.
        """
        preprocessing = run.config().preprocessing
        run.metrics()
        environment = run.environment()
        if preprocessing != "dataset":
            raise UserError(f"{run.path} was trained with --preprocessing {preprocessing}. Choose a run with --preprocessing "
                            "dataset; others cannot be looked at here.")
        if not {"mean", "std"} <= environment.keys():
            dataset = load_data(run, data_dir)
            environment = {"mean": dataset.mean, "std": dataset.std}
        representation = load_representation(run)
        return cls(run, load_best_model(run, representation), representation, tuple(environment["mean"]),
                   tuple(environment["std"]))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the images that the model takes."""
        return tuple(self.model.input_shape[1:])

    def standardise(self, images: np.ndarray) -> np.ndarray:
        """uint8 images as the model takes them, float32, `(n, height, width, 3)`."""
        return standardised(images.astype(np.float32), self.mean, self.std)

    @cached_property
    def _forward(self) -> Any:
        from tfrepr.training.evaluation import forward_function

        return forward_function(self.model)

    def outputs(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Outputs of uint8 images, float32 `(batch, *output_shape)`, in batches of at most `BATCH` images."""
        import keras

        for start in range(0, len(images), BATCH):
            outputs = self._forward(self.standardise(images[start:start + BATCH]))
            yield np.asarray(keras.ops.convert_to_numpy(outputs), np.float32)


def load_best_model(run: RunDirectory, representation: LabelRepresentation) -> keras.Model:
    """The best checkpoint of a run.

    Raises:
        UserError: No checkpoint, a damaged one, or another one than the run's.
    """
    from tfrepr.models.build import parameter_count
    from tfrepr.training.checkpoint import load_model

    model = load_model(run / "best.keras")
    parameters = parameter_count(model)
    found = (tuple(model.output_shape[1:]), parameters)
    wanted = (tuple(representation.output_shape), run.environment().get("parameters", parameters))
    if len(model.inputs) != 1 or found != wanted:
        raise other_architecture(run, f"output {found[0]}, {found[1]:,} parameters; the run's are {wanted[0]}, {wanted[1]:,}")
    return model


def other_architecture(run: RunDirectory, difference: str) -> UserError:
    return UserError(f"{run / 'best.keras'} is a checkpoint of another architecture: {difference}. Put the right file back, or "
                     "remove the run directory and train again.")


def load_representation(run: RunDirectory) -> LabelRepresentation:
    """The label that a run was trained on, from its own table.

    Raises:
        UserError: The table is missing or is not the one of the training.
    """
    config, environment = run.config(), run.environment("class_names", "label_fingerprint")
    names, path = tuple(environment["class_names"]), run / "label_table.npy"
    advice = "Put back a copy of it, or remove the run directory and train again."
    if config.label == "category":
        representation: LabelRepresentation = CategoryRepresentation("category", names, config.label_smoothing)
    else:
        table = read_array(path, advice)
        if table.dtype.kind != "f" or table.ndim < 2 or len(table) != len(names):
            raise damaged(path, f"it holds {table.dtype} of shape {table.shape} for {len(names)} classes", advice)
        representation = RegressionRepresentation(config.label, names, table)
    if representation.fingerprint != environment["label_fingerprint"]:
        raise UserError(f"{path} is not the table that the run was trained with. {advice}")
    return representation


def split_of(config: RunConfig, dataset: ImageDataset) -> Split:
    """Which images a run trains on and which validate it.

    Args:
        config: Of the run.
        dataset: Its data with the true labels, which decide the split whatever the corruption.

    Raises:
        UserError: As `split`.
    """
    return split(dataset.train_ids, validation=dataset.validation if config.validation == "split" else 0,
                 percent=config.percent, percent_of=config.percent_of, seed=config.seed, class_names=dataset.class_names)


def load_data(run: RunDirectory, data_dir: Path | None) -> ImageDataset:
    """The data set that a run was trained on.

    Args:
        run: The run.
        data_dir: Where the data lie now; None: where the run found them, or where the source looks by itself.

    Raises:
        UserError: The data are not to be found, or others than those of the training.
    """
    config = run.config()
    if config.preprocessing != "dataset":
        raise UserError(f"{run.path} was trained with --preprocessing {config.preprocessing}. Attacks and analyses work in "
                        "units of the data set's standard deviation, so they take runs with --preprocessing dataset only.")
    folder = source_folder(config, data_dir)
    if config.folder is not None and not user_path(folder).is_dir():
        here = "" if folder.is_absolute() else f" in {Path.cwd()}"
        raise UserError(f"There is no folder {folder}{here} with the pictures of the run, which was trained on "
                        f"{config.folder}. {GIVE_PLACE}")
    dataset = corrupted(load_source(config, data_dir), config.corruption, level=config.corruption_level, seed=config.seed)
    trained_on = run.environment("data_fingerprint")["data_fingerprint"]
    if dataset.fingerprint != trained_on:
        where = "" if folder is None else f" in {folder}"
        raise RunRefusedError(f"The data{where} are not those that {run.path} was trained on ({trained_on} then, "
                              f"{dataset.fingerprint} now: {dataset.variant}). {GIVE_PLACE}")
    return dataset
