#!/usr/bin/env python
"""Training speed of ResNet-32 at batch 128, in images per second (medians over rounds, one process a measurement).

    python benchmarks/training_speed.py                 everything, a few minutes on two cores
    python benchmarks/training_speed.py --rounds 5      more rounds for a busy machine

(a) bare step: the compiled training step on one batch that is already in memory
(m) the bare step with `--mixed-precision bfloat16`: faster on CPUs with AMX instructions
(b) pipeline: tf.data alone, on data of CIFAR's size
(c) end to end: `scripts/train.py` on images of CIFAR's size, as `history.csv` reports it; should be 95% of (a) or more
(d) PyTorch: the bare step written in plain PyTorch (channels_last, as many threads), where torch is installed;
    our time should be 0.9 times PyTorch's or less
(h) the same with the huge memory pages that our scripts ask the C library for (`tfrepr.surroundings.huge_pages`)
(k) as (h), compiled by `torch.compile`, which needs a C++ compiler and takes a minute before the first step
(v) validation: images per second of the validation pass

Rounds alternate between the measurements, so that a machine that is busy for a while slows all of them.
"""

from __future__ import annotations

import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

BATCH = 128
END_TO_END_IMAGES = 15 * BATCH
LABELS = ("category", "speech")
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def random_batch() -> tuple[np.ndarray, np.ndarray]:
    """Normal noise `(128, 32, 32, 3)` and class ids."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(BATCH, 32, 32, 3)).astype("float32"), rng.integers(0, 10, BATCH)


def seconds_per_call(step, warm_up: int = 5, seconds: float = 8.0) -> float:
    """Median time of a call after warm-up."""
    for _ in range(warm_up):
        step()
    times, started = [], time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        step()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def our_model(label: str):
    """ResNet-32 with the head of `label`, and the representation."""
    from tfrepr.labels.build import build_representation
    from tfrepr.labels.options import LabelOptions
    from tfrepr.models.build import build_model

    representation = build_representation(label, NAMES, image_side=32, options=LabelOptions())
    return build_model("resnet32", (32, 32, 3), representation), representation


def bare_step(label: str, mixed_precision: str = "off") -> float:
    """(a), (m)"""
    import keras

    from tfrepr.training.devices import compute_types
    from tfrepr.training.optimizer import SGD

    with compute_types(mixed_precision):
        model, representation = our_model(label)
    trainer = keras.Model(model.inputs, model.outputs[0])
    trainer.compile(SGD(0.1, 0.9, 1e-4), loss=representation.losses, jit_compile=False)
    images, ids = (keras.ops.convert_to_tensor(array) for array in random_batch())
    return BATCH / seconds_per_call(lambda: trainer.train_on_batch(images, ids))


def validation(label: str) -> float:
    """(v)"""
    from tfrepr.data.pipeline import evaluation_batches
    from tfrepr.training.evaluation import evaluate, forward_function

    model, representation = our_model(label)
    rng = np.random.default_rng(0)
    batches = evaluation_batches(rng.integers(0, 256, (1000, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, 1000),
                                 mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    forward = forward_function(model)
    return 1000 / seconds_per_call(lambda: evaluate(forward, representation, batches), warm_up=2)


def pipeline(_: str) -> float:
    """(b)"""
    from tfrepr.data.pipeline import training_batches

    rng = np.random.default_rng(0)
    images, ids = rng.integers(0, 256, (45_000, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, 45_000)
    batches = iter(training_batches(images, ids, mean=(0.5,) * 3, std=(0.2,) * 3, flip=True, batch_size=BATCH, seed=0,
                                    first_epoch=0, last_epoch=50))
    for _ in range(20):
        next(batches)
    started, taken = time.perf_counter(), 0
    while time.perf_counter() - started < 5:
        next(batches)
        taken += BATCH
    return taken / (time.perf_counter() - started)


def end_to_end(label: str) -> float:
    """(c), over all epochs but the first, which compiles."""
    with tempfile.TemporaryDirectory() as folder:
        write_noise_in_cifar_layout(Path(folder))
        words = ["--dataset", "cifar10", "--label", label, "--data-dir", folder, "--output", f"{folder}/output",
                 "--epochs", "4", "--validation-every", "4", "--percent", str(END_TO_END_IMAGES / 450 + 1e-6)]
        subprocess.run([sys.executable, str(ROOT / "scripts" / "train.py"), *words], check=True, capture_output=True)
        history = next(Path(folder).glob("output/runs/*/history.csv")).read_text().splitlines()
        return statistics.median(float(line.split(",")[-1]) for line in history[2:])


def write_noise_in_cifar_layout(folder: Path) -> None:
    """Random pixels as an unpacked CIFAR-10 folder."""
    rng = np.random.default_rng(0)
    target = folder / "cifar-10-batches-py"
    target.mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        record = {b"data": rng.integers(0, 256, (10_000, 3072), dtype=np.uint8), b"labels": [i % 10 for i in range(10_000)]}
        (target / name).write_bytes(pickle.dumps(record, protocol=4))
    (target / "batches.meta").write_bytes(pickle.dumps({b"label_names": [name.encode() for name in NAMES]}, protocol=4))


def torch_step(label: str, compiled: bool = False) -> float:
    """(d), (h), (k)"""
    import torch

    from benchmarks.torch_reference import torch_model

    images, ids = random_batch()
    images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(memory_format=torch.channels_last)
    ids, table = torch.from_numpy(ids), torch.rand(10, 64, 64) * 80
    model = torch_model(label).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=1e-4)

    def loss_of(images, ids):
        outputs = model(images)
        return (torch.nn.functional.cross_entropy(outputs, ids) if label == "category"
                else torch.nn.functional.smooth_l1_loss(outputs, table[ids]))

    loss_of = torch.compile(loss_of) if compiled else loss_of

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(images, ids)
        loss.backward()
        optimizer.step()
        loss.item()

    return BATCH / seconds_per_call(step)


PARTS = {"a": bare_step, "m": partial(bare_step, mixed_precision="bfloat16"), "b": pipeline, "c": end_to_end, "d": torch_step,
         "h": torch_step, "k": partial(torch_step, compiled=True), "v": validation}
TORCH = ("d", "h", "k")
"""Measured where torch is installed."""
PLAIN = ("d",)
"""Measured as any Python program starts; the others start as our scripts do."""


def measure(part: str, label: str) -> float:
    """One measurement in a process of its own."""
    from tfrepr.surroundings import HUGE_PAGES

    words = [sys.executable, __file__, "--part", part, "--label", label]
    environment = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    if part not in PLAIN and sys.platform == "linux":
        environment["GLIBC_TUNABLES"] = HUGE_PAGES
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


@click.command()
@click.option("--rounds", default=3, show_default=True, help="rounds of alternating measurements")
@click.option("--part", type=click.Choice(sorted(PARTS)), default=None, hidden=True)
@click.option("--label", default="category", hidden=True)
def main(rounds: int, part: str | None, label: str) -> None:
    """Measure training speed and print a table."""
    if part is not None:
        click.echo(json.dumps(PARTS[part](label)))
        return
    from tfrepr.text_tables import markdown_table

    parts = [name for name in PARTS if name not in TORCH or find_spec("torch")]
    speeds = {(name, label): [] for name in parts for label in LABELS}
    for _ in range(rounds):
        for name, label in speeds:
            speeds[name, label].append(measure(name, label))
            click.echo(f"  {name} {label}: {speeds[name, label][-1]:.0f} images/s", err=True)
    rows = []
    titles = {"a": "(a) bare step", "m": "(m) bare step in bfloat16", "b": "(b) pipeline alone", "c": "(c) end to end",
              "d": "(d) PyTorch's bare step", "h": "(h) PyTorch's bare step, huge pages",
              "k": "(k) PyTorch's bare step, huge pages, compiled",
              "v": "(v) validation"}
    median = {key: statistics.median(values) for key, values in speeds.items()}
    for name in parts:
        rows.append((f"{titles[name]}, images/s", *(f"{median[name, label]:.0f}" for label in LABELS)))
    ratios = [("(c) / (a)", "c", "a"), ("(m) / (a)", "m", "a")]
    if "d" in parts:
        ratios += [("our time / PyTorch's = (d) / (a)", "d", "a"), ("with huge pages for both = (h) / (a)", "h", "a"),
                   ("the same, PyTorch compiled = (k) / (a)", "k", "a")]
    for title, top, bottom in ratios:
        rows.append((title, *(
            f"{statistics.median(t / b for t, b in zip(speeds[top, label], speeds[bottom, label], strict=True)):.2f}"
            for label in LABELS)))
    click.echo("\n".join(markdown_table(("measurement", *LABELS), rows)))


if __name__ == "__main__":
    main()
