"""The claims in the report: one short row a claim in the README, one row a comparison in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tfrepr.claims.comparisons import Finding, Judgement
from tfrepr.claims.wording import count_text, difference_text, with_minus
from tfrepr.config import RunConfig
from tfrepr.figures.style import ENCODER_TITLES
from tfrepr.text_tables import Markup, markdown_table, markdown_text

SHORT_COLUMNS = ("", "claim", "verdict", "the number that decides")
COLUMNS = ("difference", "of", "expected", "ours", "paper", "n", "epochs", "verdict")
RULE = """A claim is a list of comparisons. A comparison is *supported* where its 95% interval lies on the claimed side of the \
margin, *contradicted* where it lies on the other, and *inconclusive* elsewhere; p-values are corrected (Holm) over the \
comparisons of a claim, so that one false word in a claim has a chance of 2.5% at most. The intervals shown \
are not corrected: one that clears the margin narrowly may still be inconclusive. A claim is supported if all its \
comparisons are, contradicted if any is. Three seeds or more: Student's interval over differences within a seed. Two seeds: no \
interval, both values are printed. One seed: the test images are drawn anew (paired bootstrap) where both networks kept which \
images they answer rightly, and the verdict is "for these networks"; without that record, no interval. \
"Comparable" asks for two one-sided tests: the interval within plus and minus the margin. Differences are percentage points \
unless the quantity says otherwise."""


def short_claims(judgements: Sequence[Judgement]) -> list[str]:
    """A row for each claim with data, then the names of the others."""
    rows = [(Markup(_link(judgement)), _statement(judgement), judgement.verdict(), _said(judgement.deciding()))
            for judgement in judgements if judgement.known]
    left = ", ".join(_link(judgement) for judgement in judgements if not judgement.known)
    return [*(markdown_table(SHORT_COLUMNS, rows) if rows else []), *([""] if rows and left else []),
            *([f"Not run yet, with margins set: {left}."] if left else [])]


def claim_sections(judgements: Sequence[Judgement]) -> Iterator[str]:
    """The rule, then a section a claim: statement, verdict, margins, and one row a comparison."""
    yield from (RULE, "")
    for judgement in judgements:
        claim = judgement.claim
        after = "after these runs" if claim.mark else "before the runs"
        yield from (f"### {claim.name}", "")
        source = claim.source[0].upper() + claim.source[1:]
        yield from (f"{source}: {_statement(judgement)}. Verdict: **{judgement.verdict()}**.", "")
        yield from (f"Margins were set on {claim.date}, {after}. {claim.reason}", "")
        if judgement.known:
            yield from (_behind(judgement.known), "")
        yield from (*markdown_table(COLUMNS, map(_row, judgement.findings)), "")


def _statement(judgement: Judgement) -> str:
    claim = judgement.claim
    return f"{claim.statement} ({claim.mark})" if claim.mark else claim.statement


def _row(finding: Finding) -> tuple[str, ...]:
    comparison, estimate = finding.comparison, finding.estimate
    paper = "-" if comparison.paper is None else with_minus(f"{comparison.paper:+.1f}")
    ours, count = ("-", "-") if estimate is None else (difference_text(finding), count_text(finding))
    return (comparison.what, comparison.quantity.title, comparison.expectation(), ours, paper, count,
            " and ".join(dict.fromkeys(str(cell.epochs) for cell, _ in comparison.terms)), finding.verdict())


def _link(judgement: Judgement) -> str:
    name = judgement.claim.name
    return f"[{name}](RESULTS.md#{name.lower().replace(' ', '-')})"


def _said(finding: Finding) -> str:
    return (f"{finding.comparison.what}: {difference_text(finding)}, expected {finding.comparison.expectation()} "
            f"({finding.comparison.quantity.short}, {count_text(finding)})")


def _behind(findings: Iterable[Finding]) -> str:
    """Encoder, device and data of the runs, and how the epochs relate to the paper's."""
    findings = list(findings)
    runs = [run for finding in findings for run in finding.runs]
    epochs = {_of_paper(cell) for finding in findings for cell, _ in finding.comparison.terms}
    parts = (", ".join(sorted({ENCODER_TITLES[run["encoder"]] for run in runs})), f"{' and '.join(sorted(epochs))} epochs",
             *(" and ".join(sorted({str(run[name]) for run in runs})) for name in ("device", "data_variant")))
    return markdown_text("; ".join(parts) + ".")


def _of_paper(cell: RunConfig) -> str:
    """`"100 of 600"`, or `"600"` where the paper trains no longer."""
    paper = cell.replace(epochs=None).epochs
    return f"{cell.epochs}" if cell.epochs >= paper else f"{cell.epochs} of {paper}"
