"""Evaluation of a real run: the numbers against the run's own, other images, and what goes wrong."""

import csv
import itertools
import json
import math
import shutil

import numpy as np
import pytest
from PIL import Image

from tfrepr.analysis.common_corruptions import chosen_corruptions
from tfrepr.analysis.evaluation_command import _only_answer, evaluate_command
from tfrepr.analysis.evaluation_results import Answers, _reliability_title, answer, confusion
from tfrepr.analysis.evaluation_source import validation_images
from tfrepr.analysis.paired_copies import compare_copies, paired_counts, read_images
from tfrepr.analysis.speaking_command import speak_test_set
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.registry import DATASETS
from tfrepr.runs import RunDirectory
from tfrepr.training.loop import load_cell, run_cell
from tfrepr.training.trained import TrainedModel

PLAIN = (("none", 0),)
DEFAULTS = {"dataset": None, "data_dir": None, "train_dir": None, "all_images": False, "first": None, "conditions": PLAIN,
            "out": None, "formats": ("png",)}


def run_evaluation(run, **options):
    return list(evaluate_command(run.path, **{**DEFAULTS, **options}))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(spoken_run, tmp_path_factory):
    """Folder and printed lines of an evaluation with one kind of corruption."""
    out = tmp_path_factory.mktemp("evaluation")
    return out, run_evaluation(spoken_run, out=out, conditions=chosen_corruptions("noise"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The first 30 test digits as a folder of pictures, larger than the run's images, classes in another order of ids."""
    root, dataset = tmp_path_factory.mktemp("pictures"), DATASETS["digits"](None, None)
    for class_id, name in enumerate(dataset.class_names):
        (root / name).mkdir()
        for place in np.nonzero(dataset.test_ids == class_id)[0][:3]:
            large = Image.fromarray(dataset.test_images[place]).resize((64, 64), Image.Resampling.NEAREST)
            large.save(root / name / f"{place}.png")
    return root


def test_plain_numbers_are_those_of_training(evaluated, spoken_run):
    plain, *noisy = rows(evaluated[0] / "results.csv")
    metrics = spoken_run.metrics()
    assert (plain["corruption"], plain["strength"], plain["images"]) == ("none", "0", "359")
    assert float(plain["accuracy"]) == pytest.approx(metrics["test_accuracy"], rel=1e-5)
    assert float(plain["threshold_accuracy"]) == pytest.approx(metrics["test_threshold_accuracy"], rel=1e-5)
    assert float(plain["loss"]) == pytest.approx(metrics["test_loss"], rel=1e-5)
    assert [row["strength"] for row in noisy] == list("12345")


def test_tables_agree_with_each_other(evaluated):
    out, _ = evaluated
    for result in rows(out / "results.csv"):
        condition = {key: result[key] for key in ("corruption", "strength")}
        classes, pairs = ([row for row in rows(out / name) if {key: row[key] for key in condition} == condition]
                          for name in ("classes.csv", "confusion.csv"))
        correct = sum(int(row["images"]) for row in pairs if row["true"] == row["predicted"])
        assert correct / 359 == pytest.approx(float(result["accuracy"]), rel=1e-5)
        weighted = sum(int(row["images"]) * float(row["accuracy"]) for row in classes)
        assert weighted == pytest.approx(correct, rel=1e-4)
    summary = json.loads((out / "evaluation.json").read_text())
    assert (summary["images"], summary["calibration_bins"], len(summary["results"])) == (359, 15, 6)
    assert summary["fitted_temperature"] > 0
    assert {path.name for path in out.iterdir()} == {"results.csv", "classes.csv", "confusion.csv", "evaluation.json",
                                                     "confusion.png", "reliability.png"}


def test_confidences_are_the_softmax_of_the_scores(spoken_run):
    trained, dataset = TrainedModel.load(spoken_run), DATASETS["digits"](None, None)
    answers = answer(trained, dataset.test_images[:120], dataset.test_ids[:120])
    for temperature in (1.0, 30.0):
        probabilities = np.asarray(trained.representation.probabilities(
            np.concatenate(list(trained.outputs(dataset.test_images[:120]))), temperature))
        np.testing.assert_allclose(answers.confidences(temperature), probabilities.max(axis=1), rtol=1e-3)
        np.testing.assert_array_equal(answers.predicted, probabilities.argmax(axis=1))


def test_an_evaluation_tells_where_the_fitted_temperature_makes_calibration_worse(category_run, tmp_path):
    """A run that answers one class, very sure: a temperature from validation makes it unsure, wrongly so where it is right."""
    trained, digits = TrainedModel.load(category_run), DATASETS["digits"](None, None)
    always, = set(answer(trained, digits.test_images, digits.test_ids).predicted)
    for class_id, name in enumerate(digits.class_names):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        places = np.nonzero(digits.test_ids == class_id)[0][:30 if class_id == always else 3]
        for copy, place in itertools.product(range(3 if class_id == always else 1), places):
            Image.fromarray(digits.test_images[place]).save(tmp_path / "pictures" / name / f"{place}-{copy}.png")
    lines = run_evaluation(category_run, dataset="folder", data_dir=tmp_path / "pictures", all_images=True, out=tmp_path)
    plain, = rows(tmp_path / "results.csv")
    before, after = (float(plain[name]) for name in ("calibration_error", "fitted_calibration_error"))
    assert after > before
    assert f"makes the calibration error larger (plain {before:.3f} at temperature 1, {after:.3f} fitted)" in lines[-2]
    plain_lines = run_evaluation(category_run, out=tmp_path)
    assert not any("makes the calibration error larger" in line for line in plain_lines)
    for told in (lines, plain_lines):
        assert any(f"the answer to every image is {digits.class_names[always]!r}" in line for line in told)


@pytest.mark.parametrize(("predicted", "true", "only"), [
    ([1, 1, 1], [0, 1, 1], "b"), ([0, 1, 1], [0, 1, 1], None), ([1, 1, 1], [1, 1, 1], None)])
def test_a_network_is_called_untrained_where_it_has_one_answer_to_images_of_several_classes(predicted, true, only):
    assert _only_answer(Answers(np.eye(2)[predicted], np.zeros(3), None, np.array(true)), ("a", "b")) == only


def test_the_reliability_diagram_marks_a_temperature_that_makes_it_worse():
    """Four answers of probability 0.75, three of them right: perfectly calibrated at temperature 1."""
    scores = np.log([[3.0, 1.0]] * 4)
    answers = Answers(scores, np.zeros(4), None, np.array([0, 0, 0, 1]))
    assert _reliability_title("T = 1", answers, 1.0) == "T = 1: calibration error 0.000"
    assert _reliability_title("T = 9", answers, 1e9) == "T = 9: calibration error 0.250 (worse)"


def test_confusion_by_hand():
    answers = Answers(np.eye(3)[[0, 1, 1, 2]], np.zeros(4), None, np.array([0, 1, 2, 2]))
    np.testing.assert_array_equal(confusion(answers, 3), [[1, 0, 0], [0, 1, 0], [0, 1, 1]])


def test_a_folder_of_pictures_gets_the_runs_class_ids(category_run, pictures, tmp_path):
    lines = run_evaluation(category_run, dataset="folder", data_dir=pictures, all_images=True, out=tmp_path)
    assert "30 images" in lines[0]
    trained, dataset = TrainedModel.load(category_run), DATASETS["digits"](None, None)
    chosen = np.concatenate([np.nonzero(dataset.test_ids == class_id)[0][:3] for class_id in range(10)])
    answers = answer(trained, dataset.test_images[chosen], dataset.test_ids[chosen])
    assert float(rows(tmp_path / "results.csv")[0]["accuracy"]) == pytest.approx(answers.correct.mean(), abs=2 / 30)
    counts = {row["class_name"]: int(row["images"]) for row in rows(tmp_path / "classes.csv")}
    assert counts == dict.fromkeys(dataset.class_names, 3)


def test_results_go_into_the_run_directory(category_run):
    lines = run_evaluation(category_run, first=50)
    assert lines[-1] == f"Written: {category_run / 'evaluation' / 'digits-test-50'}"
    assert rows(category_run / "evaluation" / "digits-test-50" / "results.csv")[0]["threshold_accuracy"] == ""


def test_other_classes_are_refused(category_run, pictures, tmp_path):
    other = tmp_path / "pictures"
    shutil.copytree(pictures, other)
    (other / "nine").rename(other / "horse")
    with pytest.raises(UserError, match=r"only the run has: nine; only the data have: horse"):
        run_evaluation(category_run, dataset="folder", data_dir=other)


def test_training_images_are_no_test(category_run):
    with pytest.raises(UserError, match="never tested on the images"):
        run_evaluation(category_run, all_images=True)


def test_random_labels_leave_the_validation_images_what_they_were(tmp_path):
    """The training splits by the true labels; a split by the random ones would validate on images that were learned."""
    config = RunConfig(label="category", encoder="mlp1x512", percent=5, epochs=1, corruption="random_labels")
    trained = TrainedModel.load(run_cell(config, tmp_path))
    images, ids = validation_images(trained, None)
    cell = load_cell(config, None)
    np.testing.assert_array_equal(images, cell.dataset.train_images[cell.split.validation])
    np.testing.assert_array_equal(ids, cell.dataset.train_ids[cell.split.validation])


def test_two_folders_of_pictures_have_results_of_their_own(category_run, pictures, tmp_path):
    other = shutil.copytree(pictures, tmp_path / "other")
    shutil.copy(next(other.glob("*/*.png")), other / "one" / "again.png")
    written = {run_evaluation(category_run, dataset="folder", data_dir=folder)[-1] for folder in (pictures, other)}
    assert len(written) == 2


def test_an_unfinished_run_is_refused(category_run, tmp_path):
    unfinished = RunDirectory(tmp_path / "run")
    shutil.copytree(category_run.path, unfinished.path)
    (unfinished / "metrics.json").unlink()
    with pytest.raises(UserError, match=r"not finished: it has no metrics\.json"):
        run_evaluation(unfinished)


def test_nothing_is_written_through_a_link_in_a_run(spoken_run, tmp_path):
    run = RunDirectory(tmp_path / "run")
    shutil.copytree(spoken_run.path, run.path)
    (tmp_path / "elsewhere").mkdir()
    for name in ("evaluation", "spoken"):
        (run / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="evaluation is a symbolic link"):
        run_evaluation(run)
    with pytest.raises(UserError, match="spoken is a symbolic link"):
        list(speak_test_set(run.path, count=1, data_dir=None, out=None))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_runs_without_a_note_of_their_standardisation_read_their_data(category_run, tmp_path):
    older = RunDirectory(tmp_path / "run")
    shutil.copytree(category_run.path, older.path)
    environment = older.environment()
    mean, std = environment.pop("mean"), environment.pop("std")
    older.write_json("environment.json", environment)
    trained = TrainedModel.load(older)
    assert (list(trained.mean), list(trained.std)) == (mean, std)


def test_paired_counts_against_a_closed_form():
    ours = np.repeat([True, True, False, False], (50, 10, 2, 38))
    theirs = np.repeat([True, False, True, False], (50, 10, 2, 38))
    found = paired_counts(ours, theirs)
    assert [found[name] for name in ("images", "both", "only_own", "only_other", "neither")] == [100, 50, 10, 2, 38]
    assert found["difference"] == pytest.approx(-0.08)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.959964 * (12 - 64 / 100) ** 0.5 / 100)
    assert found["p_value"] == pytest.approx(2 * sum(math.comb(12, k) for k in range(3)) / 2**12)
    assert paired_counts(ours, ours)["p_value"] == 1


def test_copies_of_the_test_images_are_compared_one_by_one(spoken_run, tmp_path):
    digits = DATASETS["digits"](None, None)
    copy = tmp_path / "copy.npz"
    np.savez(copy, images=digits.test_images[:50], labels=digits.test_ids[:50])
    lines = list(compare_copies(spoken_run.path, copy, None, tmp_path / "out"))
    found = json.loads((tmp_path / "out" / "paired.json").read_text())
    assert (found["images"], found["only_own"], found["only_other"], found["difference"]) == (50, 0, 0, 0)
    assert "+0.00 points" in lines[1]
    inverted = 255 - digits.test_images[:50]
    np.savez(copy, images=inverted, labels=digits.test_ids[:50])
    list(compare_copies(spoken_run.path, copy, None, tmp_path / "out"))
    found = json.loads((tmp_path / "out" / "paired.json").read_text())
    trained = TrainedModel.load(spoken_run)
    assert found["own_accuracy"] == answer(trained, digits.test_images[:50], digits.test_ids[:50]).correct.mean()
    assert found["other_accuracy"] == answer(trained, inverted, digits.test_ids[:50]).correct.mean()


@pytest.mark.parametrize(("arrays", "message"), [
    ({"images": np.zeros((3, 32, 32, 3), np.uint8)}, "labels"),
    ({"images": np.zeros((3, 32, 32, 3)), "labels": np.zeros(3, int)}, "uint8"),
    ({"images": np.zeros((3, 32, 32, 3), np.uint8), "labels": np.zeros(3)}, "float64"),
    ({"images": np.zeros((3, 16, 16, 3), np.uint8), "labels": np.zeros(3, int)}, "must hold copies"),
    ({"images": np.zeros((400, 32, 32, 3), np.uint8), "labels": np.zeros(400, int)}, "must hold copies"),
    ({"images": np.zeros((3, 32, 32, 3), np.uint8), "labels": np.full(3, 77)}, "label of image 0 is 77")])
def test_copies_of_other_images_are_refused(spoken_run, tmp_path, arrays, message):
    np.savez(tmp_path / "copy.npz", **arrays)
    with pytest.raises(UserError, match=message):
        list(compare_copies(spoken_run.path, tmp_path / "copy.npz", None, tmp_path))
    assert not (tmp_path / "paired.json").exists()


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    (tmp_path / "copy.npz").write_text("text")
    np.save(tmp_path / "array.npy", np.zeros((3, 32, 32, 3), np.uint8))
    for name in ("copy.npz", "none.npz", "array.npy"):
        with pytest.raises(UserError, match="cannot be read"):
            read_images(tmp_path / name)
