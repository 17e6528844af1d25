#!/usr/bin/env python
"""Our protocol `autoattack` and the public AutoAttack of its authors, on the same weights and the same images.

    python benchmarks/public_autoattack.py pretrained:cifar10-resnet32-category --data-dir DIR

The weights of a ResNet-32 run are carried into the plain PyTorch model of `torch_reference`, and a label other than `category`
gets as scores minus its mean squared distances to the label's rows, computed in PyTorch as well. So the two sides share neither
an attack nor a network nor a rule of decision. The public side is the version `standard`: Auto-PGD, targeted Auto-PGD, targeted
FAB and Square. It looks at rising strengths, and what it broke at one is broken at the next, whose ball is larger.

PyTorch and pyautoattack are optional (the extra bench).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tfrepr  # noqa: F401  (prepares the process for Keras)

# isort: split

import click
import keras
import numpy as np
import torch
from pyautoattack import AutoAttack
from torch import nn

from benchmarks.torch_reference import copy_weights, torch_model
from tfrepr.attacks.campaign import attack_run
from tfrepr.attacks.protocols import AttackSettings
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.results.attack_rows import ENSEMBLE, SURVIVORS_FILE, Survivors, read_rows
from tfrepr.runs import RunDirectory
from tfrepr.selection import find_run
from tfrepr.training.trained import TrainedModel, load_data


class Agreement(NamedTuple):
    """Images that each side leaves right at one strength, in units of 1/255, bool `(n,)`."""

    epsilon: float
    ours: np.ndarray
    public: np.ndarray

    @property
    def lead(self) -> float:
        """By how many points of accuracy the public side is the stronger one; negative where ours is."""
        return 100 * float(self.ours.mean() - self.public.mean())


class TorchScores(nn.Module):
    """Class scores of images in [0, 1], `(n, channels, height, width)`, by plain PyTorch.

    Args:
        model: A ResNet-32 in Keras, from standardised images.
        representation: Its label.
        mean, std: Of the standardisation.
    """

    def __init__(self, model: keras.Model, representation: LabelRepresentation, mean: tuple[float, ...],
                 std: tuple[float, ...]) -> None:
        super().__init__()
        self._network = torch_model(representation.name, representation.classes)
        copy_weights(model, self._network)
        self._mean, self._std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (mean, std))
        self._rows = None if representation.name == "category" else torch.tensor(representation.table)
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        outputs = self._network((images - self._mean) / self._std)
        return outputs if self._rows is None else -((outputs[:, None] - self._rows) ** 2).mean(dim=(2, 3))


def public_survivors(scores: nn.Module, images: np.ndarray, class_ids: np.ndarray, epsilons: Iterable[float],
                     batch_size: int = 64, fab: bool = True) -> Iterator[tuple[float, np.ndarray]]:
    """Which images stay right under the public AutoAttack at each strength, bool `(n,)`.

    Args:
        scores: From images in [0, 1] to class scores.
        images: uint8, `(n, height, width, channels)`.
        class_ids: True classes.
        epsilons: In 1/255.
        batch_size: Images in one batch.
        fab: False leaves FAB-T out, which takes as long as all others together.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 255
    ids = torch.from_numpy(class_ids.astype(np.int64))
    left = np.flatnonzero(_right(scores, pixels, ids))
    for epsilon in sorted(epsilons):
        if epsilon > 0 and len(left):
            attack = AutoAttack(scores, eps=epsilon / 255, seed=0)
            attack.attacks_to_run = [name for name in attack.attacks_to_run if fab or name != "fab-t"]
            found, _ = attack.run_standard_evaluation(pixels[left], ids[left], batch_size=batch_size)
            assert (found - pixels[left]).abs().max() <= epsilon / 255 + 1e-6
            left = left[_right(scores, found, ids[left])]
        yield epsilon, np.isin(np.arange(len(images)), left)


def _right(scores: nn.Module, pixels: torch.Tensor, ids: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return (scores(pixels).argmax(dim=1) == ids).numpy()


def our_survivors(run: RunDirectory, settings: AttackSettings, data_dir: Path | None) -> dict[float, np.ndarray]:
    """Which images stay right under the protocol of the settings; done where it is not done yet."""
    attack_run(run, settings, data_dir=data_dir)
    survivors = Survivors(run / SURVIVORS_FILE)
    wanted = settings.strengths(())
    return {row.epsilon: survivors[row.key] for row in read_rows(run / "attacks.csv")
            if (row.protocol, row.attack, row.images) == (settings.protocol, ENSEMBLE, settings.images)
            and row.epsilon in wanted}


@click.command()
@click.argument("run")
@click.option("--output", type=click.Path(path_type=Path), default=Path("output"), show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path))
@click.option("--images", default=200, show_default=True)
@click.option("--epsilons", default="0,2,4,8", show_default=True)
@click.option("--batch-size", default=64, show_default=True)
@click.option("--ours-left", is_flag=True, help="give the public side only the images that ours leaves: how many more it finds "
              "is then an upper bound, in a small part of the time")
@click.option("--fab/--no-fab", default=True, show_default=True, help="run FAB-T on the public side")
def main(run: str, output: Path, data_dir: Path | None, images: int, epsilons: str, batch_size: int, ours_left: bool,
         fab: bool) -> None:
    """Compares both attacks on RUN, a finished ResNet-32 with a 64x64 label or `category`."""
    directory = RunDirectory(find_run(output, run))
    settings = AttackSettings("autoattack", epsilons, images=images, batch_size=batch_size)
    trained, data = TrainedModel.load(directory), load_data(directory, data_dir)
    started = time.perf_counter()
    ours = our_survivors(directory, settings, data_dir)
    click.echo(f"{directory.path.name}, first {images} test images; ours took {time.perf_counter() - started:.0f} s")
    click.echo("epsilon   ours  public  points that the public one finds more   images that one alone leaves   seconds")
    scores, started = TorchScores(trained.model, trained.representation, trained.mean, trained.std), time.perf_counter()
    for chosen, strengths in [(flags, [epsilon]) for epsilon, flags in ours.items()] if ours_left else [(slice(None), ours)]:
        pixels, ids = data.test_images[:images][chosen], data.test_ids[:images][chosen]
        for epsilon, flags in public_survivors(scores, pixels, ids, strengths, batch_size, fab):
            public = np.zeros(images, dtype=bool)
            public[chosen] = flags
            say(Agreement(epsilon, ours[epsilon], public), time.perf_counter() - started)


def say(pair: Agreement, seconds: float) -> None:
    """Prints a line of the table."""
    click.echo(f"{pair.epsilon:7g}  {pair.ours.mean():5.1%}  {pair.public.mean():6.1%}  {pair.lead:5.1f}   "
                   f"{(pair.ours & ~pair.public).sum()} / {(pair.public & ~pair.ours).sum()}   {seconds:.0f}")


if __name__ == "__main__":
    main()
