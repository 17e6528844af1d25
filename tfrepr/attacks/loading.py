"""What an attack needs of a finished run: its checkpoint, its label, its data, and the model that transfer starts from."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.victim import ALL_CRITERIA, Victim
from tfrepr.config import RunConfig
from tfrepr.data.corruption import corrupted
from tfrepr.data.dataset import ImageDataset
from tfrepr.errors import RunRefusedError, UserError
from tfrepr.files import user_path
from tfrepr.labels.representation import CategoryRepresentation, LabelRepresentation, RegressionRepresentation
from tfrepr.reading import damaged, read_array, read_bytes
from tfrepr.registry import DATASETS
from tfrepr.runs import RunDirectory
from tfrepr.training.checkpoint_digest import check_checkpoint, checkpoint_digest

if TYPE_CHECKING:
    import keras

SHARED_WITH_SOURCE = ("dataset", "encoder", "percent", "percent_of", "seed", "folder", "image_size", "corruption",
                      "corruption_level", "preprocessing")
"""Config fields in which the model that transfer attacks start from equals the attacked one."""
GIVE_PLACE = "Give the place of the run's own data with --data-dir (scripts/evaluate.py beside --dataset: --train-dir)."


def load_victim(run: RunDirectory, dataset: ImageDataset, space: str, batch_size: int, jit: bool = False,
                criteria: tuple[str, ...] = ALL_CRITERIA) -> Victim:
    """The best checkpoint of a run, ready to be attacked and judged by these criteria.

    Raises:
        UserError: No checkpoint, a damaged one, or one of another architecture than the run's.
    """
    representation = load_representation(run)
    model = load_best_model(run, representation)
    if tuple(model.input_shape[1:]) != dataset.image_shape:
        raise _other_architecture(run, f"it takes images {tuple(model.input_shape[1:])}, and those of the run are "
                                  f"{dataset.image_shape}")
    return Victim(model, representation, ImageSpace(space, dataset.mean, dataset.std), batch_size, jit,
                  criteria)


def load_best_model(run: RunDirectory, representation: LabelRepresentation) -> keras.Model:
    """The best checkpoint of a run.

    Raises:
        UserError: No checkpoint, a damaged one, or another one than the run's.
    """
    from tfrepr.training.checkpoint import load_model

    model = load_model(run / "best.keras")
    parameters = int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
    found = (tuple(model.output_shape[1:]), parameters)
    wanted = (tuple(representation.output_shape), run.environment().get("parameters", parameters))
    if len(model.inputs) != 1 or found != wanted:
        raise _other_architecture(run, f"output {found[0]}, {found[1]:,} parameters; the run's are {wanted[0]}, {wanted[1]:,}")
    return model


def _other_architecture(run: RunDirectory, difference: str) -> UserError:
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


def load_data(run: RunDirectory, config: RunConfig, data_dir: Path | None) -> ImageDataset:
    """The data set that a run was trained on.

    Args:
        run: The run.
        config: Its config.
        data_dir: Where the data lie now; None: where the run found them, or where the source looks by itself.

    Raises:
        UserError: The data are not to be found, or others than those of the training.
    """
    if config.preprocessing != "dataset":
        raise UserError(f"{run.path} was trained with --preprocessing {config.preprocessing}. Attacks and analyses work in "
                        "units of the data set's standard deviation, so they take runs with --preprocessing dataset only.")
    folder = data_dir or (Path(config.folder) if config.folder is not None else None)
    if config.folder is not None and not user_path(folder).is_dir():
        here = "" if folder.is_absolute() else f" in {Path.cwd()}"
        raise UserError(f"There is no folder {folder}{here} with the pictures of the run, which was trained on "
                        f"{config.folder}. {GIVE_PLACE}")
    dataset = corrupted(DATASETS[config.dataset](folder, config.image_size), config.corruption, level=config.corruption_level,
                        seed=config.seed)
    trained_on = run.environment("data_fingerprint")["data_fingerprint"]
    if dataset.fingerprint != trained_on:
        where = "" if folder is None else f" in {folder}"
        raise RunRefusedError(f"The data{where} are not those that {run.path} was trained on ({trained_on} then, "
                              f"{dataset.fingerprint} now: {dataset.variant}). {GIVE_PLACE}")
    return dataset


def check_attacked(run: RunDirectory) -> None:
    """Refuses to put the results of two checkpoints into one attacks.csv.

    Raises:
        RunRefusedError: What is there was made with another checkpoint.
        UserError: The checkpoint is not the one that the run was measured with.
    """
    check_checkpoint(run / "best.keras")
    if not (run / "attacks.csv").exists():
        return
    path = run / "best.keras"
    earlier, now = run.read_json("attacks.json").get("checkpoint"), checkpoint_digest(path)
    of_the_file = hashlib.sha256(read_bytes(path)).hexdigest()[:16]  # what attacks.json kept before it kept `now`
    if earlier not in (now, of_the_file):
        raise RunRefusedError(f"{run / 'attacks.csv'} was made with another checkpoint ({earlier} then, {now} now); nothing "
                              "was overwritten. Move attacks.csv, attacks.json and gallery.npz away to attack the present "
                              "one.")


def categorical_twin(run: RunDirectory, config: RunConfig) -> RunDirectory:
    """The finished categorical run of the same data, encoder and seed in the same folder; possibly the run itself.

    Raises:
        UserError: There is none.
    """
    wanted = {name: getattr(config, name) for name in SHARED_WITH_SOURCE} | {"label": "category", "label_smoothing": 0.0}
    if all(getattr(config, name) == value for name, value in wanted.items()):
        return run
    for path in sorted(run.path.parent.glob("*/metrics.json")):
        other = RunDirectory(path.parent)
        with contextlib.suppress(UserError):  # a run that cannot be read is no twin
            found = other.config()
            if all(getattr(found, name) == value for name, value in wanted.items()):
                return other
    raise UserError(f"The protocol adaptive tries images made on a categorical model of the same data, encoder and seed, and "
                    f"{run.path.parent} has no such finished run. Train it: python scripts/train.py --dataset "
                    f"{config.dataset} --encoder {config.encoder} --label category --seed {config.seed} --percent "
                    f"{config.percent:g}; or name one with --transfer-from; or leave this attack out with --no-transfer.")
