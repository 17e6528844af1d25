"""The named experiments: how many cells, which ones they share, and what the options of a list do."""

import itertools

import pytest

from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.experiments import beyond_categorical
from tfrepr.experiments.cells import cells_from_options
from tfrepr.registry import EXPERIMENTS
from tfrepr.running.grid import GridOptions, scaled, shard_of
from tfrepr.running.overview import cell_state, estimate, experiment_list, forecast, measured_speeds, sizes, train_images
from tfrepr.runs import RunDirectory
from tfrepr.training.cost import IMAGES_PER_SECOND, Sizes, expected_seconds, work

SPEED = IMAGES_PER_SECOND["cpu"]["resnet32"]

COUNTS = {"table1-cifar10": 45, "table1-cifar100": 45, "figure2": 30, "figure3": 90, "figure6": 90, "figure7": 72,
          "figure4": 720, "figure5": 2, "figure8": 9, "figure9": 6, "a1-threshold": 3, "table2": 0, "tables3-5": 0,
          "miniproject": 18, "quickstart": 2, "evidence-all-data": 7, "evidence-low-data": 24, "evidence-baseline": 8,
          "evidence-precision": 7, "dimension-entropy": 16, "rethinking-fig1": 25, "rethinking-levels": 18,
          "labels-under-corruption": 16, "two-cores-low-data": 40, "two-cores-all-data": 4}


@pytest.fixture(autouse=True)
def _no_embeddings(monkeypatch):
    """Experiments as on a machine without the files of bert and glove."""
    monkeypatch.setattr(beyond_categorical, "embedded_labels", lambda: ())


def test_every_experiment_has_a_count():
    assert COUNTS.keys() == set(EXPERIMENTS)


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_number_of_cells(name, count):
    cells = EXPERIMENTS[name]()
    assert len(cells) == len(set(cells)) == len({cell.run_name for cell in cells}) == count


def test_figures_after_full_data_add_only_figure_7s_further_labels():
    table1 = {*EXPERIMENTS["table1-cifar10"](), *EXPERIMENTS["table1-cifar100"]()}
    for name in ("figure2", "figure3", "figure5", "figure6", "figure8", "figure9", "a1-threshold"):
        assert set(EXPERIMENTS[name]()) <= table1, name
    further = set(EXPERIMENTS["figure7"]()) - table1
    assert len(further) == 3 * 3 * 3
    assert {(cell.label, cell.label_smoothing) for cell in further} == {("random", 0), ("lowdim", 0), ("category", 0.1)}


def test_embeddings_join_where_their_files_are(monkeypatch):
    monkeypatch.setattr(beyond_categorical, "embedded_labels", lambda: ("bert", "glove"))
    assert len(EXPERIMENTS["figure4"]()) == 900
    assert {cell.label for cell in EXPERIMENTS["figure7"]()} >= {"bert", "glove"}


def test_settings_are_the_papers():
    for cell in EXPERIMENTS["figure4"]():
        assert cell.epochs == (200 if cell.label == "category" else 600)
        assert cell.weight_decay == (5e-4 if (cell.label, cell.encoder) == ("category", "vgg19") else 1e-4)
        assert (cell.batch_size, cell.learning_rate, cell.schedule) == (128, 0.1, "step")
    assert {cell.seed for cell in EXPERIMENTS["figure4"]()} == {0, 1, 2, 3, 4}


def test_one_percent_is_500_images_as_in_the_paper():
    """Section 3.2: percent of the original training data, all 50,000 images."""
    assert {cell.percent_of for cell in EXPERIMENTS["figure4"]()} == {50_000}
    assert {train_images(cell) for cell in EXPERIMENTS["figure4"]()} == {500, 1000, 2000, 4000, 5000, 10_000}
    assert {train_images(cell) for name in ("evidence-low-data", "evidence-baseline") for cell in EXPERIMENTS[name]()} == {500}
    assert {cell.percent_of for cell in EXPERIMENTS["table1-cifar10"]()} == {None}


@pytest.mark.parametrize(("options", "percent_of"), [
    ({"dataset": "cifar10", "percent": 1.0}, 50_000), ({"dataset": "cifar100", "percent": 20.0}, 50_000),
    ({"dataset": "cifar10", "percent": 1.0, "percent_of": 45_000}, 45_000), ({"dataset": "cifar10", "percent": 100.0}, None),
    ({"dataset": "digits", "percent": 10.0}, None)])
def test_the_command_line_counts_percent_as_the_paper_does(options, percent_of):
    _, (cell,) = cells_from_options(None, options, None)
    assert cell.percent_of == percent_of


def test_the_level_of_an_experiment_keeps_its_count():
    """Older lists took percent of the 45,000 images that validation leaves; their runs keep their names."""
    _, kept = cells_from_options("two-cores-low-data", {"percent": 1.0}, None)
    assert {cell.percent_of for cell in kept} == {None}
    _, changed = cells_from_options("table1-cifar10", {"percent": 1.0}, None)
    assert {cell.percent_of for cell in changed} == {50_000}


def test_miniproject_is_the_reports_script_and_its_rescaled_twin():
    cells = EXPERIMENTS["miniproject"]()
    assert {(cell.encoder, cell.epochs, cell.seed) for cell in cells} == {("resnet110", 30, 0)}
    assert {(cell.percent, cell.percent_of) for cell in cells} == {(100, None), (4, 50_000), (1, 50_000)}
    twins = {cell.replace(schedule="step") for cell in cells if cell.schedule == "constant"}
    assert twins == {cell for cell in cells if cell.schedule == "step"}
    assert sorted({train_images(cell) for cell in cells}) == [500, 2000, 45_000]


def test_dimension_and_entropy_differ_in_nothing_but_label_and_seed():
    cells = EXPERIMENTS["dimension-entropy"]()
    few = [cell for cell in cells if cell.percent == 1]
    labels = ("onehot", "lowdim", "blocks", "random")
    assert {(cell.label, cell.seed) for cell in few} == set(itertools.product(labels, range(3)))
    assert {cell.replace(label="random", seed=0) for cell in few} == {RunConfig(
        dataset="cifar10", label="random", percent=1, percent_of=50_000, epochs=600, validation_every=20)}
    assert {train_images(cell) for cell in few} == {500}
    whole = {cell.label: cell for cell in cells if cell.percent == 100}
    assert {cell.replace(label="random") for cell in whole.values()} == {whole["random"]}
    assert {whole["random"], whole["lowdim"]} <= set(scaled(EXPERIMENTS["figure7"](), 0.1))


@pytest.mark.parametrize("name", EXPERIMENTS.names())
def test_docstrings_name_command_and_expectation(name):
    text = EXPERIMENTS[name].__doc__
    assert "Command" in text
    assert f"--experiment {name}" in " ".join(text.split()) or "as for `figure3`" in text
    assert "Expected" in text
    assert "Cost:" in text


@pytest.mark.parametrize(("scale", "epochs"), [(1.0, 600), (0.1, 60), (0.07, 42), (1 / 3, 200), (0.0001, 1), (0.101, 61)])
def test_scale_rounds_epochs_up(scale, epochs):
    cell, = scaled([RunConfig(label="speech")], scale)
    assert cell.epochs == epochs
    assert scale == 1 or f"epochs{epochs}" in cell.run_name
    assert cell.replace(epochs=600) == RunConfig(label="speech")


@pytest.mark.parametrize("count", [1, 2, 5, 7, 50])
def test_shards_are_a_partition(count):
    cells = EXPERIMENTS["table1-cifar10"]()
    parts = [shard_of(cells, f"{index}/{count}") for index in range(1, count + 1)]
    assert sorted(cell.run_name for part in parts for cell in part) == sorted(cell.run_name for cell in cells)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("options", [
    *({"shard": text} for text in ("0/2", "3/2", "1", "a/b", "1/0", "-1/2")), {"jobs": 0}, {"scale": 0}, {"scale": 1.5},
    {"engine": "slurm"}, {"strategy": "tpu"}, {"cell_gpus": 0.5}])
def test_wrong_options(options):
    with pytest.raises(UserError, match=r"Received|Choose one of"):
        GridOptions(**options)


def finish(cell, output, seconds=90.0):
    """Writes the files that say a cell is done."""
    run = RunDirectory.of(cell, output)
    run.path.mkdir(parents=True)
    run.write_json("config.json", cell.to_dict())
    run.write_json("environment.json", {"train_images": 45_000})
    run.write_json("metrics.json", {"train_seconds": seconds, "test_accuracy": 0.5, "test_threshold_accuracy": None})
    return run


def test_states(tmp_path):
    new, started, working, done = (RunConfig(seed=seed) for seed in range(4))
    finish(done, tmp_path)
    for cell in (started, working):
        run = RunDirectory.of(cell, tmp_path)
        run.path.mkdir(parents=True)
        run.claim(cell)
    with RunDirectory.of(working, tmp_path).locked():
        assert [cell_state(cell, tmp_path) for cell in (new, started, working, done)] == ["not started", "started", "in work",
                                                                                           "finished"]
    assert cell_state(working, tmp_path) == "started"
    assert not RunDirectory.of(new, tmp_path).path.exists()


def test_list_counts_shared_cells_everywhere(tmp_path):
    for cell in EXPERIMENTS["figure5"]():
        finish(cell, tmp_path)
    def counted(text):
        rows = [line.split() for line in text.splitlines()]
        return {name: tuple(map(int, row[:4])) for name, *row in rows if name in EXPERIMENTS}

    counts = counted(experiment_list(tmp_path))
    assert set(counts) == set(EXPERIMENTS)
    assert counts["figure5"] == (2, 2, 0, 0)
    assert counts["table1-cifar10"] == (45, 2, 0, 43)
    assert counts["figure3"] == (90, 2, 0, 88)
    assert counts["table2"] == (1, 0, 0, 1)
    scaled_down = experiment_list(tmp_path, 0.1)
    assert "scaled by 0.1" in scaled_down
    assert {done for _, done, *_ in counted(scaled_down).values()} == {0}
    assert "pseudo_label.py --experiment missing-labels" in scaled_down


def test_list_counts_cells_in_mixed_precision_apart_and_names_the_projects_records(tmp_path):
    first, second, *_ = EXPERIMENTS["evidence-baseline"]()
    for cell in (first, first.replace(mixed_precision="bfloat16"), second.replace(mixed_precision="bfloat16")):
        finish(cell, tmp_path)
    def row(text):
        return next(line.split()[1:5] for line in text.splitlines() if line.startswith("evidence-baseline"))

    assert row(experiment_list(tmp_path)) == ["8", "1", "1", "6"]
    assert "records came with the project" not in experiment_list(tmp_path)
    (tmp_path / "results").mkdir()
    assert f"train.py --list --output {tmp_path / 'results'}" in experiment_list(tmp_path)


def test_forecast_adds_up_and_prefers_what_was_measured(tmp_path):
    cells = [RunConfig(dataset="cifar10", label="speech", epochs=20, seed=seed) for seed in range(5)]
    before = forecast("x", cells, tmp_path, GridOptions())
    assert "5 cells, 5 not started" in before
    # Each takes (20 * 45000 + (20 * 5000 + 10000) / 2) / 15000 seconds, and 8 for the run and 0.1 an epoch.
    assert "On one data-centre GPU (speeds guessed): 6 min of training, validation and test" in before
    finish(cells[0], tmp_path, seconds=1800)
    assert measured_speeds(cells[:1], tmp_path) == {("resnet32", "off"): 500.0}
    after = forecast("x", cells, tmp_path, GridOptions(jobs=2, scale=0.5))
    assert "1 finished, 4 not started" in after
    # 4 * (20 * 45000 + (20 * 5000 + 10000) / 2) / 500 seconds
    assert "As measured here: 2.1 h of training, validation and test, at the very best 64 min with --jobs 2" in after
    assert "scaled by 0.5" in after
    begun = RunDirectory.of(cells[1], tmp_path)
    begun.path.mkdir(parents=True)
    (begun / "history.csv").write_text("epoch\n" + "1\n" * 10)  # 10 epochs, 10 validations and the test are left of it
    assert "As measured here: 1.9 h" in forecast("x", cells, tmp_path, GridOptions())
    faster = forecast("x", [*cells[:1], cells[1].replace(mixed_precision="bfloat16")], tmp_path, GridOptions())
    assert "As measured here" not in faster, "no run in bfloat16 has been measured"


@pytest.mark.parametrize("every", [1, 3, 7, 50])
@pytest.mark.parametrize("done", [0, 1, 9, 20])
def test_the_time_counts_everything_that_a_run_still_does(every, done):
    """Epoch after epoch, as the loop goes: an image that only passes counts half."""
    config, images = RunConfig(epochs=20, validation_every=every), Sizes(train=100, validation=40, test=30, features=10)
    passes = images.test
    for epoch in range(done, 20):
        passes += images.validation * ((epoch + 1) % every == 0 or epoch + 1 == 20)
        passes += images.features * (epoch + 1 in (2, 6, 10, 14, 20))
    left = 100 * (20 - done) + passes / 2
    assert work(config, images, done) == left
    assert expected_seconds(config, "cpu", images, 64 * 64, done) == pytest.approx(8 + 0.1 * (20 - done) + 4 * left / SPEED)


def test_a_hundredth_of_the_digits_takes_as_long_as_its_validations():
    """Of 12 training images, 143 for validation and 359 for the test, the training is the least."""
    config = RunConfig(percent=1, epochs=200)
    assert sizes(config) == Sizes(12, 143, 359)
    assert sizes(RunConfig(validation="none"), features=True) == Sizes(1438, 0, 359, 359)
    assert sizes(RunConfig(dataset="cifar10"), features=True) == Sizes(45_000, 5_000, 10_000, 1_000)
    assert estimate(config, "cpu", {}) == pytest.approx(8 + 20 + (200 * 12 + (200 * 143 + 359) / 2) / SPEED)
    assert estimate(config, "measured", {("resnet32", "off"): 10.0}) == pytest.approx((200 * 12 + (200 * 143 + 359) / 2) / 10)


def test_another_label_or_encoder_takes_the_papers_epochs_and_weight_decay_with_it():
    _, cells = cells_from_options("table1-cifar10", {"label": "random", "encoder": "vgg19", "seed": 0}, None)
    assert [(cell.epochs, cell.weight_decay) for cell in cells] == [(600, 1e-4)]
    _, cells = cells_from_options("evidence-low-data", {"encoder": "vgg19", "seed": 0}, None)
    decays = {(cell.label, cell.label_smoothing): cell.weight_decay for cell in cells}
    assert (decays["category", 0.0], decays["category", 0.1], decays["speech", 0.0]) == (5e-4, 5e-4, 1e-4)
    _, cells = cells_from_options("two-cores-all-data", {"label": "shuffle"}, None)
    assert {cell.epochs for cell in cells} == {10}, "epochs that are not the paper's stay"
    _, cells = cells_from_options("table1-cifar10", {"label": "random", "epochs": 7, "seed": 0}, None)
    assert {cell.epochs for cell in cells} == {7}


@pytest.mark.parametrize(("experiment", "options", "expected"), [
    ("evidence-low-data", {"percent": 100}, None), ("evidence-low-data", {"dataset": "digits"}, None),
    ("evidence-low-data", {"dataset": "cifar100"}, 50_000), ("evidence-low-data", {"percent": 2}, 50_000),
    ("evidence-low-data", {"percent": 2, "percent_of": 45_000}, 45_000), ("table1-cifar10", {"percent": 3}, 50_000)])
def test_percent_is_of_50_000_images_of_cifar_alone(experiment, options, expected):
    _, cells = cells_from_options(experiment, options, None)
    assert {cell.percent_of for cell in cells} == {expected}
