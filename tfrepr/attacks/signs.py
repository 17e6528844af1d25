"""Signs that an evaluation works: what must hold before a robust accuracy is believed.

After Carlini et al. 2019, "On evaluating adversarial robustness" (https://arxiv.org/abs/1902.06705, section 4), from the rows
of one run's attacks.csv, by the nearest label. A sign holds, fails, or is not measured yet; each says what was seen. They lie
in attacks.json under `signs` (`results.signs`), where other measurements put theirs, too. `diagnosis` looks for the opposite:
marks of a hidden gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from tfrepr.attacks.diagnosis import BLACK_BOX, NOTABLE
from tfrepr.attacks.protocols import with_unit
from tfrepr.results.attack_rows import ENSEMBLE, AttackRow
from tfrepr.results.signs import Sign

LARGEST = 128.0
"""Epsilon, in units of 1/255, at which every image can be made grey."""
UNDEFENDED_EPSILON, UNDEFENDED_LEFT = 8.0, 0.001
"""An undefended network keeps at most this share of all images at this epsilon, in units of 1/255."""


class _Gap(NamedTuple):
    """What is broken without the gradient and not along it, as a share of the initially correct images; where it was seen."""

    share: float
    message: str
    epsilon: float


def evaluation_signs(rows: Iterable[AttackRow], *, undefended: bool) -> list[Sign]:
    """All signs of one run.

    Args:
        rows: Of its attacks.csv. Those on most images count, of these those of the smallest seed.
        undefended: Whether it is a plain categorical model, which nothing defends.
    """
    found = [row for row in rows if (row.space, row.criterion) == ("pixel", "nearest") and row.epsilon > 0]
    settings = {(row.images, -row.attack_seed) for row in found if row.protocol == "autoattack"} or {
        (row.images, -row.attack_seed) for row in found}
    found = [row for row in found if settings and (row.images, -row.attack_seed) == max(settings)]
    signs = [_step_doubling(found), _falls_to_zero(found), _gradients_there(found), _gradients_lead(found),
             _training_loss_leads(found), *([_undefended_breaks(found)] if undefended else [])]
    return [sign if sign.holds is None else replace(sign, images=found[0].images) for sign in signs]


def _step_doubling(rows: Sequence[AttackRow]) -> Sign:
    """Twice the steps, with as many restarts, break next to nothing more.

    Of several numbers of steps, the largest that was doubled counts.
    """
    left = {(row.steps, row.restarts, row.epsilon): row for row in rows
            if (row.protocol, row.attack) == ("autoattack", "apgd-t")}
    falls = [((row.still_correct - left[2 * steps, restarts, epsilon].still_correct) / max(1, row.clean_correct), steps, row)
             for (steps, restarts, epsilon), row in left.items() if (2 * steps, restarts, epsilon) in left]
    if not falls:
        return _not_measured("step-doubling", "--protocol autoattack, without --steps and with --steps 200")
    fall, steps, row = max(falls, key=lambda found: (found[1], found[0]))
    return Sign("step-doubling", fall <= NOTABLE, f"{2 * steps} steps in place of {steps} break at most {max(0.0, fall):.1%} "
                f"more of the initially correct images ({_at(row)}; {NOTABLE:.0%} are allowed).",
                tuple(sorted(doubled.epsilon for _, of, doubled in falls if of == steps)))


def _falls_to_zero(rows: Sequence[AttackRow]) -> Sign:
    """Nothing is left at an epsilon at which every image can be erased."""
    worst = [row for row in rows if (row.protocol, row.attack) == ("autoattack", ENSEMBLE) and row.epsilon <= LARGEST]
    strength = with_unit(LARGEST, "pixel")
    gone = [row for row in worst if row.still_correct == 0]
    if gone:
        return Sign("falls-to-zero", True, f"No image is left {_at(min(gone, key=lambda row: row.epsilon))}.")
    if not any(row.epsilon == LARGEST for row in worst):
        return _not_measured("falls-to-zero", f"--protocol autoattack with an epsilon of {LARGEST:g}")
    row = min((row for row in worst if row.epsilon == LARGEST), key=lambda row: row.still_correct)
    return Sign("falls-to-zero", False, f"{row.still_correct} of {row.images} images are left at epsilon {strength}, where an "
                "attack that works leaves none.")


def _gradients_there(rows: Sequence[AttackRow]) -> Sign:
    """Next to no image has a gradient that float32 rounds to zero, along the losses of the decision."""
    shares = [(row.no_gradient / max(1, row.clean_correct), row.loss.replace("_", "-")) for row in rows
              if row.no_gradient is not None and row.loss != "training"]
    if not shares:
        return _not_measured("gradients-there", "--protocol autoattack")
    share, loss = max(shares)
    return Sign("gradients-there", share <= NOTABLE, f"At most {share:.1%} of the initially correct images have a gradient of "
                f"zero ({loss}; {NOTABLE:.0%} are allowed).")


def _gradients_lead(rows: Sequence[AttackRow]) -> Sign:
    """On every loss of the decision the gradient does at least what is done without it, and Square has nothing left to do."""
    each_loss, cascade = _gaps(rows, lambda row: row.loss in ("cross_entropy", "margin")), _left_to_square(rows)
    both = {gap.epsilon for gap in each_loss} & {gap.epsilon for gap in cascade}
    gaps = [*each_loss, *cascade] if both else []
    return _leading("gradients-lead", gaps, "--protocol adaptive and --protocol autoattack, on the same images and at the same "
                    "epsilon", both)


def _training_loss_leads(rows: Sequence[AttackRow]) -> Sign:
    """The same for the loss of the training, which need not follow the decision: where it fails, that loss misleads."""
    gaps = _gaps(rows, lambda row: row.loss == "training")
    return _leading("training-loss-leads", gaps, "--protocol adaptive", {gap.epsilon for gap in gaps})


def _leading(name: str, gaps: Sequence[_Gap], command: str, epsilons: Iterable[float]) -> Sign:
    if not gaps:
        return _not_measured(name, command)
    gap = max(gaps)
    return Sign(name, gap.share <= NOTABLE, f"{gap.message} ({NOTABLE:.0%} are allowed).", tuple(sorted(epsilons)))


def _gaps(rows: Sequence[AttackRow], chosen: Callable[[AttackRow], bool]) -> list[_Gap]:
    """By how much the best attack without the gradient beats the best one along it, at each epsilon and for each loss.

    In the cascade, where each attack goes on with what is left, losses cannot be told apart.
    """
    untargeted = [row for row in rows if row.goal == "untargeted" and row.attack != ENSEMBLE and row.protocol != "autoattack"]
    black = [row for row in untargeted if row.attack in BLACK_BOX]
    white = [row for row in untargeted if row.attack not in BLACK_BOX and chosen(row)]
    gaps = []
    for loss, epsilon in dict.fromkeys((row.loss, row.epsilon) for row in white):
        best = min((row for row in white if (row.loss, row.epsilon) == (loss, epsilon)), key=lambda row: row.still_correct)
        for rival in (row for row in black if row.epsilon == epsilon):
            share = (best.still_correct - rival.still_correct) / max(1, best.clean_correct)
            gaps.append(_Gap(share, f"{_at(rival).capitalize()} {rival.attack} leaves {rival.still_correct} of {rival.images} "
                             f"images and the gradient of the {loss.replace('_', '-')} loss {best.still_correct}", epsilon))
    return gaps


def _left_to_square(rows: Sequence[AttackRow]) -> list[_Gap]:
    """What Square breaks of the images that the gradients of the cascade left, at the number of steps that leaves least.

    Square's row counts from what one number of steps left, and another number may have been tried before or since.
    """
    cascade = {(row.attack, row.epsilon, row.steps): row for row in rows if row.protocol == "autoattack"}
    gaps = []
    for (attack, epsilon, _), square in cascade.items():
        before = [row for (name, at, _), row in cascade.items() if (name, at) == ("apgd-t", epsilon)]
        if attack == "square" and before:
            left = min(row.still_correct for row in before)
            broken = max(0, left - square.still_correct)
            gaps.append(_Gap(broken / max(1, square.clean_correct), f"{_at(square).capitalize()} Square breaks {broken} of the "
                             f"{left} images that the gradients left", epsilon))
    return gaps


def _undefended_breaks(rows: Sequence[AttackRow]) -> Sign:
    """A network without any defence falls to next to nothing."""
    worst = [row for row in rows
             if (row.protocol, row.attack, row.epsilon) == ("autoattack", ENSEMBLE, UNDEFENDED_EPSILON)]
    if not worst:
        return _not_measured("undefended-breaks", f"--protocol autoattack with an epsilon of {UNDEFENDED_EPSILON:g}")
    row = min(worst, key=lambda row: row.still_correct)
    return Sign("undefended-breaks", row.still_correct <= UNDEFENDED_LEFT * row.images,
                f"The categorical network keeps {row.still_correct} of {row.images} images {_at(row)} "
                f"({UNDEFENDED_LEFT:.1%} are allowed).")


def _not_measured(name: str, command: str) -> Sign:
    return Sign(name, None, f"It needs tfrepr attack {command}.")


def _at(row: AttackRow) -> str:
    return f"at epsilon {with_unit(row.epsilon, 'pixel')}"
