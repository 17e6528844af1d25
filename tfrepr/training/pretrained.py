"""Published networks: weights in half precision with the record of their run, turned into a run directory where they are used.

`tfrepr/pretrained/<name>.npz` holds the label table (float32) and the weights (float16) in the order of `keras.Model.weights`;
`<name>.json` beside it says which run they come from and how accurate exactly this file is. Commands take such a network by the
name `pretrained:<name>` wherever they take a finished run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.files import npy_bytes, npz_bytes, write_atomically
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.reading import damaged, read_arrays, read_bytes, read_json
from tfrepr.registry import unknown_name
from tfrepr.runs import RunDirectory
from tfrepr.training.checkpoint_digest import checkpoint_digests
from tfrepr.training.trained import load_best_model, load_data, load_representation

if TYPE_CHECKING:
    import keras

PREFIX = "pretrained:"
UNPACKED = "pretrained"
"""The folder of unpacked networks in that of all results."""
SOURCE = "pretrained"
"""The key in metrics.json of an unpacked network that holds the SHA-256 of its published file."""
FOLDER = Path(__file__).resolve().parents[1] / "pretrained"
TABLE = "label_table"
MOST_BYTES = 1_300_000
"""Of one file; larger networks are not published."""
LICENCE = "the project's own (LICENSE); trained on CIFAR-10, whose pictures have owners of their own (MODEL_CARD.md)"
FORM = {"run": str, "image_shape": list[int], "sha256": str, "licence": str, "float32_test_accuracy": float,
        "metrics": dict[str, Any], "config": dict[str, Any], "environment": dict[str, Any]}
ENVIRONMENT = ("data_variant", "data_fingerprint", "label_fingerprint", "class_names", "mean", "std", "train_images",
               "validation_images", "parameters", "device", "backend", "versions", "commit")
"""What is kept of the run's environment.json."""
ADVICE = "Take the file from the repository again."


def pretrained_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The names of the published networks, without the prefix."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def published_records(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """The records of the published networks by name, see `publish_weights`; their weights are not looked at.

    Raises:
        UserError: A damaged record.
    """
    return {name: _read_record(name, folder) for name in pretrained_names(folder)}


def is_published(run: RunDirectory) -> bool:
    """Whether a finished run is an unpacked published network.

    Raises:
        UserError: As `RunDirectory.metrics`.
    """
    return SOURCE in run.metrics()


def pretrained_run(name: str, output: Path, folder: Path = FOLDER) -> Path:
    """The run directory of a published network, `<output>/pretrained/<name>`; made where it is not there yet, and made anew
    where one of its files is missing, damaged or of another version.

    Args:
        name: One of `pretrained_names`, with or without the prefix.
        output: Folder of all results.
        folder: Where the published networks lie.

    Raises:
        UserError: No such network, a damaged file, or a folder that cannot be written.
    """
    name = name.removeprefix(PREFIX)
    names = pretrained_names(folder)
    if not names:
        raise UserError(f"There is no pretrained network {name!r}: this copy of the project has none at all.")
    if name not in names:
        raise UserError(unknown_name("pretrained network", f"{PREFIX}{name}", tuple(f"{PREFIX}{one}" for one in names)))
    record = _record(name, folder)
    run = RunDirectory(output / UNPACKED / name)
    if not _is_unpacked(run, record):  # a process that works on it holds its lock, and others may read it all the same
        with run.locked():
            if not _is_unpacked(run, record):
                _unpack(run, record, read_arrays(folder / f"{name}.npz", advice=ADVICE))
    return run.path


def publish_weights(run: RunDirectory, name: str, data_dir: Path | None, folder: Path = FOLDER) -> dict[str, Any]:
    """Writes the half-precision weights of a finished run and their record, after measuring exactly these weights.

    Args:
        run: A finished run.
        name: What the network is called from now on.
        data_dir: Folder with the run's data.
        folder: Where published networks lie.

    Returns:
        The record.

    Raises:
        UserError: The run is unfinished or damaged, its data are not found, or its weights need more than `MOST_BYTES`.
    """
    from tfrepr.data.pipeline import evaluation_batches
    from tfrepr.training.evaluation import evaluate, forward_function

    metrics, environment = run.metrics("test_accuracy"), run.environment("mean", "std")
    dataset, representation = load_data(run, data_dir), load_representation(run)
    model = load_best_model(run, representation)
    weights = [np.asarray(value, np.float16) for value in model.get_weights()]
    content = npz_bytes({TABLE: representation.table, **{_key(place): value for place, value in enumerate(weights)}})
    if len(content) > MOST_BYTES:
        raise UserError(f"The weights of {run.path} need {len(content):,} bytes, and a published network has at most "
                        f"{MOST_BYTES:,}. Choose a smaller encoder.")
    model.set_weights([value.astype(np.float32) for value in weights])
    test = evaluate(forward_function(model), representation, evaluation_batches(
        dataset.test_images, dataset.test_ids, mean=dataset.mean, std=dataset.std))
    record = {"run": run.path.name, "image_shape": list(dataset.image_shape),
              "sha256": hashlib.sha256(content).hexdigest(), "licence": LICENCE,
              "float32_test_accuracy": metrics["test_accuracy"],
              "metrics": {**test.figures("test"), "epochs": metrics["epochs"], "best_epoch": metrics["best_epoch"]},
              "config": run.config().to_dict(),
              "environment": {key: environment[key] for key in ENVIRONMENT if key in environment}}
    write_atomically(folder / f"{name}.npz", content)
    write_atomically(folder / f"{name}.json", (json.dumps(record, indent=1) + "\n").encode())
    return record


def _record(name: str, folder: Path) -> dict[str, Any]:
    """The record of a published network, after a look at whether its weights are the ones that it is about."""
    path = folder / f"{name}.npz"
    record = _read_record(name, folder)
    if hashlib.sha256(read_bytes(path)).hexdigest() != record["sha256"]:
        raise damaged(path, f"its SHA-256 is not the one in {name}.json", ADVICE)
    return record


def _read_record(name: str, folder: Path) -> dict[str, Any]:
    return read_json(folder / f"{name}.json", FORM, needed=tuple(FORM), advice=ADVICE)


def _is_unpacked(run: RunDirectory, record: dict[str, Any]) -> bool:
    """Whether all files of the network are there, and are those that the record is about."""
    with contextlib.suppress(UserError):  # a file that is missing or damaged
        load_representation(run)
        wanted = {"config.json": record["config"], "environment.json": record["environment"],
                  "metrics.json": _metrics(run, record)}
        return all(run.read_json(name) == values for name, values in wanted.items())
    return False


def _unpack(run: RunDirectory, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Writes the files of a finished run; metrics.json, which makes it one, comes last."""
    from tfrepr.training.checkpoint import save_model

    (run / "metrics.json").unlink(missing_ok=True)
    run.write_json("config.json", record["config"])
    run.write_json("environment.json", record["environment"])
    write_atomically(run / f"{TABLE}.npy", npy_bytes(arrays[TABLE]))
    representation = load_representation(run)
    model = _model(run.config(), record, representation, arrays)
    save_model(model, run / "best.keras")
    run.write_json("metrics.json", _metrics(run, record))


def _metrics(run: RunDirectory, record: dict[str, Any]) -> dict[str, Any]:
    """What metrics.json holds beside the checkpoint that is there."""
    return record["metrics"] | {SOURCE: record["sha256"]} | checkpoint_digests(run.path, "best.keras")


def _model(config: RunConfig, record: dict[str, Any], representation: LabelRepresentation,
           arrays: dict[str, np.ndarray]) -> keras.Model:
    from tfrepr.models.build import build_model

    model = build_model(config.encoder, tuple(record["image_shape"]), representation)
    model.set_weights([arrays[_key(place)].astype(np.float32) for place in range(len(model.weights))])
    return model


def _key(place: int) -> str:
    return f"weight{place:03d}"
