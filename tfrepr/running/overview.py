"""What is done and what is left, for a list of cells and for all experiments, and what the rest would take.

Only file names and small files are read, so this answers without TensorFlow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tfrepr.cli import command_line
from tfrepr.config import RunConfig, in_any_precision
from tfrepr.errors import UserError
from tfrepr.experiments.marking import is_measured
from tfrepr.experiments.measurements import measurement_file
from tfrepr.registry import EXPERIMENTS, WEAK_EXPERIMENTS
from tfrepr.results.features import IMAGES as FEATURE_IMAGES
from tfrepr.running.grid import GridOptions, scaled, shard_of
from tfrepr.runs import RunDirectory
from tfrepr.training.cost import DEVICES, Sizes, duration, expected_seconds, work

TRAIN_IMAGES = {"cifar10": 45_000, "cifar100": 45_000, "digits": 1_295}
"""Training images at 100 percent, validation images left out."""
OTHER_IMAGES = {"cifar10": (5_000, 10_000), "cifar100": (5_000, 10_000), "digits": (143, 359)}
"""Validation and test images."""
PIXELS = 32 * 32
Speeds = Mapping[tuple[str, str], float]
"""`cost.work` a second, by encoder and mixed precision."""
STATES = ("finished", "in work", "started", "not started")


def cell_state(config: RunConfig, output: Path) -> str:
    """One of `STATES`."""
    run = RunDirectory.of(config, output)
    if run.finished:
        return "finished"
    if not (run / "config.json").exists():
        return "not started"
    return "in work" if run.in_use else "started"


def experiment_list(output: Path, scale: float = 1.0) -> str:
    """A table of all experiments: cells, how many are finished, how many are left, the paper's artefact.

    Cells that were trained in mixed precision alone, where the experiment asks for none, are counted in a column of their own.
    """
    lines = [f"{'experiment':26}{'cells':>6}{'done':>6}{'mixed':>6}{'left':>6}  what"]
    for name in EXPERIMENTS:
        ways = [[measurement_file(name, output)]] if is_measured(name) else [
            [RunDirectory.of(way, output) / "metrics.json" for way in in_any_precision(cell)]
            for cell in set(scaled(EXPERIMENTS[name](), scale))]
        done = sum(asked.is_file() for asked, *_ in ways)
        mixed = sum(any(file.is_file() for file in others) and not asked.is_file() for asked, *others in ways)
        lines.append(f"{name:26}{len(ways):6}{done:6}{mixed:6}{len(ways) - done - mixed:6}  {EXPERIMENTS.describe(name)}")
    lines += ["mixed: trained with --mixed-precision alone. Without that option the command trains these cells anew.",
              "Missing and noisy labels have commands of their own:",
              *(f"  python scripts/{config.script} --experiment {name}  {WEAK_EXPERIMENTS.describe(name)}"
                for name in WEAK_EXPERIMENTS for config in WEAK_EXPERIMENTS[name]()[:1])]
    if (records := output / "results").is_dir():
        lines.append(f"Runs whose records came with the project: {command_line('train', list=True, output=records)}")
    return "\n".join([*lines, *_scale_remark(scale)])


def _scale_remark(scale: float) -> list[str]:
    return [] if scale == 1 else [f"Epochs are scaled by {scale:g}: these runs are shorter than the experiment asks for."]


def forecast(name: str, configs: Sequence[RunConfig], output: Path, grid: GridOptions, features: bool = False) -> str:
    """The cells that are left with their estimated times, and the sums.

    Args:
        name: Of the experiment.
        configs: The cells.
        output: Folder of all results; what its finished runs took is the best estimate for the others.
        grid: Its shard is taken from the cells, its jobs share the time; its scale, which the cells have already, is said.
        features: Whether the runs keep features.
    """
    configs = shard_of(configs, grid.shard)
    states = {config: cell_state(config, output) for config in configs}
    left = [config for config in configs if states[config] != "finished"]
    measured = measured_speeds([config for config in configs if states[config] == "finished"], output)
    lines = [f"{name}: {len(configs)} cells, " + ", ".join(f"{count} {state}" for state in STATES
                                                           if (count := Counter(states.values())[state]))]
    done = {config: _epochs_done(config, output) for config in left}
    lines += [f"  {config.run_name}  {config.epochs} epochs, {states[config]}"
              f"{_cell_estimate(config, measured, features, done[config])}" for config in left]
    lines += [line for kind in ("measured", *DEVICES) if (line := _total(done, kind, measured, features, grid.jobs or 1))]
    return "\n".join([*lines, *_scale_remark(grid.scale)])


def train_images(config: RunConfig) -> int | None:
    """Training images an epoch, None where only the data can tell."""
    available = TRAIN_IMAGES.get(config.dataset)
    if available is None:
        return None
    return max(1, min(available, int(config.percent / 100 * (config.percent_of or available))))


def sizes(config: RunConfig, features: bool = False) -> Sizes | None:
    """The images of a run, None where only the data can tell; `features`: whether it keeps those of test images."""
    train = train_images(config)
    if train is None:
        return None
    validation, test = OTHER_IMAGES[config.dataset]
    if config.validation == "none":
        train, validation = train + validation, 0
    return Sizes(train, validation, test, min(test, FEATURE_IMAGES) if features else 0)


def measured_speeds(finished: Sequence[RunConfig], output: Path) -> Speeds:
    """The median of `cost.work` over seconds, validation and test included, of finished runs."""
    speeds: dict[tuple[str, str], list[float]] = {}
    for config in finished:
        run = RunDirectory.of(config, output)
        try:
            metrics, environment = run.metrics("train_seconds"), run.environment("train_images")
        except UserError:
            continue
        seconds = metrics["train_seconds"] + (metrics.get("test_seconds") or 0)
        images = Sizes(environment["train_images"], environment.get("validation_images") or 0, metrics.get("test_images") or 0)
        if seconds > 0:
            speeds.setdefault((config.encoder, config.mixed_precision), []).append(work(config, images) / seconds)
    return {trained: median(values) for trained, values in speeds.items()}


def _epochs_done(config: RunConfig, output: Path) -> int:
    """Epochs in the log of a cell that was begun."""
    log = RunDirectory.of(config, output) / "history.csv"
    return max(0, log.read_bytes().count(b"\n") - 1) if log.is_file() else 0


def estimate(config: RunConfig, kind: str, measured: Speeds, features: bool = False, epochs_done: int = 0) -> float | None:
    """Seconds of a run, or None where nothing is known.

    Args:
        config: The cell.
        kind: `"cpu"`, `"gpu"`, or `"measured"` for what runs took here.
        measured: From `measured_speeds`.
        features: Whether the run keeps features.
        epochs_done: Epochs that lie behind it.
    """
    images = sizes(config, features)
    if images is None:
        return None
    if kind == "measured":
        speed = measured.get((config.encoder, config.mixed_precision))
        return None if speed is None else work(config, images, epochs_done) / speed
    return expected_seconds(config, kind, images, PIXELS, epochs_done)


def _cell_estimate(config: RunConfig, measured: Speeds, features: bool, epochs_done: int) -> str:
    seconds = estimate(config, "measured", measured, features, epochs_done)
    if seconds is not None:
        return f", about {duration(seconds)} as here before"
    seconds = {kind: estimate(config, kind, measured, features, epochs_done) for kind in DEVICES}
    if None in seconds.values():
        return ""
    return "".join(f", {duration(value)} on {DEVICES[kind]}" for kind, value in seconds.items())


def _total(left: Mapping[RunConfig, int], kind: str, measured: Speeds, features: bool, jobs: int) -> str:
    """One line with the sum over the cells whose time is known, empty where none is; `left`: the epochs done of each."""
    known = [seconds for config, done in left.items()
             if (seconds := estimate(config, kind, measured, features, done)) is not None]
    if not known:
        return ""
    where = "As measured here" if kind == "measured" else f"On {DEVICES[kind]}"
    part = "" if len(known) == len(left) else f" ({len(known)} of {len(left)} cells)"
    return f"{where}: {duration(sum(known))} of training, validation and test{part}" + (
        f", at the very best {duration(sum(known) / jobs)} with --jobs {jobs}" if jobs > 1 else "")
