"""Experiments that train nothing: Tables 2 to 5."""

import pytest

from tfrepr.experiments import measurements
from tfrepr.labels import tables
from tfrepr.paper import TABLE_5
from tfrepr.report.pages import read_sources, section


@pytest.fixture
def output(tmp_path, monkeypatch):
    """Tables 3 to 5 of ResNet-32, Table 2 of two labels."""
    monkeypatch.setattr(measurements, "ENCODERS", ("resnet32",))
    monkeypatch.setattr(tables, "default_labels", lambda: ("category", "constant"))
    for name in ("table2", "tables3-5"):
        measurements.measure(name, tmp_path)
    return tmp_path


def test_rows_and_report(output):
    found = measurements.read_measurement("tables3-5", output)
    counts = {(row["table"], row["label"]): row["value"] for row in found if row["table"] != "Table 5"}
    assert counts == {("Table 3", "category"): 466_906, ("Table 3", "high-dimensional"): 579_577,
                      ("Table 4", "category"): 472_756, ("Table 4", "high-dimensional"): 579_577}
    layers = [tuple(row.values())[1:] for row in found if row["table"] == "Table 5"]
    assert layers == list(TABLE_5)
    sources = read_sources(output)
    parameters = section("tables3-5", sources)
    assert sum("| agrees |" in line for line in parameters) == 4 + 6
    statistics = "\n".join(section("table2", sources))
    assert "| constant, CIFAR-10, L1 | 26.07 ± 15.72 | 26.07 ± 15.72 | 0.00 | 10 labels |" in statistics
    assert "| category, CIFAR-100, entropy | 0.08 ± 0.00 | 0.08 ± 0.00 | 0.00 | 100 labels |" in statistics


@pytest.mark.parametrize("content", ["[{", "", "{}", "[1]", '[{"label": "speech"}]', "[" * 100_000])
def test_damaged_files_count_as_not_done(content, tmp_path, capsys):
    for name in ("table2", "tables3-5"):
        (tmp_path / f"{name}.json").write_text(content)
        assert measurements.read_measurement(name, tmp_path) == []
        assert f"scripts/train.py --experiment {name}" in capsys.readouterr().err
        (tmp_path / f"{name}.json").unlink()
        assert measurements.read_measurement(name, tmp_path) == []
    assert capsys.readouterr().err == ""
