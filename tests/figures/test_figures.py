"""What the figures show, against numbers computed here from the same tables."""

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.figures.legibility import assert_legible
from tests.synthetic_runs import one_attack, write_csv, write_gallery, write_run
from tfrepr.figures import style
from tfrepr.figures.accuracy import CHANCE_LOOK
from tfrepr.figures.drawing import pages
from tfrepr.figures.series import NothingToPlotError, series_of
from tfrepr.registry import FIGURES
from tfrepr.results.attack_rows import COLUMNS as ATTACK_COLUMNS
from tfrepr.results.external_runs import TITLE as OTHERS
from tfrepr.results.tables import read_results

NAMES = ("learning-curves", "validation-accuracy", "test-accuracy", "figure3", "figure6", "figure7", "adversarial-gallery")


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def lines_of(axes, color, linestyle):
    """x and y of the curves of one colour and line style."""
    return [line.get_xydata().T for line in axes.lines if line.get_color() == style.tint(color, 1)
            and (line.get_linestyle() == "-") == (linestyle == "-")]


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.fixture(scope="module")
def figures(study, pixel_study):
    return {name: FIGURES[name](study) for name in NAMES} | {"pixel attacks": FIGURES["figure7"](pixel_study)}


@pytest.fixture(scope="module")
def pixel_study(tmp_path_factory):
    """Seven attacks, more than fit in one row of panels."""
    path, noise = write_run(tmp_path_factory.mktemp("pixel"), config={"label": "speech"}), np.random.default_rng(0)
    attacks = [("pgd", "untargeted", "margin"), ("pgd", "untargeted", "cross_entropy"), ("pgd", "untargeted", "training"),
               ("pgd", "targeted", "margin"), ("square", "untargeted", "margin"), ("transfer", "untargeted", "training"),
               ("ensemble", "untargeted", "worst")]
    write_csv(path / "attacks.csv", ATTACK_COLUMNS,
              [row for attack in attacks for row in one_attack("speech", 500, noise, ["adaptive", *attack, "pixel"], 20,
                                                               [0, 2, 4, 8, 16, 128], 0.05)])
    return read_results([path])


def test_all_figures_are_registered():
    assert set(NAMES) <= set(FIGURES.names())
    assert all(FIGURES.describe(name).endswith(".") for name in NAMES)


@pytest.mark.parametrize("name", [*NAMES, "pixel attacks"])
def test_texts_are_legible_and_do_not_overlap(figures, name):
    assert_legible(figures[name])


@pytest.mark.parametrize("name", NAMES)
def test_figures_name_the_data_and_leave_the_tables_alone(study, name):
    before = [table.copy() for table in (study.runs, study.histories, study.attacks)]
    figure = FIGURES[name](study)
    assert "CIFAR-10 (JPEG copy)" in figure.get_suptitle()
    for table, copy in zip((study.runs, study.histories, study.attacks), before, strict=True):
        assert_frame_equal(table, copy)


def test_official_data_are_named_plainly_and_unknown_ones_marked(tmp_path):
    official, unknown = write_run(tmp_path / "a"), write_run(tmp_path / "b", variant=None, config={"percent": 10.0})
    assert FIGURES["learning-curves"](read_results([official])).get_suptitle() == "Losses: CIFAR-10, 30 epochs"
    title = FIGURES["learning-curves"](read_results([unknown])).get_suptitle()
    assert title.replace("\n", " ") == ("Losses: CIFAR-10 (variant not recorded), 10% of the training images beside "
                                        "validation, 30 epochs")


def test_learning_curves_are_the_papers_layout(study, figures):
    left, right = panels(figures["learning-curves"])[:2]
    assert (left.get_ylabel(), right.get_ylabel()) == ("Smooth L1 loss", "Cross-entropy loss")
    speech, category = style.LABEL_STYLES["speech"].color, style.LABEL_STYLES["category"].color
    assert not lines_of(left, category, "-")
    assert not lines_of(right, speech, "-")
    runs = study.runs.query("encoder == 'resnet32' and label == 'speech'")["run"]
    history = study.histories[study.histories["run"].isin(runs)]
    for column, linestyle in (("train_loss", "-"), ("val_loss", "--")):
        (epochs, means), = lines_of(left, speech, linestyle)
        wanted = [np.mean([row for row in history.loc[history["epoch"] == epoch, column]]) for epoch in range(1, 21)]
        np.testing.assert_array_equal(epochs, range(1, 21))
        np.testing.assert_allclose(means, wanted)


def category_values(study, column):
    """What the three seeds of category have in that column at epoch 7."""
    runs = study.runs.query("encoder == 'resnet32' and label == 'category' and label_smoothing == 0")["run"]
    return study.histories[study.histories["run"].isin(runs) & (study.histories["epoch"] == 7)][column]


def band_at_seven(axes):
    band = axes.collections[0].get_paths()[0].vertices
    heights = band[band[:, 0] == 7, 1]
    return [heights.min(), heights.max()]


def test_band_of_accuracies_is_one_sample_standard_deviation(study, figures):
    values = 100 * category_values(study, "val_accuracy")
    np.testing.assert_allclose(band_at_seven(panels(figures["validation-accuracy"])[0]),
                               values.mean() + np.array([-1, 1]) * np.std(values, ddof=1))
    assert "± 1 standard deviation" in legend_texts(figures["validation-accuracy"])


def test_epochs_are_whole_numbers(tmp_path):
    figure = FIGURES["learning-curves"](read_results([write_run(tmp_path, epochs=2)]))
    ticks = figure.axes[0].get_xticks()
    np.testing.assert_array_equal(ticks, ticks.round())


def test_band_of_losses_spans_the_seeds(study, figures):
    values = category_values(study, "train_loss")
    np.testing.assert_allclose(band_at_seven(panels(figures["learning-curves"])[1]), [values.min(), values.max()])
    assert "lowest to highest seed" in legend_texts(figures["learning-curves"])


def test_panels_tell_the_number_of_seeds(figures):
    assert panels(figures["learning-curves"])[0].get_title() == "ResNet-32 (n=1-3)"
    legend = [text.get_text() for text in figures["learning-curves"].legends[0].get_texts()]
    assert legend[:4] == ["Category (n=3)", "Category, smoothed (n=1)", "Speech (n=3)", "Shuffled speech (n=1)"]


def test_panels_count_what_they_show(tmp_path):
    paths = [write_run(tmp_path, config={"label": label, "seed": seed}) for label, seed in
             (("category", 0), ("speech", 0), ("speech", 1))]
    nearest, threshold = panels(FIGURES["validation-accuracy"](read_results(paths)))
    assert (nearest.get_title(), threshold.get_title()) == ("ResNet-32 (n=1-2)", "ResNet-32 (n=2)")


def test_epochs_without_validation_are_bridged(tmp_path):
    path = write_run(tmp_path, epochs=4)
    rows = pd.read_csv(path / "history.csv")
    rows.loc[[0, 2], ["val_loss", "val_accuracy"]] = np.nan
    rows.to_csv(path / "history.csv", index=False)
    axes, = panels(FIGURES["validation-accuracy"](read_results([path])))
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [2, 4])


@pytest.mark.parametrize(("precisions", "said"), [(("off",), ""), (("bfloat16",), ", bfloat16"),
                                                  (("off", "bfloat16"), ", partly bfloat16")])
def test_mixed_precision_is_said_in_the_title(tmp_path, precisions, said):
    paths = [write_run(tmp_path, config={"seed": seed, "mixed_precision": precision})
             for seed, precision in enumerate(precisions)]
    assert FIGURES["learning-curves"](read_results(paths)).get_suptitle() == f"Losses: CIFAR-10, 30 epochs{said}"


def test_unfinished_runs_are_counted_in_the_title(tmp_path):
    paths = [write_run(tmp_path, finished=seed > 0, config={"seed": seed}) for seed in range(2)]
    results = read_results(paths)
    assert FIGURES["learning-curves"](results).get_suptitle().endswith("(1 of 2 runs unfinished)")
    bars = [text.get_text() for text in panels(FIGURES["test-accuracy"](results))[0].texts]
    assert [text.endswith("(n=1)") for text in bars] == [True]


def test_bars_are_mean_accuracies(study, figures):
    axes = panels(figures["test-accuracy"])[0]
    runs = study.runs.query("encoder == 'resnet32'")
    bars = {(patch.get_hatch() is not None, patch.get_edgecolor()[:3]): patch.get_width() for patch in axes.patches}
    for label in ("category", "speech", "constant"):
        rows = runs[(runs["label"] == label) & (runs["label_smoothing"] == 0)]
        color = style.tint(style.LABEL_STYLES[label].color, 1)
        assert bars[False, color] == pytest.approx(100 * np.mean(list(rows["test_accuracy"])))
        if label != "category":
            assert bars[True, color] == pytest.approx(100 * np.mean(list(rows["test_threshold_accuracy"])))
    assert (True, style.tint("#000000", 1)) not in bars


def test_bars_tell_mean_spread_and_seeds(study, figures):
    values = 100 * study.runs.query("encoder == 'resnet32' and label == 'speech'")["test_accuracy"].to_numpy(float)
    shown = {text.get_text() for text in panels(figures["test-accuracy"])[0].texts}
    assert f"{values.mean():.1f} ± {np.std(values, ddof=1):.1f} (n=3)" in shown
    constant = study.runs.query("encoder == 'resnet32' and label == 'constant'")["test_accuracy"].iloc[0]
    assert f"{100 * constant:.1f} (n=1)" in shown


@pytest.mark.parametrize(("name", "reference"), [("figure3", "images"), ("figure6", "clean_correct"), ("figure7", "images")])
def test_attack_curves_are_surviving_images(study, figures, name, reference):
    grid = panels(figures[name])
    runs = study.runs.query("encoder == 'resnet32' and label == 'speech'")["run"]
    for axes, (attack, goal) in zip(grid, itertools.product(("fgsm", "iterative"), ("untargeted", "targeted")), strict=False):
        for criterion, linestyle in (("threshold", "-"), ("nearest", ":")):
            rows = study.attacks[study.attacks["run"].isin(runs) & (study.attacks["attack"] == attack)
                                 & (study.attacks["goal"] == goal) & (study.attacks["criterion"] == criterion)]
            rates = [np.mean(part["still_correct"] / part[reference]) for _, part in rows.groupby("epsilon")]
            (epsilons, percent), = lines_of(axes, style.LABEL_STYLES["speech"].color, linestyle)
            np.testing.assert_allclose(epsilons, np.arange(7) * 0.05)
            np.testing.assert_allclose(percent, 100 * np.array(rates))


def test_attack_columns_are_in_the_papers_order(figures):
    titles = [axes.get_title() for axes in panels(figures["figure3"])[:4]]
    assert titles == ["Untargeted FGSM", "Targeted FGSM", "Untargeted iterative", "Targeted iterative"]


def test_more_attacks_take_more_rows(figures):
    titles = [axes.get_title() for axes in panels(figures["pixel attacks"])]
    assert titles == ["Untargeted PGD", "Untargeted PGD\ncross-entropy", "Untargeted PGD\nmargin", "Targeted PGD\nmargin",
                      "Untargeted transfer", "Untargeted Square\nmargin", "Worst of all attacks"]


def test_subset_starts_at_all(figures):
    for axes in panels(figures["figure6"]):
        np.testing.assert_allclose([line.get_ydata()[0] for line in axes.lines], 100)
        assert axes.get_ylim()[1] > 100, "markers at the top are whole"


def test_category_is_solid_under_attack(figures):
    axes = panels(figures["figure3"])[0]
    assert len(lines_of(axes, "#000000", "-")) == 1
    assert not lines_of(axes, "#000000", ":")


def test_only_figure_7_shows_all_labels(figures):
    shown = {name: {text.get_text() for text in figures[name].legends[0].get_texts()} for name in ("figure3", "figure7")}
    assert {"Random matrix (n=1)", "GloVe (n=1)", "Category, smoothed (n=1)"} <= shown["figure7"] - shown["figure3"]


def test_gallery_shows_names_and_stretched_perturbation(figures):
    grid = np.array(panels(figures["adversarial-gallery"])).reshape(3, 8)
    assert [axes.get_title() for axes in grid[0, :2]] == ["cat", "dog"]
    assert [axes.get_xlabel() for axes in grid[2, :2]] == ["cat", "→ cat"]
    np.testing.assert_allclose(grid[1, 0].images[0].get_array(), 1.0, atol=1e-6)
    assert "times 25" in grid[1, 0].get_ylabel()


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_name_the_command(tmp_path, name):
    path = write_run(tmp_path, finished=False)
    (path / "history.csv").write_text("")
    with pytest.raises(NothingToPlotError, match=r"python scripts/(train|attack)\.py"):
        FIGURES[name](read_results([path]))


def test_means_are_over_seeds_only(tmp_path):
    paths = [write_run(tmp_path, config={"seed": seed, "learning_rate": rate}) for seed in range(2) for rate in (0.1, 0.01)]
    series = series_of(read_results(paths).runs)
    assert [one.title for one in series] == ["Category, learning rate 0.01", "Category, learning rate 0.1"]
    assert [list(one.runs["seed"]) for one in series] == [[0, 1], [0, 1]]
    assert series[0].color != series[1].color


def test_pages_separate_data_and_amounts_of_it(tmp_path):
    official, copy = (write_run(tmp_path / name, variant=name, config={"seed": seed})
                      for seed, name in enumerate(("official", "CIFAR-10 (JPEG copy)")))
    less = write_run(tmp_path, config={"percent": 10.0})
    results = read_results([official, copy, less])
    found = {suffix: set(page.runs["run"]) for suffix, page in pages(results, FIGURES["learning-curves"].page_by)}
    assert found == {"cifar-10-jpeg-copy-p100": {copy.name}, "official-p10": {less.name}, "official-p100": {official.name}}


def test_pages_separate_protocols(tmp_path):
    path = write_run(tmp_path, attacks=True)
    lines = (path / "attacks.csv").read_text().splitlines()
    standard = [line.replace("paper,", "standard,").replace("normalised", "pixel") for line in lines[1:]]
    (path / "attacks.csv").write_text("\n".join([*lines, *standard]) + "\n")
    found = {suffix: set(page.attacks["protocol"]) for suffix, page in
             pages(read_results([path]), FIGURES["figure7"].page_by)}
    assert found == {"": {"paper"}, "standard": {"standard"}}


def test_a_few_losses_far_above_all_others_do_not_squeeze_the_curves(tmp_path):
    """Three seeds, one of them with a loss of 1331 at epoch 4, one with an infinite loss at epoch 6."""
    paths = [write_run(tmp_path, config={"seed": seed}) for seed in range(3)]
    for path, loss in zip(paths, (1331.0, 2.0, np.inf), strict=True):
        rows = pd.read_csv(path / "history.csv")
        rows.loc[3 if np.isfinite(loss) else 5, "val_loss"] = loss
        rows.to_csv(path / "history.csv", index=False)
    axes, = panels(FIGURES["learning-curves"](read_results(paths)))
    finite = np.concatenate([line.get_ydata()[np.isfinite(line.get_ydata())] for line in axes.lines])
    peak = finite.max()
    low, high = axes.get_ylim()
    assert peak > 440
    bands = np.concatenate([path.vertices[:, 1] for band in axes.collections for path in band.get_paths()])
    assert bands.min() < finite.min(), "the lowest seed lies below the lowest mean"
    assert low == pytest.approx(bands.min() / 1.3)
    assert np.sort(finite)[-2] < high < 20
    note, = axes.texts
    assert note.get_text() == f"\N{UPWARDS ARROW} {peak:.0f} at epoch 4"
    for band in axes.collections:
        assert (band.get_paths()[0].vertices[:, 1] > 0).all(), "nothing reaches down to zero on a logarithmic axis"


@pytest.mark.parametrize("place", [0, 10, 29])
def test_the_note_of_a_high_loss_stays_in_its_panel(tmp_path, place):
    path = write_run(tmp_path)
    rows = pd.read_csv(path / "history.csv")
    rows.loc[place, "val_loss"] = 12345.0
    rows.to_csv(path / "history.csv", index=False)
    figure = FIGURES["learning-curves"](read_results([path]))
    axes, = panels(figure)
    note, = axes.texts
    figure.draw_without_rendering()
    assert note.get_text() == f"\N{UPWARDS ARROW} 12,345 at epoch {place + 1}"
    assert axes.bbox.x0 <= note.get_window_extent().x0 < note.get_window_extent().x1 <= axes.bbox.x1


def test_losses_without_such_values_are_shown_whole(figures):
    for axes in panels(figures["learning-curves"]):
        values = np.concatenate([line.get_ydata() for line in axes.lines])
        bands = [path.vertices[:, 1] for band in axes.collections for path in band.get_paths()]
        least = np.concatenate([values, *bands]).min()
        np.testing.assert_allclose(axes.get_ylim(), [least / 1.3, values.max() * 1.3])
        assert not axes.texts


@pytest.fixture(scope="module")
def low(tmp_path_factory):
    """Category and speech at about 35%, a random label whose threshold accuracy is zero; VGG19 with category alone."""
    output, paths = tmp_path_factory.mktemp("low"), []
    for encoder, label in (("resnet32", "category"), ("resnet32", "speech"), ("resnet32", "random"), ("vgg19", "category")):
        path = write_run(output, config={"encoder": encoder, "label": label, "percent": 1.0})
        rows = pd.read_csv(path / "history.csv")
        rows[["val_accuracy", "val_threshold_accuracy"]] *= 0.7 if label != "random" else (0.7, 0)
        rows.to_csv(path / "history.csv", index=False)
        metrics = json.loads((path / "metrics.json").read_text())
        threshold = {"category": None, "speech": 0.2, "random": 0.0}[label]
        (path / "metrics.json").write_text(json.dumps(metrics | {"test_accuracy": 0.34, "test_threshold_accuracy": threshold}))
        noise = np.random.default_rng(0)
        rows = [row for attack in (("fgsm", "untargeted", "training"), ("pgd", "untargeted", "training"))
                for row in one_attack(label, 500, noise, ["standard", *attack, "pixel"], 20, [0, 4], 0.3)]
        column = ATTACK_COLUMNS.index
        for row in rows:
            if label == "random" and row[column("criterion")] == "threshold":
                row[column("clean_correct")] = row[column("still_correct")] = 0
        write_csv(path / "attacks.csv", ATTACK_COLUMNS, rows)
        paths.append(path)
    return read_results(paths)


def chance_lines(axes):
    return [line for line in axes.lines if line.get_color() == CHANCE_LOOK["color"]]


def test_accuracy_axes_end_where_accuracies_do_and_show_chance(low):
    figure = FIGURES["validation-accuracy"](low)
    highest = 100 * low.histories[["val_accuracy", "val_threshold_accuracy"]].max().max()
    for axes in panels(figure):
        bottom, top = axes.get_ylim()
        assert bottom < 0
        assert highest < top < min(103.1, highest + 12)
        is_nearest = axes.get_ylabel().startswith("Nearest")
        assert [list(line.get_ydata()) for line in chance_lines(axes)] == ([[10, 10]] if is_nearest else [])
    assert legend_texts(figure)[-1] == "chance (1 in 10)"
    zero = [line for axes in panels(figure) for line in axes.lines if not np.any(line.get_ydata())]
    assert len(zero) == 1, "random's threshold accuracy, which lies above the axis"


def test_bars_end_where_accuracies_do_and_name_rows_without_result(low):
    figure = FIGURES["test-accuracy"](low)
    for axes in panels(figure):
        assert axes.get_xlim() == (0, 40)
        assert [list(line.get_xdata()) for line in chance_lines(axes)] == [[10, 10]]
    vgg19, resnet32 = ([text.get_text() for text in axes.texts] for axes in panels(figure))
    assert vgg19 == ["34.0 (n=1)", "no result", "no result"]
    assert resnet32 == ["34.0 (n=1)", "34.0 (n=1)", "20.0 (n=1)", "34.0 (n=1)", "0.0 (n=1)"]
    assert_legible(figure)


def test_classes_that_were_not_recorded_leave_no_chance(low):
    unknown = dataclasses.replace(low, runs=low.runs.assign(classes=np.nan))
    for name in ("test-accuracy", "validation-accuracy", "figure7"):
        assert not any(chance_lines(axes) for axes in panels(FIGURES[name](unknown)))


def test_attacks_of_one_strength_share_a_panel(low):
    """A line an attack, below that of no attack, which is drawn once; no point covers another."""
    figure = FIGURES["figure7"](low)
    assert "ε 4/255" in figure.get_suptitle()
    assert len(panels(figure)) == low.runs["encoder"].nunique()
    for axes in panels(figure):
        points = [line for line in axes.lines if line not in chance_lines(axes)]
        heights = np.concatenate([line.get_ydata() for line in points])
        assert len(set(heights)) == len(heights)
        assert {line.get_linestyle() for line in points} == {"None"}
        assert set(np.round(heights)) == {0, 1, 2}
        assert axes.get_ylim()[0] > axes.get_ylim()[1], "from top to bottom"
        assert axes.get_xlim()[0] == 0
    assert [tick.get_text() for tick in panels(figure)[0].get_yticklabels()] == ["No attack", "Untargeted FGSM",
                                                                                 "Untargeted PGD"]
    speech = low.runs.loc[low.runs["label"] == "speech", "run"].iloc[0]
    rows = low.attacks[(low.attacks["run"] == speech) & (low.attacks["attack"] == "pgd") & (low.attacks["epsilon"] == 4)]
    wanted = sorted(100 * rows["still_correct"] / rows["images"])
    drawn = sorted(line.get_xdata()[2] for axes in panels(figure) for line in axes.lines
                   if line.get_color() == style.tint(style.LABEL_STYLES["speech"].color, 1))
    np.testing.assert_allclose(drawn, wanted)
    assert_legible(figure)


def test_hollow_markers_are_the_nearest_label(low, figures):
    for figure, line in ((FIGURES["figure7"](low), "None"), (figures["figure7"], "-")):
        axes = panels(figure)[-1]
        shown = [one for one in axes.lines if one not in chance_lines(axes) and one.get_label() != OTHERS]
        filled = [one.get_color() for one in shown if one.get_markerfacecolor() != "white"]
        hollow = [one.get_color() for one in shown if one.get_markerfacecolor() == "white"]
        assert len(set(filled)) == len(filled)
        assert set(hollow) <= set(filled)
        keys = {text.get_text(): handle for text, handle in zip(figure.legends[0].get_texts(), figure.legends[0].legend_handles,
                                                                strict=True)}
        assert keys["nearest label"].get_markerfacecolor() == "white"
        assert keys["threshold (category: arg max)"].get_linestyle() == line


def test_labels_that_a_figure_leaves_out_are_named(study, figures):
    missing = "Not shown: Category, smoothed; Random matrix; Low-dim. random; BERT; GloVe; One-hot, regressed; Blocks"
    for name in ("figure3", "figure6"):
        assert figures[name].get_suptitle().replace("\n", " ").endswith(missing)
    assert "Not shown" not in figures["figure7"].get_suptitle()


def test_the_gallery_names_its_attack(figures, tmp_path):
    title = figures["adversarial-gallery"].get_suptitle()
    assert title.endswith("\nUntargeted iterative attack, protocol “paper”, ε in normalised units")
    path = write_run(tmp_path)
    write_gallery(path, words=False)
    assert FIGURES["adversarial-gallery"](read_results([path])).get_suptitle().endswith("\nattack not recorded")


def test_runs_that_are_not_finished_have_a_row_without_result(tmp_path):
    done, going = write_run(tmp_path), write_run(tmp_path, config={"label": "composite"})
    (going / "metrics.json").unlink()
    figure = FIGURES["test-accuracy"](read_results([done, going]))
    assert len(figure.axes[0].get_yticklabels()) == 2
    assert "no result" in [text.get_text() for text in figure.axes[0].texts]
    assert figure.get_suptitle().replace("\n", " ").endswith("(1 of 2 runs unfinished)")


def test_a_second_way_of_training_has_another_marker_and_words_that_can_be_read(tmp_path):
    ways = ({}, {"mixed_precision": "bfloat16", "validation_every": 20})
    one, two = series_of(read_results([write_run(tmp_path, config=way) for way in ways]).runs)
    assert (one.title, two.title) == ("Category, float32", "Category, bfloat16")
    assert one.style.marker != two.style.marker


def test_labels_of_different_precision_are_named_by_it(tmp_path):
    """A reader cannot otherwise tell which curve of a page that is "partly bfloat16" this is."""
    ways = ({"label": "speech"}, {"label": "random", "mixed_precision": "bfloat16"},
            {"label": "random", "mixed_precision": "bfloat16", "validation_every": 20})
    found = series_of(read_results([write_run(tmp_path, config=way) for way in ways]).runs)
    assert [one.title for one in found] == ["Speech, float32", "Random matrix, validation every 1, bfloat16",
                                            "Random matrix, validation every 20, bfloat16"]
    found = series_of(read_results([write_run(tmp_path / "alike", config=way) for way in ways[1:2]]).runs)
    assert [one.title for one in found] == ["Random matrix"]


def test_a_label_file_is_named_and_not_the_label_that_it_replaces(tmp_path):
    ways = ({"label": "random"}, {"label": "random", "label_options": {"label_file": "/some/where/my_table.npy"}})
    found = series_of(read_results([write_run(tmp_path, config=way) for way in ways]).runs)
    assert {one.title for one in found} == {"Random matrix", "Label file my_table.npy"}
    alone, = series_of(read_results([write_run(tmp_path / "alone", config=ways[1])]).runs)
    assert alone.title == "Label file my_table.npy"
