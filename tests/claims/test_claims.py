"""Quantities by hand, the rule for claims, and the list of claims, on run directories that are written by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.report.test_report import cell
from tests.synthetic_runs import write_csv
from tfrepr.attacks.diagnosis import NOTABLE
from tfrepr.claims.catalogue import all_claims, judgements
from tfrepr.claims.comparisons import (
    ATTACKS_MISS,
    MINUS,
    NOT_RUN,
    REQUIRED_SIGNS,
    Claim,
    Comparison,
    Finding,
    Judgement,
    judge,
    minus,
)
from tfrepr.claims.factorial import INTERACTION
from tfrepr.claims.quantities import (
    Accuracy,
    Attacked,
    ConvergenceEpochs,
    FeatureScore,
    KeptShare,
    LastLoss,
    OriginalMinusCopy,
    Records,
    WorstOfAll,
)
from tfrepr.claims.verdicts import ABOVE, BELOW, COMPARABLE, CONTRADICTED, INCONCLUSIVE, NO_VERDICT, SUPPORTED, over_seeds
from tfrepr.claims.wording import count_text
from tfrepr.config import RunConfig
from tfrepr.experiments import evidence, two_cores
from tfrepr.registry import EXPERIMENTS
from tfrepr.report.claim_rows import QUESTIONS, details, plain_answer, verdict_table
from tfrepr.report.pages import full_report, page_blocks, read_sources
from tfrepr.results.answers import ANSWERS_FILE, packed_answers
from tfrepr.results.attack_rows import COLUMNS, Survivors, read_rows, write_rows
from tfrepr.results.signs import Sign, add_signs
from tfrepr.runs import HISTORY_COLUMNS, RunDirectory

SPEECH, CATEGORY = RunConfig(dataset="cifar10", label="speech"), RunConfig(dataset="cifar10", label="category")
IMAGES = 40


def write(output, config, accuracy=0.5, right=None, variant=None):
    """A finished run of exactly this config; `right`: which of its test images it answers rightly."""
    fields = {name: getattr(config, name) for name in ("encoder", "label", "percent", "percent_of", "seed", "validation_every",
                                                       "epochs", "label_smoothing", "mixed_precision")}
    path = cell(output, accuracy if right is None else float(np.mean(right)), **fields)
    if right is not None:
        change(path, "metrics.json", test_images=len(right))
        (path / ANSWERS_FILE).write_text(json.dumps(packed_answers({"nearest": np.asarray(right, bool)})))
    if variant is not None:
        change(path, "environment.json", data_variant=variant)
    return path


def change(path, name, **values):
    (path / name).write_text(json.dumps(json.loads((path / name).read_text()) | values))


def attack(path, rows, *, keep=True, images=IMAGES):
    """attacks.csv; `rows`: which images withstood, by (protocol, attack, goal, epsilon)."""
    lines, kept = [], {}
    for (protocol, name, goal, epsilon), left in rows.items():
        key = (protocol, name, goal, "training", "pixel", float(epsilon), 5, 1, 0, "nearest", images)
        lines.append([*key, images, int(np.sum(left)), None, 0, 1.0])
        kept[key] = np.asarray(left, bool)
    write_csv(path / "attacks.csv", COLUMNS, lines)
    if keep:
        Survivors(path / "attack_survivors.npz").add(kept)


def first(count, images=IMAGES):
    return np.arange(images) < count


def records(output):
    return Records(read_sources(output))


def run_of(output):
    return read_sources(output).results.runs.to_dict("records")[0]


def claim(*comparisons, mark=""):
    return Claim("C9", "ours", "It helps", comparisons, "2026-11-25", "By hand.", mark=mark)


def judged(output, *comparisons):
    return judge(claim(*comparisons), records(output))


def only(found):
    (measured,) = found.values()
    return measured


def test_accuracy_and_its_images(tmp_path):
    write(tmp_path, SPEECH, right=first(30))
    found = only(Accuracy().of(run_of(tmp_path), records(tmp_path)))
    assert found.value == pytest.approx(75)
    assert found.images.tolist() == [100.0] * 30 + [0.0] * 10


def test_answers_of_another_network_are_no_record(tmp_path):
    change(write(tmp_path, SPEECH, right=first(30)), "metrics.json", test_accuracy=0.5)
    found = only(Accuracy().of(run_of(tmp_path), records(tmp_path)))
    assert (found.value, found.images) == (50, None)


def test_accuracy_under_attack_is_a_share_of_all_images(tmp_path):
    setting = ("paper", "fgsm", "targeted", 0.1)
    attack(write(tmp_path, SPEECH), {setting: first(10), ("paper", "fgsm", "targeted", 0.2): first(5)})
    found = only(Attacked(*setting).of(run_of(tmp_path), records(tmp_path)))
    assert found.value == pytest.approx(25)
    assert found.images.sum() == 1000
    assert Attacked("paper", "fgsm", "untargeted", 0.1).of(run_of(tmp_path), records(tmp_path)) == {}


def worst_cases(path, standard, adaptive, autoattack=None, **options):
    """The worst cases of protocols at 4/255."""
    left = {"standard": standard, "adaptive": adaptive} | ({} if autoattack is None else {"autoattack": autoattack})
    attack(path, {(name, "ensemble", "untargeted", 4.0): images for name, images in left.items()}, **options)


def test_the_worst_of_all_attacks_is_what_withstands_every_protocol(tmp_path):
    """20 and 12 images overlap in 12, of which the 10 last ones withstand autoattack, too: 2 of the first 12."""
    path = write(tmp_path, SPEECH)
    worst_cases(path, first(20), first(12))
    assert WorstOfAll(4.0).of(run_of(tmp_path), records(tmp_path)) == {}, "two protocols do not stand for three"
    worst_cases(path, first(20), first(12), ~first(10))
    found = only(WorstOfAll(4.0).of(run_of(tmp_path), records(tmp_path)))
    assert found.value == pytest.approx(5)
    assert found.images.tolist() == [0] * 10 + [100] * 2 + [0] * 28
    assert WorstOfAll(8.0).of(run_of(tmp_path), records(tmp_path)) == {}
    worst_cases(path, first(20), first(12), ~first(10), keep=False)
    (path / "attack_survivors.npz").unlink()
    assert WorstOfAll(4.0).of(run_of(tmp_path), records(tmp_path)) == {}, "counts alone do not say which images"


def test_two_protocols_on_more_images_or_seeds_do_not_stand_for_all(tmp_path):
    """On 40 images 30 withstand standard and adaptive; on the first 20 of them 3 withstand autoattack, too."""
    for config in (CATEGORY, SPEECH):
        path = write(tmp_path, config)
        few = 0 if config == CATEGORY else 3
        worst_cases(path, first(30), first(30))
        lines = (path / "attacks.csv").read_text()
        worst_cases(path, first(20, 20), first(20, 20), first(few, 20), images=20)
        (path / "attacks.csv").write_text(lines + "".join((path / "attacks.csv").read_text().splitlines(keepends=True)[1:]))
        for seed in (1, 2):
            worst_cases(write(tmp_path, config.replace(seed=seed)), first(30), first(30))
    (finding,) = judged(tmp_path, minus(SPEECH, CATEGORY, WorstOfAll(4.0), ABOVE, 0)).findings
    assert finding.estimate.mean == pytest.approx(15)


def test_a_weak_attack_with_another_seed_adds_nothing(tmp_path):
    """It leaves 40 of 40 images; what withstands all seeds is what withstood the first one."""
    path = write(tmp_path, SPEECH)
    worst_cases(path, first(20), first(15), first(12))
    rows = read_rows(path / "attacks.csv")
    weak = [replace(row, attack_seed=1, steps=1, still_correct=40) for row in rows]
    write_rows(path / "attacks.csv", [*rows, *weak])
    Survivors(path / "attack_survivors.npz").add({row.key: first(40) for row in weak})
    for quantity, value in ((WorstOfAll(4.0), 30), (KeptShare(4.0), 5)):
        assert only(quantity.of(run_of(tmp_path), records(tmp_path))).value == pytest.approx(value)


def test_images_that_the_signs_did_not_see_have_no_worst_case(tmp_path):
    path = write(tmp_path, SPEECH)
    worst_cases(path, first(20), first(15), first(12))
    (path / "attacks.json").write_text(json.dumps({"checkpoint": "x"}))
    for images, found in ((40, 1), (39, 0)):
        add_signs(RunDirectory(path), [Sign("falls-to-zero", True, "", (), images)])
        assert len(WorstOfAll(4.0).of(run_of(tmp_path), records(tmp_path))) == found


SIGNS = [Sign(name, True, "seen", (4.0, 8.0)) for name in REQUIRED_SIGNS]


@pytest.mark.parametrize(("of_category", "of_speech", "remarks"), [
    ([*SIGNS, Sign("undefended-breaks", True, "")], [*SIGNS, Sign("training-loss-leads", False, "")], ()),
    (SIGNS, SIGNS, ("undefended-breaks not measured for category",)),
    ([*SIGNS, Sign("undefended-breaks", False, "")], SIGNS[1:], (
        "step-doubling not measured for speech", "undefended-breaks fails for category")),
    ([*SIGNS, Sign("undefended-breaks", True, "")], [replace(sign, epsilons=(8.0,)) for sign in SIGNS], (
        "step-doubling not measured at 4/255 for speech", "gradients-lead not measured at 4/255 for speech"))])
def test_a_verdict_on_robustness_needs_attacks_that_work(tmp_path, of_category, of_speech, remarks):
    for config, left, signs in ((CATEGORY, 2, of_category), (SPEECH, 30, of_speech)):
        path = write(tmp_path, config)
        worst_cases(path, first(35), first(left), first(left))
        (path / "attacks.json").write_text(json.dumps({"checkpoint": "x"}))
        add_signs(RunDirectory(path), signs)
    comparison = minus(SPEECH, CATEGORY, WorstOfAll(4.0), ABOVE, 0)
    judgement = judged(tmp_path, comparison)
    assert judgement.word == (NO_VERDICT if remarks else SUPPORTED)
    assert judgement.findings[0].estimate.mean == pytest.approx(70)
    for remark in remarks:
        assert remark in judgement.findings[0].verdict()


@pytest.mark.parametrize(("missed", "word"), [(40.0, SUPPORTED), (70.0, INCONCLUSIVE)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_must_be_larger_than_what_the_signs_let_attacks_miss(tmp_path, monkeypatch, missed, word, sign):
    """30 of 40 images against none: an interval from about 60 points upwards."""
    assert ATTACKS_MISS == 100 * NOTABLE
    monkeypatch.setattr("tfrepr.claims.comparisons.ATTACKS_MISS", missed)
    for config, left in ((CATEGORY, 0), (SPEECH, 30)):
        path = write(tmp_path, config)
        worst_cases(path, first(35), first(left), first(left))
        (path / "attacks.json").write_text(json.dumps({"checkpoint": "x"}))
        add_signs(RunDirectory(path), [*SIGNS, Sign("undefended-breaks", True, "")])
    finding, = judged(tmp_path, minus(SPEECH, CATEGORY, WorstOfAll(4.0), ABOVE if sign == 1 else BELOW, 0)).findings
    assert finding.word == (INCONCLUSIVE if word == INCONCLUSIVE else word if sign == 1 else CONTRADICTED)
    assert ("stronger attacks may change it by 70 percentage points" in finding.verdict()) == (word == INCONCLUSIVE)


def test_half_of_the_worst_case_is_kept(tmp_path):
    """20 of 40 images withstand standard attacks, 12 of them all others, too: 30% minus half of 50%."""
    worst_cases(write(tmp_path, SPEECH), first(20), first(15), first(12))
    found = only(KeptShare(4.0).of(run_of(tmp_path), records(tmp_path)))
    assert found.value == pytest.approx(5)
    assert (found.images[0], found.images[15], found.images[30]) == (50, -50, 0)
    assert KeptShare(8.0).of(run_of(tmp_path), records(tmp_path)) == {}


def test_convergence_by_hand(tmp_path):
    """From 10 to 0: nine tenths of the fall are done at 1.0, in the third of four epochs."""
    path = write(tmp_path, SPEECH)
    rows = [[epoch, 0.1, loss, 1.0, 0.5, 0.5, 1.0, 100.0] for epoch, loss in ((1, 10.0), (2, 4.0), (3, 1.0), (4, 0.0))]
    write_csv(path / "history.csv", HISTORY_COLUMNS, rows)
    assert only(ConvergenceEpochs().of(run_of(tmp_path), records(tmp_path))).value == 3
    assert only(LastLoss().of(run_of(tmp_path), records(tmp_path))).value == 0
    rows[3][2] = "nan"
    write_csv(path / "history.csv", HISTORY_COLUMNS, rows)
    assert ConvergenceEpochs().of(run_of(tmp_path), records(tmp_path)) == {}


def test_scores_of_features_and_copies_by_hand(tmp_path, capsys):
    path = write(tmp_path, SPEECH, variant="CIFAR-10 (JPEG copy)")
    (path / "features").mkdir()
    (path / "features" / "scores.csv").write_text("progress,silhouette,knn_purity\n0.5,0.3,0.6\n")
    folder = path / "evaluation" / "originals"
    folder.mkdir(parents=True)
    (folder / "paired.json").write_text(json.dumps({"images": 200, "only_own": 3, "only_other": 7}))
    assert only(FeatureScore("silhouette", 0.5).of(run_of(tmp_path), records(tmp_path))).value == 0.3
    found = only(OriginalMinusCopy().of(run_of(tmp_path), records(tmp_path)))
    assert found.value == pytest.approx(2)
    assert np.unique(found.images, return_counts=True)[1].tolist() == [3, 190, 7]
    for damage in ("{", "[]", '{"images": 200}', '{"images": "many", "only_own": 3, "only_other": 7}'):
        (folder / "paired.json").write_text(damage)
        assert OriginalMinusCopy().of(run_of(tmp_path), records(tmp_path)) == {}
        assert f"{folder / 'paired.json'} is damaged" in capsys.readouterr().err
    change(path, "environment.json", data_variant="official")
    assert OriginalMinusCopy().of(run_of(tmp_path), records(tmp_path)) == {}


def test_three_seeds_are_paired_by_seed_data_and_epochs(tmp_path):
    for seed, (speech, category) in enumerate(((0.30, 0.25), (0.40, 0.36), (0.50, 0.44))):
        write(tmp_path, SPEECH.replace(seed=seed), speech)
        write(tmp_path, CATEGORY.replace(seed=seed), category)
    write(tmp_path, SPEECH.replace(seed=3), 0.9)
    write(tmp_path, SPEECH.replace(seed=4, epochs=700), 0.95)
    write(tmp_path, CATEGORY.replace(seed=4), 0.1)
    write(tmp_path, CATEGORY.replace(seed=3), 0.1, variant="CIFAR-10 (JPEG copy)")
    finding, = judged(tmp_path, minus(SPEECH, CATEGORY, Accuracy(), ABOVE, 2.0)).findings
    half = 4.302653 / 3**0.5
    assert finding.estimate.interval == pytest.approx((5 - half, 5 + half), rel=1e-6)
    assert (finding.verdict(), finding.estimate.over, finding.estimate.count) == (SUPPORTED, "seeds", 3)


def test_networks_of_one_precision_are_compared(tmp_path):
    """Where only seed 0 has a pair in float32, the three pairs in bfloat16 count, and the number says so."""
    speech, category = (config.replace(mixed_precision="bfloat16") for config in (SPEECH, CATEGORY))
    write(tmp_path, CATEGORY, 0.20)
    write(tmp_path, speech, 0.32)
    compare = minus(SPEECH, CATEGORY, Accuracy(), ABOVE, 0.0)
    assert judged(tmp_path, compare).verdict() == NOT_RUN
    assert judged(tmp_path, compare).findings[0].remark == "no seed, data and precision in common"
    write(tmp_path, category, 0.31)
    write(tmp_path, SPEECH, 0.50)
    alone, = judged(tmp_path, compare).findings
    assert (alone.estimate.values, count_text(alone)) == ((pytest.approx(30),), "1 seed")
    for seed in (1, 2):
        write(tmp_path, speech.replace(seed=seed), 0.32 + seed / 100)
        write(tmp_path, category.replace(seed=seed), 0.31)
    three, = judged(tmp_path, compare).findings
    assert three.estimate.values == pytest.approx((1, 2, 3))
    assert (count_text(three), {run["mixed_precision"] for run in three.runs}) == ("3 seeds, bfloat16", {"bfloat16"})
    rounded, = judged(tmp_path, minus(speech, SPEECH, Accuracy(), ABOVE, 0.0)).findings
    assert (rounded.estimate.values, count_text(rounded)) == ((pytest.approx(-18),), "1 seed")


def test_two_seeds_have_values_and_no_interval(tmp_path):
    for seed in range(2):
        write(tmp_path, SPEECH.replace(seed=seed), right=first(40 - 4 * seed))
        write(tmp_path, CATEGORY.replace(seed=seed), right=first(8))
    found = judged(tmp_path, minus(SPEECH, CATEGORY, Accuracy(), ABOVE, 0.0))
    assert found.findings[0].estimate.interval is None
    assert found.findings[0].estimate.text() == "+80.0, +70.0"
    assert found.findings[0].verdict() == "inconclusive (two seeds have no interval)"


def test_single_networks_are_compared_image_by_image(tmp_path):
    """Ten images of forty more, and no image less: a paired interval is narrower than that of two shares."""
    write(tmp_path, SPEECH, right=first(30))
    write(tmp_path, CATEGORY, right=first(20))
    found = judged(tmp_path, minus(SPEECH, CATEGORY, Accuracy(), ABOVE, 0.0))
    finding, = found.findings
    assert (finding.estimate.mean, finding.estimate.over, finding.estimate.count) == (25, "images", IMAGES)
    assert finding.estimate.interval == pytest.approx((9.5, 38), abs=2.6)
    assert (finding.verdict(), found.verdict()) == ("supported, for these networks",) * 2


def test_without_a_record_of_images_one_seed_decides_nothing(tmp_path):
    write(tmp_path, SPEECH, right=first(30))
    (write(tmp_path, CATEGORY, right=first(20)) / ANSWERS_FILE).unlink()
    found = judged(tmp_path, minus(SPEECH, CATEGORY, Accuracy(), ABOVE, 0.0), minus(SPEECH, CATEGORY, LastLoss(), ABOVE, 0.0))
    assert [finding.verdict() for finding in found.findings] == ["inconclusive (one seed, single images not recorded)",
                                                                 "inconclusive (one seed)"]


def test_attacks_on_other_numbers_of_images_are_not_compared(tmp_path):
    setting = ("paper", "fgsm", "targeted", 0.1)
    attack(write(tmp_path, SPEECH), {setting: first(30)})
    category = write(tmp_path, CATEGORY)
    attack(category, {setting: first(10, 20)}, images=20)
    assert judged(tmp_path, minus(SPEECH, CATEGORY, Attacked(*setting), ABOVE, 0.0)).findings[0].verdict() == \
        "not run (not measured)"
    attack(category, {setting: first(20)})
    finding, = judged(tmp_path, minus(SPEECH, CATEGORY, Attacked(*setting), ABOVE, 0.0)).findings
    assert (finding.estimate.mean, finding.verdict()) == (25, "supported, for these networks")


def test_weights_over_four_cells(tmp_path):
    """The interaction of (10, 14, 11, 21) is (21 - 14) - (11 - 10) = 6."""
    cells = {factors: SPEECH.replace(label=label) for factors, label in zip(
        INTERACTION, ("onehot", "lowdim", "blocks", "random"), strict=True)}
    for (_, config), accuracy in zip(cells.items(), (0.10, 0.14, 0.11, 0.21), strict=True):
        write(tmp_path, config, accuracy)
    terms = tuple((config, INTERACTION[factors]) for factors, config in cells.items())
    finding, = judged(tmp_path, Comparison(terms, "interaction", Accuracy(), ABOVE, 0.0)).findings
    assert finding.estimate.mean == pytest.approx(6)
    assert len(finding.runs) == 4


def finding(word, *values, expected=ABOVE, margin=0.0):
    return Finding(minus(SPEECH, CATEGORY, Accuracy(), expected, margin), over_seeds(values) if values else None, "", (), word)


@pytest.mark.parametrize(("found", "word"), [
    ([], NOT_RUN), ([finding(NOT_RUN)], NOT_RUN), ([finding(SUPPORTED, 1, 2, 3)] * 2, SUPPORTED),
    ([finding(SUPPORTED, 1, 2, 3), finding(CONTRADICTED, -1, -2, -3), finding(NOT_RUN)], CONTRADICTED),
    ([finding(SUPPORTED, 1, 2, 3), finding(INCONCLUSIVE, 1, -1, 0)], INCONCLUSIVE),
    ([finding(SUPPORTED, 1, 2, 3), finding(NOT_RUN)], INCONCLUSIVE)])
def test_the_word_of_a_claim(found, word):
    assert Judgement(claim(), tuple(found)).word == word


def test_a_claim_says_how_many_comparisons_have_data_and_which_decides():
    found = (finding(SUPPORTED, 1.0, 2.0, 3.0), finding(CONTRADICTED, -1.0, -2.0, -3.0), finding(NOT_RUN),
             finding(CONTRADICTED, -11.0, -12.0, -13.0))
    judgement = Judgement(claim(), found)
    assert judgement.verdict() == "contradicted (3 of 4 comparisons have data)"
    assert judgement.deciding() is found[3]
    loss = replace(finding(CONTRADICTED, -99.0), comparison=minus(SPEECH, CATEGORY, LastLoss(), ABOVE, 0.0))
    assert Judgement(claim(), (*found, loss)).deciding() is found[3], "losses and points are not compared"
    within = finding(INCONCLUSIVE, 4.0, expected=COMPARABLE, margin=1.0)
    assert within.slack() == -3
    assert finding(SUPPORTED, -4.0, expected=BELOW).slack() == 4


def test_an_answer_so_far_says_for_which_labels():
    """One comparison of two has data and is supported: no "not decided", and no "yes" for the other label."""
    known, missing = finding(SUPPORTED, 4.0, 5.0, 6.0), finding(NOT_RUN)
    label = known.comparison.what.split(" ")[0]
    assert plain_answer(Judgement(claim(), (known, missing))) == f"so far yes, for {label}"
    assert plain_answer(Judgement(claim(), (known,))) == "yes"
    assert plain_answer(Judgement(claim(), (known, finding(INCONCLUSIVE, 1.0), missing))) == "not decided"
    assert details(Judgement(claim(), (known, missing))) == ["1 of 2 comparisons were run"]


def test_every_comparison_is_of_cells_that_an_experiment_registers():
    asked = {cell.replace(seed=0) for name in EXPERIMENTS for cell in EXPERIMENTS[name]()}
    for one in all_claims():
        assert one.comparisons, one.name
        for comparison in one.comparisons:
            assert {config.replace(seed=0) for config, _ in comparison.terms} <= asked, one.name


def test_margins_carry_a_date_and_a_reason():
    claims = all_claims()
    assert len({one.name for one in claims}) == len(claims)
    for one in claims:
        assert one.date == ("2026-11-26" if one.name == "C2t" else "2026-11-25")
        assert len(one.reason.split()) > 5
        assert len(one.statement.split()) <= 14
        assert one.name.replace(" ", "").isalnum()  # a heading whose link is known
        assert ("first look" in one.name) == bool(one.mark)


def test_the_list_asks_what_the_paper_claims():
    claims = {one.name: one for one in all_claims()}
    assert [(comparison.what, comparison.expected, comparison.margin) for comparison in claims["C1"].comparisons] == [
        *((f"{label} {MINUS} category", COMPARABLE, 1.0) for label in ("speech", "shuffle", "composite", "random")),
        (f"constant {MINUS} category", BELOW, 0.0)]
    assert claims["C1"].comparisons[4].paper == pytest.approx(88.61 - 92.34)
    epochs = {name: claims[name].comparisons[0].terms[1][0].epochs for name in ("C1", "C1e", "C2", "C2b", "C1 first look")}
    assert epochs == {"C1": 20, "C1e": 60, "C2": 200, "C2b": 600, "C1 first look": 10}
    assert len(claims["C3"].comparisons) == 3 * 4 * 3
    assert [(comparison.what, comparison.expected, comparison.margin, [cell.mixed_precision for cell, _ in comparison.terms])
            for comparison in claims["Precision"].comparisons] == [
        (f"{what}: bfloat16 {MINUS} float32", COMPARABLE, margin, ["bfloat16", "off"]) for what, margin in (
            ("category, 1% of the images", 3.0), ("speech, 1% of the images", 3.0), ("category, all images", 1.0))]
    assert [comparison.what for comparison in claims["D3"].comparisons] == ["interaction (1% of the images)",
                                                                            "interaction (robust, all images)"]


def test_the_answer_to_a_question_says_on_which_side_and_for_what(tmp_path):
    """Speech above category by more than the margin contradicts "comparable"; a claim with data replaces its first look."""
    for config in (*evidence.low_data(), *two_cores.low_data()):
        if config.label in ("category", "speech") and config.seed == 0 and not config.label_smoothing:
            write(tmp_path, config, right=first(3_600 if config.label == "speech" else 3_000, 10_000))
    line, = (line for line in verdict_table(judgements(read_sources(tmp_path))) if QUESTIONS["C2"] in line)
    assert "| **no: better** ([C2](RESULTS.md#c2); for these networks; 1 of 4 comparisons were run) |" in line
    assert f"| speech {MINUS} category: +6.0 [" in line


def test_a_claim_from_runs_to_report(tmp_path):
    """Three labels match category on images alone, one was not run: the table says so, and links to every number."""
    right = first(5000, 10_000)
    for config in evidence.all_data():
        if config.epochs != evidence.BASELINE_EPOCHS and config.label != "random":
            write(tmp_path, config, right=first(500, 10_000) if config.label == "constant" else right)
    sources = read_sources(tmp_path)
    found = {judgement.claim.name: judgement for judgement in judgements(sources)}
    assert [finding.word for finding in found["C1"].findings] == [SUPPORTED, SUPPORTED, SUPPORTED, NOT_RUN, SUPPORTED]
    table = page_blocks(sources)["docs/results.md"]["claims"]
    row, = (line for line in table.splitlines() if line.startswith("| [C1](../RESULTS.md#c1) "))
    assert "inconclusive (4 of 5 comparisons have data)" in row
    text = full_report(sources)
    assert "### C1\n\nTable 1: With all images" in text
    assert f"| constant {MINUS} category | test accuracy | below 0 | {MINUS}45.0 [" in text
    assert f"] | {MINUS}3.7 | 10,000 images | 60 and 20 | supported, for these networks |" in text
