"""Figures 5 and 8: what is drawn, of which run, and that features are all they need."""

import json

import numpy as np
import pytest

from tests.figures.legibility import assert_legible
from tests.synthetic_runs import write_run
from tfrepr.figures.series import NothingToPlotError
from tfrepr.registry import FIGURES
from tfrepr.results import features as feature_files
from tfrepr.results.features import measure
from tfrepr.results.tables import read_results
from tfrepr.runs import RunDirectory

CLASSES = ("airplane", "automobile", "bird")
IDS = np.arange(36) % 3


def add_features(path, epochs):
    """Three classes in eight dimensions, farther apart with every epoch; returns the features by epoch."""
    run, noise = RunDirectory(path), np.random.default_rng([*path.name.encode()])
    run.write_json("environment.json", run.environment() | {"class_names": list(CLASSES)})
    feature_files.write_images(run, np.arange(36), IDS)
    stored = {epoch: (noise.normal(size=(36, 8)) + np.eye(8)[IDS] * epoch).astype(np.float16) for epoch in epochs}
    for epoch, features in stored.items():
        feature_files.write_features(run, epoch, features)
    return stored


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """ResNet-110 and VGG19 with constant, speech and category; two seeds, of which seed 1 is the more accurate."""
    output, paths = tmp_path_factory.mktemp("features"), {}
    for encoder in ("resnet110", "vgg19"):
        for label in ("category", "speech", "constant"):
            for seed in range(2):
                path = write_run(output, variant="CIFAR-10 (JPEG copy)", epochs=10,
                                 config={"encoder": encoder, "label": label, "seed": seed})
                metrics = json.loads((path / "metrics.json").read_text())
                (path / "metrics.json").write_text(json.dumps(metrics | {"test_accuracy": 0.8 + 0.1 * seed}))
                paths[encoder, label, seed] = path, add_features(path, (1, 3, 5, 7, 10))
    return read_results([path for path, _ in paths.values()]), paths


@pytest.fixture(scope="module")
def figure5(study):
    results = study[0]
    return FIGURES["figure5"](results.where(results.runs["encoder"] == "resnet110"))


def panels(figure, rows):
    return np.array(figure.axes).reshape(rows, -1)


def test_figure_5_is_the_papers_layout(figure5):
    grid = panels(figure5, 2)
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["Speech", "Category"]
    assert [axes.get_title() for axes in grid[0]] == [f"{share}% of training" for share in (10, 30, 50, 70, 100)]
    assert figure5.get_suptitle() == ("t-SNE of ResNet-110 features, CIFAR-10 (JPEG copy), 10 epochs, seed 1\n"
                                      "Not shown: Constant matrix")
    assert [text.get_text() for text in figure5.legends[0].get_texts()] == list(CLASSES)
    assert_legible(figure5)


def test_panels_tell_scores_of_the_best_seeds_features(figure5, study):
    axes = panels(figure5, 2)[0, 2]
    scores = measure(study[1]["resnet110", "speech", 1][1][5].astype(np.float32), IDS, 5, 10)
    assert axes.get_xlabel() == (f"epoch 5\nsilhouette {scores.silhouette:.2f}\n"
                                 f"{scores.neighbours}-NN purity {scores.knn_purity:.2f}")
    assert len(axes.collections[0].get_offsets()) == 36
    assert len(np.unique(axes.collections[0].get_facecolors(), axis=0)) == 3


def test_figure_8_is_the_papers_layout(study):
    figure = FIGURES["figure8"](study[0])
    grid = panels(figure, 2)
    assert [axes.get_title() for axes in grid[0]] == ["Constant matrix", "Speech", "Category"]
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["VGG19, seed 1", "ResNet-110, seed 1"]
    assert all(axes.get_xlabel().startswith("epoch 10\n") for axes in grid.flat)
    assert_legible(figure)


def test_what_was_not_kept_stays_empty(tmp_path):
    path = write_run(tmp_path, epochs=10, config={"label": "speech"})
    add_features(path, (5, 10))
    grid = panels(FIGURES["figure5"](read_results([path])), 1)
    assert [bool(axes.collections) for axes in grid[0]] == [False, False, True, False, True]
    assert [text.get_text() for text in grid[0, 0].texts] == ["not kept"]


def test_smoothed_category_is_shown_in_figures_5_and_8(tmp_path):
    paths = [write_run(tmp_path, epochs=10, config={"label": label, "label_smoothing": smoothing})
             for label, smoothing in (("category", 0.0), ("category", 0.1), ("speech", 0.0), ("lowdim", 0.0))]
    for path in paths:
        add_features(path, (5, 10))
    results = read_results(paths)
    rows = panels(FIGURES["figure5"](results), 3)
    assert [axes.get_ylabel() for axes in rows[:, 0]] == ["Speech", "Category", "Category, smoothed"]
    figure = FIGURES["figure8"](results)
    assert [axes.get_title() for axes in panels(figure, 1)[0]] == ["Speech", "Category", "Category, smoothed"]
    assert figure.get_suptitle().endswith("Not shown: Low-dim. random")
    assert_legible(figure)


def test_more_than_ten_classes_differ_in_markers_too(tmp_path):
    path = write_run(tmp_path, epochs=10)
    run, names = RunDirectory(path), [f"c{number}" for number in range(12)]
    run.write_json("environment.json", run.environment() | {"class_names": names})
    feature_files.write_images(run, np.arange(36), np.arange(36) % 12)
    feature_files.write_features(run, 10, np.random.default_rng(0).normal(size=(36, 8)).astype(np.float16))
    figure = FIGURES["figure8"](read_results([path]))
    dots = figure.axes[0].collections
    assert [len(some.get_offsets()) for some in dots] == [30, 6]
    assert len({len(some.get_paths()[0].vertices) for some in dots}) == 2, "circles and triangles"
    keys = figure.legends[0].legend_handles
    assert len({(key.get_color(), key.get_marker()) for key in keys}) == 12


def test_missing_features_name_the_command(tmp_path):
    last_only, none = write_run(tmp_path, epochs=10), write_run(tmp_path, epochs=10, config={"seed": 1})
    add_features(last_only, (10,))
    for name, path in (("figure5", last_only), ("figure5", none), ("figure8", none)):
        with pytest.raises(NothingToPlotError, match=r"scripts/train\.py --features.*scripts/analyse\.py"):
            FIGURES[name](read_results([path]))


def test_damaged_and_overflowed_features_cost_their_own_panels(tmp_path, capsys):
    """Of two labels one has a damaged file and one that overflowed; a third run has nothing that can be read."""
    paths = {label: write_run(tmp_path, epochs=10, config={"label": label}) for label in ("speech", "category", "constant")}
    for path in paths.values():
        add_features(path, (1, 3, 5, 7, 10))
    (paths["speech"] / "features" / "epoch-00005.npz").write_bytes(b"PK")
    np.savez(paths["speech"] / "features" / "epoch-00003.npz", features=np.full((36, 8), np.inf, np.float16))
    (paths["constant"] / "features" / "images.npz").write_bytes(b"")
    figure = FIGURES["figure5"](read_results(paths.values()))
    grid = panels(figure, 2)
    assert [[bool(axes.collections) for axes in row] for row in grid] == [[True, False, False, True, True], [True] * 5]
    said = [text.get_text() for axes in grid[0, 1:3] for text in axes.texts]
    assert said == ["epoch 3:\nfeatures\noverflowed", "not kept"]
    assert [axes.get_title() for axes in FIGURES["figure8"](read_results(paths.values())).axes] == ["Speech", "Category"]
    said = capsys.readouterr().err
    assert "epoch-00005.npz is damaged" in said
    assert "images.npz is damaged" in said


def test_the_figure_says_that_small_classes_have_fewer_neighbours(tmp_path):
    run = RunDirectory(write_run(tmp_path, epochs=10))
    add_features(run.path, (10,))
    feature_files.write_images(run, np.arange(36), np.repeat([0, 1, 2], [25, 8, 3]))
    figure = FIGURES["figure8"](read_results([run.path]))
    assert "\n2 to 10-NN purity" in figure.axes[0].get_xlabel()
