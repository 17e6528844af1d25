"""What a run leaves behind, and that it is the same each time."""

import json

import numpy as np
import pytest

from tests.training.test_survival import assert_same_run
from tfrepr.config import RunConfig
from tfrepr.errors import TrainingDivergedError
from tfrepr.results.answers import read_answers
from tfrepr.runs import RunDirectory
from tfrepr.training.epoch_rates import learning_rate
from tfrepr.training.loop import load_cell, run_cell


def test_the_same_command_in_another_process_gives_the_same_run(finished, tmp_path):
    config = RunDirectory(finished[1]).config()
    assert_same_run(run_cell(config, tmp_path).path, finished[1])


def test_files_of_a_finished_run(finished):
    _, run, printed = finished
    names = {path.name for path in run.iterdir()} - {".lock"}
    assert names == {"config.json", "environment.json", "label_table.npy", "history.csv", "best.keras", "last.keras",
                     "metrics.json", "test_answers.json"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test_images"] == 359
    assert 0 <= metrics["test_threshold_accuracy"] <= metrics["test_accuracy"] <= 1
    answers = read_answers(run)
    assert answers["nearest"].mean() == pytest.approx(metrics["test_accuracy"], abs=1e-12)
    assert answers["threshold"].mean() == pytest.approx(metrics["test_threshold_accuracy"], abs=1e-12)
    environment = json.loads((run / "environment.json").read_text())
    assert environment["parameters"] == 579_577
    assert "on CPU" in printed
    assert "under threshold" in printed
    assert np.load(run / "label_table.npy").shape == (10, 64, 64)


def test_a_diverging_run_stops_with_epoch_and_rate_and_keeps_its_log(tmp_path):
    config = RunConfig(label="random", percent=5, epochs=3, batch_size=16, learning_rate=1e18)
    with pytest.raises(TrainingDivergedError, match=r"in epoch 1 at learning rate 1e\+18"):
        run_cell(config, tmp_path)
    run = RunDirectory.of(config, tmp_path)
    assert not run.finished
    assert (run / "history.csv").read_text().startswith("epoch,")


def test_validation_every_leaves_cells_empty_and_validates_the_last_epoch(tmp_path):
    run = run_cell(RunConfig(percent=2, epochs=3, batch_size=16, validation_every=2), tmp_path)
    accuracy = [line.split(",")[4] for line in (run / "history.csv").read_text().splitlines()[1:]]
    assert [bool(cell) for cell in accuracy] == [False, True, True]
    assert run.metrics()["test_threshold_accuracy"] is None


def test_rates_of_the_paper():
    category, speech = RunConfig(label="category"), RunConfig(label="speech")
    rates = [learning_rate(category, epoch) for epoch in (0, 99, 100, 149, 150, 199)]
    assert rates == pytest.approx([.1, .1, .01, .01, .001, .001])
    assert [learning_rate(speech, epoch) for epoch in (299, 300, 449, 450)] == pytest.approx([.1, .01, .01, .001])
    odd = RunConfig(label="speech", epochs=5)
    assert [learning_rate(odd, epoch) for epoch in range(5)] == pytest.approx([.1, .1, .1, .01, .001])


def test_batches_do_not_depend_on_the_label(tmp_path):
    cells = [load_cell(RunConfig(label=label, epochs=2, percent=4), None) for label in ("category", "constant")]
    for own, theirs in zip(*(cell.training_batches(1) for cell in cells), strict=True):
        np.testing.assert_array_equal(own[0], theirs[0])
        np.testing.assert_array_equal(own[1], theirs[1])
