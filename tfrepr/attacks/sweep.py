"""One pass of a group of attacks over images: memory does not grow with their number, and no gradient is computed twice.

FGSM's gradient does not depend on epsilon, and the iterative attack's first step uses the same one: it is computed once a
batch. The other steps of all epsilons are taken together. Where every iterate counts, rows whose image is broken leave, and
those that stay fill whole batches.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tfrepr.attacks.craft import Chunk, Rows, perturb, runs_of
from tfrepr.attacks.protocols import BLACK_BOX, Attack, Protocol
from tfrepr.attacks.victim import Decisions, Look, Victim
from tfrepr.data.class_ids import one_per_image

BATCHES_AT_ONCE = 8
"""Batches that attacks hold at once whose rows leave early."""
VALUES_AT_ONCE = 2**23
"""Most pixel values of such rows, whatever the size of the images."""


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


def clean_decisions(victim: Victim, tests: ImageSet, report: Callable[[int], None] = lambda images: None) -> Decisions:
    """Decisions on the unperturbed images."""
    parts = []
    for chunk in _chunks(victim, tests, np.arange(len(tests.images)), victim.batch_size):
        parts.append(victim.decide(chunk.images, chunk.class_ids, chunk.targets))
        report(len(chunk.numbers))
    return Decisions(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def attack_groups(protocol: Protocol) -> list[list[Attack]]:
    """Neighbouring attacks that share the gradient at the clean image: those with one loss and one goal.

    In a cascade, whose attacks each look at what the one before left, every attack is a group of its own.
    """
    if protocol.cascade:
        return [[attack] for attack in protocol.attacks]
    shared = itertools.groupby(protocol.attacks, key=lambda attack: (
        attack.loss, attack.goal, attack.name in BLACK_BOX))
    return [list(group) for _, group in shared]


def run_group(victim: Victim, source: Victim | None, attacks: Sequence[tuple[Attack, tuple[float, ...]]], tests: ImageSet,
              clean: Decisions, report: Callable[[int], None] = lambda images: None,
              withstood: np.ndarray | None = None) -> list[Outcome]:
    """Runs attacks over all images that are correct by any criterion; the others are not attacked.

    Args:
        victim: The model that decides, and that is attacked.
        source: The model that `transfer` attacks in its place.
        attacks: Each with its epsilons.
        tests: The test images.
        clean: Decisions on the unperturbed images.
        report: Told the number of images after every batch.
        withstood: In a cascade, what earlier attacks left at the epsilons of all these attacks, bool `(epsilons, n, criteria)`;
            only that is attacked.
    """
    outcomes = [_unattacked(attack, epsilons, clean, withstood) for attack, epsilons in attacks]
    at_once = min(_images_at_once(victim, attack, len(epsilons), tests) for attack, epsilons in attacks)
    for chunk in _chunks(victim, tests, attacked_images(attacks, clean, withstood), at_once):
        for outcome in outcomes:
            started = time.perf_counter()
            _attack_chunk(victim, source, chunk, outcome)
            outcome.seconds += time.perf_counter() - started
        report(len(chunk.numbers))
    return outcomes


def attacked_images(attacks: Sequence[tuple[Attack, tuple[float, ...]]], clean: Decisions,
                    withstood: np.ndarray | None = None) -> np.ndarray:
    """The numbers of the images that `run_group` looks at, with its arguments, `(n,)`."""
    if withstood is None:
        return np.flatnonzero(clean.correct.any(axis=1))
    strengths = np.array(attacks[0][1]) > 0
    return np.flatnonzero(withstood[strengths].any(axis=(0, 2)))


def _unattacked(attack: Attack, epsilons: tuple[float, ...], clean: Decisions, withstood: np.ndarray | None) -> Outcome:
    correct, hit = (np.repeat(array[None], len(epsilons), axis=0) for array in (clean.correct, clean.hit))
    white_box = attack.name not in BLACK_BOX
    return Outcome(attack, epsilons, correct if withstood is None else withstood.copy(), hit,
                   np.zeros(len(clean.correct), dtype=bool) if white_box else None)


def _images_at_once(victim: Victim, attack: Attack, epsilons: int, tests: ImageSet) -> int:
    """Images of a chunk: where rows leave early several batches of them, so that those that stay fill whole batches."""
    if not attack.every_iterate and attack.name != "square":
        return victim.batch_size
    rows = min(BATCHES_AT_ONCE * victim.batch_size, VALUES_AT_ONCE // int(np.prod(tests.images.shape[1:])))
    return max(1, rows // (epsilons * runs_of(attack, victim.representation.classes)))


def _chunks(victim: Victim, tests: ImageSet, numbers: np.ndarray, at_once: int) -> Iterator[Chunk]:
    class_ids, targets = one_per_image(tests.class_ids), one_per_image(tests.targets)
    for start in range(0, len(numbers), at_once):
        part = numbers[start:start + at_once]
        yield Chunk(part, victim.space.from_bytes(tests.images[part]), class_ids[part], targets[part], tests.stream)


def _attack_chunk(victim: Victim, source: Victim | None, chunk: Chunk, outcome: Outcome) -> None:
    """Fills in one chunk's part of an outcome; epsilon 0 stays as it is, since it changes no image."""
    attack = outcome.attack
    if outcome.no_gradient is not None:
        largest = np.abs(chunk.clean_look(victim, attack).gradient).max(axis=(1, 2, 3))
        outcome.no_gradient[chunk.numbers] = largest < np.finfo(np.float32).tiny
    tally = _Tally(victim, chunk, outcome)
    if not len(tally.rows.place):
        return
    model = source if attack.name == "transfer" else victim
    images, left = perturb(model, attack, chunk, tally.rows, tally.going_on if attack.every_iterate else None)
    tally.ask(left, images[left])
    tally.write()


class _Tally:
    """Counts what an attack leaves of a chunk, each image at each epsilon over all of its rows.

    Args:
        victim: Who answers.
        chunk: The images.
        outcome: What is to be filled in.
    """

    def __init__(self, victim: Victim, chunk: Chunk, outcome: Outcome) -> None:
        self._victim, self._chunk, self._outcome = victim, chunk, outcome
        attack, strengths = outcome.attack, np.array(outcome.epsilons)
        open_cells = outcome.correct[:, chunk.numbers].any(axis=-1) & (strengths > 0)[:, None]
        self._strength, self._place = np.nonzero(open_cells)
        runs, cells = runs_of(attack, victim.representation.classes), len(self._place)
        self._cell = np.tile(np.arange(cells), runs)
        self.rows = Rows(self._place[self._cell], strengths[self._strength][self._cell], np.repeat(np.arange(runs), cells))
        self._started = outcome.correct[self._strength, chunk.numbers[self._place]]
        self._correct, self._hit = self._started.copy(), np.zeros_like(self._started)

    def going_on(self, rows: np.ndarray, images: np.ndarray, seen: Look) -> np.ndarray:
        """Notes an iterate; rows go on until their image is broken, and at its target where the attack has one."""
        if self._outcome.attack.name == "transfer":
            self.ask(rows, images)
        else:
            self._note(rows, seen.correct, seen.hit)
        cells, waiting = self._cell[rows], self._correct
        if self._outcome.attack.goal == "targeted":
            waiting = waiting | ~self._hit
        return (waiting & self._started).any(axis=-1)[cells]

    def ask(self, rows: np.ndarray, images: np.ndarray) -> None:
        """Has the victim decide on images of these rows, and notes it."""
        if len(rows):
            ids = (part[self.rows.place[rows]] for part in (self._chunk.class_ids, self._chunk.targets))
            _, correct, hit = self._victim.decide(images, *ids)
            self._note(rows, correct, hit)

    def write(self) -> None:
        """Puts what was counted into the outcome."""
        place = self._strength, self._chunk.numbers[self._place]
        self._outcome.correct[place], self._outcome.hit[place] = self._correct, self._hit

    def _note(self, rows: np.ndarray, correct: np.ndarray, hit: np.ndarray) -> None:
        np.logical_and.at(self._correct, self._cell[rows], correct)
        np.logical_or.at(self._hit, self._cell[rows], hit)
