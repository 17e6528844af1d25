"""From the outcome of an attack to rows of attacks.csv (`tfrepr.results.attack_rows`), and the worst case over attacks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tfrepr.attacks.losses import RIVAL_LOSSES
from tfrepr.attacks.protocols import Attack, Protocol
from tfrepr.attacks.sweep import Outcome
from tfrepr.attacks.victim import Decisions
from tfrepr.results.attack_rows import ENSEMBLE, AttackRow, Key, Survivors


def row_key(protocol: Protocol, attack: Attack, epsilon: float, attack_seed: int, criterion: str, images: int) -> Key:
    """The key of the row that an attack will fill."""
    return (protocol.name, attack.name, attack.goal, attack.loss, protocol.space, epsilon, attack.steps, attack.restarts,
            attack_seed, criterion, images)


def outcome_rows(protocol: Protocol, outcome: Outcome, clean: Decisions, criteria: tuple[str, ...],
                 attack_seed: int) -> list[AttackRow]:
    """The rows of one attack at all its epsilons; each criterion counts its own initially correct images."""
    rows, share = [], outcome.seconds / max(1, len(outcome.epsilons) * len(criteria))
    for (number, epsilon), (column, criterion) in _pairs(outcome.epsilons, criteria):
        started = clean.correct[:, column]

        def count(flags: np.ndarray, started: np.ndarray = started) -> int:
            return int((flags & started).sum())

        key = row_key(protocol, outcome.attack, epsilon, attack_seed, criterion, len(started))
        rows.append(AttackRow(
            *key, clean_correct=count(started), still_correct=count(outcome.correct[number, :, column]),
            hit_target=count(outcome.hit[number, :, column]) if outcome.attack.goal == "targeted" else None,
            no_gradient=None if outcome.no_gradient is None else count(outcome.no_gradient), seconds=round(share, 3),
            every_iterate=int(outcome.attack.every_iterate)))
    return rows


def _pairs(epsilons: Iterable[float], criteria: Iterable[str]) -> list[tuple[tuple[int, float], tuple[int, str]]]:
    return [(first, second) for first in enumerate(epsilons) for second in enumerate(criteria)]


def outcome_survivors(protocol: Protocol, outcome: Outcome, clean: Decisions, criteria: tuple[str, ...],
                      attack_seed: int) -> dict[Key, np.ndarray]:
    """For every row of an outcome the images that are correct before and after the attack, bool `(images,)`."""
    return {row_key(protocol, outcome.attack, epsilon, attack_seed, criterion, len(clean.correct)):
            outcome.correct[number, :, column] & clean.correct[:, column]
            for (number, epsilon), (column, criterion) in _pairs(outcome.epsilons, criteria)}


def ensemble_rows(protocol: Protocol, clean: Decisions, criteria: tuple[str, ...], attack_seed: int,
                  survivors: Survivors) -> tuple[list[AttackRow], dict[Key, np.ndarray]]:
    """The worst case: an image counts as correct only where it withstood every attack of the protocol.

    Transfer attacks count where they were done, whether or not they are wanted now. What broke an image once, such as the
    images of an earlier source of transfer, goes on counting, so that no worst case rises.

    Returns:
        The rows, and for each the images that withstood, bool `(images,)`.
    """
    rows, left, images, ensemble = [], {}, len(clean.correct), ensemble_attack(protocol)
    for (_, epsilon), (column, criterion) in _pairs(protocol.epsilons, criteria):
        keys = [row_key(protocol, attack, epsilon, attack_seed, criterion, images) for attack in protocol.attacks]
        withstood = np.logical_and.reduce([survivors[key] for attack, key in zip(protocol.attacks, keys, strict=True)
                                           if attack.name != "transfer" or key in survivors])
        key = row_key(protocol, ensemble, epsilon, attack_seed, criterion, images)
        if key in survivors:
            withstood &= survivors[key]
        rows.append(AttackRow(*key, clean_correct=int(clean.correct[:, column].sum()), still_correct=int(withstood.sum()),
                              hit_target=None, no_gradient=None, seconds=0.0, every_iterate=int(ensemble.every_iterate)))
        left[key] = withstood
    return rows, left


def ensemble_attack(protocol: Protocol) -> Attack:
    """What the rows of the worst case are filed under."""
    steps = sum(attack.steps for attack in protocol.attacks if attack.name != "transfer")
    restarts = max(attack.restarts for attack in protocol.attacks if attack.loss not in RIVAL_LOSSES)
    return Attack(ENSEMBLE, "untargeted", "worst", steps, restarts=restarts,
                  every_iterate=any(attack.every_iterate for attack in protocol.attacks))
