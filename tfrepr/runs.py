"""Run directories: which files a run has, who may write them, and how they are written so that nothing is lost.

    config.json        the RunConfig
    environment.json   versions, device, backend, commit, data variant, fingerprints of data and labels
    label_table.npy    the label table, float32 (classes, ...)
    history.csv        one row an epoch, `history_columns`
    steps.csv          training loss every N steps, `STEP_COLUMNS`, where it was asked for
    state.npz          while training: weights, optimiser, epoch; removed at the end
    best.keras         best on validation (until the end of training `best-<epoch>.keras`)
    last.keras         after the last epoch
    test_answers.json  which test images best.keras answers rightly, see `tfrepr.results.answers`
    metrics.json       test figures of best.keras; only a finished run has it
    attacks.csv        see tfrepr.results.attack_rows
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

import click
import numpy as np

from tfrepr.config import RunConfig
from tfrepr.errors import RunInUseError, RunRefusedError, UserError, disk_errors
from tfrepr.files import json_bytes, make_folder, npy_bytes, write_atomically
from tfrepr.reading import MissingFileError, damaged, read_json

HISTORY_COLUMNS = ("epoch", "learning_rate", "train_loss", "val_loss", "val_accuracy", "val_threshold_accuracy", "seconds",
                   "images_per_second")
TRAINING_ACCURACY_COLUMNS = ("train_accuracy", "train_top5_accuracy")
"""Further columns of a run without validation, whose accuracy is measured on the training batches instead."""
STEP_COLUMNS = ("step", "train_loss")
"""Training steps done, and the mean loss of the steps since the line before."""
METRICS_FORM = {"test_images": int, "test_loss": float, "test_accuracy": float, "test_threshold_accuracy": float | None,
                "test_top5_accuracy": float | None, "best_epoch": int, "best_val_accuracy": float | None,
                "best_val_loss": float | None, "epochs": int, "train_seconds": float, "test_seconds": float,
                "checkpoints": dict[str, str]}
ENVIRONMENT_FORM = {"device": str, "backend": str, "python": str, "platform": str, "versions": dict[str, str | None],
                    "commit": str | None, "data_variant": str | None, "data_fingerprint": str, "label_fingerprint": str,
                    "class_names": list[str], "mean": list[float], "std": list[float], "train_images": int,
                    "validation_images": int, "parameters": int, "resumed": list[dict[str, Any]]}
"""Types of the values, see `tfrepr.reading.fits`; files of older runs lack some."""
RUNS_ON = ("device", "backend", "python", "platform", "versions", "commit")
"""Keys of environment.json that may change when a run is resumed; `resumed` then says from where on which value holds."""
REMEDIES = {
    "config.json": "Remove this one file and repeat the command that started the run: it writes the file again.",
    "metrics.json": "Put back a copy of it, or remove the run directory and train again.",
    "environment.json": "Put back a copy of it, or remove the run directory and train again.",
    "attacks.json": "Move attacks.csv, attacks.json and gallery.npz away; scripts/attack.py then makes them anew.",
    "stage.json": "Remove it; the same command then trains this stage again.",
    "training.json": "Remove it; the same command makes it again from the checkpoints beside it.",
}
"""What to do about a damaged file."""
RUNS = "runs"
"""The folder of all run directories in that of all results."""
LOCK_PATIENCE = 0.25
"""Seconds to wait for a run's lock: a look at `RunDirectory.in_use` by another process holds it for less."""


def history_columns(config: RunConfig) -> tuple[str, ...]:
    """The columns of a run's history.csv."""
    return HISTORY_COLUMNS + (TRAINING_ACCURACY_COLUMNS if config.validation == "none" else ())


class RunDirectory:
    """The files of one run.

    Args:
        path: The directory; made by `locked`.
    """

    forms: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "metrics.json": METRICS_FORM, "environment.json": ENVIRONMENT_FORM,
        "attacks.json": {"checkpoint": str, "data_variant": str, "protocols": dict[str, dict[str, Any]],
                         "signs": dict[str, dict[str, Any]]},
        "stage.json": {"checkpoints": dict[str, str]},
        "training.json": {"temperature": float, "test_accuracy": float, "checkpoints": dict[str, str]}}
    """Types of the values in its JSON files."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def of(cls, config: RunConfig, output: Path | str) -> RunDirectory:
        """The directory of `config` under the output folder (`output/runs/<run name>`)."""
        return cls(Path(output) / RUNS / config.run_name)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def folder(self, *names: str) -> Path:
        """A folder in the run directory for further files, made where it is missing.

        Raises:
            UserError: It leads out of the run directory by a link, or cannot be made.
        """
        return make_folder(self.path, *names)

    @property
    def finished(self) -> bool:
        """Whether training and the test evaluation are complete. Whatever stands at the file's place counts: no damage to a
        result starts a training over."""
        return os.path.lexists(self / "metrics.json")

    def config(self) -> RunConfig:
        """The run's config.

        Raises:
            UserError: The folder is not a run directory, or its config cannot be read.
        """
        return self.read_config(RunConfig)

    def read_config(self, record: Any) -> Any:
        """The config as a record that has `from_dict`.

        Raises:
            UserError: As for `config`.
        """
        values = self.read_json("config.json")
        try:
            return record.from_dict(values)
        except UserError as error:
            raise damaged(self / "config.json", error, REMEDIES["config.json"]) from None

    def metrics(self, *needed: str) -> dict[str, Any]:
        """Test figures of the best checkpoint; `needed` names those that must be there.

        Raises:
            UserError: The run is not finished, or the file is damaged.
        """
        if not self.finished:
            raise UserError(f"The run {self.path} is not finished: it has no metrics.json. Repeat the scripts/train.py command "
                            "that started it; it goes on where it stopped.")
        return self.read_json("metrics.json", *needed)

    def environment(self, *needed: str) -> dict[str, Any]:
        """Versions, device and data of the run; `needed` names what must be there.

        Raises:
            UserError: The file is missing or damaged.
        """
        return self.read_json("environment.json", *needed)

    def read_json(self, name: str, *needed: str) -> dict[str, Any]:
        """Reads one JSON file of the run, which holds an object with the keys `needed`.

        Raises:
            UserError: It is missing or damaged.
        """
        remedy = REMEDIES.get(name, "Remove the run directory and train again.")
        try:
            return read_json(self / name, self.forms.get(name, {}), needed=needed, advice=remedy)
        except MissingFileError:
            raise UserError(f"{self.path} is not a complete run directory: it has no {name}. Runs are made by "
                            "scripts/train.py under output/runs/.") from None

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Writes one JSON file whole or not at all."""
        write_atomically(self / name, json_bytes(values))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps every other process out while it holds; the operating system lets go of the lock when a process dies.

        Raises:
            RunInUseError: Another process holds it.
            RunRefusedError: The folder cannot be written.
        """
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self / ".lock")
            lock.acquire(timeout=LOCK_PATIENCE, poll_interval=LOCK_PATIENCE / 5)
        except Timeout:
            raise RunInUseError(f"Another process works on {self.path}. Wait until it ends, or choose another "
                                "--output.") from None
        except OSError as error:
            raise RunRefusedError(f"Cannot write to {self.path} ({error.strerror or error}). Nothing was changed. Choose a "
                                  "writable folder with --output.") from None
        try:
            yield
        finally:
            lock.release()

    @property
    def in_use(self) -> bool:
        """Whether another process holds the lock at this moment; makes no directory. A lock that may not be tried is none."""
        from filelock import FileLock, Timeout

        if not (self / ".lock").exists():
            return False
        try:
            with FileLock(self / ".lock", timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def claim(self, config: RunConfig) -> None:
        """Writes config.json, or checks that the one that is there says the same.

        Raises:
            RunRefusedError: The directory belongs to another config.
        """
        if not (self / "config.json").exists():
            self.write_json("config.json", config.to_dict())
        elif self.config() != config:
            raise RunRefusedError(f"{self.path} was made by another config; nothing was overwritten. Compare its config.json "
                                  "with your options, or choose another --output.")

    def restore_config(self, config: RunConfig) -> None:
        """Writes config.json of a finished run anew, where it was taken away as damaged; the folder's name says whose it is."""
        if self.finished and not (self / "config.json").exists() and self.path.name == config.run_name:
            with self.locked():
                self.claim(config)

    def skipped(self, config: RunConfig) -> bool:
        """Whether the run is finished, which is said on standard output.

        Raises:
            RunRefusedError: It was made by another config.
            UserError: Its result is damaged.
        """
        if not self.finished:
            return False
        self.restore_config(config)
        if self.config() != config:
            raise RunRefusedError(f"{self.path} was made by another config; nothing was overwritten.")
        self.metrics()
        click.echo(f"{config.run_name}: finished earlier, skipped.")
        return True

    @contextmanager
    def claimed(self, config: RunConfig) -> Iterator[None]:
        """Holds the lock; the directory belongs to this config.

        Raises:
            RunRefusedError: Another process works on it, or it belongs to another config.
        """
        with self.locked():
            self.claim(config)
            yield

    def claim_environment(self, environment: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Writes environment.json after `arrays` (file name to array), or checks that data and labels are those of its start.

        Raises:
            RunRefusedError: The fingerprint of the data or of the label table changed since the run began.
        """
        if (self / "environment.json").exists():
            self._refuse_change("data_fingerprint", "data", environment["data_fingerprint"])
            self._refuse_change("label_fingerprint", "label table", environment["label_fingerprint"])
            return
        for name, array in arrays.items():
            write_atomically(self / name, npy_bytes(array))
        self.write_json("environment.json", environment)

    def refuse_other_data(self, fingerprint: str) -> None:
        """Checks that the data are those of the run's start.

        Raises:
            RunRefusedError: They changed since.
            UserError: environment.json is damaged.
        """
        self._refuse_change("data_fingerprint", "data", fingerprint)

    def refuse_other_label(self, fingerprint: str) -> None:
        """Checks that the label table is that of the run's start.

        Raises:
            RunRefusedError: It changed since.
            UserError: environment.json is damaged.
        """
        self._refuse_change("label_fingerprint", "label table", fingerprint)

    def _refuse_change(self, key: str, what: str, now: str) -> None:
        then = self.environment(key)[key]
        if then != now:
            raise RunRefusedError(f"The {what} of {self.path} changed since the run began ({then} then, {now} now); nothing "
                                  "was overwritten. Restore it, or choose another --output.")

    def note_resumption(self, environment: dict[str, Any], unit: str, number: int) -> None:
        """Keeps in environment.json on what the run goes on, where that changed since it began or was last resumed.

        The list `resumed` gets an entry `{"from_<unit>": number, ...}` with the values of `RUNS_ON` that are new. What the run
        was on without finishing a single epoch is forgotten.

        Args:
            environment: The present values.
            unit: `"epoch"`, or `"stage"` for a run that trains in stages.
            number: The first one that is trained now, from 1.
        """
        record = self.environment()
        resumed = [entry for entry in record.pop("resumed", []) if entry.get(f"from_{unit}", 0) < number]
        now = {name: environment[name] for name in RUNS_ON if name in environment}
        if number == 1:
            record |= now
        before = dict(record)
        for entry in resumed:
            before |= entry
        if changed := {name: value for name, value in now.items() if value != before.get(name)}:
            resumed.append({f"from_{unit}": number, **changed})
        record |= {"resumed": resumed} if resumed else {}
        if record != self.environment():
            self.write_json("environment.json", record)


def record_experiment(output: Path | str, name: str, run_names: list[str]) -> None:
    """Notes which runs an experiment consists of; the newest note is what `plot_results.py` draws by default."""
    note = {"name": name, "runs": run_names, "finished": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    write_atomically(Path(output) / "experiments" / f"{name}.json", json_bytes(note))


def each_run(runs: Iterable[RunDirectory], work: Callable[[RunDirectory], None]) -> int:
    """Does something with runs one after the other; one that fails does not stop the rest, and a reason is told once.

    Returns:
        0, or the exit code of the last run that failed.
    """
    exit_code, told = 0, {}
    for run in runs:
        click.echo(run.path.name)
        try:
            with disk_errors():
                work(run)
        except UserError as error:
            first = told.setdefault(str(error), run.path.name)
            click.secho(f"Error: {run.path.name}: {error if first == run.path.name else f'as for {first}'}", fg="red", err=True)
            exit_code = error.exit_code
    return exit_code
