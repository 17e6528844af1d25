"""The forest plot: what is drawn, what is left out, and whether it can be read."""

import numpy as np
import pytest

from tests.figures.legibility import assert_legible, texts
from tests.report.test_report import ROOT
from tfrepr.claims.catalogue import judgements
from tfrepr.claims.comparisons import Claim, Finding, Judgement, minus
from tfrepr.claims.quantities import Accuracy, Attacked, LastLoss
from tfrepr.claims.verdicts import ABOVE, COMPARABLE, CONTRADICTED, INCONCLUSIVE, SUPPORTED, over_seeds
from tfrepr.config import RunConfig
from tfrepr.figures.forest import CLAIMED, LOOKS, forest
from tfrepr.figures.series import NothingToPlotError
from tfrepr.report.pages import read_sources

CELLS = [RunConfig(label=label) for label in ("speech", "category")]


def finding(word, *values, quantity=None, expected=ABOVE, margin=0.0):
    return Finding(minus(*CELLS, quantity or Accuracy(), expected, margin), over_seeds(values), "", (), word)


def judgement(*findings, statement="It helps", mark=""):
    return Judgement(Claim("C9", "ours", statement, tuple(one.comparison for one in findings), "", "", mark=mark),
                     findings)


def words(figure):
    return [text.get_text() for text in texts(figure)]


def test_the_committed_results_can_be_read():
    figure = forest(judgements(read_sources(ROOT / "output" / "results")))
    assert_legible(figure)
    said = words(figure)
    for word in ("supported", "contradicted", "inconclusive", "where the claim is true"):
        assert word in said
    assert any(word.startswith("C2 constant, ") for word in said)


def test_intervals_values_marks_and_the_claimed_range():
    figure = forest([judgement(finding(SUPPORTED, 4.0, 5.0, 6.0), finding(INCONCLUSIVE, -2.0, 1.0),
                               finding(CONTRADICTED, -3.0, -3.1, -3.2, expected=COMPARABLE, margin=1.0))])
    axes, = figure.axes
    interval, = axes.collections[0].get_segments()
    np.testing.assert_allclose(interval[:, 0], over_seeds([4.0, 5.0, 6.0]).interval)
    drawn = [(line.get_color(), line.get_marker(), float(line.get_xdata()[0])) for line in axes.lines
             if line.get_marker() != "None"]
    assert drawn == [(*LOOKS[SUPPORTED], 5.0), (*LOOKS[INCONCLUSIVE], -2.0), (*LOOKS[INCONCLUSIVE], 1.0),
                     (*LOOKS[CONTRADICTED], pytest.approx(-3.1))]
    ranges = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert ranges == [(0.0, axes.get_xlim()[1])] * 2 + [(-1.0, 1.0)]
    assert len({LOOKS[word] for word in LOOKS}) == len(LOOKS) == 4
    assert CLAIMED not in {color for color, _ in LOOKS.values()}
    assert {"+5.0 [+2.5, +7.5]  3 seeds", "\N{MINUS SIGN}2.0, +1.0  2 seeds"} <= set(words(figure))
    assert [word for word in words(figure) if word in LOOKS] == [SUPPORTED, CONTRADICTED, INCONCLUSIVE], "verdicts drawn alone"


def test_many_settings_of_a_pair_are_shown_by_the_worst_and_the_best():
    """The contradicted one is drawn, though another interval reaches farther down."""
    many = [finding(SUPPORTED, value, value + 1, value + 2, quantity=Attacked("paper", "fgsm", "targeted", value))
            for value in (5.0, 6.0, 9.0)]
    many += [finding(INCONCLUSIVE, -9.0, 1.0, 9.0, quantity=Attacked("paper", "fgsm", "targeted", 0.1)),
             finding(CONTRADICTED, -1.0, -1.1, -1.2, quantity=Attacked("paper", "fgsm", "targeted", 0.2))]
    said = words(forest([judgement(*many)]))
    assert [word.split(", ")[1] for word in said if word.startswith("speech")] == ["targeted FGSM ε 0.2 (worst of 5)",
                                                                                   "targeted FGSM ε 9 (best of 5)"]


def test_a_first_look_is_left_out_once_the_claim_has_data():
    look = judgement(finding(INCONCLUSIVE, 7.0), mark="first look, 10 epochs")
    other = judgement(finding(INCONCLUSIVE, 8.0), statement="It helps VGG19", mark="first look, 10 epochs")
    said = words(forest([judgement(finding(SUPPORTED, 4.0, 5.0, 6.0)), look, other]))
    assert "+7.0  1 seed" not in said
    assert "+8.0  1 seed" in said
    assert "+7.0  1 seed" in words(forest([look]))


def test_other_units_have_axes_of_their_own_and_far_differences_an_arrow():
    figure = forest([judgement(finding(INCONCLUSIVE, -56.0), finding(INCONCLUSIVE, 12.0, quantity=LastLoss()))])
    points, loss = figure.axes
    assert [line.get_marker() for line in points.lines if line.get_marker() != "None"] == ["<"]
    assert points.get_xlabel() == "Difference (percentage points)"
    assert loss.get_xlabel() == "Difference (loss)"
    assert "\N{MINUS SIGN}56.0  1 seed" in words(figure)


def test_an_interval_that_is_cut_off_has_an_arrow_at_that_end():
    figure = forest([judgement(finding(INCONCLUSIVE, 0.0, 20.0, 40.0))])
    markers = [line.get_marker() for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert markers == [">", "D"]


def test_nothing_to_compare_is_no_figure(tmp_path):
    with pytest.raises(NothingToPlotError, match="evidence-low-data"):
        forest(judgements(read_sources(tmp_path)))


def test_the_short_plot_has_the_deciding_comparison_of_each_claim_and_the_claims_word():
    """One that is decided itself may decide nothing: the heading keeps the claim's word."""
    known, missing = finding(SUPPORTED, 4.0, 5.0, 6.0), Finding(minus(*CELLS, Accuracy(), ABOVE, 0.0), None, "")
    figure = forest([judgement(known, missing, statement="First"),
                     judgement(finding(SUPPORTED, 7.0, 8.0, 9.0), finding(SUPPORTED, 1.0, 2.0, 3.0), statement="Second"),
                     judgement(finding(SUPPORTED, 1.0, quantity=LastLoss()), statement="Loss")], short=True)
    assert_legible(figure)
    assert len(figure.axes) == 1
    assert {"C9, inconclusive (1 of 2): First", "C9, supported: Second"} <= set(words(figure))
    numbers = [word for word in words(figure) if word.endswith("3 seeds")]
    assert [word.split()[0] for word in numbers] == ["+5.0", "+2.0"]
