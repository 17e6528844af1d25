"""Attack protocols: which attacks, in which space, at which strengths, against which decision.

A protocol is a function from `AttackSettings` to a `Protocol`, registered by name. Nothing here touches a model.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from tfrepr.errors import UserError
from tfrepr.options import LARGEST_BATCH, LARGEST_SEED, MOST_IMAGES, off_default, option, validate
from tfrepr.registry import PROTOCOLS

GOALS = ("untargeted", "targeted")
PIXEL_EPSILONS = (0.0, 2.0, 4.0, 8.0, 16.0, 128.0)
"""In units of 1/255. At 128/255 every image can be made grey: an attack that fails there fails as an attack."""
PAPER_EPSILONS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""In normalised units (paper section 5.2)."""
LARGEST_STRENGTH, MOST_STRENGTHS = 1000, 100
"""The range of valid images is 255 wide in the one unit and about 5 in the other."""
STEP_OVER_RADIUS = 2.5
"""Sum of all steps over the radius in PGD: the ball's edge is reached from any start (Madry et al. 2018, appendix B)."""
AUTO_FIRST_STEP, AUTO_STEPS = 2.0, 100
"""First step size of Auto-PGD over the radius, and how many steps it takes."""
RIVALS = 9
"""Wrong classes that Auto-PGD turns to one after the other."""


@dataclass(frozen=True)
class AttackSettings:
    """What a user can choose about attacks; None stands for the protocol's own value."""

    protocol: str = option("paper", "attack protocol", choices=PROTOCOLS.names)
    epsilons: str | None = option(None, "strengths, as 0,0.1,0.3: normalised units for paper and authors, 1/255 for the others")
    steps: int | None = option(None, "steps of the iterative attack or of PGD (default: the protocol's 5, 20 or 100)",
                               at_least=1, at_most=10_000)
    restarts: int = option(1, "random starts of PGD and Auto-PGD; the worst of them counts", at_least=1, at_most=1000)
    queries: int | None = option(None, "queries of the Square attack (default: the protocol's 1000 or 5000)", at_least=1,
                                 at_most=100_000)
    attack_seed: int = option(0, "seed of targets and random starts", at_least=0, at_most=LARGEST_SEED)
    images: int | None = option(None, "first N test images only", at_least=1, at_most=MOST_IMAGES)
    batch_size: int = option(128, "images in one call of the model", at_least=1, at_most=LARGEST_BATCH)
    binarisation: int | None = option(None, "binarisation test on the first N test images (50 are enough): does the gradient "
                                      "attack find what is there", at_least=1, at_most=MOST_IMAGES)

    def __post_init__(self) -> None:
        validate(self)
        self.strengths(())

    def strengths(self, default: tuple[float, ...]) -> tuple[float, ...]:
        """The chosen epsilons in rising order, each once, or `default`.

        Raises:
            UserError: Not a list of at most 100 numbers from 0 to 1000.
        """
        if self.epsilons is None:
            return default
        try:
            chosen = sorted({float(part) for part in str(self.epsilons).split(",")})
        except ValueError:
            chosen = [math.nan]
        if len(chosen) > MOST_STRENGTHS or not all(0 <= epsilon <= LARGEST_STRENGTH for epsilon in chosen):  # False for NaN
            raise UserError(f"epsilons must be finite numbers from 0 to {LARGEST_STRENGTH}, at most {MOST_STRENGTHS} of them, "
                            f"separated by commas, for example 0,0.05,0.1. Received: {str(self.epsilons)[:100]!r}.")
        return tuple(chosen)


OWN_SETTINGS = ("steps", "restarts", "queries", "attack_seed")
"""Fields of `AttackSettings` that not every protocol reads."""
BLACK_BOX = ("transfer", "square")
"""Attacks that take no gradient of the network that they attack."""


@dataclass(frozen=True)
class Attack:
    """One attack at one goal.

    Attributes:
        name: `fgsm`, `iterative`, `pgd`, `transfer` (PGD on another model), `apgd`, `apgd-t` or `square`.
        goal: `untargeted` or `targeted`.
        loss: Name in `losses.LOSSES`, or in `losses.RIVAL_LOSSES`.
        steps: Gradient steps, or queries.
        step: Step size over epsilon; the first one where `auto_step` is set.
        restarts: Independent runs; an image withstands the attack if it withstands all of them. With a loss that has a rival
            runs take the `RIVALS` best wrong classes of the clean image for it in turn, as often as `RIVALS` goes into them.
        random_start: Whether a run starts at a random point of the ball rather than at the image.
        clip: Range that bounds the pixels: `range` (black to white), `image` (least to greatest value of the image itself)
            or `none`.
        accumulate: Whether a step follows the sum of all gradients so far (`steps.SignSteps`).
        auto_step: Whether the step size follows the progress of each image (`auto_steps.AutoSteps`).
        every_iterate: Whether an image counts as broken when any iterate breaks it, and leaves then; otherwise the last counts.
    """

    name: str
    goal: str
    loss: str = "training"
    steps: int = 1
    step: float = 1.0
    restarts: int = 1
    random_start: bool = False
    clip: str = "range"
    accumulate: bool = False
    auto_step: bool = False
    every_iterate: bool = False


def with_unit(epsilon: float, space: str) -> str:
    """A strength as it is printed: `8/255` for pixels, `0.3 (normalised)` otherwise."""
    return f"{epsilon:g}/255" if space == "pixel" else f"{epsilon:g} (normalised)"


@dataclass(frozen=True)
class Protocol:
    """Attributes:
        name: Registered name.
        space: Name of the `ImageSpace`.
        epsilons: Strengths in the space's unit.
        attacks: In the order of execution.
        targets: `random` (of the attack seed) or `authors` (their fixed seed).
        ensemble: Whether the worst case over all attacks is reported too: an image counts as withstanding only if it
            withstands every attack.
        criteria: Rules by which an answer counts as correct, of those that the label has.
        cascade: Whether each attack gets only the images that withstood those before it. What is left after it is then what
            withstood all of them so far.
    """

    name: str
    space: str
    epsilons: tuple[float, ...]
    attacks: tuple[Attack, ...]
    targets: str = "random"
    ensemble: bool = False
    criteria: tuple[str, ...] = ("nearest", "threshold")
    cascade: bool = False

    def without_transfer(self) -> Protocol:
        """The same without attacks that start from a second network."""
        return dataclasses.replace(self, attacks=tuple(attack for attack in self.attacks if attack.name != "transfer"))


def build_protocol(settings: AttackSettings) -> Protocol:
    """The protocol that `settings` name, with everything filled in."""
    return PROTOCOLS[settings.protocol](settings)


def check_read(settings: AttackSettings) -> None:
    """Refuses settings off their default that the protocol does not read.

    Raises:
        UserError: Names the first of them.
    """
    for name in off_default(settings):
        if name in OWN_SETTINGS and not reads(settings.protocol, name):
            readers = ", ".join(protocol for protocol in PROTOCOLS if reads(protocol, name))
            raise UserError(f"--{name.replace('_', '-')} has no part in the protocol {settings.protocol}. Leave the option "
                            f"out, or choose a protocol that reads it: {readers}.")


def reads(protocol: str, setting: str) -> bool:
    """Whether one of the `OWN_SETTINGS` has a part in a protocol: whether another value makes another protocol of it."""
    first, second = (PROTOCOLS[protocol](AttackSettings(protocol, **{setting: value})) for value in (2, 3))
    return first != second or (setting == "attack_seed" and first.targets == "random")


@PROTOCOLS.register("paper")
def paper(settings: AttackSettings) -> Protocol:
    """FGSM and the basic iterative method on normalised images, as the paper describes them (sections 3.1 and 5.2).

    Equations 2 to 5; 5 steps of epsilon / 5. "All I_adv are normalized after the perturbation" is read as a clip to valid
    images: each channel to [(0 - mean) / std, (1 - mean) / std], after every step. Only images that are correct at first
    are attacked; the others count as wrong. Targets are uniform wrong classes, the same for all models.
    """
    return Protocol("paper", "normalised", settings.strengths(PAPER_EPSILONS), _fgsm_and_iterative(settings))


@PROTOCOLS.register("authors")
def authors(settings: AttackSettings) -> Protocol:
    """The same attacks as the authors' code runs them, with its gradient sum, its clips and its targets.

    Three deviations from the paper: the gradient of the input is never cleared, so each iterative step follows the sum of all
    gradients so far; FGSM clips to the least and greatest value of each normalised image, and the iterative attack to the
    ball only. Targets are random wrong classes, as in the paper; their seed is 444.
    """
    attacks = [dataclasses.replace(attack, clip="image" if attack.name == "fgsm" else "none",
                                   accumulate=attack.name == "iterative") for attack in _fgsm_and_iterative(settings)]
    return Protocol("authors", "normalised", settings.strengths(PAPER_EPSILONS), tuple(attacks), targets="authors")


@PROTOCOLS.register("standard")
def standard(settings: AttackSettings) -> Protocol:
    """FGSM and PGD with random starts on pixels in [0, 1], against the training loss (Madry et al. 2018).

    https://arxiv.org/abs/1706.06083: 20 steps of 2.5 epsilon / 20 from a uniform point of the ball, epsilon in units of 1/255.
    An image is broken when any iterate breaks it.
    """
    attacks = tuple(attack for goal in GOALS for attack in (Attack("fgsm", goal), _pgd(settings, goal, "training")))
    return Protocol("standard", "pixel", settings.strengths(PIXEL_EPSILONS), attacks, ensemble=True)


@PROTOCOLS.register("adaptive")
def adaptive(settings: AttackSettings) -> Protocol:
    """Attacks on the decision itself, from another model and without gradients; pixels in [0, 1], epsilon in 1/255.

    PGD as in `standard` on the training loss (which the threshold criterion decides by) and on cross-entropy and margin of
    minus the distances to all label rows (`losses`); PGD images of a categorical model of the same encoder and seed;
    the Square attack. Tramer et al. 2020, "On adaptive attacks" (https://arxiv.org/abs/2002.08347).
    """
    attacks = (_pgd(settings, "untargeted", "training"), _pgd(settings, "untargeted", "cross_entropy"),
               _pgd(settings, "untargeted", "margin"), _pgd(settings, "targeted", "margin"),
               dataclasses.replace(_pgd(settings, "untargeted", "training"), name="transfer"),
               Attack("square", "untargeted", "margin", steps=settings.queries or 1000))
    return Protocol("adaptive", "pixel", settings.strengths(PIXEL_EPSILONS), attacks, ensemble=True)


@PROTOCOLS.register("autoattack")
def autoattack(settings: AttackSettings) -> Protocol:
    """AutoAttack on the label's scores, as a cascade (Croce and Hein 2020); pixels in [0, 1], epsilon in 1/255, nearest label.

    https://arxiv.org/abs/2003.01690: 100 steps of Auto-PGD on cross-entropy and, away from the true class towards each of the 9
    best wrong classes, on the difference-of-logits ratio; then the Square attack with 5,000 queries. Any iterate breaks an
    image, and only what withstood goes on to the next attack. Three differences. The cross-entropy is scaled by each image's
    gap (`losses.cross_entropy`), since the plain one of squared distances has no gradient in float32, so that a regressed label
    would look robust by rounding alone. Progress along this loss is judged by the margin. FAB-T is left out: of what the
    other attacks leave of the published networks it breaks next to nothing, two images of the random label (docs/attack.md).
    """
    steps = settings.steps or AUTO_STEPS
    climbing = {"steps": steps, "step": AUTO_FIRST_STEP, "random_start": True, "auto_step": True, "every_iterate": True}
    attacks = (Attack("apgd", "untargeted", "cross_entropy", restarts=settings.restarts, **climbing),
               Attack("apgd-t", "untargeted", "logits_ratio", restarts=RIVALS * settings.restarts, **climbing),
               Attack("square", "untargeted", "margin", steps=settings.queries or 5000))
    return Protocol("autoattack", "pixel", settings.strengths(PIXEL_EPSILONS), attacks, ensemble=True, criteria=("nearest",),
                    cascade=True)


def _fgsm_and_iterative(settings: AttackSettings) -> tuple[Attack, ...]:
    steps = settings.steps or 5
    return tuple(attack for goal in GOALS
                 for attack in (Attack("fgsm", goal), Attack("iterative", goal, steps=steps, step=1 / steps)))


def _pgd(settings: AttackSettings, goal: str, loss: str) -> Attack:
    steps = settings.steps or 20
    return Attack("pgd", goal, loss, steps, STEP_OVER_RADIUS / steps, settings.restarts, random_start=True, every_iterate=True)
