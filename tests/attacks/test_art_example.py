"""The example that attacks with another library runs, and that library finds no more than we do."""

import re
import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "attack_with_art.py"


@pytest.mark.slow
def test_the_toolbox_attacks_the_scores_and_finds_no_more_than_we_do(monkeypatch, capsys):
    pytest.importorskip("art")
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 50
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    clean, theirs, ours = (float(text) for text in re.findall(r"([\d.]+)%", capsys.readouterr().out))
    assert clean >= 90
    assert ours <= theirs + 2 <= clean - 20, "the ratio of score differences has a gradient"
