"""Our runs under the attack protocol `authors` beside those of others who ran the authors' code, curve by curve."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from tfrepr.config import RunConfig
from tfrepr.figures.adversarial import GOALS, attack_title
from tfrepr.report.rows import NOT_RUN, behind, surviving, title
from tfrepr.results.external_runs import STEPS, attacked_models, other_attack
from tfrepr.results.seeds import Seeds
from tfrepr.results.sources import Sources
from tfrepr.results.tables import config_columns
from tfrepr.text_tables import markdown_table

POINTS = 5.0
"""Curves that differ by more than this at one strength are named."""
CURVES = tuple(itertools.product(("fgsm", "iterative"), GOALS))
COLUMNS = ("", *(attack_title(*curve) for curve in CURVES), "test images", "n", "epochs", "device", "data")
TITLE = "Beside others who ran the authors' code"
EXPLANATION = ("Accuracy under the attacks of protocol `authors`, ours minus theirs in points, at every strength that both "
               f"measured; ε 0 is no attack. Within {POINTS:g} points the curves agree. Theirs are of one seed, see "
               "`tfrepr/results/external_runs.py`.")
REASONS = (
    "What can part them: epochs (theirs are 100 for category and 200 for other labels, and end before the rate drops), the "
    "images (theirs are CIFAR-10's files, ours what the records say), the precision of training, the number of test images "
    "(theirs are all 10,000), and the voice of `speech` and `shuffle`. Labels that are drawn (`random`, `composite`, "
    "`constant`, `lowdim`) cannot: both sides have the same tables. Nor can sums of gradients, as both sides have them here; "
    "in the tables of Figures 3 and 7, of protocol `paper`, only theirs have. In the tables of Table 1 and Figure 4, "
    "accuracies are theirs on validation images and ours on test images.")


@dataclass(frozen=True)
class CurveDifference:
    """One curve of ours beside theirs.

    Attributes:
        ours, theirs: Accuracy in percent by epsilon, at the strengths that both measured; at least one.
    """

    ours: Mapping[float, float]
    theirs: Mapping[float, float]

    @property
    def largest(self) -> float:
        """The epsilon of the largest difference."""
        return max(self.ours, key=lambda epsilon: abs(self.at(epsilon)))

    @property
    def apart(self) -> list[float]:
        """The epsilons with a difference of more than `POINTS`."""
        return [epsilon for epsilon in self.ours if abs(self.at(epsilon)) > POINTS]

    def at(self, epsilon: float) -> float:
        """Ours minus theirs, points."""
        return self.ours[epsilon] - self.theirs[epsilon]

    def text(self) -> str:
        """`"within 5 points: +2.1 at ε 0.1"`, or where the curves lie further apart, and how far at most."""
        most = f"{self.at(self.largest):+.1f} at ε {self.largest:g}"
        if not self.apart:
            return f"within {POINTS:g} points: {most}"
        return (f"apart at ε {', '.join(f'{epsilon:g}' for epsilon in self.apart)}; {most} ({self.ours[self.largest]:.1f} "
                f"against {self.theirs[self.largest]:.1f})")


def comparison_section(sources: Sources) -> list[str]:
    """Markdown: all models that others attacked; `NOT_RUN` where we have no such run, or did not attack it so."""
    cells = [RunConfig(dataset="cifar10", encoder=encoder, label=label) for encoder, label in attacked_models()]
    rows = [row for cell in cells for row in _rows(cell, sources)]
    return [f"## {TITLE}", "", EXPLANATION, "", *markdown_table(COLUMNS, rows), "", REASONS, ""]


def curve_difference(ours: Mapping[float, float], cell: RunConfig, attack: str, goal: str) -> CurveDifference | None:
    """Our curve of a cell, percent by epsilon, beside theirs; None where no strength is in both."""
    theirs = other_attack(config_columns(cell), attack, goal)
    both = [epsilon for epsilon in sorted(ours) if epsilon in theirs]
    return CurveDifference({epsilon: ours[epsilon] for epsilon in both},
                           {epsilon: theirs[epsilon] for epsilon in both}) if both else None


def _rows(cell: RunConfig, sources: Sources) -> list[tuple[str, ...]]:
    """A row for each group of seeds and count of test images; one that says `NOT_RUN` where there is none."""
    attacks = sources.results.attacks
    survived = surviving(attacks[attacks["steps"] == attacks["attack"].map(STEPS)], "authors")
    groups = [(seeds, images) for seeds in sources.index.seeds(cell)
              for images in sorted({key[3] for key in survived if key[0] in {run["run"] for run in seeds.runs}}, reverse=True)]
    return ([_row(cell, seeds, images, survived) for seeds, images in groups]
            or [(title(cell), *[NOT_RUN] * len(CURVES), *["-"] * (len(COLUMNS) - len(CURVES) - 1))])


def _row(cell: RunConfig, seeds: Seeds, images: float, survived: Mapping[tuple, float]) -> tuple[str, ...]:
    """Differences, and what stands behind our numbers."""
    texts, means = [], []
    for curve in CURVES:
        epsilons = sorted({key[4] for key in survived if key[1:4] == (*curve, images)})
        found = {epsilon: mean for epsilon in epsilons if (mean := seeds.mean(
            lambda run, rest=(*curve, images, epsilon): survived.get((run["run"], *rest))))}
        difference = curve_difference({epsilon: mean.value for epsilon, mean in found.items()}, cell, *curve)
        texts.append(difference.text() if difference else NOT_RUN)
        means += found.values()
    return title(cell), *texts, f"{images:,.0f}", *behind(seeds, min(means, key=lambda mean: mean.count))
