"""Run directories as data: one table of runs, one of learning histories and one of attacks, joined by the column `run`.

Only files are read, never a model, so nothing here needs TensorFlow. Accuracies stay fractions.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfrepr.config import RunConfig, in_any_precision
from tfrepr.errors import UserError
from tfrepr.experiments.marking import is_measured
from tfrepr.labels.options import LabelOptions
from tfrepr.options import plain_text
from tfrepr.reading import UnreadableFileError, damaged, noted, read_arrays, read_csv, read_json
from tfrepr.registry import EXPERIMENTS, WEAK_EXPERIMENTS, unknown_name
from tfrepr.results.attack_rows import COLUMNS as ATTACK_COLUMNS
from tfrepr.runs import HISTORY_COLUMNS, RunDirectory

ATTACK_WORDS = ("protocol", "attack", "goal", "loss", "space", "criterion")
METRICS = ("test_accuracy", "test_threshold_accuracy", "test_top5_accuracy", "test_loss", "test_images", "best_epoch",
           "best_val_accuracy", "best_val_loss", "train_seconds")
ENVIRONMENT = ("data_variant", "parameters", "train_images", "label_fingerprint", "device", "backend", "commit",
               "python", "versions")
LABEL_OPTION = "label_options."
HISTORY_NEEDED = ("epoch",)
ATTACKS_NEEDED = (*ATTACK_COLUMNS[:ATTACK_COLUMNS.index("still_correct") + 1],)
"""Columns without which a row says nothing."""
NOTE_FORM = {"name": str, "runs": list[str], "finished": str}
"""Of an experiment's note, see `tfrepr.runs.record_experiment`."""
GALLERY_FILE = "gallery.npz"
GALLERY_ARRAYS = ("original", "adversarial", "epsilon", "names", "predicted")
GALLERY_WORDS = ("protocol", "attack", "goal", "space")
"""What earlier galleries lack."""

CONFIG_DEFAULTS = {entry.name: entry.default for entry in dataclasses.fields(RunConfig) if entry.name != "label_options"}
CONFIG_DEFAULTS |= {LABEL_OPTION + entry.name: entry.default for entry in dataclasses.fields(LabelOptions)}


@dataclass(frozen=True)
class Results:
    """What a set of run directories says.

    Attributes:
        runs: One row a run: `run` (the directory's name), `path`, `finished`, the config's fields (label options as
            `label_options.<field>`), `METRICS` (missing where a run is unfinished), `ENVIRONMENT`, and `classes`, how many.
        histories: `run` and `tfrepr.runs.HISTORY_COLUMNS`, one row an epoch.
        attacks: `run` and the columns of `tfrepr.results.attack_rows.AttackRow`, one row an attack, epsilon and criterion.
        galleries: By run, the arrays of its `gallery.npz`: `original` and `adversarial`, float, 0..1,
            `(n, height, width, 3)`; `epsilon`, one number or one an image; `names` and `predicted`, strings, `(n,)`: the
            true class and the predicted class of each adversarial image; `GALLERY_WORDS`, one string each, where recorded.
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
    """Experiments that were used under `output`, the last one first; a damaged note is left out, and that is said."""
    files = sorted((output / "experiments").glob("*.json"))
    notes = {path.stem: noted(lambda path=path: _experiment_note(path), None) for path in files}
    used = [(_finish_time(note, output / "experiments" / f"{name}.json"), name) for name, note in notes.items() if note]
    return [name for _, name in sorted(used, reverse=True)]


def _experiment_note(path: Path) -> dict[str, Any]:
    return read_json(path, NOTE_FORM, needed=("runs",), advice="Repeat the scripts/train.py command of the experiment, which "
                     "writes it again, or choose runs with --runs.")


def _finish_time(note: dict[str, Any], path: Path) -> pd.Timestamp:
    stated = pd.to_datetime(note.get("finished"), utc=True, errors="coerce")
    return pd.Timestamp(path.stat().st_mtime, unit="s", tz="UTC") if pd.isna(stated) else stated


def experiment_runs(output: Path, name: str) -> list[Path]:
    """Run directories of the last use of an experiment; those that no longer exist are left out.

    Of an experiment that was not used, the finished runs of its cells, which another experiment may have trained, or a command
    with --mixed-precision.

    Raises:
        UserError: The experiment was never used here and none of its cells is finished, or none of its runs exists, or its
            note is damaged.
    """
    used = [path.stem for path in sorted((output / "experiments").glob("*.json"))]
    if name not in used:
        asked = EXPERIMENTS[name]() if name in EXPERIMENTS else []
        cells = dict.fromkeys(RunDirectory.of(way, output).path for cell in asked for way in in_any_precision(cell))
        if shared := [path for path in cells if (path / "metrics.json").is_file()]:
            return shared
        raise UserError(_no_runs(output, name, used))
    paths = [output / "runs" / run for run in _experiment_note(output / "experiments" / f"{name}.json")["runs"]]
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

    A run without `metrics.json` has `finished` False. Whatever cannot be read is left out and noted: a run without a readable
    config, any other file of a run by itself, and of a CSV file the lines that are torn (the last one, when it has no line
    end, and any with another number of fields than the header) or lack a number.

    Raises:
        UserError: Two runs have one name, and so would count twice.
    """
    paths = {path.name: path for path in _distinct(paths)}
    notes: list[str] = []
    rows = [row for path in paths.values() if (row := _read_run(path, notes)) is not None]
    paths = {row["run"]: paths[row["run"]] for row in rows}
    histories = _read_tables({run: path / "history.csv" for run, path in paths.items()}, HISTORY_COLUMNS, (), HISTORY_NEEDED,
                             notes)
    attacks = _read_tables({run: path / "attacks.csv" for run, path in paths.items()}, ATTACK_COLUMNS, ATTACK_WORDS,
                           ATTACKS_NEEDED, notes)
    attacks["every_iterate"] = attacks["every_iterate"].fillna(0) if "every_iterate" in attacks else 0.0
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
    columns = ["run", "path", "finished", *CONFIG_DEFAULTS, *METRICS, *ENVIRONMENT, "classes"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*columns, *(key for row in rows for key in row)])))
    numbers = [*METRICS, "parameters", "train_images", "classes"]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table


def _read_run(path: Path, notes: list[str]) -> dict[str, Any] | None:
    """One row of the run table, or None (and a note) for a directory without a readable config."""
    run = RunDirectory(path)
    try:
        run.config()  # whether all values are allowed
        config = run.read_json("config.json")
    except UserError as error:
        notes.append(f"{error} The run is left out.")
        return None
    environment, metrics = _record(run, "environment.json", notes), _record(run, "metrics.json", notes, "test_accuracy")
    label_options = config.pop("label_options", None) or {}
    settings = CONFIG_DEFAULTS | config | {LABEL_OPTION + key: value for key, value in label_options.items()}
    return {"run": path.name, "path": str(path), "finished": bool(metrics),
            **{key: plain_text(value) for key, value in settings.items()},
            **{key: metrics.get(key) for key in METRICS},
            **{key: _ran_with(environment, key) for key in ENVIRONMENT},
            "classes": named_classes(environment)}


def named_classes(environment: Mapping[str, Any]) -> int | None:
    """How many classes a run's environment record names; None where it names none."""
    names = environment.get("class_names")
    return len(names) if isinstance(names, list) and names else None


def _ran_with(environment: dict[str, Any], key: str) -> Any:
    """A value of environment.json; `"tensorflow, from epoch 4 jax"` where it changed when the run was resumed."""
    later = [f", from epoch {entry.get('from_epoch')} {plain_text(entry[key])}" for entry in environment.get("resumed", ())
             if key in entry]
    value = plain_text(environment.get(key))
    return f"{value}{''.join(later)}" if later else value


def _record(run: RunDirectory, name: str, notes: list[str], *needed: str) -> dict[str, Any]:
    """A JSON file of the run; empty where there is none, and (with a note) where it cannot be read."""
    try:
        return run.read_json(name, *needed) if (run / name).exists() else {}
    except UserError as error:
        notes.append(str(error))
        return {}


def config_columns(config: RunConfig) -> dict[str, Any]:
    """The config's fields as they stand in `Results.runs`, label options as `label_options.<field>`."""
    values = config.to_dict()
    values |= {LABEL_OPTION + name: value for name, value in values.pop("label_options").items()}
    return {name: plain_text(value) for name, value in values.items()}


def _read_tables(files: Mapping[str, Path], columns: Sequence[str], words: Collection[str], needed: Sequence[str],
                 notes: list[str]) -> pd.DataFrame:
    """All CSV files as one table with the column `run` in front.

    Files with equal headers are joined as text and parsed at once: parsing a thousand small files one by one takes seconds.
    """
    paths, bodies = list(files.values()), {}
    for number, path in enumerate(paths):
        if not path.exists():
            continue
        try:
            table = read_csv(path, columns, "Move the file away and make it again.")
        except UnreadableFileError as error:
            notes.append(f"{error} It is left out.")
            continue
        if not table.columns:
            notes.append(f"{path} has no whole line, not even a header; it is left out.")
        elif table.torn:
            notes.append(f"{path}: {table.torn} torn {'line' if table.torn == 1 else 'lines'} left out.")
        if lines := table.whole_lines:
            bodies.setdefault(table.columns, []).extend(f"{number},{line}" for line in lines)
    tables = [_parse(header, lines, words) for header, lines in bodies.items()]
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype=object if name in words else float) for name in ("run", *columns)})
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    empty = table[list(needed)].isna().any(axis=1)
    notes += [f"{paths[number]}: {count} {'line' if count == 1 else 'lines'} with unreadable numbers left out."
              for number, count in table.loc[empty, "run"].value_counts(sort=False).items()]
    table = table[~empty].reset_index(drop=True) if empty.any() else table
    return table.assign(run=np.array(list(files), dtype=object)[table["run"].to_numpy()])


def _parse(header: Sequence[str], lines: Sequence[str], words: Collection[str]) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO("\n".join([f"run,{','.join(header)}", *lines])), dtype=dict.fromkeys(words, str))
    numbers = [name for name in table.columns if name != "run" and name not in words]
    return table.assign(**{name: _finite(table[name]) for name in numbers})


def _finite(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype(float).replace([np.inf, -np.inf], np.nan)


def _read_gallery(path: Path, notes: list[str]) -> dict[str, np.ndarray]:
    """The arrays of a gallery; none (and a note) where the file is damaged, none where there is no file."""
    if not path.exists():
        return {}
    try:
        arrays = read_arrays(path)
        if missing := [name for name in GALLERY_ARRAYS if name not in arrays]:
            raise damaged(path, f"it lacks {', '.join(missing)}", "")
        count, kinds = len(np.atleast_1d(arrays["names"])), "".join(arrays[name].dtype.kind for name in GALLERY_ARRAYS)
        shapes = [arrays[name].shape for name in GALLERY_ARRAYS]
        words = [arrays[name] for name in GALLERY_WORDS if name in arrays]
        if not (kinds == "fffUU" and len(shapes[0]) == 4 and shapes[0] == shapes[1] and shapes[3] == shapes[4] == shapes[0][:1]
                and count and shapes[2] in ((), (count,)) and all(word.dtype.kind == "U" and not word.shape for word in words)):
            raise damaged(path, "its arrays do not fit together", "")
    except UnreadableFileError as error:
        notes.append(f"{error} It is left out; scripts/attack.py makes it again once it is removed.")
        return {}
    return arrays
