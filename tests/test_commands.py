"""`tfrepr`, the one name over all commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.synthetic_runs import write_run
from tfrepr.__main__ import COMMANDS, group
from tfrepr.cli import command_line
from tfrepr.versions import __version__

ROOT = Path(__file__).resolve().parents[1]


def tfrepr(*words):
    return CliRunner().invoke(group, words, prog_name="tfrepr")


def test_every_command_has_a_module_a_script_and_a_line_in_the_list():
    modules = {path.stem for path in (ROOT / "tfrepr" / "commands").glob("*.py")} - {"__init__"}
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    assert {name.replace("-", "_") for name in COMMANDS} == modules == scripts
    listed = dict(re.findall(r"^  ([a-z-]+)  +(\w.*)$", tfrepr("--help").output.partition("Commands:")[2], re.MULTILINE))
    assert listed == COMMANDS


def test_help_is_fast_and_imports_no_command():
    code = ("import sys; sys.argv = ['tfrepr', '--help']\nimport tfrepr.__main__ as m\ntry:\n    m.main()\nexcept SystemExit:\n"
            "    pass\nprint([name for name in ('keras', 'pandas', 'tfrepr.commands.train') if name in sys.modules])")
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    after = os.times()
    assert done.stdout.splitlines()[-1] == "[]"
    assert after.children_user + after.children_system - before.children_user - before.children_system < 0.8, "CPU seconds"


def test_every_command_answers_help_under_its_name():
    for name in (*COMMANDS, "plot_results"):
        result = tfrepr(name, "--help")
        assert result.exit_code == 0, result.output
        assert f"tfrepr {name}" in result.output


def test_an_unknown_command_is_told_what_there_is():
    result = tfrepr("trian")
    assert result.exit_code == 2
    assert "Did you mean 'train'? Choose one of: train, evaluate" in result.output


def test_the_version_is_that_of_pyproject():
    assert tfrepr("--version").output == f"tfrepr {__version__}\n"
    for name, line in (("pyproject.toml", f'version = "{__version__}"'), ("CITATION.cff", f"version: {__version__}")):
        assert line in (ROOT / name).read_text(encoding="utf-8").splitlines(), name
    assert re.search(rf"^## {re.escape(__version__)}$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_suggestions_begin_as_the_command_did():
    @click.group()
    def outer():
        pass

    @outer.command()
    def inner():
        click.echo(command_line("plot_results", experiment="quickstart"))

    for name in ("tfrepr", "python -m tfrepr"):
        assert CliRunner().invoke(outer, ["inner"], prog_name=name).output == f"{name} plot-results --experiment quickstart\n"
    assert CliRunner().invoke(inner, []).output == "python scripts/plot_results.py --experiment quickstart\n"


@pytest.mark.parametrize("name", ["../x", "", "a/b", "Small", "a--b", "-a", "small.npz", "klänge", "a\n"])
def test_a_name_that_is_no_plain_word_is_not_published(name, tmp_path):
    result = tfrepr("publish-weights", str(write_run(tmp_path)), f"--name={name}")
    assert result.exit_code == 2
    assert f"single hyphens between them, such as cifar10-resnet32-speech. Received: {name!r}" in result.output


def test_a_published_network_is_not_published_again(tmp_path):
    run = write_run(tmp_path)
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps(metrics | {"pretrained": "its SHA-256"}))
    result = tfrepr("publish-weights", str(run), "--name", "not-again")
    assert result.exit_code == 2
    assert "is a published network, whose weights are in half precision already. Name the run that was" in result.output
