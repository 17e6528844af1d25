"""One way to say which runs are meant, in every command."""

import os
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.synthetic_runs import write_run
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.runs import RunDirectory, each_run
from tfrepr.selection import find_run, find_runs
from tfrepr.training.trained import load_data

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Names of three runs in `output/runs`, seen from the folder that holds `output`."""
    monkeypatch.chdir(tmp_path)
    return sorted(write_run(Path("output"), config={"label": label, "dataset": dataset}).name
                  for label, dataset in (("speech", "cifar10"), ("category", "cifar10"), ("speech", "digits")))


@pytest.mark.parametrize(("wanted", "chosen"), [
    ((), (0, 1, 2)), (("output/runs/cifar10-*",), (0, 1)), (("cifar10-*",), (0, 1)), (("*-speech-*",), (1, 2)),
    (("output/runs/digits*speech*/",), (2,)), (("./output/runs",), (0, 1, 2)), (("output",), (0, 1, 2)),
    (("out*",), (0, 1, 2)), (("{0}/output/runs/cifar1?-*",), (0, 1)), (("*-category-*", "output/runs/*"), (0, 1, 2)),
    (("output/runs/{1}", "{1}", "{0}/output/runs/{1}"), (1,))])
def test_paths_names_and_patterns(runs, tmp_path, wanted, chosen):
    found = find_runs(Path("output"), [text.format(tmp_path, "cifar10-resnet32-speech-p100-s0") for text in wanted])
    assert sorted(path.name for path in found) == [runs[place] for place in chosen]


def test_paths_need_no_output_folder_and_may_look_like_patterns(runs, tmp_path):
    Path("output/runs").rename("all [2026]")
    assert len(find_runs(Path("elsewhere"), ["all [2026]"])) == 3
    assert len(find_runs(Path("elsewhere"), [f"{tmp_path}/all [[]2026[]]/cifar10-*"])) == 2


def test_home_directory(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(find_runs(Path("elsewhere"), ["~/output/runs/cifar10-*"])) == 2


@pytest.mark.parametrize(("wanted", "message"), [
    ("speach", r"No run directory fits 'speach'.*There are, for example: .*-speech-"),
    ("output/runs/mnist-*", r"No run directory fits 'output/runs/mnist-\*'.*for example: "), ("", "empty text"),
    (" ", "empty text"), ("~nosuchuser", "is not known. Write the path out"), (os.curdir, "No run directory fits"),
    ("output/runs/cifar10-resnet32-speech-p100-s0/config.json", "No run directory fits")])
def test_what_fits_no_run_is_named_with_names_that_exist(runs, wanted, message):
    with pytest.raises(UserError, match=message):
        find_runs(Path("output"), [wanted])


@pytest.mark.parametrize("wanted", [
    "cifar10-resnet32-speech", "cifar10-resnet32-speach", "output/pretrained/cifar10-resnet32-speech"])
@pytest.mark.parametrize("output", ["output", "elsewhere"])
def test_a_published_network_without_its_prefix_is_named_with_it(runs, wanted, output):
    """With runs of one's own and without."""
    with pytest.raises(UserError, match=r"There are, for example: pretrained:cifar10-resnet32-speech[,.]"):
        find_runs(Path(output), [wanted])


def test_missing_runs_name_the_command_that_makes_them(tmp_path):
    with pytest.raises(UserError, match=r"python scripts/train\.py"):
        find_runs(tmp_path)


def test_one_run_where_one_is_wanted(runs):
    assert find_run(Path("output"), "*-category-*").name == runs[0]
    with pytest.raises(UserError, match=r"'cifar10-\*' fits 2 runs, and this takes one: cifar10-resnet32-category"):
        find_run(Path("output"), "cifar10-*")


@pytest.mark.parametrize(("script", "words", "further", "message"), [
    ("plot_results", ["--runs"], ["--figure", "figure3"], "attack.py"), ("attack", [], [], "is not finished"),
    ("attack", ["--all"], [], "no finished run"), ("attack", ["*digits*", "--transfer-from"], [], "is not finished"),
    ("analyse", [], [], "is not finished"), ("evaluate", [], [], "is not finished"),
    ("speak", ["--test-set", "--run"], [], "is not finished")])
def test_every_command_asks_the_same_resolver(runs, script, words, further, message):
    """A path with a pattern gets through to the run, which is not finished here; what fits nothing is refused."""
    command = runpy.run_path(str(SCRIPTS / f"{script}.py"))["main"]
    refused = CliRunner().invoke(command, [*words, "output/runs/mnist-*"])
    assert refused.exit_code == 2
    assert "No run directory fits 'output/runs/mnist-*'" in refused.output
    Path("output/runs", runs[2], "metrics.json").unlink()
    answer = CliRunner().invoke(command, [*words, "output/runs/digits-*", *further])
    assert answer.exit_code == 2
    assert message in answer.output


def test_a_reason_that_runs_share_is_told_once(tmp_path, capsys):
    """Runs on pictures that are gone, and one on digits, whose folder is no run directory."""
    config = RunConfig(dataset="folder", folder=str(tmp_path / "gone"))
    runs = [RunDirectory(tmp_path / name) for name in ("first", "second", "third")]

    for run in runs:
        own = config.replace(dataset="digits", folder=None) if run.path.name == "second" else config
        run.write_json("config.json", own.to_dict())

    def work(run):
        load_data(run, None)

    assert each_run(runs, work) == 2
    printed = capsys.readouterr().err
    assert printed.count(f"There is no folder {tmp_path / 'gone'}") == 1
    assert "Error: second: " in printed
    assert "Error: third: as for first\n" in printed
