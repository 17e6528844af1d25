"""A few images before and after an attack, for the figure that shows what an epsilon looks like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfrepr.attacks.craft import Chunk, craft
from tfrepr.attacks.protocols import Protocol
from tfrepr.attacks.sweep import ImageSet
from tfrepr.attacks.victim import Decisions, Victim
from tfrepr.files import npz_bytes, write_atomically

SHOWN = 8


def write_gallery(path: Path, victim: Victim, protocol: Protocol, tests: ImageSet, clean: Decisions,
                  class_names: Sequence[str]) -> None:
    """Attacks the first correct images with the protocol's untargeted iterative attack at its largest epsilon.

    Writes `original` and `adversarial` (float32, 0 to 1), `epsilon`, `names` (true classes), `predicted` (classes answered
    after the attack), and as words what was done: `protocol`, `attack`, `goal` and `space`, the unit of epsilon.
    """
    rows = np.flatnonzero(clean.correct[:, 0])[:SHOWN]
    if not len(rows):
        return
    attack = next(attack for attack in reversed(protocol.attacks) if attack.goal == "untargeted")
    chunk = Chunk(rows, victim.space.from_bytes(tests.images[rows]), tests.class_ids[rows], tests.targets[rows], tests.stream)
    adversarial = craft(victim, attack, chunk, protocol.epsilons[-1:])
    predicted = victim.decide(adversarial, chunk.class_ids, chunk.targets).predicted
    names = np.array(class_names)
    write_atomically(path, npz_bytes({
        "original": victim.space.to_pixels(chunk.images), "adversarial": np.clip(victim.space.to_pixels(adversarial), 0, 1),
        "epsilon": protocol.epsilons[-1], "names": names[chunk.class_ids], "predicted": names[predicted],
        "protocol": protocol.name, "attack": attack.name, "goal": attack.goal, "space": protocol.space}))
