"""Is the robustness real? The fall from standard to adaptive attacks, and the usual signs of a hidden gradient.

Everything is read from rows of attacks.csv (a data frame with the columns of `table.AttackRow` and `run`). The signs are
those of Athalye, Carlini and Wagner 2018 (https://arxiv.org/abs/1802.00420, section 3.1) and Carlini et al. 2019
(https://arxiv.org/abs/1902.06705).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfrepr.attacks.protocols import BLACK_BOX, with_unit

if TYPE_CHECKING:
    import pandas as pd

WHITE_BOX = ("fgsm", "iterative", "pgd")
NOTABLE = 0.01
"""Differences up to this share of the initially correct images are put down to chance."""
LARGE = 64.0
"""Epsilon, in units of 1/255, from which on an attack that works leaves next to nothing correct."""
LEFT_OVER = 0.05
"""Share of the initially correct images that may be left at such an epsilon."""


@dataclass(frozen=True)
class MaskingSign:
    """One sign that a model hides its gradient rather than being robust.

    Attributes:
        run: Name of the run.
        criterion: `nearest` or `threshold`.
        kind: `black-box-stronger`, `accuracy-remains`, `more-steps-weaker` or `no-gradient`.
        message: What was seen, with numbers.
    """

    run: str
    criterion: str
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.run} ({self.criterion}): {self.message}"


def adaptive_fall(attacks: pd.DataFrame) -> pd.DataFrame:
    """How far the worst-case accuracy falls from the protocol `standard` to `adaptive`.

    Args:
        attacks: Rows of attacks.csv with the columns `dataset`, `encoder` and `label` as well.

    Returns:
        Indexed by data set, encoder, label, criterion and epsilon (1/255); columns `runs`, `clean`, `standard`, `adaptive`
        and `fall` (their difference), means over runs in percent of all images. Empty where a run lacks one of the two.
    """
    import pandas as pd

    rows = attacks[(attacks["attack"] == "ensemble") & (attacks["epsilon"] > 0)]
    match = ["run", "dataset", "encoder", "label", "criterion", "epsilon", "images", "attack_seed"]
    # Of several ensembles with the same setting, the one of most steps and queries counts.
    rows = rows.sort_values("steps").drop_duplicates([*match, "protocol"], keep="last")
    percent = rows[[*match, "protocol"]].assign(clean=100 * rows["clean_correct"] / rows["images"],
                                                accuracy=100 * rows["still_correct"] / rows["images"])
    pair = percent[percent["protocol"] == "standard"].merge(percent[percent["protocol"] == "adaptive"], on=match)
    table = pd.DataFrame({**pair[match], "clean": pair["clean_x"], "standard": pair["accuracy_x"],
                          "adaptive": pair["accuracy_y"], "fall": pair["accuracy_x"] - pair["accuracy_y"]})
    groups = table.groupby(["dataset", "encoder", "label", "criterion", "epsilon"])
    means = groups[["clean", "standard", "adaptive", "fall"]].mean()
    means.insert(0, "runs", groups["run"].nunique())
    return means


def masking_signs(attacks: pd.DataFrame) -> list[MaskingSign]:
    """All signs of gradient masking, the strongest of each kind for each run and criterion."""
    found = []
    for (run, criterion), rows in attacks.groupby(["run", "criterion"], sort=False):
        rows = rows[rows["clean_correct"] > 0]
        rows = rows.assign(left=rows["still_correct"] / rows["clean_correct"], hit=rows["hit_target"] / rows["clean_correct"])
        for kind, examine in SIGNS.items():
            strongest = max(examine(rows), default=None)
            if strongest is not None:
                found.append(MaskingSign(run, criterion, kind, strongest[1]))
    return found


def _black_box_stronger(rows: pd.DataFrame) -> Iterator[tuple[float, str]]:
    """The best attack without gradients leaves fewer images correct than the best one with them."""
    untargeted = rows[(rows["epsilon"] > 0) & (rows["goal"] == "untargeted")]
    for (_, epsilon, *_), same in untargeted.groupby(["protocol", "epsilon", "images", "attack_seed"]):
        strength = with_unit(epsilon, same["space"].iloc[0])
        black, white = same[same["attack"].isin(BLACK_BOX)], same[same["attack"].isin(WHITE_BOX)]
        if len(black) and len(white) and white["left"].min() - black["left"].min() > NOTABLE:
            best = black.loc[black["left"].idxmin()]
            yield (white["left"].min() - best["left"],
                   f"at epsilon {strength} the black-box attack {best['attack']} leaves {best['left']:.1%} of the initially "
                   f"correct images correct, the best gradient attack {white['left'].min():.1%}: the gradient misleads.")


def _accuracy_remains(rows: pd.DataFrame) -> Iterator[tuple[float, str]]:
    """Images stay correct at an epsilon at which everything can be erased."""
    large = rows[(rows["space"] == "pixel") & (rows["epsilon"] >= LARGE) & (rows["goal"] == "untargeted")]
    for (protocol, epsilon, *_), same in large.groupby(["protocol", "epsilon", "images", "attack_seed"]):
        left = same["left"].min()
        if left > LEFT_OVER:
            yield left, (f"at epsilon {with_unit(epsilon, 'pixel')} the strongest attack of the protocol {protocol} still "
                         f"leaves {left:.1%} of the initially correct images correct; an attack that works leaves next to "
                         "none.")


def _more_steps_weaker(rows: pd.DataFrame) -> Iterator[tuple[float, str]]:
    """An attack of more steps does less than one of fewer steps with the same loss, goal and epsilon."""
    white = rows[rows["attack"].isin(WHITE_BOX) & (rows["epsilon"] > 0)]
    white = white.assign(done=(1 - white["left"]).where(white["goal"] == "untargeted", white["hit"]))
    same_attack = ["protocol", "goal", "loss", "epsilon", "images", "attack_seed"]
    for (protocol, goal, _, epsilon, *_), same in white.groupby(same_attack):
        ordered, strength = same.sort_values("steps"), with_unit(epsilon, same["space"].iloc[0])
        for (_, fewer), (_, more) in zip(ordered.iloc[:-1].iterrows(), ordered.iloc[1:].iterrows(), strict=True):
            if fewer["steps"] < more["steps"] and fewer["done"] - more["done"] > NOTABLE:
                yield (fewer["done"] - more["done"],
                       f"protocol {protocol}, {goal}, epsilon {strength}: {fewer['attack']} with {fewer['steps']:.0f} step(s) "
                       f"succeeds on {fewer['done']:.1%} of the initially correct images, {more['attack']} with "
                       f"{more['steps']:.0f} on {more['done']:.1%}; more steps should be stronger.")


def _no_gradient(rows: pd.DataFrame) -> Iterator[tuple[float, str]]:
    """The gradient is zero in float32."""
    share = rows["no_gradient"] / rows["clean_correct"]
    for index in share[share > NOTABLE].index:
        row = rows.loc[index]
        yield share[index], (f"{share[index]:.1%} of the initially correct images have a gradient of the {row['loss']} loss "
                             "that is zero in float32: these images cannot be attacked along it.")


SIGNS = {"black-box-stronger": _black_box_stronger, "accuracy-remains": _accuracy_remains,
         "more-steps-weaker": _more_steps_weaker, "no-gradient": _no_gradient}
