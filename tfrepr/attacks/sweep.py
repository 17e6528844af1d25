"""One pass of a group of attacks over images: memory does not grow with their number, and no gradient is computed twice.

FGSM's gradient does not depend on epsilon, and the iterative attack's first step uses the same one: it is computed once a
batch. The other steps of all epsilons are taken together.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tfrepr.attacks.protocols import Attack
from tfrepr.attacks.square import draws, square_attack
from tfrepr.attacks.steps import box, sign_steps
from tfrepr.attacks.victim import Decisions, Victim
from tfrepr.data.class_ids import one_per_image
from tfrepr.seeds import generator


class ImageSet(NamedTuple):
    """Images to attack.

    Attributes:
        images: uint8, `(n, height, width, channels)`.
        class_ids: True classes, int32, `(n,)` or `(n, 1)`.
        targets: Wrong classes, int32, `(n,)`.
        stream: Name and seed of the random streams: the data set's name and the attack seed.
    """

    images: np.ndarray
    class_ids: np.ndarray
    targets: np.ndarray
    stream: tuple[str, int]

@dataclass
class Outcome:
    """What one attack does at each of its epsilons.

    Attributes:
        attack: The attack.
        epsilons: Its strengths.
        correct: Still answered correctly, bool `(epsilons, n, criteria)`; as for the clean image where it was not attacked.
        hit: Answered as the target class, of the same shape.
        no_gradient: The gradient at the clean image is zero in float32, bool `(n,)`; None for attacks that use none.
        seconds: Wall time.
    """

    attack: Attack
    epsilons: tuple[float, ...]
    correct: np.ndarray
    hit: np.ndarray
    no_gradient: np.ndarray | None
    seconds: float = 0.0


@dataclass
class Chunk:
    """A batch of images on its way through a group of attacks."""

    rows: np.ndarray
    images: np.ndarray
    class_ids: np.ndarray
    targets: np.ndarray
    stream: tuple[str, int]
    gradients: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def aim(self, attack: Attack) -> np.ndarray:
        """The class whose loss the attack climbs or descends."""
        return self.targets if attack.goal == "targeted" else self.class_ids

    def clean_gradient(self, victim: Victim, attack: Attack) -> np.ndarray:
        """The gradient at the clean images, computed once for each loss and goal."""
        key = (attack.loss, attack.goal)
        if key not in self.gradients:
            self.gradients[key] = victim.gradient(attack.loss)(self.images, self.aim(attack))
        return self.gradients[key]


def clean_decisions(victim: Victim, tests: ImageSet, report: Callable[[int], None] = lambda images: None) -> Decisions:
    """Decisions on the unperturbed images."""
    parts = []
    for chunk in _chunks(victim, tests, np.arange(len(tests.images))):
        parts.append(victim.decide(chunk.images, chunk.class_ids, chunk.targets))
        report(len(chunk.rows))
    return Decisions(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def attack_groups(attacks: Sequence[Attack]) -> list[list[Attack]]:
    """Neighbouring attacks that share the gradient at the clean image: those with one loss and one goal."""
    shared = itertools.groupby(attacks, key=lambda attack: (attack.loss, attack.goal, attack.name in ("transfer", "square")))
    return [list(group) for _, group in shared]


def run_group(victim: Victim, source: Victim | None, attacks: Sequence[tuple[Attack, tuple[float, ...]]], tests: ImageSet,
              clean: Decisions, report: Callable[[int], None] = lambda images: None) -> list[Outcome]:
    """Runs attacks over all images that are correct by any criterion; the others are not attacked.

    Args:
        victim: The model that decides, and that is attacked.
        source: The model that `transfer` attacks in its place.
        attacks: Each with its epsilons.
        tests: The test images.
        clean: Decisions on the unperturbed images.
        report: Told the number of images after every batch.
    """
    outcomes = [_unattacked(attack, epsilons, clean) for attack, epsilons in attacks]
    for chunk in _chunks(victim, tests, np.flatnonzero(clean.correct.any(axis=1))):
        for outcome in outcomes:
            started = time.perf_counter()
            _attack_chunk(victim, source, chunk, outcome)
            outcome.seconds += time.perf_counter() - started
        report(len(chunk.rows))
    return outcomes


def _unattacked(attack: Attack, epsilons: tuple[float, ...], clean: Decisions) -> Outcome:
    correct, hit = (np.repeat(array[None], len(epsilons), axis=0) for array in (clean.correct, clean.hit))
    white_box = attack.name not in ("transfer", "square")
    return Outcome(attack, epsilons, correct, hit, np.zeros(len(clean.correct), dtype=bool) if white_box else None)


def _chunks(victim: Victim, tests: ImageSet, rows: np.ndarray) -> Iterator[Chunk]:
    class_ids, targets = one_per_image(tests.class_ids), one_per_image(tests.targets)
    for start in range(0, len(rows), victim.batch_size):
        part = rows[start:start + victim.batch_size]
        images = victim.space.from_bytes(tests.images[part])
        yield Chunk(part, images, class_ids[part], targets[part], tests.stream)


def _attack_chunk(victim: Victim, source: Victim | None, chunk: Chunk, outcome: Outcome) -> None:
    """Fills in one chunk's part of an outcome; epsilon 0 stays as it is, since it changes no image."""
    attack = outcome.attack
    if outcome.no_gradient is not None:
        largest = np.abs(chunk.clean_gradient(victim, attack)).max(axis=(1, 2, 3))
        outcome.no_gradient[chunk.rows] = largest < np.finfo(np.float32).tiny
    strengths = [index for index, epsilon in enumerate(outcome.epsilons) if epsilon > 0]
    if not strengths:
        return
    epsilons = [outcome.epsilons[index] for index in strengths]
    shape = (len(strengths), len(chunk.rows), len(victim.criteria))
    correct, hit = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for restart in range(attack.restarts):
        adversarial = craft(source if attack.name == "transfer" else victim, attack, chunk, epsilons, restart)
        decisions = victim.decide(adversarial, *(np.tile(ids, len(strengths)) for ids in (chunk.class_ids, chunk.targets)))
        correct &= decisions.correct.reshape(shape)
        hit |= decisions.hit.reshape(shape)
    for number, index in enumerate(strengths):
        outcome.correct[index, chunk.rows] = correct[number]
        outcome.hit[index, chunk.rows] = hit[number]


def craft(model: Victim, attack: Attack, chunk: Chunk, epsilons: Sequence[float], restart: int = 0) -> np.ndarray:
    """Adversarial images of a chunk at several epsilons, `(epsilons * images, ...)`, all images of the first epsilon first."""
    repeats = len(epsilons)
    images, aim = np.tile(chunk.images, (repeats, 1, 1, 1)), np.tile(chunk.aim(attack), repeats)
    radius = np.repeat(np.float32([model.space.radius(epsilon) for epsilon in epsilons]), len(chunk.rows))[:, None, None, None]
    bounds = box(images, radius, *_limits(model, attack, images))
    if attack.name == "square":
        random = _square_draws(chunk, attack.steps)
        return square_attack(model.margins, images, aim, epsilon=radius, bounds=bounds, queries=attack.steps,
                             random=tuple(np.concatenate([array] * repeats) for array in random))
    start, first_gradient = images, None
    if attack.random_start:
        noise = np.tile(_start_noise(chunk, restart), (repeats, 1, 1, 1))
        start = np.clip(images + radius * noise, *bounds)
    else:
        first_gradient = np.tile(chunk.clean_gradient(model, attack), (repeats, 1, 1, 1))
    return sign_steps(model.gradient(attack.loss), start, aim, bounds=bounds, step=radius * np.float32(attack.step),
                      steps=attack.steps, ascend=attack.goal == "untargeted", first_gradient=first_gradient,
                      accumulate=attack.accumulate)


def _limits(model: Victim, attack: Attack, images: np.ndarray) -> tuple[np.ndarray | float, np.ndarray | float]:
    if attack.clip == "range":
        return model.space.limits()
    if attack.clip == "image":
        return images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
    return -np.inf, np.inf


def _start_noise(chunk: Chunk, restart: int) -> np.ndarray:
    """Uniform noise in [-1, 1), from a stream of each image's own."""
    name, seed = chunk.stream
    return np.stack([generator(seed, "attack", name, "start", restart, row).uniform(-1, 1, chunk.images.shape[1:])
                     for row in chunk.rows]).astype(np.float32)


def _square_draws(chunk: Chunk, queries: int) -> tuple[np.ndarray, ...]:
    name, seed = chunk.stream
    width, channels = chunk.images.shape[2:]
    drawn = [draws(generator(seed, "attack", name, "square", row), queries, width, channels) for row in chunk.rows]
    return tuple(np.stack(arrays) for arrays in zip(*drawn, strict=True))
