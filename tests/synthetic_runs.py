"""Run directories with invented numbers, in the formats that training and attacks write."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.config import RunConfig
from tfrepr.labels.options import LabelOptions
from tfrepr.results.attack_rows import COLUMNS as ATTACK_COLUMNS
from tfrepr.runs import HISTORY_COLUMNS
from tfrepr.weak_labels.options import CleaningConfig
from tfrepr.weak_labels.runs import WeakLabelRun

# How a label ends: training loss, nearest and threshold accuracy, and how fast attacks bring it down.
FINAL = {"category": (0.004, 0.923, None, 9.0), "speech": (0.9, 0.921, 0.917, 3.0), "shuffle": (1.3, 0.926, 0.915, 3.2),
         "composite": (1.1, 0.920, 0.913, 3.5), "constant": (1.9, 0.886, 0.885, 7.0), "random": (1.6, 0.925, 0.918, 3.4),
         "lowdim": (0.6, 0.915, 0.93, 4.0), "bert": (1.0, 0.91, 0.905, 3.8), "glove": (0.1, 0.90, 0.99, 5.0),
         "onehot": (0.2, 0.90, 0.94, 6.0), "blocks": (0.3, 0.905, 0.92, 5.5)}


def write_run(output: Path, *, variant: str | None = "official", finished: bool = True, epochs: int = 30,
              attacks: bool = False, images: int = 10_000, config: dict[str, Any] | None = None) -> Path:
    """One run directory under `<output>/runs`; `config` holds fields of its `RunConfig`, `epochs` counts written rows."""
    fields = {"dataset": "cifar10", **(config or {})}
    defaults = {field.name: field.default for field in dataclasses.fields(RunConfig) if field.name != "label_options"}
    record = {**defaults, "label_options": dataclasses.asdict(LabelOptions()), "epochs": epochs, **fields}
    parts = [record["dataset"], record["encoder"], record["label"], f"p{record['percent']:g}", f"s{record['seed']}"]
    parts += [f"{key}{value}" for key, value in sorted(fields.items())
              if key not in ("dataset", "encoder", "label", "percent", "seed")]
    path = output / "runs" / "-".join(parts)
    path.mkdir(parents=True)
    noise = np.random.default_rng([*path.name.encode()])
    (path / "config.json").write_text(json.dumps(record))
    environment = {"versions": {"keras": "3"}, "device": "CPU", "backend": "tensorflow", "data_variant": variant,
                   "parameters": 466906, "train_images": 45000, "class_names": [f"class {number}" for number in range(10)]}
    if variant is not None:
        (path / "environment.json").write_text(json.dumps(environment))
    history = history_rows(record["label"], epochs, record["percent"], noise)
    write_csv(path / "history.csv", HISTORY_COLUMNS, history)
    if finished:
        (path / "metrics.json").write_text(json.dumps(metrics(record["label"], history, images, noise)))
    if attacks:
        write_csv(path / "attacks.csv", ATTACK_COLUMNS, attack_rows(record["label"], images, noise))
    return path


def write_gallery(path: Path, *, words: bool = True) -> None:
    """Eight grey images and adversarial ones that are brighter by 0.02; without the words as older versions wrote them."""
    attack = {"protocol": "paper", "attack": "iterative", "goal": "untargeted", "space": "normalised"} if words else {}
    original = np.full((8, 4, 4, 3), 0.4, dtype=np.float32)
    names = np.array(["cat", "dog"] * 4)
    np.savez(path / "gallery.npz", original=original, adversarial=original + np.float32(0.02), epsilon=np.float32(0.3),
             names=names, predicted=np.array(["cat"] * 8), **attack)


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    lines = [",".join(columns), *(",".join("" if value is None else str(value) for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def write_experiment(output: Path, name: str, runs: Iterable[Path], finished: str = "2026-01-02T03:04:05+00:00") -> None:
    folder = output / "experiments"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "runs": [run.name for run in runs], "finished": finished}))


def history_rows(label: str, epochs: int, percent: float, noise: np.random.Generator) -> list[list[Any]]:
    loss, nearest, threshold, _ = FINAL[label]
    start = 2.3 if label == "category" else 20.0
    time = np.arange(1, epochs + 1) / epochs
    train = loss + (start - loss) * np.exp(-9 * time) * noise.normal(1, 0.05, epochs)
    val = train + 0.3 * np.sqrt(time) * noise.normal(1, 0.15, epochs)
    accuracy = nearest * (1 - np.exp(-8 * time)) * (percent / 100) ** 0.15 * noise.normal(1, 0.008, epochs)
    ratio = None if threshold is None else threshold / nearest
    return [[epoch + 1, 0.1, train[epoch], val[epoch], accuracy[epoch], ratio and min(1, ratio * accuracy[epoch]), 12.5, 3600]
            for epoch in range(epochs)]


def metrics(label: str, history: list[list[Any]], images: int, noise: np.random.Generator) -> dict[str, Any]:
    best = max(history, key=lambda row: row[4])
    return {"test_accuracy": best[4] - 0.005 + noise.normal(0, 0.002), "test_threshold_accuracy": best[5], "test_loss": best[3],
            "test_images": images, "best_epoch": best[0], "best_val_accuracy": best[4], "best_val_loss": best[3],
            "epochs": len(history), "train_seconds": 12.5 * len(history)}


def attack_rows(label: str, images: int, noise: np.random.Generator) -> list[list[Any]]:
    """The paper's four attacks."""
    strengths = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    return [row for attack, strength, steps in (("fgsm", 1.0, 1), ("iterative", 1.6, 5))
            for goal, ease in (("untargeted", 1.0), ("targeted", 0.5))
            for row in one_attack(label, images, noise, ["paper", attack, goal, "training", "normalised"], steps, strengths,
                                  strength * ease)]


def one_attack(label: str, images: int, noise: np.random.Generator, words: list[str], steps: int, strengths: list[float],
               ease: float) -> list[list[Any]]:
    """Rows of one attack; accuracy falls exponentially with its strength."""
    _, nearest, threshold, slope = FINAL[label]
    rows = []
    for epsilon in strengths:
        for criterion, clean in (("nearest", nearest), ("threshold", threshold)):
            if clean is None:
                continue
            correct = int(images * clean)
            rate = np.exp(-ease * slope * epsilon) * (1 if epsilon == 0 else min(1, noise.normal(1, 0.02)))
            rows.append([*words, epsilon, steps, 1, 0, criterion, images, correct, int(correct * rate),
                         int(correct * (1 - rate) / 2) if "targeted" in words else None, 0, 1.5])
    return rows


def write_cleaning_run(output: Path, precision: float, **options: Any) -> WeakLabelRun:
    """A finished run of confident learning; precision and F1 are `precision`, test accuracies 90% before and 80% after."""
    config = CleaningConfig(**options)
    run = WeakLabelRun.of(config, output)
    run.path.mkdir(parents=True)
    run.write_json("config.json", config.to_dict())
    run.write_json("environment.json", {"data_variant": "scikit-learn digits"})
    run.write_json("metrics.json", {"precision": precision, "recall": None, "f1": precision, "test_accuracy_before": 0.9,
                                    "test_accuracy_after": 0.8})
    return run
