"""The claims in the report: the README's questions, a short row a claim in docs/, a row a comparison in RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape

from tfrepr.claims.comparisons import MINUS, NOT_RUN, Finding, Judgement
from tfrepr.claims.verdicts import COMPARABLE, CONTRADICTED, INCONCLUSIVE, NO_VERDICT, SUPPORTED
from tfrepr.claims.wording import count_text, difference_text, with_minus
from tfrepr.config import RunConfig
from tfrepr.figures.style import ENCODER_TITLES
from tfrepr.text_tables import Markup, markdown_table, markdown_text

QUESTIONS = {
    "C3": "Under the paper's own attacks: do high-entropy labels keep more than one-hot labels?",
    "C6": "Under attacks made for them: do high-entropy labels keep half of the robustness that they gain?",
    "C2": "With 1% of the images: are high-dimensional labels as accurate as one-hot labels?",
    "C1": "With all images, 20 epochs for one-hot labels and 60 for the others: are high-dimensional labels as accurate, and "
          "constant labels not?",
    "C1e": "With all images and 60 epochs for every label: are high-dimensional labels as accurate as one-hot labels, and "
           "constant labels not?",
}
"""What a reader asks first, by the claim that answers it; its first look answers until the claim itself has data."""
ANSWERS = {SUPPORTED: "yes", CONTRADICTED: "no", INCONCLUSIVE: "not decided", NO_VERDICT: "not decided", NOT_RUN: "not run"}
QUESTION_COLUMNS = ("question", "answer", "the number behind it")
SHORT_COLUMNS = ("", "claim", "verdict", "the number behind it")
COLUMNS = ("difference", "of", "expected", "ours", "paper", "n", "epochs", "verdict")
RULE = """A claim is a list of comparisons. A comparison is *supported* where its 95% interval lies on the claimed side of the \
margin, *contradicted* where it lies on the other, and *inconclusive* elsewhere; p-values are corrected (Holm) over all \
comparisons of a claim, those without data too, so that one false word in a claim has a chance of about 2.5%. The intervals \
shown are not corrected: one that clears the margin narrowly may still be inconclusive. A claim is supported if all its \
comparisons are, contradicted if any is. What is left under all attacks together (C6, D1 to D3) gets *no verdict* unless the \
signs hold that attacks on its runs work (docs/attack.md); those that fail are named. The signs let attacks miss 1% of the \
images, so that a verdict there asks for one point more than the margin. \
Three seeds or more: Student's interval over differences within a seed. Two seeds, or equal ones: no interval, all values are \
printed. One seed: the test images are drawn anew (paired bootstrap, with one image more for each side) where both networks \
kept which images they answer rightly, and the verdict is "for these networks"; without that record, no interval. \
"Comparable" asks for two one-sided tests: the interval within plus and minus the margin. Differences are percentage points \
unless the quantity says otherwise."""


def verdict_table(judgements: Sequence[Judgement]) -> list[str]:
    """A row for each of the `QUESTIONS`, for README: its answer in plain words and the number behind it."""
    rows = []
    for name, judgement in answering(judgements).items():
        limits = "; ".join([_link(judgement, "RESULTS.md"), *details(judgement)])
        rows.append((QUESTIONS[name], Markup(f"**{plain_answer(judgement)}** ({limits})"),
                     said(judgement.deciding()) if judgement.known else "-"))
    return markdown_table(QUESTION_COLUMNS, rows)


def answers_html(judgements: Sequence[Judgement]) -> str:
    """The same as HTML, for the page."""
    blocks = []
    for name, judgement in answering(judgements).items():
        limits = "; ".join([name, *details(judgement)])
        number = said(judgement.deciding()) if judgement.known else "no run yet"
        blocks.append(f"<div><h3>{escape(QUESTIONS[name])}</h3>\n<p><strong>{escape(plain_answer(judgement))}</strong> "
                      f"({escape(limits)})</p>\n<p class=\"soft\">{escape(number)}</p></div>")
    return "<div class=\"answers\">\n" + "\n".join(blocks) + "\n</div>"


def answering(judgements: Sequence[Judgement]) -> dict[str, Judgement]:
    """By name, the judgement that answers each of the `QUESTIONS`: that of the claim, or of its first look."""
    by_name = {judgement.claim.name: judgement for judgement in judgements}
    return {name: by_name[name] if by_name[name].known else by_name.get(f"{name} first look", by_name[name])
            for name in QUESTIONS}


def plain_answer(judgement: Judgement) -> str:
    """One of the `ANSWERS`; where "comparable" is contradicted, with the side on which the difference lies.

    Where only some comparisons have data and all of these are supported, the answer so far, and for which labels.
    """
    finding = judgement.deciding()
    if _so_far(judgement):
        labels = dict.fromkeys(found.comparison.what.partition(f" {MINUS} ")[0] for found in judgement.known)
        return f"so far {ANSWERS[SUPPORTED]}, for {' and '.join(labels)}"
    if judgement.word == CONTRADICTED and finding.comparison.expected == COMPARABLE:
        return f"{ANSWERS[CONTRADICTED]}: {'better' if finding.estimate.mean > 0 else 'worse'}"
    return ANSWERS[judgement.word]


def _so_far(judgement: Judgement) -> bool:
    """Whether some comparisons have data and others none, and all of the first are supported."""
    return bool(judgement.coverage) and {found.word for found in judgement.known} == {SUPPORTED}


def details(judgement: Judgement) -> list[str]:
    """What limits an answer: for which networks, how many comparisons have data, a first look."""
    alone = replace(judgement, findings=tuple(judgement.known)).networks if _so_far(judgement) else judgement.networks
    return list(filter(None, (alone, judgement.coverage and f"{judgement.coverage} comparisons were run",
                              judgement.claim.mark if judgement.known else "")))


def short_claims(judgements: Sequence[Judgement]) -> list[str]:
    """A row for each claim with data, then the names of the others, for a page in docs/."""
    rows = [(Markup(_link(judgement, "../RESULTS.md")), _statement(judgement), judgement.verdict(), said(judgement.deciding()))
            for judgement in judgements if judgement.known]
    left = ", ".join(_link(judgement, "../RESULTS.md") for judgement in judgements if not judgement.known)
    return [*(markdown_table(SHORT_COLUMNS, rows) if rows else []), *([""] if rows and left else []),
            *([f"Not run yet, with margins set: {left}."] if left else [])]


def claim_sections(judgements: Sequence[Judgement]) -> Iterator[str]:
    """The rule, then a section a claim: statement, verdict, margins, and one row a comparison."""
    yield from (RULE, "")
    for judgement in judgements:
        claim = judgement.claim
        yield from (f"### {claim.name}", "")
        source = claim.source[0].upper() + claim.source[1:]
        yield from (f"{source}: {_statement(judgement)}. Verdict: **{judgement.verdict()}**.", "")
        yield from (f"Margins were set on {claim.date}, {claim.seen}. {claim.reason}", "")
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


def _link(judgement: Judgement, report: str) -> str:
    name = judgement.claim.name
    return f"[{name}]({report}#{name.lower().replace(' ', '-')})"


def said(finding: Finding) -> str:
    """A difference in one line, with what was expected, of what, and how many stand behind it."""
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
