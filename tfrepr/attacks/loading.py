"""What an attack needs of a finished run: its best model in an image space, and the model that transfer starts from."""

from __future__ import annotations

import contextlib
import hashlib
import math
import shlex
from pathlib import Path
from typing import Any

from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.victim import ALL_CRITERIA, Victim
from tfrepr.cli import command_line
from tfrepr.config import RunConfig
from tfrepr.data.dataset import ImageDataset
from tfrepr.errors import RunRefusedError, UserError
from tfrepr.labels.options import LabelOptions
from tfrepr.options import scaled
from tfrepr.paper import paper_epochs
from tfrepr.reading import read_bytes
from tfrepr.runs import RUNS, RunDirectory
from tfrepr.training.checkpoint_digest import check_checkpoint, checkpoint_digest
from tfrepr.training.pretrained import PREFIX, UNPACKED, is_published, pretrained_run, published_records
from tfrepr.training.trained import load_best_model, load_representation, other_architecture

SHARED_WITH_SOURCE = ("dataset", "encoder", "percent", "percent_of", "seed", "folder", "image_size", "corruption",
                      "corruption_level", "preprocessing")
"""Config fields in which the model that transfer attacks start from equals the attacked one."""


def load_victim(run: RunDirectory, dataset: ImageDataset, space: str, batch_size: int, jit: bool = False,
                criteria: tuple[str, ...] = ALL_CRITERIA) -> Victim:
    """The best checkpoint of a run, ready to be attacked and judged by these criteria.

    Raises:
        UserError: No checkpoint, a damaged one, or one of another architecture than the run's.
    """
    representation = load_representation(run)
    model = load_best_model(run, representation)
    if tuple(model.input_shape[1:]) != dataset.image_shape:
        raise other_architecture(run, f"it takes images {tuple(model.input_shape[1:])}, and those of the run are "
                                  f"{dataset.image_shape}")
    return Victim(model, representation, ImageSpace(space, dataset.mean, dataset.std), batch_size, jit,
                  criteria)


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

    For a published network it may be a published one, too, which is then unpacked. Of several the one that went as far through
    the paper's schedule stands, then one of the same precision, then the most accurate one.

    Raises:
        UserError: There is none, or the published one is damaged.
    """
    wanted = {name: getattr(config, name) for name in SHARED_WITH_SOURCE} | {"label": "category", "label_smoothing": 0.0}
    if _agreement(config, wanted) == len(wanted):
        return run
    published = published_records() if is_published(run) else {}
    unpacked = [RunDirectory(pretrained_run(name, _output_of(run))) for name, record in published.items()
                if _agreement(RunConfig.from_dict(record["config"]), wanted) == len(wanted)]
    share, found = config.epochs / paper_epochs(config.label), []
    for other in [*unpacked, *(RunDirectory(path.parent) for path in sorted(run.path.parent.glob("*/metrics.json")))]:
        with contextlib.suppress(UserError):  # a run that cannot be read is no twin
            own = other.config()
            if _agreement(own, wanted) == len(wanted):
                found.append((-abs(math.log(own.epochs / paper_epochs("category") / share)),
                              own.mixed_precision == config.mixed_precision, other.metrics().get("test_accuracy", 0.0), other))
    if not found:
        remedy = _other_published(run, wanted, published) or _training_of_twin(run, config, share)
        raise UserError("The protocol adaptive tries images made on a categorical model of the same data, encoder and seed, "
                        f"and {run.path.parent} has no such finished run. {remedy}; or leave this attack out with "
                        "--no-transfer.")
    return max(found, key=lambda twin: twin[:3])[-1]


def _agreement(config: RunConfig, wanted: dict[str, Any]) -> int:
    """In how many fields a config has the wanted value."""
    return sum(getattr(config, name) == value for name, value in wanted.items())


def _output_of(run: RunDirectory) -> Path:
    """The folder of all results that a run lies in; for a run that was copied elsewhere, the folder around it."""
    folder = run.path.parent
    return folder.parent if folder.name in (RUNS, UNPACKED) else folder


def _other_published(run: RunDirectory, wanted: dict[str, Any], published: dict[str, dict[str, Any]]) -> str | None:
    """How to start from the published categorical network on the same data that is most alike; None without such a network."""
    data = run.environment().get("data_fingerprint")
    configs = {name: RunConfig.from_dict(record["config"]) for name, record in published.items()
               if record["environment"].get("data_fingerprint") == data}
    categorical = [name for name, config in configs.items() if config.label == "category"]
    if not categorical:
        return None
    name = max(categorical, key=lambda name: _agreement(configs[name], wanted))
    return f"Start from another categorical network on the same data with --transfer-from {PREFIX}{name}"


def _training_of_twin(run: RunDirectory, config: RunConfig, share: float) -> str:
    """How the categorical run is trained for as large a share of the paper's epochs, so that the next attack starts from it."""
    twin = config.replace(label="category", label_options=LabelOptions(), weight_decay=None,
                          epochs=scaled(paper_epochs("category"), share))
    trained = RunDirectory.of(twin, _output_of(run))
    options = {"dataset": twin.dataset, "encoder": twin.encoder, "label": twin.label, "data_dir": twin.folder,
               "output": _output_of(run)}
    training = f"Train it: {command_line('train', **(options | twin.off_default()))}; "
    if trained.path.parent == run.path.parent:  # where it is looked for
        return training + "or name one with --transfer-from"
    return training + f"then name it with --transfer-from {shlex.quote(str(trained.path))}"


def check_source(run: RunDirectory, source: RunDirectory) -> None:
    """Refuses a run to start transfer attacks from that is no categorical one of the same classes and standardisation.

    Raises:
        UserError: Such a run, or an unfinished one.
    """
    source.metrics()
    same = ("class_names", "mean", "std")
    ours, theirs = run.environment(), source.environment()
    faults = [f"its label is {source.config().label}"] * (source.config().label != "category") + [
        f"{name.replace('_', ' ')} of its data differ" for name in same if ours.get(name) != theirs.get(name)]
    if faults:
        raise UserError(f"Transfer attacks on {run.path.name} cannot start from {source.path.name}: {'; '.join(faults)}. "
                        "Name a categorical run on the same data with --transfer-from.")
