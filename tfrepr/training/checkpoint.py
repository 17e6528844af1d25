"""The state from which an interrupted run goes on: everything that the next epoch depends on, in one file."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from tfrepr.config import SINGLE
from tfrepr.errors import UserError
from tfrepr.files import npz_bytes, replacing, write_atomically
from tfrepr.reading import UnreadableFileError, damaged, parse_json, read_arrays
from tfrepr.runs import RunDirectory
from tfrepr.surroundings import set_keras_defaults
from tfrepr.training.checkpoint_digest import check_checkpoint, checkpoint_digest, unloadable

PROGRESS_FORM = {"epoch": int, "best_epoch": int, "best_accuracy": float, "best_loss": float, "train_seconds": float}


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        epoch: Epochs completed.
        best_epoch: The epoch (from 1) that is best on validation, 0 before the first validation.
        best_accuracy, best_loss: Its validation accuracy and loss.
        train_seconds: Time in completed epochs.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    train_seconds: float = 0.0

    def beaten_by(self, accuracy: float, loss: float) -> bool:
        """Whether a validation result is better: higher accuracy, or equal accuracy and lower loss."""
        return (accuracy, -loss) > (self.best_accuracy, -self.best_loss)


class Checkpoint:
    """Saves and restores `state.npz` and the best model of one run.

    The best model is `best-<epoch>.keras` until the run ends; the state names the epoch that counts. Whatever the moment of
    a kill, the pair is consistent: a newer file that the state does not name is dropped on restoring, an older one is
    removed only after the state that replaces it is on disk.

    Args:
        run: The run directory.
        model: The model, whose weights are saved and restored.
        optimizer: Its built optimiser.
    """

    def __init__(self, run: RunDirectory, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        self.run = run
        self.model = model
        self.optimizer = optimizer
        self.best_digest: str | None = None

    def save(self, progress: Progress, improved: bool) -> None:
        """Writes the state after an epoch, and the model where it is the best so far."""
        if improved:
            self._save_best(progress)
        arrays = {f"variable{i:05d}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        arrays |= {"progress": np.array(json.dumps(asdict(progress))), "best": np.array(self.best_digest or "")}
        write_atomically(self.run / "state.npz", npz_bytes(arrays, compressed=False))
        self._drop_others(progress)

    def restore(self) -> Progress:
        """Loads the last state into model and optimiser; returns an empty Progress where there is none.

        Raises:
            UserError: The file is damaged or belongs to another model, or the best model that it names is lost.
        """
        path = self.run / "state.npz"
        if not path.exists():
            return Progress()
        advice = "Remove it to train from the start; the log is then cut back."
        arrays = read_arrays(path, advice=advice)
        told = parse_json(str(arrays.pop("progress", "")), PROGRESS_FORM, needed=PROGRESS_FORM, path=path, advice=advice)
        self.best_digest = str(arrays.pop("best", "")) or None
        arrays = [arrays[name] for name in sorted(arrays)]
        if any(array.dtype.kind not in "biuf" for array in arrays):
            raise damaged(path, "it holds something else than numbers", advice)
        progress, variables = Progress(**{name: told[name] for name in PROGRESS_FORM}), self._variables()
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
            raise UserError(f"{path} belongs to another model. Remove the run directory to train from the start.")
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        if progress.best_epoch == progress.epoch > 0 and not self._found_best(progress):
            self._save_best(progress)  # the state holds the same weights
        if progress.best_epoch:
            self._known_best(progress)
        self._drop_others(progress)
        return progress

    def finish(self, progress: Progress) -> None:
        """Leaves `best.keras` and `last.keras`, the same without validation; may be repeated after a kill.

        Raises:
            UserError: The best model was lost.
        """
        best = self._known_best(progress) if progress.best_epoch else None
        save_model(self.model, self.run / "last.keras")
        if best is None:
            save_model(self.model, self.run / "best.keras")
        else:
            best.replace(self.run / "best.keras")

    def clear(self) -> None:
        """Removes the state of a finished run."""
        (self.run / "state.npz").unlink(missing_ok=True)

    def _variables(self) -> list:
        return [*self.model.variables, *self.optimizer.variables]

    def _best(self, epoch: int) -> Path:
        return self.run / f"best-{epoch:05d}.keras"

    def _save_best(self, progress: Progress) -> None:
        save_model(self.model, self._best(progress.best_epoch))
        self.best_digest = checkpoint_digest(self._best(progress.best_epoch))

    def _found_best(self, progress: Progress) -> Path | None:
        """The best model, under the name that it has while training or, after a kill at the end, under its last one."""
        for path in (self._best(progress.best_epoch), self.run / "best.keras"):
            with contextlib.suppress(UnreadableFileError):
                found = checkpoint_digest(path)
                if self.best_digest in (None, found):  # states of older versions hold no digest
                    return path
        return None

    def _known_best(self, progress: Progress) -> Path:
        if (path := self._found_best(progress)) is None:
            raise UserError(f"{self._best(progress.best_epoch)}, the best model of this unfinished run, is lost, damaged or "
                            f"another one. Put the right file back, or remove {self.run / 'state.npz'}: the same command then "
                            "trains again from the start.")
        return path

    def _drop_others(self, progress: Progress) -> None:
        for path in self.run.path.glob("best-*.keras"):
            if path != self._best(progress.best_epoch):
                path.unlink()


def save_model(model: keras.Model, path: Path) -> None:
    """Writes a `.keras` file whole or not at all."""
    with replacing(path) as temporary, _own_temporary_folder():
        model.save(temporary)


@contextmanager
def _own_temporary_folder() -> Iterator[None]:
    """For a while all temporary files go to a folder that is removed: Keras leaves its own behind where the disk is full."""
    usual = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="tfrepr-") as tempfile.tempdir:
        try:
            yield
        finally:
            tempfile.tempdir = usual


def load_model(path: Path) -> keras.Model:
    """Loads a `.keras` file; safe mode stays on.

    The network computes in float32, whatever the precision of its training: attacks need exact gradients.

    Raises:
        UserError: The file is missing or damaged, or is not the one whose digest the record beside it keeps.
    """
    import tfrepr.models.layers  # these two register the layers that the file names
    import tfrepr.models.response_normalisation  # noqa: F401

    advice = check_checkpoint(path)
    set_keras_defaults()
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras lets through whatever it meets when it builds the layers
        raise unloadable(path, error, advice) from None
    return model if all(layer.compute_dtype == SINGLE for layer in model.layers) else _in_single_precision(model)


def _in_single_precision(model: keras.Model) -> keras.Model:
    """A copy with the same weights that computes in float32."""
    copy = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": SINGLE}))
    copy.set_weights(model.get_weights())
    return copy
