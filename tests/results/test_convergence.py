"""The table of steps until convergence and the figures, on runs with known curves."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from tests.synthetic_runs import write_experiment, write_run
from tfrepr.experiments.rethinking import LEVELS, rethinking_fig1, rethinking_levels
from tfrepr.figures.rethinking import CORRUPTION_LOOKS, loss_curves
from tfrepr.figures.series import NothingToPlotError
from tfrepr.registry import FIGURES
from tfrepr.results.convergence import CLAIM, convergence_table, markdown, measures_training_accuracy, write_convergence
from tfrepr.results.tables import read_results
from tfrepr.selection import find_runs

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "plot_results.py"
STEPS, EPOCHS = 250, 100
SPEED = {"true_labels": 1.0, "random_labels": 2.5, "shuffled_pixels": 1.2, "random_pixels": 2.0, "gaussian": 1.5}
"""Epochs that a corruption takes, in multiples of those of true labels."""
SPACING = {"mini-inception": 2.0, "mini-inception-nobn": 3.0, "alexnet-small": 4.0, "mlp1x512": 5.0, "mlp3x512": 6.0}
"""Epochs in which a network's remaining error falls to a third, with true labels."""


def write_curves(output, config, slowness):
    """A finished run whose training error is 0.9 exp(-epoch / slowness)."""
    fields = {name: config[name] for name in ("encoder", "label", "corruption", "corruption_level", "seed", "learning_rate")}
    path = write_run(output, epochs=EPOCHS, config={**fields, "batch_size": 200, "validation": "none"})
    environment = json.loads((path / "environment.json").read_text())
    (path / "environment.json").write_text(json.dumps({**environment, "train_images": 50_000}))
    history = pd.read_csv(path / "history.csv")
    error = 0.9 * np.exp(-history["epoch"] / slowness)
    history = history.assign(train_loss=2.5 * error, train_accuracy=1 - error, train_top5_accuracy=1 - error / 3)
    history[["val_loss", "val_accuracy"]] = np.nan
    history.to_csv(path / "history.csv", index=False)
    metrics = json.loads((path / "metrics.json").read_text())
    share = config["corruption_level"] if config["corruption"] == "random_labels" else 0.0
    (path / "metrics.json").write_text(json.dumps({**metrics, "test_accuracy": 0.8 - 0.7 * share}))
    return path


def slowness(config):
    share = config.corruption_level if config.corruption == "random_labels" else 1.0
    return SPACING[config.encoder] * (1 + share * (SPEED[config.corruption] - 1))


def write_cells(output, cells):
    return [write_curves(output, cell.to_dict(), slowness(cell)) for cell in cells]


@pytest.fixture(scope="module")
def figure1(tmp_path_factory):
    """The 25 runs of Figure 1a."""
    output = tmp_path_factory.mktemp("figure1")
    write_experiment(output, "rethinking-fig1", write_cells(output, rethinking_fig1()))
    return output


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """The 18 runs of Figures 1b and 1c."""
    output = tmp_path_factory.mktemp("levels")
    write_cells(output, rethinking_levels())
    return read_results(find_runs(output))


def converged_epoch(spacing):
    """First whole epoch with 0.9 exp(-epoch / spacing) <= 0.05."""
    return np.ceil(spacing * np.log(0.9 / 0.05))


def test_steps_and_ratios(figure1):
    table = convergence_table(read_results(find_runs(figure1))).set_index(["encoder", "corruption"])
    assert len(table) == 25
    for (encoder, corruption), row in table.iterrows():
        true = converged_epoch(SPACING[encoder])
        expected = converged_epoch(SPACING[encoder] * SPEED[corruption])
        assert row["steps"] == expected * STEPS
        assert row["ratio"] == pytest.approx(expected / true)
        assert (row["seeds"], row["converged"]) == (1, 1)


def test_seeds_are_averaged_and_one_that_never_converges_leaves_no_mean(tmp_path):
    config = rethinking_fig1()[0].to_dict()
    for seed, spacing in enumerate((2.0, 4.0)):
        write_curves(tmp_path, {**config, "seed": seed}, spacing)
        write_curves(tmp_path, {**config, "seed": seed, "corruption": "random_labels"}, spacing * (3 if seed == 0 else 100))
    table = convergence_table(read_results(find_runs(tmp_path))).set_index("corruption")
    mean = (converged_epoch(2.0) + converged_epoch(4.0)) / 2
    assert table.loc["true_labels", "steps"] == mean * STEPS
    assert table.loc["random_labels", ["seeds", "converged"]].tolist() == [2, 1]
    assert np.isnan(table.loc["random_labels", ["steps", "ratio"]].astype(float)).all()
    assert "not reached (1 of 2)" in markdown(table.reset_index())


def test_table_for_people_states_the_claim_and_the_levels(levels):
    text = markdown(convergence_table(levels))
    assert text.startswith(CLAIM)
    row = next(line for line in text.splitlines() if "mlp1x512" in line and "random labels, 40%" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    epochs, true = converged_epoch(5.0 * 1.6), converged_epoch(5.0)
    assert cells == ["mlp1x512", "category", "random labels, 40%", f"{epochs * STEPS:,.0f}", f"{epochs / true:.2f}", "100.0%",
                     "52.0%"]


def test_runs_of_other_studies_get_no_table(tmp_path):
    plain = read_results([write_run(tmp_path)])
    assert not measures_training_accuracy(plain)
    assert write_convergence(plain, tmp_path, "plain") == []
    assert convergence_table(plain).empty


def axes_of(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def one_network(figure1, encoder="mini-inception"):
    results = read_results(find_runs(figure1))
    return results.where(results.runs["encoder"] == encoder)


def test_figure_1a_is_the_prints(figure1):
    results = one_network(figure1)
    figure = FIGURES["rethinking-loss"](results)
    axes, = axes_of(figure)
    assert "MiniInceptionV3" in figure.get_suptitle()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("thousand steps", "average loss")
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 25), (0, 2.5))
    np.testing.assert_allclose(axes.get_xticks(), [0, 5, 10, 15, 20, 25])
    np.testing.assert_allclose(axes.get_yticks(), [0, 0.5, 1, 1.5, 2, 2.5])
    assert axes.get_legend() is None, "the legend covers no curve"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == \
        ["true labels", "random labels", "shuffled pixels", "random pixels", "gaussian"]
    looks = [(to_rgb(line.get_color()), line.get_marker()) for line in axes.lines]
    assert looks == [(to_rgb(color), marker) for color, marker in
                     (("#0072B2", "s"), ("#D55E00", "o"), ("#009E73", "*"), ("#CC79A7", "None"), ("black", "D"))]
    for tick in (*axes.xaxis.get_major_ticks(), *axes.yaxis.get_major_ticks()):
        assert tick.get_tickdir() == "in"
        assert tick.tick2line.get_visible()
    for line, corruption in zip(axes.lines, CORRUPTION_LOOKS, strict=False):
        np.testing.assert_allclose(line.get_xdata(), np.arange(1, 101) * 0.25)
        np.testing.assert_allclose(line.get_ydata(), 2.25 * np.exp(-np.arange(1, 101) / 2.0 / SPEED[corruption]), rtol=1e-6)


def test_mean_over_networks_weights_each_network_once(figure1, tmp_path):
    curves = loss_curves(read_results(find_runs(figure1)))
    expected = np.mean([2.25 * np.exp(-np.arange(1, 101) / spacing) for spacing in SPACING.values()], axis=0)
    np.testing.assert_allclose(curves["true_labels"], expected, rtol=1e-6)
    cells = [rethinking_fig1()[0].to_dict(), rethinking_fig1()[5].to_dict()]
    for seed in range(3):
        write_curves(tmp_path, {**cells[0], "seed": seed}, 2.0)
    write_curves(tmp_path, cells[1], 6.0)
    both = loss_curves(read_results(find_runs(tmp_path)))["true_labels"]
    epochs = np.arange(1, 101)
    np.testing.assert_allclose(both, 2.25 * (np.exp(-epochs / 2.0) + np.exp(-epochs / 6.0)) / 2, rtol=1e-6)


def test_shorter_trainings_have_an_axis_of_their_length(figure1):
    results = one_network(figure1)
    results.histories.drop(results.histories.index[results.histories["epoch"] > 8], inplace=True)
    axes, = axes_of(FIGURES["rethinking-loss"](results))
    assert axes.get_xlim() == (0, 2)


def test_levels_show_relative_time_and_test_error(levels):
    time, error = axes_of(FIGURES["rethinking-levels"](levels))
    for axes, values in ((time, lambda level: converged_epoch(2.0 * (1 + 1.5 * level)) / converged_epoch(2.0)),
                         (error, lambda level: 0.2 + 0.7 * level)):
        line = next(line for line in axes.lines if line.get_label() == "MiniInceptionV3")
        np.testing.assert_allclose(line.get_xdata(), [0, *LEVELS, 1])
        np.testing.assert_allclose(line.get_ydata(), [values(level) for level in (0, *LEVELS, 1)])
        assert len(axes.lines) == 3 + (axes is error)
    assert list(error.lines[-1].get_ydata()) == [0.9, 0.9]
    assert error.lines[-1].get_label() == "chance (1 in 10)"


def test_few_levels_are_points(levels):
    few = levels.where(~levels.runs["corruption_level"].isin([0.4, 0.6, 0.8]) | (levels.runs["corruption"] == "true_labels"))
    for axes in axes_of(FIGURES["rethinking-levels"](few)):
        assert {line.get_linestyle() for line in axes.lines[:3]} == {"None"}


@pytest.mark.parametrize("name", ["rethinking-loss", "rethinking-loss-mean", "rethinking-levels", "labels-under-corruption"])
def test_runs_without_corruption_have_no_such_figure(tmp_path, name):
    with pytest.raises(NothingToPlotError, match=r"train\.py --experiment"):
        FIGURES[name](read_results([write_run(tmp_path)]))


def test_labels_under_corruption_tells_labels_and_truth_apart(tmp_path):
    config = rethinking_fig1()[0].to_dict()
    for label in ("category", "speech"):
        for corruption, spacing in (("true_labels", 3.0), ("random_labels", 9.0)):
            write_curves(tmp_path, {**config, "label": label, "corruption": corruption}, spacing)
    figure = FIGURES["labels-under-corruption"](read_results(find_runs(tmp_path)))
    axes, = axes_of(figure)
    *curves, chance = axes.lines
    assert list(chance.get_ydata()) == [10, 10]
    assert axes.get_ylim()[0] < 0
    assert len({(line.get_color(), line.get_linestyle()) for line in curves}) == 4
    for line in curves:
        spacing = 3.0 if line.get_linestyle() == "-" else 9.0
        np.testing.assert_allclose(line.get_ydata(), 100 - 90 * np.exp(-np.arange(1, 101) / spacing), rtol=1e-6)


@pytest.mark.parametrize(("network", "names"), [("all", ["rethinking-fig1-rethinking-loss-mean"]),
                                                ("each", [f"rethinking-fig1-rethinking-loss-{name}" for name in SPACING])])
def test_plot_results_draws_all_networks_or_each_and_writes_the_table(figure1, tmp_path, network, names):
    words = ["--output", str(figure1), "--plots", str(tmp_path), "--network", network, "--format", "png"]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = {f"{name}.png" for name in names} | {f"rethinking-fig1-convergence.{form}" for form in ("csv", "md")}
    assert {path.name for path in tmp_path.iterdir()} == expected
    table = pd.read_csv(tmp_path / "rethinking-fig1-convergence.csv")
    assert len(table) == 25
    assert table["ratio"].notna().all()
