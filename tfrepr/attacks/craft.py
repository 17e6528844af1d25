"""From the description of an attack to adversarial images: which rows there are, where they begin and how they step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tfrepr.attacks.auto_steps import AutoSteps
from tfrepr.attacks.losses import RIVAL_LOSSES
from tfrepr.attacks.protocols import RIVALS, Attack
from tfrepr.attacks.square import draws, square_attack
from tfrepr.attacks.steps import GoingOn, SignSteps, StepRule, box, climb
from tfrepr.attacks.victim import Look, Victim
from tfrepr.seeds import generator


@dataclass
class Chunk:
    """Some images on their way through a group of attacks.

    Attributes:
        numbers: Which test images, `(n,)`.
        images: Clean images of the attacked space, float32.
        class_ids: True classes, int32.
        targets: Wrong classes, int32.
        stream: As in `sweep.ImageSet`.
    """

    numbers: np.ndarray
    images: np.ndarray
    class_ids: np.ndarray
    targets: np.ndarray
    stream: tuple[str, int]
    looks: dict[tuple[str, str], Look] = field(default_factory=dict)
    ranked: np.ndarray | None = None

    def aim(self, attack: Attack) -> np.ndarray:
        """The class whose loss the attack climbs or descends."""
        return self.targets if attack.goal == "targeted" else self.class_ids

    def rivals(self, victim: Victim) -> np.ndarray:
        """The wrong classes of each clean image, the best first, int32 `(n, classes - 1)`."""
        if self.ranked is None:
            self.ranked = victim.rivals(self.images, self.class_ids)
        return self.ranked

    def clean_look(self, victim: Victim, attack: Attack) -> Look:
        """What the model shows of the clean images, looked at once for each loss and goal."""
        key = (attack.loss, attack.goal)
        if key not in self.looks:
            targets = self.rivals(victim)[:, 0] if attack.loss in RIVAL_LOSSES else self.targets
            self.looks[key] = victim.look(attack.loss, self.images, self.aim(attack), self.class_ids, targets)
        return self.looks[key]


class Rows(NamedTuple):
    """What is attacked together: images of a chunk, each at one epsilon and in one of the attack's restarts.

    Attributes:
        place: Place of the image in the chunk, `(rows,)`.
        epsilon: float, `(rows,)`.
        restart: int, `(rows,)`.
    """

    place: np.ndarray
    epsilon: np.ndarray
    restart: np.ndarray


def runs_of(attack: Attack, classes: int) -> int:
    """How often an attack runs on each image."""
    return _rivals_of(attack, classes) * max(1, attack.restarts // RIVALS) if attack.loss in RIVAL_LOSSES else attack.restarts


def _rivals_of(attack: Attack, classes: int) -> int:
    """How many wrong classes it turns to."""
    return min(attack.restarts, RIVALS, classes - 1)


def craft(model: Victim, attack: Attack, chunk: Chunk, epsilons: Sequence[float], restart: int = 0) -> np.ndarray:
    """The last iterates of a chunk at several epsilons, `(epsilons * images, ...)`, all images of the first epsilon first."""
    images, strengths = len(chunk.numbers), len(epsilons)
    rows = Rows(np.tile(np.arange(images), strengths), np.repeat(epsilons, images), np.full(images * strengths, restart))
    return perturb(model, attack, chunk, rows)[0]


def perturb(model: Victim, attack: Attack, chunk: Chunk, rows: Rows,
            going_on: GoingOn | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Attacks rows of a chunk.

    Args:
        model: Whose gradient or scores are used.
        attack: The attack.
        chunk: The images.
        rows: Which of them, and how strongly.
        going_on: Asked at every iterate but the last which rows go on (`steps.climb`).

    Returns:
        The images where each row ended, float32 `(rows, ...)`, and the rows whose last iterate nobody has looked at yet.
    """
    images, class_ids = chunk.images[rows.place], chunk.class_ids[rows.place]
    radius = np.float32([model.space.radius(epsilon) for epsilon in rows.epsilon])[:, None, None, None]
    bounds = box(images, radius, *_limits(model, attack, images))
    if attack.name == "square":
        random = tuple(array[rows.place] for array in _square_draws(chunk, attack.steps))
        found = square_attack(model.margins, images, class_ids, epsilon=radius, bounds=bounds, queries=attack.steps,
                              random=random)
        return found, np.arange(len(found))
    targets = chunk.targets[rows.place]
    if attack.loss in RIVAL_LOSSES:
        targets = chunk.rivals(model)[rows.place, rows.restart % _rivals_of(attack, model.representation.classes)]
    aim = targets if attack.goal == "targeted" else class_ids

    def look(points: np.ndarray, which: np.ndarray) -> Look:
        return model.look(attack.loss, points, aim[which], class_ids[which], targets[which])

    start, first = images, None
    if attack.random_start:
        start = np.clip(images + radius * _start_noise(chunk, rows), *bounds)
    else:
        first = Look(*(part[rows.place] for part in chunk.clean_look(model, attack)))
    return climb(look, start, _step_rule(attack, radius, bounds), attack.steps, first=first, going_on=going_on)


def _step_rule(attack: Attack, radius: np.ndarray, bounds: tuple[np.ndarray, np.ndarray]) -> StepRule:
    step, ascend = radius * np.float32(attack.step), attack.goal == "untargeted"
    if attack.auto_step:
        return AutoSteps(step, bounds, ascend, attack.steps)
    return SignSteps(step, bounds, ascend, attack.accumulate)


def _limits(model: Victim, attack: Attack, images: np.ndarray) -> tuple[np.ndarray | float, np.ndarray | float]:
    if attack.clip == "range":
        return model.space.limits()
    if attack.clip == "image":
        return images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
    return -np.inf, np.inf


def _start_noise(chunk: Chunk, rows: Rows) -> np.ndarray:
    """Uniform noise in [-1, 1), from a stream of each image's and restart's own, the same at every epsilon."""
    name, seed = chunk.stream
    pairs, inverse = np.unique(np.stack([rows.restart, rows.place]), axis=1, return_inverse=True)
    noise = [generator(seed, "attack", name, "start", int(restart), int(chunk.numbers[place])).uniform(
        -1, 1, chunk.images.shape[1:]).astype(np.float32) for restart, place in pairs.T]
    return np.stack(noise)[inverse.ravel()]


def _square_draws(chunk: Chunk, queries: int) -> tuple[np.ndarray, ...]:
    name, seed = chunk.stream
    width, channels = chunk.images.shape[2:]
    drawn = [draws(generator(seed, "attack", name, "square", number), queries, width, channels) for number in chunk.numbers]
    return tuple(np.stack(arrays) for arrays in zip(*drawn, strict=True))
