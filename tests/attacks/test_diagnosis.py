"""The table of falls and the signs of masking, on rows whose answer is known."""

import dataclasses

import pandas as pd
import pytest

from tfrepr.attacks.diagnosis import adaptive_fall, masking_signs
from tfrepr.results.attack_rows import AttackRow

ROW = AttackRow("standard", "pgd", "untargeted", "training", "pixel", 8.0, 20, 1, 0, "nearest", 200, 100, 40, None, 0, 1.0)


def frame(*changes, label="speech", run="r"):
    rows = [dataclasses.asdict(dataclasses.replace(ROW, **change)) for change in changes]
    table = pd.DataFrame(rows).assign(run=run, dataset="cifar10", encoder="resnet32", label=label)
    return table.assign(hit_target=pd.to_numeric(table["hit_target"]), no_gradient=pd.to_numeric(table["no_gradient"]))


def kinds(*changes):
    return [sign.kind for sign in masking_signs(frame(*changes))]


def test_fall_is_the_difference_of_the_two_worst_cases_in_percent_of_all_images():
    ensembles = [{"attack": "ensemble", "protocol": protocol, "still_correct": left}
                 for protocol, left in (("standard", 60), ("adaptive", 10))]
    table = adaptive_fall(pd.concat([frame(*ensembles), frame({})]))
    row = table.loc[("cifar10", "resnet32", "speech", "nearest", 8.0)]
    assert row.to_dict() == {"runs": 1, "clean": 50.0, "standard": 30.0, "adaptive": 5.0, "fall": 25.0}


def test_fall_is_a_mean_over_seeds_and_uses_the_ensemble_of_most_steps():
    def ensembles(run, adaptive, steps):
        return frame({"attack": "ensemble", "still_correct": 60},
                     {"attack": "ensemble", "protocol": "adaptive", "still_correct": adaptive, "steps": steps}, run=run)

    runs = [ensembles("a", 10, 500), ensembles("a", 50, 100), ensembles("b", 30, 500)]
    table = adaptive_fall(pd.concat(runs).drop_duplicates())
    assert table["adaptive"].tolist() == [10.0]
    assert table["runs"].tolist() == [2]


def test_runs_without_one_of_the_protocols_have_no_fall():
    assert adaptive_fall(frame({"attack": "ensemble"})).empty
    assert adaptive_fall(frame({})).empty


@pytest.mark.parametrize("black_box", ["transfer", "square"])
def test_black_box_stronger_than_white_box(black_box):
    assert kinds({"attack": black_box, "still_correct": 30, "no_gradient": None}, {}) == ["black-box-stronger"]
    assert kinds({"attack": black_box, "still_correct": 50, "no_gradient": None}, {}) == []


def test_accuracy_that_remains_at_a_large_epsilon():
    assert kinds({"epsilon": 128.0, "still_correct": 20}) == ["accuracy-remains"]
    assert kinds({"epsilon": 128.0, "still_correct": 20}, {"epsilon": 128.0, "still_correct": 3, "loss": "margin"}) == []
    assert kinds({"epsilon": 16.0, "still_correct": 90}) == []


def test_more_steps_that_do_less():
    assert kinds({"attack": "fgsm", "steps": 1, "still_correct": 30}, {}) == ["more-steps-weaker"]
    assert kinds({"attack": "fgsm", "steps": 1, "still_correct": 50}, {}) == []
    targeted = {"goal": "targeted", "still_correct": 40}
    assert kinds({**targeted, "attack": "fgsm", "steps": 1, "hit_target": 30}, {**targeted, "hit_target": 10}) == [
        "more-steps-weaker"]


def test_gradients_that_vanish_in_float32():
    assert kinds({"no_gradient": 40}) == ["no-gradient"]
    (sign,) = masking_signs(frame({"no_gradient": 40}))
    assert "40.0%" in str(sign)
    assert str(sign).startswith("r (nearest)")


def test_a_sound_evaluation_raises_no_sign():
    assert kinds({"attack": "fgsm", "steps": 1, "still_correct": 50}, {"still_correct": 20},
                 {"epsilon": 128.0, "still_correct": 0},
                 {"attack": "square", "steps": 1000, "loss": "margin", "still_correct": 35, "no_gradient": None}) == []
