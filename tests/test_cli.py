"""What all commands share: an output that nobody reads, and options of their records."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import click
import pytest
from click.testing import CliRunner

from tests.synthetic_runs import write_run
from tfrepr.attacks.protocols import AttackSettings
from tfrepr.cli import READER_LEFT, command_line
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions
from tfrepr.registry import EXPERIMENTS
from tfrepr.running.grid import GridOptions, parse_shard, scaled
from tfrepr.running.runner import run_cells
from tfrepr.runs import RunDirectory
from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig, parse_sizes

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
RECORDS = (RunConfig, LabelOptions, GridOptions, AttackSettings, PseudoLabelConfig, CleaningConfig)
PRINTS = "import click\nfrom tfrepr.cli import user_errors\nuser_errors(lambda: [click.echo('word') for _ in range(1000)])()"


@pytest.fixture(scope="module")
def mains():
    """The click command of every script."""
    return {name: runpy.run_path(str(ROOT / "scripts" / f"{name}.py"))["main"] for name in SCRIPTS}


def numbers_of(record_class):
    """Names of the fields of an option record that hold numbers."""
    return [name for name, annotation in get_type_hints(record_class).items()
            if {int, float} & {annotation, *get_args(annotation)}]


def without_reader(code):
    """A Python process whose standard output is a pipe that nobody reads."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, **pipes)
    process.stdout.close()
    errors = process.stderr.read()
    return process.wait(), errors


def test_a_closed_output_ends_a_command_without_a_word(mains):
    assert without_reader(PRINTS) == (READER_LEFT, "")
    assert all(hasattr(main.callback, "__wrapped__") for main in mains.values()), "all scripts are guarded alike"


def test_a_command_without_standard_output_runs():
    command = ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, PRINTS + "\nimport sys\nsys.stdout.isatty()"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_output_is_the_fault_of_no_cell(tmp_path, monkeypatch, capfd):
    reading, writing = os.pipe()
    os.close(reading)
    cells = [RunConfig(label=label, encoder="mlp1x512", percent=3, epochs=1) for label in ("category", "lowdim")]
    monkeypatch.setattr(sys, "stdout", os.fdopen(writing, "w"))
    with pytest.raises(BrokenPipeError):
        run_cells("two", cells, tmp_path)
    assert capfd.readouterr().err == ""
    monkeypatch.undo()


def test_what_to_type_next_is_quoted_and_leaves_out_what_is_usual():
    assert command_line("train", "a b", output=Path("output"), plots="my plots", data_dir=None, features=True, all=False) == \
        "python scripts/train.py 'a b' --plots 'my plots' --features"


@pytest.mark.parametrize(("record", "name"), [(record, name) for record in RECORDS for name in numbers_of(record)],
                         ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**30, 10**400, -1e300],
                         ids=lambda value: str(value)[:9])
def test_every_number_of_every_record_has_limits(record, name, value):
    with pytest.raises(UserError, match=f"{name.replace('_', '-')} must be .*. Received: .{{1,80}}$"):
        record(**{name: value})


def test_every_number_of_every_command_has_limits(mains):
    of_records = {name for record in RECORDS for name in numbers_of(record)}
    checked = 0
    for name, main in mains.items():
        for option in main.params:
            number = isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType))
            if number and option.name not in of_records:
                assert isinstance(option.type, click.IntRange), (name, option.name)
                assert None not in (option.type.min, option.type.max), (name, option.name)
                checked += 1
    assert checked > 5


def test_numbers_inside_words_have_limits():
    for parse, text in ((parse_shard, "1/" + "9" * 5000), (parse_sizes, "9" * 5000), (parse_sizes, "32," + "9" * 30)):
        with pytest.raises(UserError):
            parse(text)
    for text in ("1e400", "1001", "nan", ",".join(map(str, range(101)))):
        with pytest.raises(UserError, match="epsilons must be"):
            AttackSettings(epsilons=text)
    assert [config.epochs for config in scaled([RunConfig()], 1e-300)] == [1]


SUGGESTING = [("train", ["--list"]), ("label_stats", ["--label", "category"]),
              ("plot_results", ["--figure", "learning-curves"]), ("make_labels", ["--label", "lowdim", "--format", "png"]),
              ("make_labels", ["--label", "lowdim", "--format", "png", "--names", "a b,c"])]


@pytest.mark.parametrize(("name", "words"), SUGGESTING, ids=lambda value: value if isinstance(value, str) else value[0])
def test_a_command_ends_with_what_to_type_next(mains, name, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "output")
    result = CliRunner().invoke(mains[name], words)
    assert result.exit_code == 0, result.output
    end = result.output[result.output.rindex("\nNext: "):]
    suggestions = re.findall(r"^(?:Next:|     ) python scripts/(\w+)\.py ?(.*)$", end, re.MULTILINE)
    assert len(suggestions) == end.count("\n") - 1
    for script, line in suggestions:
        mains[script].make_context(script, shlex.split(line))  # parses


@pytest.mark.parametrize(("preprocessing", "attacks"), [("dataset", 1), ("per-image", 0)])
def test_an_attack_is_suggested_where_there_is_one(mains, preprocessing, attacks, tmp_path):
    """Attacks do not know the crop of per-image preprocessing, which the experiments after Zhang et al. use."""
    config = RunConfig(dataset="cifar10", label="category", epochs=1, preprocessing=preprocessing)
    run = RunDirectory.of(config, tmp_path)
    run.write_json("config.json", config.to_dict())
    run.write_json("metrics.json", {"test_accuracy": 0.9, "test_threshold_accuracy": None, "train_seconds": 1})
    words = ["--dataset", "cifar10", "--label", "category", "--epochs", "1", "--preprocessing", preprocessing]
    result = CliRunner().invoke(mains["train"], [*words, "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.output.count("scripts/attack.py") == attacks


def test_a_trial_is_suggested_by_its_own_name(mains, tmp_path):
    cells = scaled(EXPERIMENTS["quickstart"](), 0.1)
    for config in cells:
        run = RunDirectory.of(config, tmp_path)
        run.write_json("config.json", config.to_dict())
        run.write_json("metrics.json", {"test_accuracy": 0.9, "test_threshold_accuracy": None, "train_seconds": 1})
    result = CliRunner().invoke(mains["train"], ["--experiment", "quickstart", "--scale", "0.1", "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "plot_results.py --experiment quickstart-trial" in result.output


@pytest.mark.parametrize(("name", "words", "message"), [
    ("train", ["--data-dir", "."], "needs none"), ("report", ["--project", "."], "--publish and --page"),
    ("attack", ["x", "--no-transfer", "--transfer-from", "y"], "Leave one of them out")])
def test_options_that_do_nothing_are_refused(mains, name, words, message, tmp_path):
    write_run(tmp_path)
    words = [str(next((tmp_path / "runs").iterdir())) if word == "x" else word for word in words]
    result = CliRunner().invoke(mains[name], [*words, "--output", str(tmp_path)])
    assert (result.exit_code, message in result.output) == (2, True), result.output


def test_statistics_do_not_overwrite_the_names_of_a_label_table(mains, tmp_path):
    assert CliRunner().invoke(mains["make_labels"], ["--label", "random", "--names", "a,b", "--format", "png", "--output",
                                                     str(tmp_path)]).exit_code == 0
    table = next(tmp_path.glob("*.npy"))
    before = table.with_suffix(".json").read_text()
    result = CliRunner().invoke(mains["label_stats"], [str(table), "--output", str(table.with_suffix(".csv"))])
    assert (result.exit_code, "belongs to the label table" in result.output) == (2, True), result.output
    assert table.with_suffix(".json").read_text() == before
