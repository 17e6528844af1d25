"""From run directories to figure files."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.synthetic_runs import write_experiment, write_gallery, write_run
from tfrepr.figures.drawing import choose_runs, draw
from tfrepr.figures.series import NothingToPlotError
from tfrepr.results.tables import read_results
from tfrepr.selection import find_runs

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "plot_results.py"
LEARNING = ("learning-curves", "validation-accuracy", "test-accuracy")


def plot(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture
def quickstart(tmp_path):
    runs = [write_run(tmp_path / "output", config={"label": label, "dataset": "digits"}) for label in ("category", "speech")]
    write_experiment(tmp_path / "output", "quickstart", runs)
    return tmp_path


def test_plots_last_experiment_under_its_name(quickstart):
    done = plot("--output", quickstart / "output", "--plots", quickstart / "plots")
    assert done.returncode == 0, done.stderr
    expected = {f"quickstart-{figure}.{form}" for figure in LEARNING for form in ("png", "pdf")}
    assert {path.name for path in (quickstart / "plots").iterdir()} == expected
    assert set(done.stdout.split()) >= {str(quickstart / "plots" / name) for name in expected}


def test_nothing_to_plot_names_the_command_that_makes_runs(tmp_path):
    done = plot("--output", tmp_path / "output", "--plots", tmp_path / "plots")
    assert done.returncode == 2
    assert "python scripts/train.py" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "plots").exists()


def test_chooses_runs_by_experiment_pattern_or_all(study_folder, tmp_path):
    assert choose_runs(study_folder, None, [])[0] == "study"
    name, results = choose_runs(study_folder, None, ["*-speech-*"])
    assert (name, set(results.runs["label"])) == ("runs", {"speech"})
    write_run(tmp_path)
    assert choose_runs(tmp_path, None, [])[0] == "runs"


def test_draws_every_figure_that_has_data(tmp_path):
    runs = [write_run(tmp_path, attacks=True, config={"seed": seed}) for seed in range(2)]
    write_gallery(runs[1])
    written = list(draw(read_results(runs), (), tmp_path / "plots", "study", ["png"]))
    names = [*LEARNING, "figure3", "figure6", "figure7", f"adversarial-gallery-{runs[1].name}"]
    assert [path.name for path in written] == [f"study-{name}.png" for name in names]
    assert sorted((tmp_path / "plots").iterdir()) == sorted(written)


def test_figure_without_data_is_an_error_only_when_asked_for(tmp_path):
    results = read_results([write_run(tmp_path)])
    assert [path.name for path in draw(results, (), tmp_path, "runs", ["png"])] == [f"runs-{name}.png" for name in LEARNING]
    with pytest.raises(NothingToPlotError, match=r"attack\.py"):
        list(draw(results, ["figure3"], tmp_path, "runs", ["png"]))


@pytest.mark.parametrize(("options", "message"), [
    (["--figure", "learning"], "Unknown figure 'learning'. Did you mean 'learning-curves'"),
    (["--format", "jpg"], "Unknown format 'jpg'"),
    (["--experiment", "quickstart", "--runs", "x"], "exclude each other"),
    (["--experiment", "quick"], "Did you mean 'quickstart'"),
    (["--runs", "*-glove-*"], "No run directory fits '*-glove-*'")])
def test_user_errors_have_exit_code_2_and_write_nothing(quickstart, options, message):
    done = plot("--output", quickstart / "output", "--plots", quickstart / "plots", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (quickstart / "plots").exists()


def test_torn_history_is_noted(quickstart):
    history = next(quickstart.glob("output/runs/*speech*/history.csv"))
    history.write_text(history.read_text() + "31,0.1")
    done = plot("--output", quickstart / "output", "--plots", quickstart / "plots", "--figure", "test-accuracy")
    assert done.returncode == 0
    assert "1 torn line left out" in done.stderr


@pytest.mark.slow
def test_three_hundred_runs_in_a_minute(tmp_path):
    labels, encoders = ("category", "speech", "shuffle", "composite", "constant"), ("vgg19", "resnet32", "resnet110")
    for label, encoder, percent, seed in itertools.product(labels, encoders, (4.0, 10.0, 20.0, 100.0), range(5)):
        write_run(tmp_path, epochs=200 if label == "category" else 600, attacks=True,
                  config={"label": label, "encoder": encoder, "percent": percent, "seed": seed})
    start = time.process_time()
    written = list(draw(read_results(find_runs(tmp_path)), (), tmp_path / "plots", "runs", ["png", "pdf"]))
    assert time.process_time() - start < 60
    assert len(written) == (6 * 4 + 1 + 3) * 2  # figure4 has one page for all amounts of data, miniproject one an encoder
