"""A claim is data: a list of comparisons with their margins; one rule judges every claim (`tfrepr.claims.verdicts`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfrepr.claims.quantities import Measured, Quantity, Records
from tfrepr.claims.verdicts import (
    ABOVE,
    BELOW,
    CONTRADICTED,
    FEWEST_SEEDS,
    INCONCLUSIVE,
    NO_VERDICT,
    SUPPORTED,
    Estimate,
    over_images,
    over_seeds,
    p_values,
    words,
)
from tfrepr.config import RunConfig
from tfrepr.results.seeds import Run, RunIndex
from tfrepr.results.signs import WORDS, is_undefended

NOT_RUN = "not run"
REQUIRED_SIGNS = ("step-doubling", "falls-to-zero", "gradients-there", "gradients-lead", "binarisation")
"""Signs (`tfrepr.results.signs`) that must hold for every run behind a verdict on robustness."""
AT_THE_EPSILON = ("step-doubling", "gradients-lead")
"""Those of them that must be seen at the epsilon of the verdict."""
UNDEFENDED_SIGN = "undefended-breaks"
"""One more for plain categorical runs."""
ATTACKS_MISS = 1.0
"""What stronger attacks may break of a run where its signs hold, in percentage points: the tolerance of the signs."""
MINUS = "\N{MINUS SIGN}"

Place = tuple[int, str, str]
"""Seed, kind of data and precision of a run."""


@dataclass(frozen=True)
class Comparison:
    """A weighted sum over cells, in most cases a first minus a second, and what is claimed of it.

    Attributes:
        terms: Cells with their weights; the cells' seeds stand for all.
        what: The sum in words, as `"speech \N{MINUS SIGN} category"`.
        quantity: What is added up.
        expected: `ABOVE` or `BELOW` the margin, or `COMPARABLE`: within plus and minus the margin.
        margin: In the unit of the quantity.
        paper: The difference that the paper prints, or None.
    """

    terms: tuple[tuple[RunConfig, float], ...]
    what: str
    quantity: Quantity
    expected: str
    margin: float
    paper: float | None = None

    def expectation(self) -> str:
        """`"above 0"`, `"below 1"`, `"within ±3"`."""
        return f"{self.expected} {self.margin:g}" if self.expected in (ABOVE, BELOW) else f"within ±{self.margin:g}"

    def holds_in(self) -> tuple[float, float]:
        """The differences of which the claim is true: ends, one of which may be infinite."""
        if self.expected == ABOVE:
            return self.margin, np.inf
        return (-np.inf if self.expected == BELOW else -self.margin), self.margin


@dataclass(frozen=True)
class Claim:
    """What the paper says, or what we ask, as comparisons.

    Attributes:
        name: As `"C2"`; a heading of RESULTS.md, so letters, digits and spaces alone.
        source: Where the paper says it, or `"ours"`.
        statement: About ten words.
        comparisons: A verdict needs all of them.
        date: Day on which the margins were set.
        reason: Of the margins, one sentence.
        seen: What was known when the margins were set, as `"before the runs"`.
        mark: What a reader must know beside the verdict, such as `"first look, 10 epochs"`.
    """

    name: str
    source: str
    statement: str
    comparisons: tuple[Comparison, ...]
    date: str
    reason: str
    seen: str = "before the runs"
    mark: str = ""


@dataclass(frozen=True)
class Finding:
    """A comparison with what the runs say.

    Attributes:
        comparison: The comparison.
        estimate: The difference; None where the runs do not have it.
        remark: Why there is no difference, or no interval; empty where there are both.
        runs: The runs behind it.
        word: One of the words of `tfrepr.claims.verdicts`, `NO_VERDICT` or `NOT_RUN`.
    """

    comparison: Comparison
    estimate: Estimate | None
    remark: str
    runs: tuple[Run, ...] = ()
    word: str = NOT_RUN

    def verdict(self) -> str:
        """The word, for which networks, and the remark."""
        word = _joined(self.word, _networks(self.word, [self]))
        return f"{word} ({self.remark})" if self.remark else word

    def slack(self) -> float:
        """How far the least favourable end of the interval lies inside the claimed range; negative outside."""
        if self.estimate is None:
            return np.inf
        low, high = self.estimate.interval or (min(self.estimate.values), max(self.estimate.values))
        least, most = self.comparison.holds_in()
        return min(low - least, most - high)


@dataclass(frozen=True)
class Judgement:
    """A claim with its findings and its verdict.

    Attributes:
        claim: The claim.
        findings: One a comparison, in its order.
    """

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def known(self) -> list[Finding]:
        """Those with a difference."""
        return [finding for finding in self.findings if finding.estimate is not None]

    @property
    def word(self) -> str:
        """Supported if all comparisons are, contradicted if any is, else inconclusive.

        `NOT_RUN` without a difference, and `NO_VERDICT` where any comparison has none.
        """
        found = [finding.word for finding in self.findings]
        if not self.known:
            return NOT_RUN
        if NO_VERDICT in found:
            return NO_VERDICT
        if CONTRADICTED in found:
            return CONTRADICTED
        return SUPPORTED if set(found) == {SUPPORTED} else INCONCLUSIVE

    @property
    def networks(self) -> str:
        """`"for these networks"` where single networks carry the word, else empty."""
        return _networks(self.word, [finding for finding in self.findings if finding.word == self.word])

    @property
    def coverage(self) -> str:
        """`"2 of 6"` comparisons, where some have data and others none, else empty."""
        known, asked = len(self.known), len(self.findings)
        return f"{known} of {asked}" if 0 < known < asked else ""

    def verdict(self, unit: str = " comparisons have data") -> str:
        """The word, for which networks, and how many comparisons have data where not all have (`unit` ends this)."""
        word = _joined(self.word, self.networks)
        return f"{word} ({self.coverage}{unit})" if self.coverage else word

    def deciding(self) -> Finding | None:
        """Of the comparisons that carry the verdict, in the unit of the first, that with the least `slack`.

        None without a difference. Where other comparisons lack data, this is the nearest to the limit of those that have some.
        """
        carry = [finding for finding in self.known if finding.word == self.word] or self.known
        units = [finding.comparison.quantity.unit for finding in carry]
        return min((finding for finding, unit in zip(carry, units, strict=True) if unit == units[0]), key=Finding.slack,
                   default=None)


def judge(claim: Claim, records: Records) -> Judgement:
    """The verdict of every comparison of a claim, corrected for their number."""
    found = [_measure(comparison, records) for comparison in claim.comparisons]
    questions = [None if finding.estimate is None else
                 p_values(finding.estimate, finding.comparison.expected, finding.comparison.margin) for finding in found]
    judged = [finding if finding.estimate is None else
              Finding(finding.comparison, finding.estimate, finding.remark, finding.runs, word)
              for finding, word in zip(found, words(questions), strict=True)]
    return Judgement(claim, tuple(_held_back(finding, records) for finding in judged))


def _held_back(finding: Finding, records: Records) -> Finding:
    """The finding without a verdict, where attacks on its runs must be shown to work and are not; with what fails or lacks."""
    epsilon = finding.comparison.quantity.signs_at
    if epsilon is None:
        return finding
    lacking: dict[str, list[str]] = defaultdict(list)
    for run in finding.runs:
        undefended = is_undefended(run["label"], run["label_smoothing"])
        signs = records.signs(run)
        for name in (*REQUIRED_SIGNS, *([UNDEFENDED_SIGN] if undefended else [])):
            holds = signs[name].holds if name in signs else None
            if holds and name in AT_THE_EPSILON and epsilon not in signs[name].epsilons:
                lacking[f"{name} not measured at {epsilon:g}/255"].append(str(run["label"]))
            elif not holds:
                lacking[f"{name} {WORDS[holds]}"].append(str(run["label"]))
    if not lacking:
        return _allowing_for_stronger_attacks(finding)
    told = [f"{what} for {' and '.join(dict.fromkeys(labels))}" for what, labels in lacking.items()]
    return replace(finding, word=NO_VERDICT, remark="; ".join([*filter(None, [finding.remark]), *told]))


def _allowing_for_stronger_attacks(finding: Finding) -> Finding:
    """Inconclusive where what the signs allow attacks to miss could take the word away."""
    missed = ATTACKS_MISS * sum(max(weight, 0.0) for _, weight in finding.comparison.terms)
    if finding.word not in (SUPPORTED, CONTRADICTED):
        return finding
    (least, most), (low, high) = finding.comparison.holds_in(), finding.estimate.interval
    clear = min(low - least, most - high) if finding.word == SUPPORTED else max(least - high, low - most)
    if clear >= missed:
        return finding
    told = f"stronger attacks may change it by {missed:g} percentage point{'s' if missed != 1 else ''}"
    return replace(finding, word=INCONCLUSIVE, remark="; ".join([*filter(None, [finding.remark]), told]))


def runs_of(cell: RunConfig, index: RunIndex) -> dict[Place, Run]:
    """The finished runs of a cell, those alone that train its number of epochs, by seed, data and precision.

    Of several at one place, that with the cell's own config stands.
    """
    found = [run for seeds in index.seeds(cell) for run in seeds.runs if run["epochs"] == cell.epochs]
    found.sort(key=lambda run: run["run"] == cell.replace(seed=run["seed"], mixed_precision=run["mixed_precision"]).run_name)
    return {(run["seed"], str(run["data_variant"]), str(run["mixed_precision"])): run for run in found}


def label_name(cell: RunConfig) -> str:
    """`"speech"`, or `"smoothed category"`."""
    return f"smoothed {cell.label}" if cell.label_smoothing else cell.label


def minus(first: RunConfig, second: RunConfig, quantity: Quantity, expected: str, margin: float,
          paper: float | None = None) -> Comparison:
    """A comparison of two cells."""
    return Comparison(((first, 1.0), (second, -1.0)), f"{label_name(first)} {MINUS} {label_name(second)}", quantity, expected,
                      margin, paper)


def _measure(comparison: Comparison, records: Records) -> Finding:
    """The difference over the seeds that all cells have on the same data, in one precision and in the same setting.

    Of several kinds of data, precisions or settings, that of the most seeds counts, then the cells' own precision, then the
    largest setting. Cells of different precisions are compared in their own.
    """
    asked, quantity = [cell.mixed_precision for cell, _ in comparison.terms], comparison.quantity
    cells = [runs_of(cell, records.index) for cell, _ in comparison.terms]
    if len(set(asked)) > 1:
        cells = [{(seed, variant, ""): run for (seed, variant, precision), run in runs.items() if precision == own}
                 for own, runs in zip(asked, cells, strict=True)]
    common = sorted(set.intersection(*map(set, cells)))
    places: dict[tuple[Any, ...], list[tuple[list[Run], list[Measured]]]] = defaultdict(list)
    for place in common:
        runs = [by_place[place] for by_place in cells]
        numbers = [quantity.of(run, records) for run in runs]
        _, variant, precision = place
        for setting in set.intersection(*map(set, numbers)):
            places[precision == asked[0], setting, variant, precision].append(
                (runs, [by_setting[setting] for by_setting in numbers]))
    if not places:
        remark = "" if not all(cells) else "no seed, data and precision in common" if not common else "not measured"
        return Finding(comparison, None, remark)
    seeds = places[max(places, key=lambda place: (len(places[place]), *place))]
    weights = [weight for _, weight in comparison.terms]
    estimate, remark = _estimate([numbers for _, numbers in seeds], weights, of_images=quantity.of_images)
    return Finding(comparison, estimate, remark, tuple(run for runs, _ in seeds for run in runs))


def _estimate(seeds: Sequence[Sequence[Measured]], weights: Sequence[float], *, of_images: bool) -> tuple[Estimate, str]:
    """Over seeds, or over the images of single networks; with the reason where there is no interval."""
    over = over_seeds([sum(weight * number.value for weight, number in zip(weights, numbers, strict=True))
                       for numbers in seeds])
    if len(seeds) > 1:
        equal = "equal in all seeds, so without an interval" if over.interval is None else ""
        return over, equal if len(seeds) >= FEWEST_SEEDS else "two seeds have no interval"
    images = [number.images for number in seeds[0]]
    if any(each is None for each in images) or len({len(each) for each in images}) > 1:
        return over, "one seed, single images not recorded" if of_images else "one seed"
    return over_images(sum(weight * each for weight, each in zip(weights, images, strict=True)).round(6)), ""


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _networks(word: str, findings: Sequence[Finding]) -> str:
    """`"for these networks"` where test images were drawn anew, not networks; else empty."""
    alone = [finding for finding in findings if finding.estimate is not None and finding.estimate.over == "images"]
    if not alone or word == NO_VERDICT:
        return ""
    return f"for {'these networks' if any(len(finding.runs) > 1 for finding in alone) else 'this network'}"
