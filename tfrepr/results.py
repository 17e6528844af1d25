"""Run directories as data: one table of runs, one of learning histories and one of attacks, joined by the column `run`.

Only files are read, never a model, so nothing here needs TensorFlow. Accuracies stay fractions.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfrepr.attacks.table import COLUMNS as ATTACK_COLUMNS
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.experiments.marking import is_measured
from tfrepr.experiments.weak_labels import WEAK_EXPERIMENTS
from tfrepr.labels.options import LabelOptions
from tfrepr.registry import EXPERIMENTS, unknown_name
from tfrepr.runs import HISTORY_COLUMNS

ATTACK_WORDS = ("protocol", "attack", "goal", "loss", "space", "criterion")
METRICS = ("test_accuracy", "test_threshold_accuracy", "test_top5_accuracy", "test_loss", "test_images", "best_epoch",
           "best_val_accuracy", "best_val_loss", "train_seconds")
ENVIRONMENT = ("data_variant", "parameters", "train_images", "label_fingerprint", "device", "backend", "commit",
               "python", "versions")
LABEL_OPTION = "label_options."
GALLERY_FILE = "gallery.npz"
GALLERY_ARRAYS = ("original", "adversarial", "epsilon", "names", "predicted")

CONFIG_DEFAULTS = {entry.name: entry.default for entry in dataclasses.fields(RunConfig) if entry.name != "label_options"}
CONFIG_DEFAULTS |= {LABEL_OPTION + entry.name: entry.default for entry in dataclasses.fields(LabelOptions)}


@dataclass(frozen=True)
class Results:
    """What a set of run directories says.

    Attributes:
        runs: One row a run: `run` (the directory's name), `path`, `finished`, the config's fields (label options as
            `label_options.<field>`), `METRICS` (missing where a run is unfinished) and `ENVIRONMENT`.
        histories: `run` and `tfrepr.runs.HISTORY_COLUMNS`, one row an epoch.
        attacks: `run` and the columns of `tfrepr.attacks.table.AttackRow`, one row an attack, epsilon and criterion.
        galleries: By run, the arrays of its `gallery.npz`: `original` and `adversarial`, float, 0..1,
            `(n, height, width, 3)`; `epsilon`, one number or one an image; `names` and `predicted`, strings, `(n,)`: the
            true class and the predicted class of each adversarial image.
        notes: What a reader should know: torn lines that were left out, unreadable files.
    """

    runs: pd.DataFrame
    histories: pd.DataFrame
    attacks: pd.DataFrame
    galleries: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def where(self, rows: pd.Series) -> Results:
        """The results of those runs for which `rows`, a boolean series along `runs`, is true."""
        runs = self.runs[rows]
        names = set(runs["run"])
        return dataclasses.replace(self, runs=runs, histories=self.histories[self.histories["run"].isin(names)],
                                   attacks=self.attacks[self.attacks["run"].isin(names)],
                                   galleries={name: self.galleries[name] for name in names & set(self.galleries)})


def experiment_names(output: Path) -> list[str]:
    """Experiments that were used under `output`, the last one first."""
    used = [(_finish_time(path), path.stem) for path in (output / "experiments").glob("*.json")]
    return [name for _, name in sorted(used, reverse=True)]


def _finish_time(path: Path) -> pd.Timestamp:
    record = _read_json(path) or {}
    stated = pd.to_datetime(record.get("finished"), utc=True, errors="coerce")
    return pd.Timestamp(path.stat().st_mtime, unit="s", tz="UTC") if pd.isna(stated) else stated


def experiment_runs(output: Path, name: str) -> list[Path]:
    """Run directories of the last use of an experiment; those that no longer exist are left out.

    Of an experiment that was not used, the finished runs of its cells, which another experiment may have trained.

    Raises:
        UserError: The experiment was never used here and none of its cells is finished, or none of its runs exists.
    """
    used = experiment_names(output)
    if name not in used:
        cells = [output / "runs" / cell.run_name for cell in EXPERIMENTS[name]()] if name in EXPERIMENTS else []
        if shared := [path for path in cells if (path / "metrics.json").is_file()]:
            return shared
        raise UserError(_no_runs(output, name, used))
    record = _read_json(output / "experiments" / f"{name}.json") or {}
    paths = [output / "runs" / run for run in record.get("runs", ())]
    present = [path for path in paths if (path / "config.json").is_file()]
    if not present:
        raise UserError(f"None of the {len(paths)} runs of the experiment {name!r} is in {output / 'runs'} any more. "
                        f"Make them again with: python scripts/train.py --experiment {name}")
    return present


def _no_runs(output: Path, name: str, used: Sequence[str]) -> str:
    """Why an experiment has no runs: it has not been run, it has none by nature, or there is no such experiment."""
    if name in WEAK_EXPERIMENTS:
        return (f"The experiment {name!r} has a command of its own, which writes its table and figure: python "
                f"scripts/{WEAK_EXPERIMENTS[name]()[0].script} --experiment {name}")
    if is_measured(name):
        return (f"The experiment {name!r} measures and trains nothing, so it has no runs. Measure with: python "
                f"scripts/train.py --experiment {name}")
    if name not in EXPERIMENTS:
        return unknown_name("experiment", name, tuple(dict.fromkeys([*used, *EXPERIMENTS.names()])))
    others = f" There are runs of: {', '.join(used)}." if used else ""
    return (f"The experiment {name!r} has no runs in {output / 'runs'} yet.{others} Run it with: python scripts/train.py "
            f"--experiment {name}")


def read_results(paths: Iterable[Path]) -> Results:
    """Reads run directories.

    A run without `metrics.json` has `finished` False. A CSV line that is torn (the last one, when it has no line end, and
    any with another number of fields than the header) is left out and noted.

    Raises:
        UserError: Two runs have one name, and so would count twice; a CSV file with other columns.
    """
    paths = {path.name: path for path in _distinct(paths)}
    notes: list[str] = []
    rows = [row for path in paths.values() if (row := _read_run(path, notes)) is not None]
    paths = {row["run"]: paths[row["run"]] for row in rows}
    histories = _read_tables({run: path / "history.csv" for run, path in paths.items()}, HISTORY_COLUMNS, (), notes)
    attacks = _read_tables({run: path / "attacks.csv" for run, path in paths.items()}, ATTACK_COLUMNS, ATTACK_WORDS, notes)
    galleries = {run: gallery for run, path in paths.items() if (gallery := _read_gallery(path / GALLERY_FILE, notes))}
    return Results(_run_table(rows), histories, attacks, galleries, tuple(notes))


def _distinct(paths: Iterable[Path]) -> list[Path]:
    distinct = list({path.resolve(): path for path in paths}.values())
    names = [path.name for path in distinct]
    for path in distinct:
        if names.count(path.name) > 1:
            same = ", ".join(str(other) for other in distinct if other.name == path.name)
            raise UserError(f"The same run is there {names.count(path.name)} times and would be counted as often: {same}. "
                            "Name one of them.")
    return distinct


def _run_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["run", "path", "finished", *CONFIG_DEFAULTS, *METRICS, *ENVIRONMENT]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*columns, *(key for row in rows for key in row)])))
    numbers = [*METRICS, "parameters", "train_images"]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table


def _read_run(path: Path, notes: list[str]) -> dict[str, Any] | None:
    """One row of the run table, or None (and a note) for a directory without a readable config."""
    config = _read_json(path / "config.json")
    if config is None:
        notes.append(f"{path}: config.json cannot be read; the run is left out.")
        return None
    metrics, environment = _read_json(path / "metrics.json"), _read_json(path / "environment.json") or {}
    if metrics is None and (path / "metrics.json").exists():
        notes.append(f"{path}: metrics.json cannot be read; the run counts as unfinished.")
    label_options = config.pop("label_options", None) or {}
    settings = CONFIG_DEFAULTS | config | {LABEL_OPTION + key: value for key, value in label_options.items()}
    return {"run": path.name, "path": str(path), "finished": metrics is not None,
            **{key: _plain(value) for key, value in settings.items()},
            **{key: (metrics or {}).get(key) for key in METRICS},
            **{key: _plain(environment.get(key)) for key in ENVIRONMENT}}


def config_columns(config: RunConfig) -> dict[str, Any]:
    """The config's fields as they stand in `Results.runs`, label options as `label_options.<field>`."""
    values = config.to_dict()
    values |= {LABEL_OPTION + name: value for name, value in values.pop("label_options").items()}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """A value that can be compared and grouped: lists and objects become text, `[["automobile", "car"]]` `automobile=car`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ", ".join("=".join(map(str, item)) if isinstance(item, (list, tuple)) else str(item) for item in value)
    return value


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None where there is no such file or no object in it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _read_tables(files: Mapping[str, Path], columns: Sequence[str], words: Collection[str], notes: list[str]) -> pd.DataFrame:
    """All CSV files as one table with the column `run` in front.

    Files with equal headers are joined as text and parsed at once: parsing a thousand small files one by one takes seconds.
    """
    runs, bodies = list(files), {}
    for number, path in enumerate(files.values()):
        if not path.is_file():
            continue
        header, lines = _whole_lines(path, notes)
        if lines:
            _check_columns(path, header, columns)
            bodies.setdefault(header, []).extend(f"{number},{line}" for line in lines)
    tables = [_parse(header, lines, words) for header, lines in bodies.items()]
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype=object if name in words else float) for name in ("run", *columns)})
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    return table.assign(run=np.array(runs, dtype=object)[table["run"].to_numpy()])


def _whole_lines(path: Path, notes: list[str]) -> tuple[str, list[str]]:
    """Header and undamaged lines of a CSV file."""
    *whole, rest = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").split("\n")
    header, *lines = whole or [""]
    kept = [line for line in lines if line.count(",") == header.count(",")]
    torn = len(lines) - len(kept) + bool(rest)
    if torn:
        notes.append(f"{path}: {torn} torn {'line' if torn == 1 else 'lines'} left out.")
    return header, kept


def _check_columns(path: Path, header: str, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in header.split(",")]
    if missing:
        raise UserError(f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. Its header must be: "
                        f"{','.join(columns)}. Move the file away and make it again, or leave this run out.")


def _parse(header: str, lines: Sequence[str], words: Collection[str]) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO("\n".join([f"run,{header}", *lines])), dtype=dict.fromkeys(words, str))
    numbers = [name for name in table.columns if name != "run" and name not in words]
    return table.assign(**{name: pd.to_numeric(table[name], errors="coerce").astype(float) for name in numbers})


def _read_gallery(path: Path, notes: list[str]) -> dict[str, np.ndarray]:
    """The arrays of a gallery; none (and a note) where the file is damaged, none where there is no file."""
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in GALLERY_ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        notes.append(f"{path} cannot be read, or lacks one of {', '.join(GALLERY_ARRAYS)}; it is left out.")
        return {}
