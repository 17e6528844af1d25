"""What is done and what is left, for a list of cells and for all experiments, and what the rest would take.

Only file names and small files are read, so this answers without TensorFlow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.experiments.grid import GridOptions, scaled, shard_of
from tfrepr.experiments.marking import is_measured
from tfrepr.experiments.measurements import measurement_file
from tfrepr.experiments.weak_labels import WEAK_EXPERIMENTS
from tfrepr.registry import EXPERIMENTS
from tfrepr.runs import RunDirectory
from tfrepr.training.cost import DEVICES, duration, expected_seconds

TRAIN_IMAGES = {"cifar10": 45_000, "cifar100": 45_000, "digits": 1_294}
"""Training images at 100 percent, validation images left out."""
PIXELS = 32 * 32
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
    """A table of all experiments: cells, how many are finished, how many are left, the paper's artefact."""
    lines = [f"{'experiment':26}{'cells':>6}{'done':>6}{'left':>6}  what"]
    for name in EXPERIMENTS:
        cells = set(scaled(EXPERIMENTS[name](), scale))
        files = [measurement_file(name, output)] if is_measured(name) else [
            RunDirectory.of(config, output) / "metrics.json" for config in cells]
        count, done = len(files), sum(file.is_file() for file in files)
        lines.append(f"{name:26}{count:6}{done:6}{count - done:6}  {EXPERIMENTS.describe(name)}")
    lines += ["Missing and noisy labels have commands of their own:",
              *(f"  python scripts/{config.script} --experiment {name}  {WEAK_EXPERIMENTS.describe(name)}"
                for name in WEAK_EXPERIMENTS for config in WEAK_EXPERIMENTS[name]()[:1])]
    return "\n".join([*lines, *_scale_remark(scale)])


def _scale_remark(scale: float) -> list[str]:
    return [] if scale == 1 else [f"Epochs are scaled by {scale:g}: these runs are shorter than the experiment asks for."]


def forecast(name: str, configs: Sequence[RunConfig], output: Path, grid: GridOptions) -> str:
    """The cells that are left with their estimated times, and the sums.

    Args:
        name: Of the experiment.
        configs: The cells.
        output: Folder of all results; what its finished runs took is the best estimate for the others.
        grid: Its shard is taken from the cells, its jobs share the time; its scale, which the cells have already, is said.
    """
    configs = shard_of(configs, grid.shard)
    states = {config: cell_state(config, output) for config in configs}
    left = [config for config in configs if states[config] != "finished"]
    measured = measured_speeds([config for config in configs if states[config] == "finished"], output)
    lines = [f"{name}: {len(configs)} cells, " + ", ".join(f"{count} {state}" for state in STATES
                                                           if (count := Counter(states.values())[state]))]
    lines += [f"  {config.run_name}  {config.epochs} epochs, {states[config]}{_cell_estimate(config, measured)}"
              for config in left]
    lines += [line for kind in ("measured", *DEVICES) if (line := _total(left, kind, measured, grid.jobs or 1))]
    return "\n".join([*lines, *_scale_remark(grid.scale)])


def train_images(config: RunConfig) -> int | None:
    """Training images an epoch, None where only the data can tell."""
    available = TRAIN_IMAGES.get(config.dataset)
    if available is None:
        return None
    return max(1, min(available, int(config.percent / 100 * (config.percent_of or available))))


def measured_speeds(finished: Sequence[RunConfig], output: Path) -> dict[str, float]:
    """By encoder, the median of epochs times images over seconds, validation included, of finished runs."""
    speeds: dict[str, list[float]] = {}
    for config in finished:
        run = RunDirectory.of(config, output)
        try:
            seconds = run.metrics("train_seconds")["train_seconds"]
            images = run.environment("train_images")["train_images"]
        except UserError:
            continue
        if seconds and seconds > 0:
            speeds.setdefault(config.encoder, []).append(config.epochs * images / seconds)
    return {encoder: median(values) for encoder, values in speeds.items()}


def estimate(config: RunConfig, kind: str, measured: Mapping[str, float]) -> float | None:
    """Seconds of training, or None where nothing is known.

    Args:
        config: The cell.
        kind: `"cpu"`, `"gpu"`, or `"measured"` for what runs took here.
        measured: From `measured_speeds`.
    """
    images = train_images(config)
    if images is None:
        return None
    if kind == "measured":
        return config.epochs * images / measured[config.encoder] if config.encoder in measured else None
    return expected_seconds(config, kind, images, PIXELS)


def _cell_estimate(config: RunConfig, measured: Mapping[str, float]) -> str:
    seconds = estimate(config, "measured", measured)
    if seconds is not None:
        return f", about {duration(seconds)} as here before"
    seconds = {kind: estimate(config, kind, measured) for kind in DEVICES}
    if None in seconds.values():
        return ""
    return "".join(f", {duration(value)} on {DEVICES[kind]}" for kind, value in seconds.items())


def _total(left: Sequence[RunConfig], kind: str, measured: Mapping[str, float], jobs: int) -> str:
    """One line with the sum over the cells whose time is known, empty where none is."""
    known = [seconds for config in left if (seconds := estimate(config, kind, measured)) is not None]
    if not known:
        return ""
    where = "As measured here" if kind == "measured" else f"On {DEVICES[kind]}"
    part = "" if len(known) == len(left) else f" ({len(known)} of {len(left)} cells)"
    return f"{where}: {duration(sum(known))} of training{part}" + (
        f", at the very best {duration(sum(known) / jobs)} with --jobs {jobs}" if jobs > 1 else "")
