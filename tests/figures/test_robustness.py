"""Worst cases of protocols and of all of them together: as counts, as a figure and as a table."""

import dataclasses
import json

import numpy as np
import pytest

from tests.figures.legibility import assert_legible
from tests.synthetic_runs import write_run
from tfrepr.config import RunConfig
from tfrepr.figures.robustness import LOOKS
from tfrepr.figures.series import NothingToPlotError
from tfrepr.registry import FIGURES
from tfrepr.report.pages import read_sources
from tfrepr.report.robustness import robustness_section
from tfrepr.results.attack_rows import AttackRow, Survivors, read_rows, write_rows
from tfrepr.results.tables import read_results
from tfrepr.results.worst_cases import TOGETHER, last_iterate, worst_cases
from tfrepr.selection import find_runs

IMAGES, CLEAN = 20, 18
ROW = AttackRow("standard", "ensemble", "untargeted", "worst", "pixel", 4.0, steps=100, restarts=1, attack_seed=0,
                criterion="nearest", images=IMAGES, clean_correct=CLEAN, still_correct=0, hit_target=None, no_gradient=None,
                seconds=0.0, every_iterate=1)


def left(first, last):
    """Images that withstand: those from the first to the last."""
    numbers = np.arange(IMAGES)
    return (numbers >= first) & (numbers < last)


def attacked(output, label, worst, *, seed=0, further=()):
    """A run with these survivors of protocols, `{(protocol, epsilon): flags}`, and rows of single attacks."""
    config, rows, survivors = RunConfig(dataset="cifar10", label=label, seed=seed), [], {}
    path = write_run(output, epochs=2, config={"label": label, "seed": seed})
    (path / "config.json").write_text(json.dumps(config.to_dict()))
    for (protocol, epsilon), flags in worst.items():
        row = dataclasses.replace(ROW, protocol=protocol, epsilon=float(epsilon), still_correct=int(flags.sum()))
        rows, survivors[row.key] = [*rows, row], flags
    write_rows(path / "attacks.csv", [*rows, *further])
    Survivors(path / "attack_survivors.npz").add(survivors)
    return path


STRENGTHS = (0, 2, 4, 8, 16, 128)
LEFT = {"standard": (18, 14, 10, 4, 2, 0), "adaptive": (18, 12, 8, 3, 0, 0), "autoattack": (18, 11, 9, 1, 0, 0)}


@pytest.fixture
def output(tmp_path):
    """Two labels, two seeds of one; adaptive breaks the first images first, the others the last ones."""
    worst = {(name, epsilon): left(CLEAN - count, CLEAN) if name == "adaptive" else left(0, count)
             for name, counts in LEFT.items() for epsilon, count in zip(STRENGTHS, counts, strict=True)}
    single = [dataclasses.replace(ROW, protocol="adaptive", attack="pgd", loss="margin", steps=20, restarts=3, seconds=5.0),
              dataclasses.replace(ROW, protocol="autoattack", attack="apgd-t", loss="logits_ratio", restarts=9, seconds=7.0)]
    for seed in (0, 1):
        attacked(tmp_path, "speech", worst, seed=seed, further=single)
    path = attacked(tmp_path, "category", {key: flags for key, flags in worst.items() if key[0] == "standard"})
    (path / "attacks.json").write_text(json.dumps({"binarisation": {"score": 0.96, "random_score": 0.02}}))
    return tmp_path


def test_the_worst_of_all_protocols_is_what_withstands_each(output):
    cases = worst_cases(read_results(find_runs(output)))
    speech = cases[cases["run"].str.contains("speech") & cases["run"].str.contains("s0")].set_index(["protocol", "epsilon"])
    assert {name: speech.loc[name]["still_correct"].tolist() for name in LEFT} == {
        name: list(counts) for name, counts in LEFT.items()}
    assert speech.loc[TOGETHER]["still_correct"].tolist() == [18, 5, 0, 0, 0, 0]
    assert set(cases[cases["run"].str.contains("category")]["protocol"]) == {"standard"}


def test_images_of_another_network_say_nothing_of_all_protocols(output):
    path = next((output / "runs").glob("*speech*s0*"))
    key = dataclasses.replace(ROW, protocol="adaptive", still_correct=8).key
    Survivors(path / "attack_survivors.npz").add({key: left(0, 7)})
    cases = worst_cases(read_results(find_runs(output)))
    cases = cases[(cases["run"] == path.name) & (cases["epsilon"] == 4)]
    assert set(cases["protocol"]) == set(LEFT)


def test_without_all_survivors_nothing_is_said_of_all_protocols(output):
    path = next((output / "runs").glob("*speech*s0*"))
    (path / "attack_survivors.npz").unlink()
    cases = worst_cases(read_results([path]))
    assert set(cases["protocol"]) == set(LEFT)


def test_several_settings_of_a_protocol_count_with_the_strongest(tmp_path):
    path = attacked(tmp_path, "speech", {("standard", 4): left(0, 9)})
    rows = [dataclasses.replace(ROW, still_correct=9), dataclasses.replace(ROW, still_correct=7, steps=200),
            dataclasses.replace(ROW, still_correct=8, steps=50, every_iterate=0)]
    write_rows(path / "attacks.csv", rows)
    cases = worst_cases(read_results([path])).set_index("protocol")
    assert cases["still_correct"].to_dict() == {"standard": 7, last_iterate("standard"): 8}


def test_seeds_and_settings_count_together_image_by_image(tmp_path):
    """A weak attack with another seed hides nothing, and an image that any seed breaks is broken."""
    path = attacked(tmp_path, "speech", {("standard", 4): left(0, 9), ("adaptive", 4): left(0, 12)})
    rows = read_rows(path / "attacks.csv")
    further = {dataclasses.replace(ROW, attack_seed=1, still_correct=18): left(0, 18),
               dataclasses.replace(ROW, attack_seed=2, still_correct=8): left(1, 9)}
    write_rows(path / "attacks.csv", [*rows, *further])
    Survivors(path / "attack_survivors.npz").add({row.key: flags for row, flags in further.items()})
    cases = worst_cases(read_results([path])).set_index("protocol")
    assert cases["still_correct"].to_dict() == {"adaptive": 12, "standard": 8, TOGETHER: 8}


def test_every_protocol_whose_last_iterate_counted_says_so(tmp_path):
    path = attacked(tmp_path, "speech", {("standard", 4): left(0, 9), ("adaptive", 4): left(0, 12)})
    write_rows(path / "attacks.csv", [dataclasses.replace(row, every_iterate=0) for row in read_rows(path / "attacks.csv")])
    table = robustness_section(read_sources(tmp_path))
    assert any("45.0 (last iterate)" in line and "60.0 (last iterate)" in line for line in table)
    figure = FIGURES["robustness"](read_results([path]))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "standard, last iterate", "adaptive, last iterate", "all protocols together"]


def test_one_panel_a_label_and_one_line_a_protocol(output):
    figure = FIGURES["robustness"](read_results(find_runs(output)))
    category, speech = (axes for axes in figure.axes if axes.get_visible())
    assert (category.get_title(), speech.get_title()) == ("Category\nResNet-32 (n=1)", "Speech\nResNet-32 (n=2)")
    drawn = {line.get_color(): line.get_xydata().T for line in speech.lines}
    for name, counts in {**LEFT, TOGETHER: (18, 5, 0, 0, 0)}.items():
        places, accuracies = drawn[LOOKS[name].color]
        np.testing.assert_allclose(places, STRENGTHS[:-1])
        np.testing.assert_allclose(accuracies, 5 * np.array(counts[:5]))
    assert len(category.lines) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "standard", "adaptive", "autoattack", "all protocols together"]
    assert_legible(figure)


def test_a_line_is_not_drawn_across_a_strength_that_was_not_run(tmp_path):
    worst = {("standard", epsilon): left(0, 9) for epsilon in (0, 2, 4)}
    attacked(tmp_path, "speech", worst | {("adaptive", epsilon): left(0, 5) for epsilon in (0, 4)})
    axes, *_ = FIGURES["robustness"](read_results(find_runs(tmp_path))).axes
    lines = {line.get_color(): line.get_ydata() for line in axes.lines}
    np.testing.assert_array_equal(lines[LOOKS["adaptive"].color], [25, np.nan, 25])


def test_without_such_protocols_the_figure_says_what_to_run(tmp_path):
    with pytest.raises(NothingToPlotError, match="--protocol standard"):
        FIGURES["robustness"](read_results([write_run(tmp_path, attacks=True)]))


def test_the_table_has_a_row_a_label(output):
    lines = robustness_section(read_sources(output))
    cells = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in lines if line.startswith("| ")}
    assert cells["category, ResNet-32, CIFAR-10"][:9] == ["90.0", "50.0", "-", "-", "-", "96 (2)", "0", "0", "20"]
    assert cells["speech, ResNet-32, CIFAR-10"][:9] == [
        "90.0 ± 0.0", "50.0 ± 0.0", "40.0 ± 0.0", "45.0 ± 0.0", "0.0 ± 0.0", "-", "960", "12", "20"]
    assert robustness_section(read_sources(output / "nothing")) == []


def test_single_attacks_have_a_row_each_and_groups_of_seeds_a_column(output):
    """The two attacks of the fixture leave nothing; of two seeds of random numbers the worse one counts."""
    path = next((output / "runs").glob("*speech*s0*"))
    single = dataclasses.replace(ROW, attack="pgd", loss="training", steps=20)
    write_rows(path / "attacks.csv", [*read_rows(path / "attacks.csv"), dataclasses.replace(single, still_correct=8),
                                      dataclasses.replace(single, still_correct=6, attack_seed=1),
                                      dataclasses.replace(single, still_correct=1, epsilon=8.0)])
    table = "\n".join(robustness_section(read_sources(output))).split("### Attack by attack")[1]
    assert "| protocol | attack | steps | starts | speech, ResNet-32, CIFAR-10, 600 epochs, float32 |" in table
    assert [line for line in table.splitlines() if line.startswith("| ")][2:] == [
        "| adaptive | pgd untargeted margin | 20 | 3 | 0.0 ± 0.0 |",
        "| autoattack | apgd-t untargeted logits ratio | 100 | 9 | 0.0 ± 0.0 |",
        "| standard | pgd untargeted training | 20 | 1 | 30.0 |"]


def test_the_table_says_where_only_the_last_iterate_counted(tmp_path):
    path = attacked(tmp_path, "category", {("standard", 4): left(0, 9)})
    write_rows(path / "attacks.csv", [dataclasses.replace(ROW, still_correct=9, every_iterate=0)])
    assert "| 90.0 | 45.0 (last iterate) | - |" in "\n".join(robustness_section(read_sources(tmp_path)))
