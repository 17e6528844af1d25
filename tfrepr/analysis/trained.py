"""A finished run, ready to be looked at: its best model, its label, and how its images are standardised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.attacks.loading import load_best_model, load_data, load_representation
from tfrepr.errors import UserError
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.runs import RunDirectory

if TYPE_CHECKING:
    import keras

BATCH = 100


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
            dataset = load_data(run, run.config(), data_dir)
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
        scale, shift = 1 / (255 * np.asarray(self.std)), np.asarray(self.mean) / np.asarray(self.std)
        return images.astype(np.float32) * scale.astype(np.float32) - shift.astype(np.float32)

    @cached_property
    def _forward(self) -> Any:
        from tfrepr.evaluation import forward_function

        return forward_function(self.model)

    def outputs(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Outputs of uint8 images, float32 `(batch, *output_shape)`, in batches of at most `BATCH` images."""
        import keras

        for start in range(0, len(images), BATCH):
            outputs = self._forward(self.standardise(images[start:start + BATCH]))
            yield np.asarray(keras.ops.convert_to_numpy(outputs), np.float32)
