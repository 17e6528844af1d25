"""attacks.csv: round trip, torn rows, foreign files; the worst case over attacks."""

import dataclasses

import numpy as np
import pytest

from tfrepr.attacks.protocols import Attack, AttackSettings, Protocol, build_protocol
from tfrepr.attacks.sweep import Outcome
from tfrepr.attacks.table import ensemble_attack, ensemble_rows, outcome_rows, outcome_survivors
from tfrepr.attacks.victim import Decisions
from tfrepr.errors import UserError
from tfrepr.results.attack_rows import ALL_COLUMNS, COLUMNS, AttackRow, Survivors, read_rows, write_rows

ROW = AttackRow("paper", "fgsm", "targeted", "training", "normalised", 0.15, 1, 1, 0, "nearest", 10, 9, 4, 2, 0, 0.125)
ROWS = [ROW, dataclasses.replace(ROW, epsilon=0.0, goal="untargeted", hit_target=None, no_gradient=None, every_iterate=1)]
PROTOCOL = Protocol("standard", "pixel", (0.0, 8.0), (Attack("pgd", "untargeted"), Attack("pgd", "targeted")), ensemble=True)
CRITERIA = ("nearest", "threshold")


def test_round_trip(tmp_path):
    write_rows(tmp_path / "attacks.csv", ROWS)
    assert (tmp_path / "attacks.csv").read_text().splitlines()[0] == ",".join(ALL_COLUMNS)
    assert read_rows(tmp_path / "attacks.csv") == ROWS
    assert read_rows(tmp_path / "nothing.csv") == []


FINE = (8 / 255, 0.1 + 0.2, 0.3, 1e-7, 0.12345678, 1234567.5)


def test_every_epsilon_reads_as_it_was(tmp_path):
    rows = [dataclasses.replace(ROW, epsilon=epsilon) for epsilon in FINE]
    write_rows(tmp_path / "attacks.csv", rows)
    assert read_rows(tmp_path / "attacks.csv") == rows
    survivors = Survivors(tmp_path / "survivors.npz")
    survivors.add({row.key: np.arange(10) == place for place, row in enumerate(rows)})
    again = Survivors(tmp_path / "survivors.npz")
    assert [again[row.key].argmax() for row in rows] == list(range(len(rows)))


def test_files_of_earlier_versions_keep_their_text(tmp_path):
    """They had six digits of epsilon, and the last iterate counted; the numbers that they say are written as before."""
    path = tmp_path / "attacks.csv"
    lines = [f"paper,fgsm,untargeted,training,normalised,{epsilon},1,1,0,nearest,10,9,4,,0,0.125"
             for epsilon in ("0", "0.15", "0.3", "8", "0.0313725", "1e-07")]
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    write_rows(path, read_rows(path))
    assert path.read_text().splitlines()[1:] == [f"{line},0" for line in lines]


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_torn_last_row_is_left_out_wherever_it_was_torn(tmp_path, cut):
    path = tmp_path / "attacks.csv"
    write_rows(path, ROWS)
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_rows(path) == ROWS[:1]


def test_a_file_torn_in_its_header_counts_as_empty(tmp_path):
    (tmp_path / "attacks.csv").write_text("protocol,att")
    assert read_rows(tmp_path / "attacks.csv") == []


@pytest.mark.parametrize("damaged", ["paper,fgsm", "x" * 30, ",".join(["a"] * len(COLUMNS))])
def test_a_damaged_row_in_the_middle_is_named(tmp_path, damaged):
    path = tmp_path / "attacks.csv"
    write_rows(path, ROWS)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], damaged + "\n", lines[2]]))
    with pytest.raises(UserError, match=r"Line 2 of .* is damaged"):
        read_rows(path)


def test_other_columns_are_refused(tmp_path):
    (tmp_path / "attacks.csv").write_text("epsilon,accuracy\n0.1,0.5\n")
    with pytest.raises(UserError, match="lacks the columns protocol"):
        read_rows(tmp_path / "attacks.csv")


def test_a_spreadsheet_may_save_it(tmp_path):
    path = tmp_path / "attacks.csv"
    write_rows(path, ROWS)
    plain = path.read_text()
    with_points = "\n".join(line.replace(",10,9,4,", ",10.0,9.0,4.0,") for line in plain.splitlines()) + "\n"
    for content in (plain.encode("utf-8-sig"), plain.replace(",", ";").replace(".", ",").encode(), with_points.encode(),
                    plain.replace(",", "\t").replace("\n", "\r\n").encode("utf-16")):
        path.write_bytes(content)
        assert read_rows(path) == ROWS


def test_each_criterion_counts_its_own_initially_correct_images():
    """Five images; nearest starts with 0, 1, 2 and threshold with 2, 3; the attack flips 1 and 3 and takes 0 to its target."""
    clean = Decisions(np.zeros(5, int), np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 0]], dtype=bool), np.zeros((5, 2), bool))
    after = np.array([[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]], dtype=bool)
    hit = np.array([[1, 0], [0, 0], [0, 0], [1, 1], [1, 1]], dtype=bool)
    outcome = Outcome(PROTOCOL.attacks[1], (8.0,), after[None], hit[None], np.array([1, 0, 0, 1, 0], bool), seconds=3.0)
    nearest, threshold = outcome_rows(PROTOCOL, outcome, clean, CRITERIA, 0)
    assert (nearest.clean_correct, nearest.still_correct, nearest.hit_target, nearest.no_gradient) == (3, 1, 1, 1)
    assert (threshold.clean_correct, threshold.still_correct, threshold.hit_target, threshold.no_gradient) == (2, 1, 1, 1)
    assert nearest.seconds + threshold.seconds == 3.0
    untargeted = dataclasses.replace(outcome, attack=PROTOCOL.attacks[0])
    assert outcome_rows(PROTOCOL, untargeted, clean, CRITERIA, 0)[0].hit_target is None


def test_the_ensemble_needs_an_image_to_withstand_every_attack(tmp_path):
    clean = Decisions(np.zeros(4, int), np.array([[1], [1], [1], [0]], dtype=bool), np.zeros((4, 1), bool))
    survivors = Survivors(tmp_path / "survivors.npz")
    for attack, left in zip(PROTOCOL.attacks, ([1, 0, 1, 0], [0, 1, 1, 1]), strict=True):
        correct = np.stack([clean.correct, np.array(left, dtype=bool)[:, None]])
        outcome = Outcome(attack, PROTOCOL.epsilons, correct, np.zeros_like(correct), None)
        survivors.add(outcome_survivors(PROTOCOL, outcome, clean, ("nearest",), 0))
    (zero, eight), left = ensemble_rows(PROTOCOL, clean, ("nearest",), 0, Survivors(tmp_path / "survivors.npz"))
    assert (zero.attack, zero.loss, zero.epsilon, zero.clean_correct, zero.still_correct) == ("ensemble", "worst", 0.0, 3, 3)
    assert (eight.epsilon, eight.still_correct) == (8.0, 1)
    assert {key[5]: flags.tolist() for key, flags in left.items()} == {0.0: [True, True, True, False],
                                                                       8.0: [False, False, True, False]}


@pytest.mark.parametrize("name", ["standard", "adaptive", "autoattack"])
def test_worst_cases_of_more_restarts_are_filed_apart(name):
    for restarts in (1, 2, 9, 20):
        assert ensemble_attack(build_protocol(AttackSettings(name, restarts=restarts))).restarts == restarts


def test_transfer_counts_in_the_worst_case_where_it_was_done(tmp_path):
    protocol = dataclasses.replace(PROTOCOL, epsilons=(8.0,), attacks=(*PROTOCOL.attacks, Attack("transfer", "untargeted")))
    clean, survivors = Decisions(np.zeros(3, int), np.ones((3, 1), bool), np.zeros((3, 1), bool)), Survivors(tmp_path / "s.npz")
    for attack, left, worst in zip(protocol.attacks, ([1, 1, 0], [1, 1, 1], [0, 1, 1]), (None, 2, 1), strict=True):
        correct = np.array(left, dtype=bool)[None, :, None]
        survivors.add(outcome_survivors(protocol, Outcome(attack, (8.0,), correct, ~correct, None), clean, ("nearest",), 0))
        if worst:
            ((row,), _) = ensemble_rows(protocol, clean, ("nearest",), 0, survivors)
            assert row.still_correct == worst


def test_a_damaged_file_of_survivors_counts_as_empty(tmp_path):
    (tmp_path / "survivors.npz").write_bytes(b"PK\x03\x04 not a zip")
    assert ROW.key not in Survivors(tmp_path / "survivors.npz")
