"""Protocols as the paper, the authors' code and the literature have them; settings that are refused."""

import pytest

from tfrepr.attacks.craft import runs_of
from tfrepr.attacks.losses import LOSSES
from tfrepr.attacks.protocols import OWN_SETTINGS, AttackSettings, build_protocol, check_read
from tfrepr.errors import UserError
from tfrepr.registry import PROTOCOLS


def test_the_paper_s_four_attacks_and_seven_strengths():
    protocol = build_protocol(AttackSettings())
    assert (protocol.name, protocol.space, protocol.targets) == ("paper", "normalised", "random")
    assert protocol.epsilons == (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
    assert [(a.name, a.goal, a.steps, a.step, a.clip, a.accumulate) for a in protocol.attacks] == [
        ("fgsm", "untargeted", 1, 1.0, "range", False), ("iterative", "untargeted", 5, 0.2, "range", False),
        ("fgsm", "targeted", 1, 1.0, "range", False), ("iterative", "targeted", 5, 0.2, "range", False)]


def test_the_authors_sum_gradients_and_clip_otherwise():
    protocol = build_protocol(AttackSettings(protocol="authors"))
    assert protocol.targets == "authors"
    expected = [("fgsm", "image", False), ("iterative", "none", True)]
    assert [(a.name, a.clip, a.accumulate) for a in protocol.attacks] == 2 * expected


def test_standard_is_pgd_with_random_starts_on_pixels():
    protocol = build_protocol(AttackSettings(protocol="standard", restarts=3))
    pgd = protocol.attacks[1]
    assert (protocol.space, pgd.steps, pgd.step, pgd.restarts, pgd.random_start) == ("pixel", 20, 0.125, 3, True)


def test_adaptive_attacks_the_decision_and_goes_without_gradients():
    attacks = build_protocol(AttackSettings(protocol="adaptive", steps=7, queries=50)).attacks
    assert {(a.name, a.loss, a.steps) for a in attacks} == {
        ("pgd", "training", 7), ("pgd", "cross_entropy", 7), ("pgd", "margin", 7), ("transfer", "training", 7),
        ("square", "margin", 50)}
    assert {a.loss for a in attacks} <= set(LOSSES)


def test_autoattack_has_the_published_strength():
    """Croce and Hein 2020: 100 steps from a random point, first of twice the radius; 9 rivals; 5,000 queries."""
    protocol = build_protocol(AttackSettings(protocol="autoattack"))
    assert (protocol.space, protocol.criteria, protocol.cascade, protocol.ensemble) == ("pixel", ("nearest",), True, True)
    assert [(a.name, a.goal, a.loss, a.steps, a.restarts) for a in protocol.attacks] == [
        ("apgd", "untargeted", "cross_entropy", 100, 1), ("apgd-t", "untargeted", "logits_ratio", 100, 9),
        ("square", "untargeted", "margin", 5000, 1)]
    for attack in protocol.attacks[:2]:
        assert (attack.step, attack.clip) == (2.0, "range")
        assert (attack.random_start, attack.auto_step, attack.every_iterate) == (True, True, True)


def test_restarts_make_every_part_of_autoattack_stronger():
    apgd, rivals, _ = build_protocol(AttackSettings("autoattack", restarts=3)).attacks
    assert (apgd.restarts, rivals.restarts, runs_of(rivals, 100), runs_of(rivals, 5)) == (3, 27, 27, 12)


@pytest.mark.parametrize(("protocol", "read"), [
    ("paper", {"steps", "attack_seed"}), ("authors", {"steps"}), ("standard", {"steps", "restarts", "attack_seed"}),
    ("adaptive", {"steps", "restarts", "queries", "attack_seed"}),
    ("autoattack", {"steps", "restarts", "queries", "attack_seed"})])
def test_a_setting_that_a_protocol_does_not_read_is_refused(protocol, read):
    for name in OWN_SETTINGS:
        settings = AttackSettings(protocol, **{name: 7})
        if name in read:
            check_read(settings)
        else:
            with pytest.raises(UserError, match=f"{name.replace('_', '-')} has no part in the protocol {protocol}.*autoattack"):
                check_read(settings)


def test_every_protocol_describes_itself_in_one_line():
    for name in PROTOCOLS:
        assert 40 < len(PROTOCOLS.describe(name)) < 130


def test_strengths_are_sorted_and_each_taken_once():
    assert build_protocol(AttackSettings(epsilons="0.3, 0,0.3,0.1")).epsilons == (0.0, 0.1, 0.3)


@pytest.mark.parametrize("epsilons", ["-0.1", "nan", "inf", "0,,1", "", "much", "0;1"])
def test_strengths_that_are_no_strengths(epsilons):
    with pytest.raises(UserError, match="epsilons must be finite numbers from 0 to 1000"):
        AttackSettings(epsilons=epsilons)


@pytest.mark.parametrize("name", ["steps", "restarts", "queries", "images", "batch_size"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(UserError, match="must be at least 1"):
        AttackSettings(**{name: 0})


def test_an_unknown_protocol_gets_the_nearest_names():
    with pytest.raises(UserError, match="Did you mean 'standard'"):
        AttackSettings(protocol="standart")
