"""Signs that an evaluation works, on rows whose answer is known; and how they are kept."""

import dataclasses

import pytest

from tfrepr.attacks.signs import evaluation_signs
from tfrepr.errors import UserError
from tfrepr.results.attack_rows import AttackRow
from tfrepr.results.signs import Sign, add_signs, read_signs
from tfrepr.runs import RunDirectory

ROW = AttackRow("autoattack", "apgd", "untargeted", "cross_entropy", "pixel", 8.0, 100, 1, 0, "nearest", 1000, 500, 20, None, 0,
                1.0, 1)
RIVAL = {"attack": "apgd-t", "loss": "logits_ratio", "restarts": 9}
ADAPTIVE = {"protocol": "adaptive", "steps": 1000, "every_iterate": 0}
MARGIN = {**ADAPTIVE, "attack": "pgd", "loss": "margin"}
SQUARE = {"attack": "square", "loss": "margin", "steps": 5000, "no_gradient": None}
CASCADE = ({}, RIVAL, SQUARE)
WORST = {"attack": "ensemble", "loss": "worst", "steps": 5200}


def sign(name, *changes, undefended=True):
    rows = [dataclasses.replace(ROW, **change) for change in changes]
    return {sign.name: sign for sign in evaluation_signs(rows, undefended=undefended)}[name]


@pytest.mark.parametrize(("left", "holds"), [(20, True), (15, True), (14, False), (30, True)])
def test_twice_the_steps_break_at_most_a_hundredth_more(left, holds):
    found = sign("step-doubling", RIVAL, {**RIVAL, "steps": 200, "still_correct": left}, {**RIVAL, "epsilon": 4.0},
                 {**RIVAL, "epsilon": 4.0, "steps": 200})
    assert found.holds is holds
    assert "at epsilon" in found.message


def test_a_doubling_of_fewer_steps_says_nothing_beside_one_of_more():
    trial = [{**RIVAL, "steps": steps, "still_correct": left} for steps, left in ((5, 300), (10, 100), (50, 60))]
    assert sign("step-doubling", *trial[:2]).holds is False
    found = sign("step-doubling", *trial, RIVAL, {**RIVAL, "steps": 200, "still_correct": 19})
    assert found.holds
    assert "200 steps in place of 100 break at most 0.2%" in found.message


@pytest.mark.parametrize("order", [1, -1])
def test_what_more_restarts_break_is_not_taken_for_the_steps(order):
    """100 steps leave 20, 200 steps 19; with three times the restarts 200 steps leave 10, and nobody doubled those."""
    rows = RIVAL, {**RIVAL, "steps": 200, "still_correct": 19}, {**RIVAL, "steps": 200, "restarts": 27, "still_correct": 10}
    found = sign("step-doubling", *rows[::order])
    assert found.holds
    assert "200 steps in place of 100 break at most 0.2%" in found.message
    assert sign("step-doubling", *rows[::2]).holds is None
    doubled = {**RIVAL, "steps": 400, "restarts": 27, "still_correct": 4}
    assert sign("step-doubling", *rows, doubled).holds is False


def test_what_was_not_run_is_not_measured():
    assert [found.holds for found in evaluation_signs([], undefended=True)] == [None] * 6
    assert sign("step-doubling", RIVAL, {**RIVAL, "steps": 300}).holds is None
    assert sign("falls-to-zero", WORST).holds is None
    assert "--steps 200" in sign("step-doubling").message
    names = [found.name for found in evaluation_signs([], undefended=False)]
    assert "undefended-breaks" not in names, "a network with another label may be robust"


def test_nothing_may_be_left_where_every_image_can_be_erased():
    assert sign("falls-to-zero", {**WORST, "epsilon": 16.0, "still_correct": 0}, WORST).holds
    failed = sign("falls-to-zero", {**WORST, "epsilon": 128.0, "still_correct": 1})
    assert failed.holds is False
    assert "1 of 1000" in failed.message


@pytest.mark.parametrize(("left", "holds"), [(15, True), (14, False)])
@pytest.mark.parametrize("attack", ["square", "transfer"])
def test_no_attack_without_the_gradient_may_beat_a_loss_of_the_decision(attack, left, holds):
    """Each loss counts by itself: that of the margin leaves 20, whatever cross-entropy does."""
    rows = [{**ADAPTIVE, "attack": "pgd", "loss": loss, "still_correct": left} for loss, left in
            (("margin", 20), ("cross_entropy", 0), ("training", 400))]
    black_box = {**ADAPTIVE, "attack": attack, "still_correct": left, "no_gradient": None}
    assert sign("gradients-lead", *rows, black_box, *CASCADE).holds is holds
    assert sign("training-loss-leads", *rows, black_box).holds is False


def test_the_cascade_is_no_answer_for_a_single_loss():
    """Auto-PGD on cross-entropy leaves 20, PGD on it 30, and transfer 20: one hundredth of 500 and more."""
    rows = [{**ADAPTIVE, "attack": "pgd", "loss": "cross_entropy", "still_correct": 30}, {**ADAPTIVE, "attack": "transfer"}]
    assert sign("gradients-lead", *rows, *CASCADE).holds is False
    assert sign("gradients-lead", *CASCADE).holds is None
    assert sign("gradients-lead", *rows).holds is None, "without the cascade nobody knows what Square would add"


@pytest.mark.parametrize(("left", "holds"), [(15, True), (14, False)])
def test_square_may_have_nothing_left_to_do_at_the_end_of_a_cascade(left, holds):
    rows = {}, RIVAL, {**SQUARE, "still_correct": left}
    assert sign("gradients-lead", MARGIN, {**MARGIN, "attack": "square"}, *rows).holds is holds


def test_a_cheap_trial_of_the_cascade_takes_no_sign_away():
    """Square broke none of the 20 that 100 steps left; 10 steps, tried later, leave 60."""
    rows = MARGIN, {**MARGIN, "attack": "square"}, {}, RIVAL, SQUARE
    found = sign("gradients-lead", *rows, {**RIVAL, "steps": 10, "still_correct": 60})
    assert found.holds
    assert "breaks 0 of the 20 images" in found.message or "leaves 20" in found.message
    assert sign("gradients-lead", *rows, {**RIVAL, "steps": 200, "still_correct": 2}).holds


@pytest.mark.parametrize(("zero", "holds"), [(0, True), (5, True), (6, False)])
def test_next_to_no_gradient_may_be_zero(zero, holds):
    found = sign("gradients-there", {}, {**RIVAL, "no_gradient": zero}, SQUARE, {"loss": "training", "no_gradient": 500})
    assert found.holds is holds
    assert "logits-ratio" in found.message or not zero


def test_signs_say_how_many_images_they_looked_at():
    found = evaluation_signs([ROW, dataclasses.replace(ROW, images=100)], undefended=False)
    assert {sign.name: sign.images for sign in found if sign.holds is not None} == {"gradients-there": 1000}


def test_an_undefended_network_keeps_one_image_of_a_thousand():
    assert sign("undefended-breaks", {**WORST, "still_correct": 1}).holds
    assert sign("undefended-breaks", {**WORST, "still_correct": 2}).holds is False
    assert sign("undefended-breaks", {**WORST, "still_correct": 0, "epsilon": 4.0}).holds is None


def test_other_criteria_spaces_and_smaller_trials_do_not_count():
    rows = [{**WORST, "still_correct": 900, "criterion": "threshold"}, {**WORST, "still_correct": 900, "space": "normalised"},
            {**WORST, "still_correct": 90, "images": 100}, {**WORST, "still_correct": 900, "attack_seed": 1}]
    assert sign("undefended-breaks", {**WORST, "still_correct": 1}, *rows).holds


def test_signs_are_kept_beside_others(tmp_path):
    run = RunDirectory(tmp_path)
    assert read_signs(tmp_path) == {}
    run.write_json("attacks.json", {"checkpoint": "x"})
    first, second = Sign("a", True, "seen"), Sign("b", None, "to do")
    add_signs(run, [first, second])
    add_signs(run, [Sign("b", False, "worse")])
    assert list(read_signs(tmp_path).values()) == [first, Sign("b", False, "worse")]
    assert run.read_json("attacks.json")["checkpoint"] == "x"
    run.write_json("attacks.json", {"checkpoint": "x", "signs": {"a": {"holds": "yes"}}})
    with pytest.raises(UserError, match="the sign 'a'"):
        read_signs(tmp_path)
