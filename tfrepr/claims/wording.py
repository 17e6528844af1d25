"""How the number behind a verdict is written, in tables and in the forest plot."""

from __future__ import annotations

from tfrepr.claims.comparisons import Finding
from tfrepr.config import SINGLE
from tfrepr.results.seeds import precision_of


def with_minus(text: str) -> str:
    """Numbers with the sign that has the width of a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def difference_text(finding: Finding) -> str:
    """The difference with its interval, or every seed's."""
    return with_minus(finding.estimate.text(finding.comparison.quantity.digits))


def count_text(finding: Finding) -> str:
    """`"3 seeds"`, `"10,000 images"` of a single network, or `"3 seeds, bfloat16"` where all were trained so."""
    count, over = finding.estimate.count, finding.estimate.over
    precisions = {precision_of(run) for run in finding.runs}
    half = precisions - {SINGLE} if len(precisions) == 1 else ()
    return ", ".join([f"{count:,} {over if count > 1 else over.removesuffix('s')}", *half])
