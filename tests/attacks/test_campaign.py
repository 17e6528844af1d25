"""Attacks on run directories: files, resuming, refusals, transfer, the command."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tfrepr.attacks.campaign import attack_run
from tfrepr.attacks.command import report
from tfrepr.attacks.loading import categorical_twin
from tfrepr.attacks.protocols import AttackSettings
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.config import RunConfig
from tfrepr.data.sources.digits import digits
from tfrepr.errors import RunRefusedError, UserError
from tfrepr.labels.build import build_representation
from tfrepr.results.attack_rows import Survivors, read_rows, write_rows
from tfrepr.results.signs import Sign, add_signs, read_signs
from tfrepr.results.tables import GALLERY_WORDS, read_results
from tfrepr.runs import RunDirectory

IMAGES = 60
QUICK = {"images": IMAGES, "batch_size": 32}
ADAPTIVE = AttackSettings(protocol="adaptive", steps=3, queries=20, epsilons="0,8,128", **QUICK)


def small_network(shape):
    """A strided convolution and a dense layer instead of ResNet-32: what reads run directories asks for no more."""
    from keras import layers

    inputs = keras.Input((32, 32, 3))
    features = layers.Flatten()(layers.ReLU()(layers.Conv2D(8, 5, strides=4, padding="same")(inputs)))
    outputs = layers.Dense(int(np.prod(shape)))(features)
    return keras.Model(inputs, outputs if len(shape) == 1 else layers.Reshape(shape)(outputs))


def make_run(folder, label, smoothing=0.0):
    """A finished run directory with a network trained for a few seconds."""
    config = RunConfig(label=label, epochs=1, label_smoothing=smoothing)
    run, dataset = RunDirectory(folder / config.run_name), digits()
    representation = build_representation(label, dataset.class_names, image_side=32, smoothing=smoothing)
    model = small_network(representation.output_shape)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=representation.losses)
    images = ImageSpace("normalised", dataset.mean, dataset.std).from_bytes(dataset.train_images)
    model.fit(images, dataset.train_ids, epochs=3, batch_size=64, verbose=0)
    run.path.mkdir(parents=True)
    run.write_json("config.json", config.to_dict())
    run.write_json("environment.json", {
        "class_names": dataset.class_names, "data_fingerprint": dataset.fingerprint, "data_variant": dataset.variant,
        "label_fingerprint": representation.fingerprint,
        "parameters": int(sum(np.prod(variable.shape) for variable in model.trainable_variables))})
    np.save(run / "label_table.npy", representation.table)
    model.save(run / "best.keras")
    run.write_json("metrics.json", {"test_images": len(dataset.test_ids), "test_accuracy": 0.5})
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One categorical and one random-matrix run, attacked by nobody yet."""
    folder = tmp_path_factory.mktemp("runs")
    for label in ("category", "random"):
        keras.utils.set_random_seed(0)
        make_run(folder, label)
    return folder


@pytest.fixture
def runs(folder, tmp_path):
    """A fresh copy: `runs["random"]` and `runs["category"]`."""
    shutil.copytree(folder, tmp_path / "runs")
    return {RunDirectory(path).config().label: RunDirectory(path) for path in (tmp_path / "runs").iterdir()}


@pytest.fixture(scope="module")
def attacked(folder, tmp_path_factory):
    """The random-matrix run after the paper's protocol."""
    copy = tmp_path_factory.mktemp("attacked") / "runs"
    shutil.copytree(folder, copy)
    run = RunDirectory(next(copy.glob("*-random-*")))
    assert attack_run(run, AttackSettings(**QUICK))
    return run


def without_seconds(run):
    return [dataclasses.replace(row, seconds=0) for row in read_rows(run / "attacks.csv")]


def test_the_paper_s_protocol_fills_its_rows(attacked):
    rows = read_rows(attacked / "attacks.csv")
    assert len(rows) == 4 * 7 * 2
    assert {row.images for row in rows} == {IMAGES}
    by_key = {(row.attack, row.goal, row.epsilon, row.criterion): row for row in rows}
    for row in rows:
        assert row.still_correct <= row.clean_correct
        assert row.clean_correct == by_key["fgsm", "untargeted", 0.0, row.criterion].clean_correct
        if row.epsilon == 0:
            assert row.still_correct == row.clean_correct
    survivors = Survivors(attacked / "attack_survivors.npz")
    assert all(survivors[row.key].sum() == row.still_correct for row in rows)
    strong = by_key["iterative", "untargeted", 0.3, "nearest"]
    assert strong.clean_correct > 0.7 * IMAGES
    assert strong.still_correct < 0.7 * strong.clean_correct


def test_results_and_gallery_are_read_by_the_figures(attacked):
    results = read_results([attacked.path])
    assert len(results.attacks) == 56
    assert results.attacks["loss"].unique().tolist() == ["training"]
    gallery = results.galleries[attacked.path.name]
    assert gallery["original"].shape == gallery["adversarial"].shape == (8, 32, 32, 3)
    np.testing.assert_allclose(np.abs(gallery["adversarial"] - gallery["original"]).max(), 0.3 * 0.349, rtol=1e-4)
    assert [str(gallery[word]) for word in GALLERY_WORDS] == ["paper", "iterative", "untargeted", "normalised"]
    assert set(gallery["names"]) | set(gallery["predicted"]) <= set(digits().class_names)


def test_what_is_done_is_not_done_again(attacked, tmp_path):
    run = RunDirectory(shutil.copytree(attacked.path, tmp_path / "run"))
    before = (run / "attacks.csv").read_bytes()
    (run / "best.keras").unlink()  # not even looked at
    (run / "attack_survivors.npz").unlink()  # as in runs from before it was kept for this protocol
    assert not attack_run(run, AttackSettings(**QUICK))
    assert (run / "attacks.csv").read_bytes() == before


@pytest.mark.parametrize("keep", [1, 20, 55])
def test_an_interrupted_file_with_a_torn_row_is_completed(attacked, tmp_path, keep):
    run = RunDirectory(shutil.copytree(attacked.path, tmp_path / "run"))
    lines = (run / "attacks.csv").read_text().splitlines(keepends=True)
    (run / "attacks.csv").write_text("".join(lines[:keep + 1]) + lines[keep + 1][:25] if keep < 55 else "".join(lines)[:-4])
    assert attack_run(run, AttackSettings(**QUICK))
    assert sorted(without_seconds(run), key=str) == sorted(without_seconds(attacked), key=str)


def test_other_settings_add_rows(attacked, tmp_path):
    run = RunDirectory(shutil.copytree(attacked.path, tmp_path / "run"))
    assert attack_run(run, AttackSettings(epsilons="0.1,0.5", images=IMAGES, batch_size=32))
    added = [row for row in read_rows(run / "attacks.csv") if row not in read_rows(attacked / "attacks.csv")]
    assert {row.epsilon for row in added} == {0.5}
    assert attack_run(run, AttackSettings(epsilons="0.1", images=20, batch_size=32))
    assert {row.images for row in read_rows(run / "attacks.csv")} == {IMAGES, 20}


def test_an_epsilon_of_many_digits_is_attacked_once(attacked, tmp_path):
    run = RunDirectory(shutil.copytree(attacked.path, tmp_path / "run"))
    settings = AttackSettings(protocol="standard", steps=2, epsilons=f"{8 / 2.55},{1 / 3}", images=20, batch_size=32)
    assert attack_run(run, settings)
    assert not attack_run(run, settings)
    assert {row.epsilon for row in read_rows(run / "attacks.csv") if row.protocol == "standard"} == {8 / 2.55, 1 / 3}


def test_targets_come_from_data_set_and_attack_seed_alone():
    from tfrepr.attacks.campaign import image_set
    from tfrepr.attacks.protocols import build_protocol

    def draw(seed, count):
        settings = AttackSettings(attack_seed=seed)
        return image_set(digits(), build_protocol(settings), settings, count)

    drawn = [draw(0, 50), draw(0, 360), draw(1, 50)]
    np.testing.assert_array_equal(drawn[0].targets, drawn[1].targets[:50])
    assert (drawn[0].targets != drawn[2].targets).any()
    assert (drawn[0].targets != drawn[0].class_ids).all()


def test_adaptive_attacks_add_transfer_square_and_the_worst_case(runs):
    assert attack_run(runs["random"], ADAPTIVE)
    rows = read_rows(runs["random"] / "attacks.csv")
    assert {row.attack for row in rows} == {"pgd", "transfer", "square", "ensemble"}
    for row in rows:
        alike = [other for other in rows if (other.epsilon, other.criterion) == (row.epsilon, row.criterion)]
        worst = next(other for other in alike if other.attack == "ensemble")
        assert worst.still_correct <= min(other.still_correct for other in alike)
        assert Survivors(runs["random"] / "attack_survivors.npz")[worst.key].sum() == worst.still_correct
    twin = json.loads((runs["random"] / "attacks.json").read_text())["protocols"]["adaptive"]["transfer_from"]
    assert twin == runs["category"].path.name
    assert not attack_run(runs["random"], ADAPTIVE)
    (runs["random"] / "attack_survivors.npz").unlink()
    assert attack_run(runs["random"], ADAPTIVE)


def test_a_killed_cascade_goes_on_to_the_same_rows(runs):
    """Rows of the first attack and a part of the second, and a worst case that is missing: with the survivors of all."""
    run = runs["random"]
    settings = AttackSettings(protocol="autoattack", steps=1, queries=30, epsilons="0,8,32", **QUICK)
    assert attack_run(run, settings)
    whole, lines = without_seconds(run), (run / "attacks.csv").read_text().splitlines(keepends=True)
    assert [(row.attack, row.criterion) for row in whole[::3]] == [
        (name, "nearest") for name in ("apgd", "apgd-t", "square", "ensemble")]
    left = [row.still_correct for row in whole if row.epsilon == 8]
    assert left == sorted(left, reverse=True)
    assert left[-1] == left[-2], "the worst case is what is left after the last attack"
    for rows in (5, 9):
        (run / "attacks.csv").write_text("".join(lines[:1 + rows]))
        assert attack_run(run, settings)
        assert without_seconds(run) == whole
    add_signs(run, [Sign("falls-to-zero", False, "as an older version saw it")])
    assert not attack_run(run, settings)
    assert {name: sign.holds for name, sign in read_signs(run.path).items()} == {
        "step-doubling": None, "falls-to-zero": None, "gradients-there": True, "gradients-lead": None,
        "training-loss-leads": None}


@pytest.mark.parametrize(("label", "smoothing"), [("blocks", 0.0), ("category", 0.1)])
def test_known_defences_that_fail_go_through_the_same_protocol(tmp_path, label, smoothing):
    """A regressed label without any meaning, and smoothing: nothing is left, and neither is taken for an undefended network."""
    run = make_run(tmp_path, label, smoothing)
    assert attack_run(run, AttackSettings(protocol="autoattack", steps=10, queries=5, epsilons="8,128", **QUICK))
    assert {row.criterion for row in read_rows(run / "attacks.csv")} == {"nearest"}
    signs = read_signs(run.path)
    assert signs["falls-to-zero"].holds, signs["falls-to-zero"].message
    assert "undefended-breaks" not in signs


def test_rows_of_the_last_iterate_give_way_to_rows_of_every_iterate(runs):
    run, settings = runs["category"], dataclasses.replace(ADAPTIVE, protocol="standard", epsilons="8")
    assert attack_run(run, settings)
    rows = read_rows(run / "attacks.csv")
    assert [(row.attack, row.every_iterate) for row in rows] == [
        ("fgsm", 0), ("pgd", 1), ("fgsm", 0), ("pgd", 1), ("ensemble", 1)]
    write_rows(run / "attacks.csv", [dataclasses.replace(row, still_correct=60, every_iterate=0) for row in rows])
    assert attack_run(run, settings)
    again = {row.key: row for row in read_rows(run / "attacks.csv")}
    assert len(again) == len(rows)
    for row in rows:
        if row.every_iterate:
            assert again[row.key].still_correct == row.still_correct


def test_the_binarisation_test_is_kept_beside_the_protocols(runs, capsys):
    run, settings = runs["category"], AttackSettings(epsilons="0.1", steps=10, binarisation=2, images=20, batch_size=128)
    assert attack_run(run, settings)
    kept = run.read_json("attacks.json")["binarisation"]
    assert (kept["asked"], kept["images"], kept["left_out"], kept["score"], kept["random_score"]) == (2, 2, 0, 1, 0)
    assert not attack_run(run, settings)
    assert attack_run(run, dataclasses.replace(settings, binarisation=1))
    assert not attack_run(run, dataclasses.replace(settings, binarisation=None))
    assert attack_run(run, dataclasses.replace(settings, binarisation=None, protocol="authors"))
    assert run.read_json("attacks.json")["binarisation"]["asked"] == 1
    report([run.path], settings)
    assert "binarisation: not measured. It needs 20 images with a readout. It has 1" in capsys.readouterr().out


def test_a_twin_shares_the_seed(runs):
    """Two categorical runs that another seed or another share of the data tells apart are none; the order does not matter."""
    config = runs["random"].config()
    for name, changes in (("0-other-seed", {"seed": 1}), ("1-fewer-images", {"percent": 10.0}), ("2-twin", {})):
        other = RunDirectory(shutil.copytree(runs["category"].path, runs["random"].path.parent / name))
        other.write_json("config.json", dataclasses.replace(config, label="category", **changes).to_dict())
    shutil.rmtree(runs["category"].path)
    assert categorical_twin(runs["random"], config).path.name == "2-twin"
    shutil.rmtree(runs["random"].path.parent / "2-twin")
    with pytest.raises(UserError, match="no such finished run"):
        categorical_twin(runs["random"], config)


def test_a_categorical_run_is_no_source_for_itself(runs):
    assert attack_run(runs["category"], ADAPTIVE)
    rows = read_rows(runs["category"] / "attacks.csv")
    assert {row.attack for row in rows} == {"pgd", "square", "ensemble"}
    assert {row.steps for row in rows if row.attack == "ensemble"} == {4 * 3 + 20}


def test_transfer_needs_a_categorical_run_or_goes_without(runs):
    shutil.rmtree(runs["category"].path)
    output = re.escape(str(runs["random"].path.parent.parent))
    with pytest.raises(UserError, match=rf"--label category --output {output} --epochs 1; .*--transfer-from.*--no-transfer"):
        attack_run(runs["random"], ADAPTIVE)
    assert attack_run(runs["random"], dataclasses.replace(ADAPTIVE, epsilons="8"), transfer=False)


def test_transfer_that_comes_later_enters_the_worst_case(runs):
    settings = dataclasses.replace(ADAPTIVE, epsilons="128")
    assert attack_run(runs["random"], settings, transfer=False)
    assert attack_run(runs["random"], settings)
    rows = [row for row in read_rows(runs["random"] / "attacks.csv") if row.criterion == "nearest"]
    (worst,) = [row for row in rows if row.attack == "ensemble"]
    assert worst.still_correct <= min(row.still_correct for row in rows)
    assert len(rows) == 7


def test_transfer_starts_from_the_run_that_is_named(runs, tmp_path):
    """The other categorical run has a network of noise: what was done with the images of one is not the other's."""
    run, settings = runs["random"], dataclasses.replace(ADAPTIVE, epsilons="8", steps=2, queries=1)
    other = RunDirectory(shutil.copytree(runs["category"].path, tmp_path / "other"))
    model = keras.models.load_model(other / "best.keras", compile=False)
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    model.save(other / "best.keras")

    def transfer():
        return {row.criterion: row.still_correct for row in read_rows(run / "attacks.csv") if row.attack == "transfer"}

    def source():
        return run.read_json("attacks.json")["protocols"]["adaptive"]["transfer_from"]

    assert attack_run(run, settings)
    own = transfer()
    assert not attack_run(run, settings, transfer_from=runs["category"])
    assert attack_run(run, settings, transfer_from=other)
    assert (transfer() != own, source()) == (True, "other")
    assert not attack_run(run, settings, transfer_from=other)
    assert not attack_run(run, settings), "without a name what is there will do"
    Survivors(run / "attack_survivors.npz").add({
        row.key: np.zeros(IMAGES, dtype=bool) for row in read_rows(run / "attacks.csv") if row.attack == "transfer"})
    assert attack_run(run, dataclasses.replace(settings, epsilons="8,16"), transfer=False)
    assert source() == "other"
    assert {row.still_correct for row in read_rows(run / "attacks.csv")
            if (row.attack, row.epsilon) == ("ensemble", 8)} == {0}, "what transfer broke earlier stays broken"
    before = read_rows(run / "attacks.csv")
    with pytest.raises(UserError, match=r"start from other, .* --epsilons 8 .*--transfer-from other"):
        attack_run(run, dataclasses.replace(settings, epsilons="16"), transfer_from=runs["category"])
    assert (read_rows(run / "attacks.csv"), source()) == (before, "other")
    assert attack_run(run, settings, transfer_from=runs["category"])
    assert (transfer(), source()) == (own, runs["category"].path.name)
    assert {row.still_correct for row in read_rows(run / "attacks.csv")
            if (row.attack, row.epsilon) == ("ensemble", 8)} == {0}, "no worst case rises with another source"


def test_refusals(runs, tmp_path):
    run, quick = runs["random"], AttackSettings(**QUICK)
    good = (run / "best.keras").read_bytes()
    with run.locked(), pytest.raises(RunRefusedError, match="Another process"):
        attack_run(RunDirectory(run.path), quick)
    shutil.copy(runs["category"] / "best.keras", run / "best.keras")
    with pytest.raises(UserError, match="checkpoint of another architecture"):
        attack_run(run, quick)
    (run / "best.keras").unlink()
    with pytest.raises(UserError, match="no checkpoint"):
        attack_run(run, quick)
    (run / "best.keras").write_bytes(good[:1000])
    with pytest.raises(UserError, match="cannot be loaded"):
        attack_run(run, quick)
    (run / "metrics.json").unlink()
    with pytest.raises(UserError, match="not finished"):
        attack_run(run, quick)
    assert not (run / "attacks.csv").exists()


def test_results_of_two_checkpoints_are_not_mixed(attacked, tmp_path):
    run = RunDirectory(shutil.copytree(attacked.path, tmp_path / "run"))
    model = keras.models.load_model(run / "best.keras", compile=False)
    model.weights[0].assign(model.weights[0] + 1)
    model.save(run / "best.keras")
    with pytest.raises(RunRefusedError, match="another checkpoint"):
        attack_run(run, AttackSettings(protocol="authors", **QUICK))


def test_other_data_are_refused(runs):
    run = runs["random"]
    run.write_json("environment.json", run.environment() | {"data_fingerprint": "0" * 16})
    with pytest.raises(RunRefusedError, match="not those that"):
        attack_run(run, AttackSettings(**QUICK))


def command(*words):
    script = Path(__file__).resolve().parents[2] / "scripts" / "attack.py"
    return subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("words", "message"), [
    (("--epsilons", "-1", "x"), "epsilons must be finite numbers"), (("--epsilons", "nan", "x"), "epsilons must be finite"),
    (("--steps", "0", "x"), "steps must be at least 1"), (("--protocol", "papper", "x"), "Did you mean 'paper'"),
    ((), "Say which runs to attack"), (("--all", "a", "b"), "in one way")])
def test_the_command_explains_what_is_wrong(words, message):
    done = command(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_attacks_what_is_finished_and_reports(attacked, tmp_path):
    shutil.copytree(attacked.path, tmp_path / "runs" / "done")
    unfinished = shutil.copytree(attacked.path, tmp_path / "runs" / "unfinished")
    (unfinished / "metrics.json").unlink()
    done = command("--all", str(tmp_path / "runs"), "--images", str(IMAGES), "--batch-size", "32")
    assert done.returncode == 0, done.stderr
    assert "done earlier, skipped" in done.stdout
    assert "iterative untargeted training" in done.stdout
    assert "by epsilon (in units of normalised images)" in done.stdout
    assert f"Next: python scripts/plot_results.py --runs {tmp_path / 'runs'}\n" in done.stdout
    refused = command(str(unfinished))
    assert refused.returncode == 2
    assert "is not finished" in refused.stderr


def test_a_report_is_of_what_was_asked_for(runs, capsys):
    """Two protocols, and one of them on other images, with other strengths and steps: each report has its own rows only."""
    quick = dataclasses.replace(ADAPTIVE, protocol="standard", epsilons="8,16")
    asked = [AttackSettings(epsilons="0.1,0.2", **QUICK), AttackSettings(epsilons="0.1", images=20, batch_size=32),
             AttackSettings(epsilons="0.1", steps=2, **QUICK), quick]
    for settings in asked:
        assert attack_run(runs["category"], settings)
    tables = []
    capsys.readouterr()
    for settings in asked:
        report([runs["category"].path], settings)
        tables.append(capsys.readouterr().out)
    assert [table.count("\n") for table in tables] == [9, 9, 9, 10], "a title, the run, a header of two lines, an attack a line"
    strengths = (["0.1", "0.2"], ["0.1"], ["0.1"], ["8/255", "16/255"])
    for table, columns, images in zip(tables, strengths, (60, 20, 60, 60), strict=True):
        assert [line.split()[1:] for line in table.splitlines() if line.startswith("epsilon")] == [columns]
        assert len(re.findall(rf" {images}( |$)", table, re.MULTILINE)) == (4 if "paper" in table else 5)
