"""The state from which an interrupted run goes on: everything that the next epoch depends on, in one file."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from tfrepr.errors import UserError
from tfrepr.runs import RunDirectory, replacing, write_atomically
from tfrepr.surroundings import set_keras_defaults


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

    def save(self, progress: Progress, improved: bool) -> None:
        """Writes the state after an epoch, and the model where it is the best so far."""
        if improved:
            save_model(self.model, self._best(progress.best_epoch))
        arrays = {f"variable{i:05d}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        buffer = io.BytesIO()
        np.savez(buffer, progress=np.array(json.dumps(asdict(progress))), **arrays)
        write_atomically(self.run / "state.npz", buffer.getvalue())
        self._drop_others(progress)

    def restore(self) -> Progress:
        """Loads the last state into model and optimiser; returns an empty Progress where there is none.

        Raises:
            UserError: The file is damaged or belongs to another model.
        """
        path = self.run / "state.npz"
        if not path.exists():
            return Progress()
        try:
            with np.load(path, allow_pickle=False) as state:
                progress = Progress(**json.loads(str(state["progress"])))
                arrays = [state[name] for name in sorted(state.files) if name.startswith("variable")]
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} is damaged ({error}). Remove it and {self.run / 'history.csv'} to train from the "
                            "start.") from None
        variables = self._variables()
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
            raise UserError(f"{path} belongs to another model. Remove the run directory to train from the start.")
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        self._drop_others(progress)
        return progress

    def finish(self, progress: Progress) -> None:
        """Leaves `best.keras` and `last.keras`, the same without validation; may be repeated after a kill."""
        save_model(self.model, self.run / "last.keras")
        if not progress.best_epoch:
            save_model(self.model, self.run / "best.keras")
        if self._best(progress.best_epoch).exists():
            self._best(progress.best_epoch).replace(self.run / "best.keras")

    def clear(self) -> None:
        """Removes the state of a finished run."""
        (self.run / "state.npz").unlink(missing_ok=True)

    def _variables(self) -> list:
        return [*self.model.variables, *self.optimizer.variables]

    def _best(self, epoch: int) -> Path:
        return self.run / f"best-{epoch:05d}.keras"

    def _drop_others(self, progress: Progress) -> None:
        for path in self.run.path.glob("best-*.keras"):
            if path != self._best(progress.best_epoch):
                path.unlink()


def save_model(model: keras.Model, path: Path) -> None:
    """Writes a `.keras` file whole or not at all."""
    with replacing(path) as temporary:
        model.save(temporary)


def load_model(path: Path) -> keras.Model:
    """Loads a `.keras` file; safe mode stays on.

    Raises:
        UserError: The file is missing or damaged.
    """
    import tfrepr.models.layers  # these two register the layers that the file names
    import tfrepr.models.response_normalisation  # noqa: F401

    if not path.exists():
        raise UserError(f"There is no checkpoint {path}. Train the run to its end with scripts/train.py.")
    set_keras_defaults()
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        first_line = str(error).strip().splitlines()[0]
        raise UserError(f"{path} cannot be loaded ({first_line}). Remove the run directory and train again.") from None
