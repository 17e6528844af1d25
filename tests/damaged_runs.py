"""Runs with every kind of file, of which each has one file that is not what it should be."""

import json
import os
from pathlib import Path

import numpy as np

from tests.synthetic_runs import write_gallery, write_run
from tfrepr.config import RunConfig
from tfrepr.results import features
from tfrepr.results.gradcam import FILE as GRADCAM_FILE
from tfrepr.runs import RunDirectory

FILES = ("config.json", "environment.json", "metrics.json", "history.csv", "attacks.csv", "attacks.json", "gallery.npz",
         "gradcam.npz", "features/images.npz", "features/epoch-00001.npz", "features/scores.csv", "spoken/a1.json",
         "evaluation/copy/paired.json")
CLASSES = ("cat", "dog", "frog")


def write_whole_run(output: Path, seed: int) -> Path:
    """A run of two epochs with all of `FILES`, of a cell of Figure 8 and of A.1."""
    config = RunConfig(dataset="cifar10", encoder="vgg19", label="speech", seed=seed)
    path = write_run(output, variant="CIFAR-10 (JPEG copy)", epochs=2, attacks=True, config={"label": "speech", "seed": seed})
    path = path.rename(path.with_name(config.run_name))
    run, noise, ids = RunDirectory(path), np.random.default_rng(seed), np.arange(12) % 3
    run.write_json("config.json", config.to_dict())
    run.write_json("environment.json", run.environment() | {"class_names": list(CLASSES)})
    run.write_json("attacks.json", {"checkpoint": "0" * 16, "data_variant": "CIFAR-10 (JPEG copy)", "protocols": {}})
    write_gallery(path)
    np.savez(path / GRADCAM_FILE, images=np.zeros((3, 4, 4, 3), np.uint8), maps=np.ones((3, 3, 4, 4), np.float16),
             stages=np.array(["stage1", "stage2", "stage3"]), class_ids=np.arange(3), predicted=np.arange(3),
             class_names=np.array(CLASSES))
    features.write_images(run, np.arange(12), ids)
    for epoch in (1, 2):
        features.write_features(run, epoch, noise.normal(size=(12, 4)).astype(np.float32) + ids[:, None])
    for name, values in (("spoken/a1.json", {"threshold_agrees_with_nearest": 0.5, "threshold_agrees_with_heard": 0.5}),
                         ("evaluation/copy/paired.json", {"images": 9, "only_own": 1, "only_other": 0})):
        (path / name).parent.mkdir(parents=True)
        (path / name).write_text(json.dumps(values))
    return path


def replace(path: Path, content: bytes | None) -> None:
    """Writes a file anew; None puts a pipe in its place that nobody writes to."""
    path.unlink()
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
