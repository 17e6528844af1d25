"""Paired differences and the verdicts that rest on them."""

import json

import pytest

from tests.test_report import cell
from tfrepr.claims import NOT_TESTED, Check, _beyond, _within, all_claims, verdict
from tfrepr.experiments.two_cores import all_data, low_data
from tfrepr.paired import Difference, difference, paired_difference
from tfrepr.report import read_sources

YES, NO = Check(True, True, 3), Check(False, True, 3)
PERHAPS, HARDLY = Check(True, False, 3), Check(False, False, 3)
ONCE, NOT_ONCE = Check(True, False, 1), Check(False, False, 1)


def write(output, config, accuracy):
    """A finished run of exactly this config."""
    fields = {name: getattr(config, name) for name in ("encoder", "label", "percent", "seed", "validation_every", "epochs",
                                                       "label_smoothing")}
    return cell(output, accuracy, **fields)


def test_the_interval_is_students():
    found = difference([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3)
    assert found.half_width == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert found.text() == "+2.0 [-0.5, +4.5]"
    assert difference([1.5]).text() == "+1.5"


@pytest.mark.parametrize(("checks", "words"), [
    ([], NOT_TESTED), ([YES, YES], "reproduced"), ([YES, NO], "contradicted"), ([PERHAPS, NO], "contradicted"),
    ([YES, PERHAPS], "agrees (within chance)"), ([ONCE, ONCE], "agrees (one seed)"), ([YES, HARDLY], "mixed (within chance)"),
    ([ONCE, NOT_ONCE], "mixed (one seed)"), ([NOT_ONCE], "disagrees (one seed)"),
    ([HARDLY, HARDLY], "disagrees (within chance)")])
def test_verdicts(checks, words):
    assert verdict(checks) == words


def test_limits_have_intervals_too():
    found = Difference(-0.5, 0.4, 3)
    assert _beyond(found, 1, -1.0) == YES
    assert _beyond(found, 1, 0.0) == NO
    assert _beyond(found, 1, -0.4) == HARDLY
    assert _beyond(found, -1) == YES
    assert _beyond(Difference(-0.5, None, 1), -1) == ONCE
    assert _within(found, 1.0) == YES
    assert _within(found, 0.8) == PERHAPS
    assert _within(found, 0.3) == HARDLY
    assert _within(found, 0.05) == NO


def test_differences_are_paired_by_seed_and_by_epochs(tmp_path):
    cells = {(config.label, config.seed): config for config in low_data()
             if config.encoder == "resnet32" and config.percent == 1 and config.epochs == 100
             and not config.label_smoothing}
    for seed, (speech, category) in enumerate(((0.30, 0.25), (0.40, 0.36), (0.50, 0.44))):
        write(tmp_path, cells["speech", seed], speech)
        write(tmp_path, cells["category", seed], category)
    write(tmp_path, cells["speech", 0].replace(seed=3), 0.9)
    write(tmp_path, cells["speech", 0].replace(epochs=600), 0.95)
    write(tmp_path, cells["speech", 0].replace(validation_every=5), 0.95)
    copy = write(tmp_path, cells["category", 0].replace(seed=3), 0.1)
    environment = json.loads((copy / "environment.json").read_text()) | {"data_variant": "CIFAR-10 (JPEG copy)"}
    (copy / "environment.json").write_text(json.dumps(environment))
    index = read_sources(tmp_path).index
    found = paired_difference(cells["speech", 1], cells["category", 0], index, lambda run: 100 * run["test_accuracy"])
    assert (found.mean, found.count) == (pytest.approx(5.0), 3)
    assert found.half_width == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert paired_difference(cells["random", 0], cells["category", 0], index, lambda run: 1.0) is None
    claim = next(claim for claim in all_claims(read_sources(tmp_path)) if claim.verdict != NOT_TESTED)
    assert (claim.name, claim.verdict) == ("C2", "reproduced")
    assert claim.measured == "category 35.0%; speech minus category +5.0 [+2.5, +7.5]"
    assert "n=3; 100 of 200 and 100 of 600 epochs; ResNet-32" in claim.basis


def test_every_claim_reads_its_own_numbers(tmp_path):
    for config, accuracy in zip(all_data(), (0.80, 0.795, 0.78, 0.70), strict=True):
        path = write(tmp_path, config, accuracy)
        still = {"category": 100, "speech": 300, "random": 50, "constant": 10}[config.label]
        rows = [f"{protocol},{attack},untargeted,training,{space},{epsilon},5,1,0,nearest,1000,800,{count},,,1.0"
                for protocol, attack, space, epsilon, count in (
                    ("paper", "fgsm", "normalised", 0.1, still), ("standard", "pgd", "pixel", 4.0, still),
                    ("standard", "ensemble", "pixel", 4.0, still - 5),
                    ("adaptive", "ensemble", "pixel", 4.0, 5 if config.label == "speech" else still))]
        header = ("protocol,attack,goal,loss,space,epsilon,steps,restarts,attack_seed,criterion,images,clean_correct,"
                  "still_correct,hit_target,no_gradient,seconds")
        (path / "attacks.csv").write_text("\n".join([header, *rows]) + "\n")
        if config.label == "category":  # a trial on fewer images is left alone
            rows += [row.replace(",1000,800,100,", ",50,40,40,") for row in rows]
            (path / "attacks.csv").write_text("\n".join([header, *rows]) + "\n")
        (path / "features").mkdir()
        silhouette = 0.3 if config.label == "speech" else 0.1
        (path / "features" / "scores.csv").write_text(f"progress,silhouette,knn_purity\n0.5,{silhouette},0.6\n")
    claims = {claim.name: claim for claim in all_claims(read_sources(tmp_path))}
    assert claims["C1"].measured == ("category 80.0%; speech minus category -0.5; random minus category -2.0; "
                                     "constant minus category -10.0")
    assert claims["C1"].paper.startswith("category 92.3%; speech minus category +0.0; shuffle minus category +0.4; ")
    assert claims["C1"].verdict == "mixed (one seed)"
    assert (claims["C3"].paper, claims["C6"].paper) == ("curves, no numbers", "-")
    assert claims["C3"].measured == ("speech is above category in 1 of 1 settings, by +20.0 to +20.0 points; random is above "
                                     "category in 0 of 1 settings, by -5.0 to -5.0 points")
    assert "1,000 test images" in claims["C3"].basis
    assert "4/255: category 10.0 / 9.5 / 10.0, speech 30.0 / 29.5 / 0.5, random 5.0" in claims["C6"].measured
    assert "; 1,000 test images;" in claims["C6"].basis
    assert claims["C6"].verdict == "disagrees (one seed)"
    assert claims["C5"].verdict == "mixed (one seed)"
    assert "silhouette at 50%: category 0.10, speech 0.30" in claims["C5"].measured
    assert claims["C4"].measured.startswith("speech: ")


def test_what_a_copy_of_the_images_costs(tmp_path):
    path = cell(tmp_path, 0.9, label="speech")
    (path / "evaluation" / "originals").mkdir(parents=True)
    for p_value, words in ((0.125, "no difference found"), (0.04, "a difference for speech")):
        counts = {"images": 1017, "difference": 0.005, "low": 0.001, "high": 0.02, "p_value": p_value}
        (path / "evaluation" / "originals" / "paired.json").write_text(json.dumps(counts))
        environment = json.loads((path / "environment.json").read_text())
        (path / "environment.json").write_text(json.dumps(environment | {"data_variant": "official"}))
        assert all_claims(read_sources(tmp_path))[-1].verdict == NOT_TESTED
        (path / "environment.json").write_text(json.dumps(environment | {"data_variant": "CIFAR-10 (JPEG copy)"}))
        claim = all_claims(read_sources(tmp_path))[-1]
        assert claim.verdict == words
        assert claim.measured == f"original minus copy, points: speech +0.5 [+0.1, +2.0], p = {p_value:.2g}"
    assert claim.basis == "1,017 test images; 100% of the data, 600 epochs; CIFAR-10 (JPEG copy)"


def test_one_seed_of_the_paper_settings_does_not_stand_in(tmp_path):
    path = cell(tmp_path, 0.9, label="speech", percent=1.0, seed=7)
    assert json.loads((path / "config.json").read_text())["epochs"] == 600
    assert {claim.verdict for claim in all_claims(read_sources(tmp_path))} == {NOT_TESTED}
