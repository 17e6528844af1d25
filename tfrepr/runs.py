"""Run directories: which files a run has, who may write them, and how they are written so that nothing is lost.

    config.json        the RunConfig
    environment.json   versions, device, backend, commit, data variant, fingerprints of data and labels
    label_table.npy    the label table, float32 (classes, ...)
    history.csv        one row an epoch, `history_columns`
    steps.csv          training loss every N steps, `STEP_COLUMNS`, where it was asked for
    state.npz          while training: weights, optimiser, epoch; removed at the end
    best.keras         best on validation (until the end of training `best-<epoch>.keras`)
    last.keras         after the last epoch
    metrics.json       test figures of best.keras; only a finished run has it
    attacks.csv        see tfrepr.attacks
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
import numpy as np

from tfrepr.config import RunConfig
from tfrepr.errors import RunInUseError, RunRefusedError, UserError

HISTORY_COLUMNS = ("epoch", "learning_rate", "train_loss", "val_loss", "val_accuracy", "val_threshold_accuracy", "seconds",
                   "images_per_second")
TRAINING_ACCURACY_COLUMNS = ("train_accuracy", "train_top5_accuracy")
"""Further columns of a run without validation, whose accuracy is measured on the training batches instead."""
STEP_COLUMNS = ("step", "train_loss")
"""Training steps done, and the mean loss of the steps since the line before."""
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

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def of(cls, config: RunConfig, output: Path | str) -> RunDirectory:
        """The directory of `config` under the output folder (`output/runs/<run name>`)."""
        return cls(Path(output) / "runs" / config.run_name)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def finished(self) -> bool:
        """Whether training and the test evaluation are complete."""
        return (self / "metrics.json").is_file()

    def config(self) -> RunConfig:
        """The run's config.

        Raises:
            UserError: The folder is not a run directory, or its config cannot be read.
        """
        return RunConfig.from_dict(self.read_json("config.json"))

    def metrics(self) -> dict[str, Any]:
        """Test figures of the best checkpoint.

        Raises:
            UserError: The run is not finished.
        """
        if not self.finished:
            raise UserError(f"The run {self.path} is not finished: it has no metrics.json. Repeat the scripts/train.py command "
                            "that started it; it goes on where it stopped.")
        return self.read_json("metrics.json")

    def environment(self) -> dict[str, Any]:
        """Versions, device and data of the run."""
        return self.read_json("environment.json")

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads one JSON file of the run.

        Raises:
            UserError: It is missing or damaged.
        """
        try:
            return json.loads((self / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{self.path} is not a complete run directory: it has no {name}. Runs are made by "
                            "scripts/train.py under output/runs/.") from None
        except json.JSONDecodeError as error:
            raise UserError(f"{self / name} is damaged ({error}). Remove the run directory and train again.") from None

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Writes one JSON file whole or not at all."""
        write_atomically(self / name, (json.dumps(values, indent=2) + "\n").encode())

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
        """Whether another process holds the lock at this moment; makes no directory."""
        from filelock import FileLock, Timeout

        if not (self / ".lock").exists():
            return False
        try:
            with FileLock(self / ".lock", timeout=0):
                return False
        except (Timeout, OSError):
            return True

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


    def skipped(self, config: RunConfig) -> bool:
        """Whether the run is finished, which is said on standard output.

        Raises:
            RunRefusedError: It was made by another config.
        """
        if not self.finished:
            return False
        if self.config() != config:
            raise RunRefusedError(f"{self.path} was made by another config; nothing was overwritten.")
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
            earlier = self.environment()
            for key, what in (("data_fingerprint", "data"), ("label_fingerprint", "label table")):
                if earlier[key] != environment[key]:
                    raise RunRefusedError(f"The {what} of {self.path} changed since the run began ({earlier[key]} then, "
                                          f"{environment[key]} now); nothing was overwritten. Restore it, or choose another "
                                          "--output.")
            return
        for name, array in arrays.items():
            with replacing(self / name) as temporary:
                np.save(temporary, array)
        self.write_json("environment.json", environment)


def each_run(runs: Iterable[RunDirectory], work: Callable[[RunDirectory], None]) -> int:
    """Does something with runs one after the other; one that fails does not stop the rest, and a reason is told once.

    Returns:
        0, or the exit code of the last run that failed.
    """
    exit_code, told = 0, {}
    for run in runs:
        click.echo(run.path.name)
        try:
            work(run)
        except UserError as error:
            first = told.setdefault(str(error), run.path.name)
            click.secho(f"Error: {run.path.name}: {error if first == run.path.name else f'as for {first}'}", fg="red", err=True)
            exit_code = error.exit_code
    return exit_code


def write_atomically(path: Path, content: bytes) -> None:
    """Writes to a temporary file beside `path` and renames it, so that `path` is whole at every moment."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` with the same suffix, renamed to `path` on success and removed on failure.

    The name is always the same, so that a killed process leaves at most one such file, which the next one overwrites; who
    writes holds the run's lock.

    Raises:
        UserError: The disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".unfinished-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"Cannot write {path} ({error.strerror or error}). Earlier results are intact: make room or choose "
                        "another folder, then repeat the command.") from None
    finally:
        temporary.unlink(missing_ok=True)


def record_experiment(output: Path | str, name: str, run_names: list[str]) -> None:
    """Notes which runs an experiment consists of; the newest note is what `plot_results.py` draws by default."""
    note = {"name": name, "runs": run_names, "finished": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    write_atomically(Path(output) / "experiments" / f"{name}.json", (json.dumps(note, indent=2) + "\n").encode())
