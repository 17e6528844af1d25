"""Both commands from end to end on small pictures, and everything that can be typed wrongly."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings

import keras
import numpy as np
import pandas as pd
import pytest

from tests.weak_labels.conftest import SCRIPTS
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.figures.style import save
from tfrepr.figures.weak_labels import accuracy_against_level, suspect_sheet
from tfrepr.labels.options import LabelOptions
from tfrepr.runs import RunDirectory
from tfrepr.training.checkpoint import load_model
from tfrepr.training.loop import run_cell
from tfrepr.weak_labels.cleaning import label_errors
from tfrepr.weak_labels.command import configs_from_options, list_name
from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig, WeakLabelConfig
from tfrepr.weak_labels.results import markdown, mean_table, result_table
from tfrepr.weak_labels.runs import WeakLabelRun, is_from_same_images, starting_weights
from tfrepr.weak_labels.tasks import noisy_label_task
from tfrepr.weak_labels.training import blocks, flat_cosine_only, new_model
from tfrepr.weak_labels.workshop import open_workshop

PICTURES = ("--dataset", "folder", "--image-size", "16", "--batch-size", "8", "--frozen-epochs", "6", "--tuning-epochs", "1",
            "--least-steps", "1", "--crop-area", "0.8")
QUICK = (*PICTURES, "--encoder", "mlp1x512", "--learning-rate", "0.001")
TRIAL, AN_HOUR = ("--scale", "0.1", "--encoder", "mlp1x512"), 3600
GROWING = (*PICTURES, "--encoder", "resnet8", "--learning-rate", "0.01", "--sizes", "8,16", "--iterations", "1")


@pytest.fixture(scope="module")
def missing(command, pictures, tmp_path_factory):
    """A finished pseudo-labelling run on the folder's own unlabelled pictures: (click's result, output, run).

    Bars and sheets are answered with more confidence than 0.94, dots with less than 0.85.
    """
    output = tmp_path_factory.mktemp("missing")
    result = command("pseudo_label", *QUICK, "--data-dir", str(pictures), "--iterations", "1", "--confidence", "0.9",
                     "--output", str(output), "--plots", str(output / "plots"))
    assert result.exit_code == 0, result.output
    return result, output, WeakLabelRun(next((output / "weak_labels").iterdir()))


@pytest.fixture(scope="module")
def noisy(command, pictures, tmp_path_factory):
    """A finished cleaning run of a regressed label, with a quarter of the labels wrong: (click's result, output, run)."""
    output = tmp_path_factory.mktemp("noisy")
    result = command("clean_labels", *QUICK, "--data-dir", str(pictures), "--noise-rate", "0.25", "--folds", "2",
                     "--label", "lowdim", "--erasing", "0.1", "--output", str(output), "--plots", str(output / "plots"))
    assert result.exit_code == 0, result.output
    return result, output, WeakLabelRun(next((output / "weak_labels").iterdir()))


def test_pseudo_labels_are_right_and_written_down(missing, pictures):
    result, output, run = missing
    table = pd.read_csv(run / "pseudo_labels-1.csv")
    assert list(table["image"]) == list(range(72, 90))
    assert list(table["file"]) == [f"unlabelled/{number:02d}.png" for number in range(18)]
    assert (table["class_id"].to_numpy() == np.arange(18) % 3).mean() > 0.8
    assert table["confidence"].between(1 / 3, 1).all()
    metrics = run.metrics()
    assert (metrics["labelled_images"], metrics["unlabelled_images"]) == (72, 18)
    assert 0 < table["kept"].sum() < 18
    np.testing.assert_array_equal(table["kept"], table["confidence"] >= 0.9)
    assert metrics["pseudo_labels"] == [{"kept": table["kept"].sum(), "accuracy": None, "kept_accuracy": None}]
    assert f"training1, 16-flat-cosine: {57 + table['kept'].sum()} images" in result.output, "those alone are learned from"
    assert metrics["test_accuracy_after"] > 0.6
    written = re.findall(r"^  (/.*)$", result.output, re.MULTILINE)
    assert {f"plots/{run.path.name}.csv", f"plots/{run.path.name}.md"} < {os.path.relpath(path, output) for path in written}
    assert all(map(os.path.isfile, written)), "nothing is named that was not written"
    assert {path.name for path in (output / "plots").iterdir()} == {f"{run.path.name}.csv", f"{run.path.name}.md"}
    assert re.search(r"^Next: python scripts/clean_labels.py (?!.*--init-from)", result.output, re.MULTILINE)


def test_every_stage_keeps_best_and_last(missing):
    run = missing[2]
    stages = sorted(path.relative_to(run.path).as_posix() for path in run.path.glob("training*/*/"))
    assert stages == [f"training{number}/{name}" for number in (0, 1) for name in ("1-16-flat-cosine", "2-16-one-cycle")]
    for stage in stages:
        assert {path.name for path in (run / stage).iterdir()} == {"best.keras", "last.keras", "history.csv", "stage.json"}
    assert starting_weights(run.path) == run / "training1" / "2-16-one-cycle" / "last.keras"
    assert keras.models.load_model(run / "training1" / "model.keras").input_shape == (None, 16, 16, 3)


def test_the_validation_part_never_changes(missing):
    run = missing[2]
    first, second = (json.loads((run / name / "training.json").read_text()) for name in ("training0", "training1"))
    assert first["val_images"] == second["val_images"] == 15, "a fifth of 24, three times"


def test_a_finished_run_is_skipped(missing, command, pictures):
    _, output, run = missing
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    result = command("pseudo_label", *QUICK, "--data-dir", str(pictures), "--iterations", "1", "--confidence", "0.9",
                     "--output", str(output), "--plots", str(output / "plots"))
    assert "skipped" in result.output
    assert before == {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}


def test_the_table_scores_the_guesses_that_were_kept(missing):
    run = missing[2]
    figures = run.metrics()["pseudo_labels"][-1]
    assert figures["kept_accuracy"] is None, "nobody knows the truth of a folder's own pictures"
    figures |= {"accuracy": 0.25, "kept_accuracy": 0.75}
    metrics = run.metrics() | {"pseudo_labels": [figures]}
    copy = WeakLabelRun(run.path.parent.parent / "copy" / run.path.name)
    shutil.copytree(run.path, copy.path)
    copy.write_json("metrics.json", metrics)
    assert "| 75.0% |" in markdown(mean_table(result_table([copy])))


def test_changed_pictures_are_no_finished_run(command, pictures, tmp_path):
    """A label that was put right must not bring back what was found before."""
    folder, words = tmp_path / "pictures", ("--label", "category", "--folds", "2", "--plots", str(tmp_path / "plots"))
    shutil.copytree(pictures, folder)
    (folder / "test" / "bars" / "00.png").rename(folder / "test" / "dots" / "wrong.png")
    words = ("clean_labels", *QUICK, "--data-dir", str(folder), *words, "--output", str(tmp_path))
    result = command(*words)
    assert result.exit_code == 0, result.output
    assert "72 training images, and 18 test images, whose labels are looked at, too" in result.output
    run = WeakLabelRun(next((tmp_path / "weak_labels").iterdir()))
    errors = pd.read_csv(run / "label_errors.csv")
    assert len(errors) == 90
    assert errors["file"].iloc[0] == "test/dots/wrong.png"
    assert (errors["image"].iloc[0] >= 72, errors["suggested"].iloc[0], errors["flagged"].iloc[0]) == (True, "bars", 1)
    assert run.metrics()["flagged_test_images"] >= 1
    assert "finished earlier, skipped" in command(*words).output
    (folder / "test" / "dots" / "wrong.png").rename(folder / "test" / "bars" / "00.png")
    again = command(*words)
    assert again.exit_code == 2
    assert "changed since the run began" in again.stderr


def test_wrong_labels_are_found_and_shown(noisy, pictures):
    result, _, run = noisy
    metrics = run.metrics()
    assert metrics["wrong"] == 18
    for name in ("label_errors.csv", "suspects.png"):
        assert f"  {run / name}\n" in result.output
    assert metrics["f1"] > 0.5
    assert metrics["flagged"] == int(pd.read_csv(run / "label_errors.csv")["flagged"].sum())
    assert (run / "suspects.png").stat().st_size > 5000
    errors = pd.read_csv(run / "label_errors.csv")
    assert sorted(errors["file"]) == sorted(path.relative_to(pictures).as_posix() for path in pictures.glob("train/*/*.png"))
    own = errors["file"].str.split("/").str[1]
    assert (errors["given"] != own).sum() == 18, "a file lies in the folder of its true class"
    assert errors["flagged"][errors["given"] != own].sum() > 9
    shares = np.load(run / "probabilities.npy")
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert "F1" in result.output
    assert {path.name for path in run.path.iterdir() if path.is_dir()} == {"noisy", "fold1", "fold2", "clean"}
    assert [path.name for path in (run / "clean").iterdir() if path.is_dir()] == ["1-16-flat-cosine"]


def test_weights_of_another_label_are_refused_by_layer(missing, command, pictures, tmp_path):
    result = command("clean_labels", *QUICK, "--data-dir", str(pictures), "--label", "random", "--folds", "2",
                     "--init-from", str(missing[2].path), "--output", str(tmp_path), "--plots", str(tmp_path))
    assert result.exit_code == 2
    assert re.search(r"do not fit layer 'head'|only .* has the layer|do not fit layer 'neck", result.output)


def test_cleaning_starts_from_the_final_weights_of_pseudo_labelling(missing, pictures, tmp_path):
    config = CleaningConfig(dataset="folder", folder=str(pictures), image_size=16, encoder="mlp1x512",
                            init_from=str(missing[2].path))
    workshop = open_workshop(config, WeakLabelRun.of(config, tmp_path), noisy_label_task(config, None).dataset)
    final = load_model(missing[2] / "training1" / "2-16-one-cycle" / "last.keras")
    for own, theirs in zip(new_model(workshop, 16).get_weights(), final.get_weights(), strict=True):
        np.testing.assert_array_equal(own, theirs)


def test_cleaning_starts_from_a_run_of_plain_training(pictures, tmp_path, capsys):
    config = RunConfig(dataset="folder", folder=str(pictures), image_size=16, encoder="mlp1x512", epochs=1)
    plain = run_cell(config, tmp_path)
    said = capsys.readouterr().err
    assert "Warning: 66 pictures are few for a learning rate of 0.1" in said
    advice = re.search(r"Try --batch-size (\d+) --learning-rate ([\d.]+)\.", said)
    run_cell(config.replace(batch_size=int(advice[1]), learning_rate=float(advice[2])), tmp_path)
    assert capsys.readouterr().err == ""
    config = CleaningConfig(dataset="folder", folder=str(pictures), image_size=16, encoder="mlp1x512",
                            init_from=str(plain.path))
    workshop = open_workshop(config, WeakLabelRun.of(config, tmp_path), noisy_label_task(config, None).dataset)
    for own, theirs in zip(new_model(workshop, 16).get_weights(), load_model(plain / "last.keras").get_weights(), strict=True):
        np.testing.assert_array_equal(own, theirs)
    (plain / "last.keras").unlink()
    with pytest.raises(UserError, match="with its weights"):
        starting_weights(plain.path)


def test_a_start_from_the_same_images_is_known(missing, pictures, tmp_path):
    """A run, a file of weights in it, and a plain run of digits; a link to the folder is the folder."""
    run, link = missing[2], tmp_path / "link"
    link.symlink_to(pictures)
    same = CleaningConfig(dataset="folder", folder=str(link), image_size=16, init_from=str(run.path))
    assert is_from_same_images(same)
    for start, answer in ((run / "training1" / "model.keras", True), (tmp_path / "model.keras", False)):
        assert is_from_same_images(dataclasses.replace(same, init_from=str(start))) is answer
    assert not is_from_same_images(dataclasses.replace(same, folder=str(tmp_path)))
    assert not is_from_same_images(CleaningConfig(init_from=str(run.path)))
    assert not is_from_same_images(CleaningConfig())
    RunDirectory(tmp_path / "plain").write_json("config.json", RunConfig().to_dict())
    assert is_from_same_images(CleaningConfig(init_from=str(tmp_path / "plain")))


def test_cleaning_warns_of_a_network_that_knows_the_labels(missing, command, pictures, tmp_path):
    result = command("clean_labels", *QUICK, "--data-dir", str(pictures), "--folds", "2", "--init-from", str(missing[2].path),
                     "--output", str(tmp_path), "--plots", str(tmp_path / "plots"))
    assert result.exit_code == 0, result.output
    assert f"Warning: {missing[2].path} was trained on the same images." in result.stderr


def test_what_to_start_from_must_exist(tmp_path):
    with pytest.raises(UserError, match="init-from"):
        starting_weights(tmp_path)


def test_settings_are_words_and_a_library_s_advice_is_kept_back(noisy, tmp_path):
    run = WeakLabelRun(tmp_path)
    config = CleaningConfig(noise="pairs", noise_pairs=(("one", "two"), ("three", "eight")),
                            label_options=LabelOptions(spoken=(("zero", "oh"),)))
    run.write_json("config.json", config.to_dict())
    for name in ("metrics.json", "environment.json"):
        run.write_json(name, noisy[2].read_json(name))
    settings = result_table([run])["settings"].iloc[0]
    assert settings == "noise pairs, noise pairs one=two, three=eight, spoken zero=oh"
    given = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    names = np.array(["\u732b", "dog"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(suspect_sheet(np.zeros((2, 8, 8, 3), np.uint8), names, names, np.array([0.1, 0.2]), None), tmp_path / "sheet")
        label_errors(given, np.full((8, 4), 0.25), "prune_by_class")  # no image of the last class


def test_a_run_of_another_config_is_not_overwritten(missing, command, pictures):
    _, output, run = missing
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"seed": 7}))
    result = command("pseudo_label", *QUICK, "--data-dir", str(pictures), "--iterations", "1", "--confidence", "0.9",
                     "--output", str(output), "--plots", str(output / "plots"))
    (run / "config.json").write_text(json.dumps(config))
    assert result.exit_code == 2
    assert "nothing was overwritten" in result.output


WRONG = [
    ("pseudo_label", ["--labelled-percent", "100"], "no unlabelled images"),
    ("pseudo_label", ["--labelled-percent", "0.3"], "no labelled image of"),
    ("pseudo_label", ["--sizes", "64,32"], "must grow"),
    ("pseudo_label", ["--sizes", "64,64"], "must grow"),
    ("pseudo_label", ["--sizes", "large"], "--sizes wants"),
    ("pseudo_label", ["--weights", "imagenet"], "resnet50"),
    ("pseudo_label", ["--experiment", "noisy-labels"], "belongs to scripts/clean_labels.py"),
    ("pseudo_label", ["--experiment", "mising-labels"], "Did you mean 'missing-labels'"),
    ("clean_labels", ["--noise-rate", "1.0"], "less than 1"),
    ("clean_labels", ["--noise-rate", "-0.1"], "at least 0"),
    ("clean_labels", ["--noise-pairs", "one=two"], "--noise pairs"),
    ("clean_labels", ["--folds", "1"], "at least 2"),
    ("clean_labels", ["--dataset", "folder"], "needs the folder's path"),
    ("clean_labels", ["--init-from", "nowhere"], "--init-from wants"),
    ("clean_labels", ["--label", "speech-augmented"], "varies from image to image"),
    ("pseudo_label", ["--image-size", "64"], "is for the data source `folder` only"),
    ("clean_labels", ["--dataset", "folder", "--data-dir", ".", "--noise", "pairs", "--noise-pairs", "no=such"],
     "Add --noise-rate"),
]


@pytest.mark.parametrize(("name", "words", "message"), WRONG, ids=[" ".join([name, *words]) for name, words, _ in WRONG])
def test_wrong_input_leaves_with_code_two(command, name, words, message, tmp_path):
    result = command(name, "--output", str(tmp_path / "output"), "--plots", str(tmp_path / "plots"), *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.rglob("metrics.json"))


def test_a_class_with_fewer_images_than_folds(command, pictures, tmp_path):
    result = command("clean_labels", *QUICK, "--data-dir", str(pictures), "--folds", "25", "--output", str(tmp_path),
                     "--plots", str(tmp_path))
    assert result.exit_code == 2
    assert "bars (24)" in result.output


@pytest.mark.parametrize("record", [PseudoLabelConfig, CleaningConfig])
def test_configs_survive_the_json_file_and_have_names_of_their_own(record):
    configs = [record(), record(seed=1), record(label="speech"), record(mixup=0.3), record(scale=0.5)]
    assert [WeakLabelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) for config in configs] == configs
    assert len({config.run_name for config in configs}) == len(configs)


def test_runs_from_before_the_least_number_of_steps_are_other_runs():
    older = {name: value for name, value in PseudoLabelConfig().to_dict().items() if name != "least_steps"}
    assert WeakLabelConfig.from_dict(older) == PseudoLabelConfig(least_steps=1)


def test_rates_follow_the_label():
    assert (PseudoLabelConfig().learning_rate, PseudoLabelConfig(label="speech").learning_rate) == (0.002, 0.03)
    configs = configs_from_options(PseudoLabelConfig, "missing-labels", {"label": "random", "scale": 0.5}, None)
    assert {(config.learning_rate, config.tuning_rate) for config in configs} == {(0.03, 0.01)}
    assert [config.labelled_percent for config in configs] == [5, 10, 20, 50]


def test_blocks_freeze_a_trained_backbone_only():
    frozen = {name: [stage.frozen for stage in blocks(config, 32)] for name, config in {
        "fresh": PseudoLabelConfig(), "larger": PseudoLabelConfig(sizes="16,32"),
        "trained": PseudoLabelConfig(encoder="resnet50", weights="imagenet")}.items()}
    assert frozen == {"fresh": [False, False], "larger": [False, False, True, False], "trained": [True, False]}
    assert [stage.epochs for stage in blocks(PseudoLabelConfig(scale=0.1), 32)] == [1, 1]


def test_few_images_get_more_epochs_and_no_more_validations():
    first, second = (stage.lasting(6) for stage in blocks(PseudoLabelConfig(least_steps=300), 32))
    assert (first.epochs, first.validation_every) == (50, 6)
    assert (second.epochs, second.validation_every) == (50, 12)
    assert [stage.lasting(6).epochs for stage in blocks(PseudoLabelConfig(scale=0.1), 32)] == [5, 5]
    assert [stage.lasting(6).epochs for stage in flat_cosine_only(PseudoLabelConfig(least_steps=300), 32)] == [100]
    assert [stage.lasting(1000).epochs for stage in blocks(PseudoLabelConfig(), 32)] == [8, 4], "as many images as it takes"


def test_tables_are_means_over_seeds_in_percent(missing):
    table = result_table([missing[2]])
    both = pd.concat([table.assign(labelled_percent=5.0, test_accuracy_before=value, seed=seed)
                      for seed, value in enumerate((0.5, 0.7))], ignore_index=True)
    means = mean_table(both)
    assert means["test_accuracy_before"].tolist() == pytest.approx([0.6])
    assert means["seeds"].tolist() == [2]
    assert "| category | 5% | - | 60.0% |" in markdown(means)
    assert re.match(r"Own images \(folder pictures\d+\), MLP 1x512, batch size 8, confidence 0.9, crop area 0.8,",
                    markdown(means))
    other = mean_table(pd.concat([both, both.assign(settings="scale 0.5")]))
    assert other["seeds"].tolist() == [2, 2], "other settings are no seeds"
    assert "scale 0.5:" in markdown(other)
    assert "| category | own |" in markdown(mean_table(table))


def test_the_figure_shows_the_values():
    table = pd.DataFrame([{"run": f"{label}-{rate}-{seed}", "task": "noisy", "dataset": "digits", "data_variant": "digits",
                           "encoder": "resnet8", "label": label, "seed": seed, "noise_rate": rate, "classes": 10,
                           "test_accuracy_before": 0.9 - rate - 0.02 * seed, "test_accuracy_after": 0.95 - rate}
                          for label in ("category", "speech") for rate in (0.0, 0.1, 0.2, 0.4) for seed in (0, 1)])
    axes = accuracy_against_level(table).axes[0]
    lines = [container.lines[0] for container in axes.containers]
    assert len(lines) == 4
    np.testing.assert_allclose(lines[0].get_xydata(), [[0, 89], [10, 79], [20, 69], [40, 49]])
    np.testing.assert_allclose(lines[1].get_xydata(), [[0, 95], [10, 85], [20, 75], [40, 55]])
    assert (axes.get_xlabel(), axes.get_ylim()[0] < 0) == ("Wrong labels (%)", True)
    assert list(axes.lines[-1].get_ydata()) == [10, 10], "chance"
    few = accuracy_against_level(table[table["noise_rate"] != 0.1]).axes[0]
    points = [container.lines[0] for container in few.containers]
    assert {one.get_linestyle() for one in points} == {"None"}
    assert [one.get_markerfacecolor() == "white" for one in points] == [True, False, True, False]
    places = np.concatenate([one.get_xdata() for one in points])
    assert len(set(places)) == 12, "no point covers another"


def test_the_sheet_marks_wrong_and_right_labels():
    images = np.zeros((3, 8, 8, 3), np.uint8)
    given, suggested = np.array(["a", "b", "c"]), np.array(["b", "a", "a"])
    marked = suspect_sheet(images, given, suggested, np.array([0.1, 0.2, 0.3]), np.array(["b", "b", "a"]))
    assert [axes.get_title()[-1] for axes in marked.axes[:3]] == ["\N{BALLOT X}", "\N{CHECK MARK}", "\N{BALLOT X}"]
    plain = suspect_sheet(images, given, suggested, np.array([0.1, 0.2, 0.3]), None)
    assert [axes.get_title() for axes in plain.axes[:3]] == ["a", "b", "c"]


@pytest.mark.slow
def test_a_killed_pipeline_ends_like_an_uninterrupted_one(pictures, tmp_path):
    def words(output):
        folders = ("--data-dir", str(pictures), "--output", str(output), "--plots", str(output / "plots"))
        return [sys.executable, str(SCRIPTS / "pseudo_label.py"), *GROWING, *folders]

    subprocess.run(words(tmp_path / "whole"), check=True, capture_output=True, timeout=3600)
    whole = WeakLabelRun(next((tmp_path / "whole" / "weak_labels").iterdir()))
    cut = WeakLabelRun(tmp_path / "cut" / "weak_labels" / whole.path.name)
    for moment in ("training0/2-8-one-cycle/history.csv", "pseudo_labels-1.csv", "training1/3-16-flat-cosine-frozen/state.npz"):
        process = subprocess.Popen(words(tmp_path / "cut"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (cut / moment).exists() and process.poll() is None:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not cut.finished
    subprocess.run(words(tmp_path / "cut"), check=True, capture_output=True, timeout=3600)
    assert cut.metrics() == whole.metrics()
    names = ("1-8-flat-cosine", "2-8-one-cycle", "3-16-flat-cosine-frozen", "4-16-one-cycle")
    for name in names:
        own, theirs = (load_model(run / "training1" / name / "last.keras").get_weights() for run in (cut, whole))
        assert all((a == b).all() for a, b in zip(own, theirs, strict=True))


def test_tables_of_a_trial_have_a_name_of_their_own():
    names = [list_name("noisy-labels", configs_from_options(CleaningConfig, "noisy-labels", options, None))
             for options in ({}, {"scale": 0.5}, {"label": "random"})]
    assert names == ["noisy-labels", "noisy-labels-trial", "noisy-labels"]
    single = configs_from_options(CleaningConfig, None, {"scale": 0.5}, None)
    assert list_name(None, single) == single[0].run_name


@pytest.mark.slow
def test_both_experiments_run_on_digits_at_a_small_scale(tmp_path):
    """About ten minutes on two idle cores, one for each; the limit only ends a test that hangs."""
    folders = ("--output", str(tmp_path / "output"), "--plots", str(tmp_path / "plots"))
    logs = {"missing-labels": tmp_path / "missing.log", "noisy-labels": tmp_path / "noisy.log"}
    trials = {}
    for script, experiment in (("pseudo_label.py", "missing-labels"), ("clean_labels.py", "noisy-labels")):
        with logs[experiment].open("w") as log:
            trials[experiment] = subprocess.Popen(
                [sys.executable, str(SCRIPTS / script), "--experiment", experiment, *TRIAL, *folders],
                env={**os.environ, "TF_NUM_INTRAOP_THREADS": "1"}, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + AN_HOUR
    while any(process.poll() is None for process in trials.values()) and time.monotonic() < deadline:
        time.sleep(0.2)
    for process in trials.values():
        process.kill()
        process.wait()
    for experiment, process in trials.items():
        assert process.returncode == 0, logs[experiment].read_text()
    for experiment, cells in (("missing-labels", 12), ("noisy-labels", 9)):
        assert len(pd.read_csv(tmp_path / "plots" / f"{experiment}-trial.csv")) == cells
        assert (tmp_path / "plots" / f"{experiment}-trial.png").exists()


@pytest.mark.slow
def test_resnet50_takes_weights_from_a_file_and_is_that_of_keras(tmp_path):
    from tfrepr.labels.representation import CategoryRepresentation
    from tfrepr.models.build import build_model
    from tfrepr.models.encoders.resnet50 import load_pretrained

    source = keras.applications.ResNet50(include_top=False, weights=None)
    source.save_weights(tmp_path / "resnet50.weights.h5")
    model = build_model("resnet50", (64, 64, 3), CategoryRepresentation("category", ("a", "b", "c")))
    load_pretrained(model, str(tmp_path / "resnet50.weights.h5"))
    encoder = keras.Model(model.inputs, model.get_layer("features").output)
    assert sum(np.prod(v.shape) for v in encoder.trainable_variables) == 23_534_592
    images = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    expected = np.asarray(source(images)).mean(axis=(1, 2))
    np.testing.assert_allclose(encoder(images), expected, rtol=1e-3, atol=1e-5)
    with pytest.raises(UserError, match="--weights none"):
        load_pretrained(model, str(tmp_path / "nowhere.weights.h5"))
