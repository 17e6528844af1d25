"""The notebook in examples/: its kept outputs, and, slowly, that it runs."""

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs the extra dev")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"
MOST_BYTES = 300_000


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def check(notebook):
    """Something to hear, something to see, and an answer in words."""
    found = outputs(notebook)
    assert not [output for output in found if output.output_type == "error"]
    assert sum("<audio" in output.get("data", {}).get("text/html", "") for output in found) == 2
    assert sum("image/png" in output.get("data", {}) for output in found) == 3
    assert "the same answers: True" in "".join(output.get("text", "") for output in found)


def test_the_notebook_keeps_its_outputs_and_is_small():
    check(nbformat.read(NOTEBOOK, 4))
    assert NOTEBOOK.stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="needs the extra dev")
    pytest.importorskip("ipykernel", reason="needs the extra dev")
    notebook = nbformat.read(NOTEBOOK, 4)
    place = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources=place)
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    check(notebook)
