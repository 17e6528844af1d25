"""The figures in `plots/results`: none is unlisted, none is missing, and publishing draws them of the right runs."""

from pathlib import Path

import pytest

from tests.synthetic_runs import write_run
from tfrepr.report import published_figures
from tfrepr.report.published_figures import FOLDER, PUBLISHED, draw_published, figure_lines

ROOT = Path(__file__).resolve().parents[2]
DRAWN_OTHERWISE = {"forest.png", "forest-short.png", "missing-labels.png", "noisy-labels.png"}


def test_the_folder_holds_the_published_figures_and_no_others():
    assert {path.name for path in (ROOT / FOLDER).glob("*.png")} == {one.file for one in PUBLISHED} | DRAWN_OTHERWISE
    assert len({one.file for one in PUBLISHED}) == len(PUBLISHED)


def test_each_figure_is_shown_under_its_experiment():
    lines = figure_lines(ROOT)
    for one in PUBLISHED:
        assert f"![{one.words}](plots/results/{one.file})" in lines[one.experiment]
    assert figure_lines(ROOT / "docs")["evidence-all-data"] == [], "nothing is shown that does not exist"


@pytest.fixture
def records(tmp_path):
    """Category and speech on all images, attacked; a third run that no pattern wants."""
    for label, epochs in (("category", 20), ("speech", 60), ("speech", 30)):
        run = write_run(tmp_path / "records", epochs=epochs, attacks=True, images=1000, config={"label": label})
        run.rename(run.parent / f"cifar10-resnet32-{label}-p100-s0-epochs{epochs}-12345678")
    return tmp_path / "records"


def test_publishing_draws_what_the_records_bear_and_leaves_the_rest(records, tmp_path):
    features = tmp_path / FOLDER / "evidence-all-data-figure5.png"
    features.parent.mkdir(parents=True)
    features.write_bytes(b"drawn of features")
    drawn = [path.name for path in draw_published(records, tmp_path)]
    assert drawn == ["evidence-all-data-learning-curves.png", "evidence-all-data-figure7.png"], "one protocol was run"
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {*drawn, features.name}
    assert features.read_bytes() == b"drawn of features"


def test_a_figure_is_of_the_runs_that_its_patterns_name(records, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(published_figures, "draw", lambda results, *rest: seen.append(set(results.runs["epochs"])) or ())
    assert list(draw_published(records, tmp_path)) == []
    assert seen
    assert all(epochs == {20, 60} for epochs in seen)
