"""The list of claims: the paper's C1 to C5, and ours, each with its comparisons, its margins and why they are what they are.

A claim that was first asked of shorter runs has a first look of its own, from the same function with other cells. The margins
of the evidence experiments were set before their runs, those of first looks after: they are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tfrepr.claims.comparisons import MINUS, Claim, Comparison, Judgement, judge, label_name, minus
from tfrepr.claims.factorial import FIRST, INTERACTION, SECOND
from tfrepr.claims.quantities import (
    SURVIVES,
    Accuracy,
    Attacked,
    ConvergenceEpochs,
    FeatureScore,
    KeptShare,
    LastLoss,
    OriginalMinusCopy,
    Quantity,
    Records,
    WorstOfAll,
)
from tfrepr.claims.verdicts import ABOVE, BELOW, COMPARABLE
from tfrepr.config import RunConfig
from tfrepr.experiments import dimension_entropy, evidence, two_cores
from tfrepr.paper import published
from tfrepr.results.features import PROGRESS
from tfrepr.results.seeds import distinct_cells
from tfrepr.results.sources import Sources

SET_ON = "2026-11-25"
"""Day on which all margins were set. No run of `tfrepr.experiments.evidence` had ended; for Precision, see there."""
HIGH_DIMENSIONAL = ("speech", "shuffle", "composite", "random")
ROBUST = ("speech", "random", "composite")
POINT, FEW_IMAGES = 1.0, 3.0
"""Margins of "comparable" in percentage points: with all images, and with 1% or 4% of them."""
PAPER_ATTACKS = tuple(itertools.product(("fgsm", "iterative"), ("untargeted", "targeted"), (0.1, 0.2, 0.3)))
"""Attack, goal and epsilon."""
ADAPTIVE_EPSILON = 4.0
"""Of C6 and of D1 to D3, in units of 1/255: at 8/255 next to nothing was left of any model in the first look."""
WORST_OF_ALL = "the worst of all attacks took the place of that of the protocol adaptive"
ATTACKS_CHANGED = (f"before the runs; on 2026-11-26, before those with all images, {WORST_OF_ALL}, and what is left had to "
                   "differ by a point beyond the margin")
"""Of D1 to D3."""
REASONS = {
    "C1": "For ResNet-32 on CIFAR-10 all labels of Table 1 but constant lie within half a point of category and seeds spread "
          "by a quarter; one point is the smallest difference that we would call one.",
    "C2": "Seeds spread by 1 to 3 points with 1% of the images in the first look, so that three seeds cannot tell less apart. "
          "They are few all the same: where differences spread by 2.5 points, three seeds would show that two labels are "
          "equal in one case of ten, and that four labels are all equal to category next to never; twelve seeds in nine and in "
          "seven cases of ten.",
    "smoothing": "The paper says that smoothing does not help; we would call one point help.",
    "order": "The paper states an order, so any difference counts.",
    "kept": f"{SURVIVES:.0%} is the share that we would call real robustness; its one denominator is what the label gains "
            "under all standard attacks together. What is kept must be a gain, too.",
    "effects": "The paper names dimension and entropy as causes, so any effect above 0 counts.",
    "interaction": "As C2: less than 3 points could not be told from chance, and three seeds are few.",
    "precision": "Those of C1 and C2: a smaller difference would decide no claim.",
    "copy": "What C1 calls comparable; with 1,017 original images the interval is about 3 points wide, so that this can be "
            "contradicted, but hardly supported.",
}


@dataclass(frozen=True)
class Study:
    """Cells that are compared with each other.

    Attributes:
        cells: By label.
        suffix: Of the claims' names.
        where: Of the statements: how much data, which encoder.
        mark: Of the claims.
    """

    cells: Mapping[str, RunConfig]
    suffix: str = ""
    where: str = "all images"
    mark: str = ""

    def claim(self, name: str, source: str, statement: str, comparisons: Iterable[Comparison], reason: str) -> Claim:
        """A claim about these cells; the reason is one of `REASONS`. What has a mark was run before its margins were set."""
        return Claim(f"{name} {self.suffix}".strip(), source, statement, tuple(comparisons), SET_ON, REASONS[reason],
                     "after these runs" if self.mark else "before the runs", self.mark)

    def against(self, base: RunConfig, labels: Iterable[str], quantity: Quantity, expected: str,
                margin: float) -> Iterator[Comparison]:
        """Labels minus `base`; labels that the study lacks are left out."""
        return (minus(self.cells[label], base, quantity, expected, margin) for label in labels if label in self.cells)


def judgements(sources: Sources) -> list[Judgement]:
    """Every claim with its verdict."""
    records = Records(sources)
    return [judge(claim, records) for claim in all_claims()]


def all_claims() -> list[Claim]:
    """C1 to C6, D1 to D3, Data and Precision; each first look after the claim that it belongs to."""
    whole, short = _whole(), Study(_by_label(two_cores.all_data()), "first look", mark="first look, 10 epochs")
    few, looks = _few(), _first_looks()
    first = looks[0]
    groups: list[Iterable[Claim]] = [
        [_equal_accuracy(whole), _equal_epochs(whole), _equal_accuracy(short)],
        [_comparable(few), _long_baseline(few), _tuned_baseline(few), *map(_comparable, looks)],
        [_smoothing(few), _smoothing(first)],
        *([_below(few, label), _below(first, label)] for label in ("lowdim", "constant")),
        [_robust(whole), _robust(short)],
        [_convergence(whole), _convergence(few), _convergence(short), _convergence(first)],
        [_clusters(whole), _clusters(short)], [_kept(whole), _kept(short)], _effects(), [_copies(whole), _copies(short)],
        [_precision(whole, few)]]
    return [claim for group in groups for claim in group]


def _equal_accuracy(study: Study) -> Claim:
    return study.claim("C1", "Table 1", f"With {study.where}, high-dimensional labels match category; constant does not",
                       _matching(study, study.cells["category"], _printed), "C1")


def _equal_epochs(study: Study) -> Claim:
    return study.claim("C1e", "ours", "As C1, with category trained as long as the others",
                       _matching(study, _long_category(), lambda first, second: None), "C1")


def _matching(study: Study, category: RunConfig,
              printed: Callable[[RunConfig, RunConfig], float | None]) -> Iterator[Comparison]:
    expected = dict.fromkeys(HIGH_DIMENSIONAL, (COMPARABLE, POINT)) | {"constant": (BELOW, 0.0)}
    return (minus(cell, category, Accuracy(), *expected[label], printed(cell, category))
            for label in expected if (cell := study.cells.get(label)))


def _printed(first: RunConfig, second: RunConfig) -> float | None:
    """The difference between two cells of the paper's Table 1; None where it lacks one."""
    cells = [published("Table 1", dataset=cell.dataset, label=cell.label, quantity="nearest", encoder=cell.encoder)
             for cell in (first, second)]
    return None if None in cells else cells[0].mean - cells[1].mean


def _comparable(study: Study) -> Claim:
    larger = study.cells["category"].encoder != "resnet32"
    expected, margin = (ABOVE, 0.0) if larger else (COMPARABLE, FEW_IMAGES)
    match = "beat" if larger else "match"
    return study.claim("C2", "Figure 4", f"With {study.where}, high-dimensional labels {match} category",
                       study.against(study.cells["category"], HIGH_DIMENSIONAL, Accuracy(), expected, margin),
                       "order" if larger else "C2")


def _long_baseline(study: Study) -> Claim:
    category = next(cell for cell in evidence.baseline() if cell.epochs == evidence.BASELINE_EPOCHS)
    return study.claim("C2b", "ours", "As C2, with category trained as long as the others",
                       study.against(category, HIGH_DIMENSIONAL, Accuracy(), COMPARABLE, FEW_IMAGES), "C2")


def _tuned_baseline(study: Study) -> Claim:
    category = next(cell for cell in evidence.baseline() if cell == cell.replace(**evidence.TUNED))
    claim = study.claim("C2t", "ours", "As C2b, with category's learning rate and weight decay tuned as well",
                        study.against(category, HIGH_DIMENSIONAL, Accuracy(), COMPARABLE, FEW_IMAGES), "C2")
    return replace(claim, date="2026-11-26", seen="when the other labels were trained; the rule that chose the tuned category "
                   "is older than its runs")


def _smoothing(study: Study) -> Claim:
    return study.claim("C2 smoothing", "Figure 4", f"With {study.where}, label smoothing helps by less than a point",
                       study.against(study.cells["category"], ["smoothed category"], Accuracy(), BELOW, POINT), "smoothing")


def _below(study: Study, label: str) -> Claim:
    return study.claim(f"C2 {label}", "Figure 4", f"With {study.where}, {label} is below the high-dimensional labels",
                       (minus(study.cells[label], study.cells[other], Accuracy(), BELOW, 0.0) for other in HIGH_DIMENSIONAL),
                       "order")


def _robust(study: Study) -> Claim:
    return study.claim("C3", "Figures 3, 6 and 7", "Under the paper's attacks, high-entropy labels keep more than category",
                       (comparison for setting in PAPER_ATTACKS for comparison in study.against(
                           study.cells["category"], ROBUST, Attacked("paper", *setting), ABOVE, 0.0)), "order")


def _convergence(study: Study) -> Claim:
    name = "C4" if study.cells["category"].percent == 100 else "C4 few images"
    return study.claim(name, "Figure 2", f"With {study.where}, constant converges later and to a higher loss",
                       (minus(study.cells["constant"], cell, quantity, ABOVE, 0.0)
                        for quantity in (ConvergenceEpochs(), LastLoss())
                        for label in HIGH_DIMENSIONAL if (cell := study.cells.get(label))), "order")


def _clusters(study: Study) -> Claim:
    return study.claim("C5", "Figure 5", "Features of speech cluster earlier and better than those of category",
                       (minus(study.cells["speech"], study.cells["category"], FeatureScore(name, share), ABOVE, 0.0)
                        for name in ("silhouette", "knn_purity") for share in PROGRESS), "order")


def _kept(study: Study) -> Claim:
    claim = study.claim("C6", "ours", "Half of what high-entropy labels gain survives adaptive attacks",
                       (comparison for quantity in (WorstOfAll(ADAPTIVE_EPSILON), KeptShare(ADAPTIVE_EPSILON))
                        for comparison in study.against(study.cells["category"], ROBUST, quantity, ABOVE, 0.0)), "kept")
    return claim if study.mark else replace(
        claim, seen=f"before the runs; later that day, when category alone was trained, {WORST_OF_ALL}; on 2026-11-26, when "
                    "speech was known, what is left had to differ by a point beyond the margin")


def _copies(study: Study) -> Claim:
    return study.claim("Data", "ours", "Trained on lossy copies, a network does as well on originals",
                       (Comparison(((study.cells[label], 1.0),), f"{label}: original {MINUS} copy", OriginalMinusCopy(),
                                   COMPARABLE, POINT) for label in ("category", "speech")), "copy")


def _precision(whole: Study, few: Study) -> Claim:
    """Every cell that was trained in both precisions."""
    comparisons = []
    for cell in distinct_cells(evidence.precision()):
        study, margin = (few, FEW_IMAGES) if cell.percent < 100 else (whole, POINT)
        comparisons.append(Comparison(((cell, 1.0), (study.cells[cell.label], -1.0)),
                                      f"{cell.label}, {study.where}: {cell.mixed_precision} {MINUS} float32", Accuracy(),
                                      COMPARABLE, margin))
    return Claim("Precision", "ours", "Trained in bfloat16, networks are as accurate as in float32", tuple(comparisons), SET_ON,
                 REASONS["precision"], "when the float32 networks and the first pair of category (seed 0) were known")


def _effects() -> Iterator[Claim]:
    """D1 to D3, each with 1% of the images, and under the worst of all attacks with all of them."""
    cells = dimension_entropy.dimension_entropy()
    for name, what, weights, statement in (
            ("D1", f"high {MINUS} low dimension", FIRST, "A high dimension of the label helps"),
            ("D2", f"high {MINUS} low entropy", SECOND, "A high entropy of the label helps"),
            ("D3", "interaction", INTERACTION, "Dimension and entropy help independently of each other")):
        expected, margin = (COMPARABLE, FEW_IMAGES) if weights is INTERACTION else (ABOVE, 0.0)
        comparisons = []
        for quantity, percent, where in ((Accuracy(), 1.0, "1% of the images"),
                                         (WorstOfAll(ADAPTIVE_EPSILON), 100.0, "robust, all images")):
            by_label = _by_label(cell for cell in cells if cell.percent == percent)
            terms = tuple((by_label[label], weights[factors]) for label, factors in dimension_entropy.FACTORS.items())
            comparisons.append(Comparison(terms, f"{what} ({where})", quantity, expected, margin))
        yield Claim(name, "section 1, tested by us", f"{statement} (one loss, one recipe)", tuple(comparisons), SET_ON,
                    REASONS["interaction" if weights is INTERACTION else "effects"], ATTACKS_CHANGED)


def _whole() -> Study:
    """All images; category as long as the paper's in proportion."""
    return Study(_by_label(cell for cell in evidence.all_data() if cell != _long_category()))


def _long_category() -> RunConfig:
    return next(cell for cell in evidence.all_data() if (cell.label, cell.epochs) == ("category", evidence.EQUAL_EPOCHS))


def _few() -> Study:
    return Study(_by_label(evidence.low_data()), where="1% of the images")


def _first_looks() -> list[Study]:
    """1%, which has all labels, then VGG19 and 4%."""

    def look(encoder: str, percent: float) -> Mapping[str, RunConfig]:
        return _by_label(cell for cell in two_cores.low_data() if cell.epochs == two_cores.LOW_DATA_EPOCHS
                         and (cell.encoder, cell.percent) == (encoder, percent))

    return [Study(look("resnet32", 1.0), "first look", "1% of the images", "first look, 100 epochs, 450 images"),
            Study(look("vgg19", 1.0), "first look VGG19", "1% of the images and VGG19", "first look, 100 epochs, 450 images"),
            Study(look("resnet32", 4.0), "first look 4 percent", "4% of the images", "first look, 100 epochs, 1,800 images")]


def _by_label(cells: Iterable[RunConfig]) -> dict[str, RunConfig]:
    """The first cell of every label, which stands for all seeds."""
    found: dict[str, RunConfig] = {}
    for cell in cells:
        found.setdefault(label_name(cell), cell)
    return found
