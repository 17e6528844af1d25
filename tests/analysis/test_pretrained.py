"""Published networks: half-precision weights that commands take by name, and the files that the project itself publishes."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tfrepr.errors import UserError
from tfrepr.reading import read_arrays
from tfrepr.registry import DATASETS
from tfrepr.runs import RunDirectory
from tfrepr.selection import find_run
from tfrepr.training import pretrained
from tfrepr.training.pretrained import FOLDER, MOST_BYTES, pretrained_names, pretrained_run, publish_weights
from tfrepr.training.trained import TrainedModel

MOST_BYTES_IN_ALL = 8_000_000


@pytest.fixture(scope="module")
def published(spoken_run, tmp_path_factory):
    """A folder with the published network `small`, and its record."""
    folder = tmp_path_factory.mktemp("pretrained")
    return folder, publish_weights(spoken_run, "small", None, folder)


def test_the_weights_are_those_of_the_run_rounded_to_half_precision(published, spoken_run, tmp_path):
    folder, _ = published
    trained = TrainedModel.load(RunDirectory(pretrained_run("pretrained:small", tmp_path, folder)))
    original = TrainedModel.load(spoken_run)
    for ours, theirs in zip(trained.model.get_weights(), original.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs.astype(np.float16).astype(np.float32))
    assert trained.representation.fingerprint == original.representation.fingerprint
    assert (trained.mean, trained.std) == (original.mean, original.std)


def test_the_accuracy_in_the_record_is_that_of_exactly_these_weights(published, tmp_path):
    folder, record = published
    trained, digits = TrainedModel.load(RunDirectory(pretrained_run("small", tmp_path, folder))), DATASETS["digits"](None, None)
    outputs = np.concatenate(list(trained.outputs(digits.test_images)))
    right = np.mean(np.asarray(trained.representation.decode(outputs)) == digits.test_ids)
    assert record["metrics"]["test_accuracy"] == pytest.approx(right, abs=1e-9)
    assert record["metrics"]["test_images"] == len(digits.test_ids)


def test_a_network_is_unpacked_once_and_anew_where_its_file_is_another(published, tmp_path):
    folder, _ = published
    run = pretrained_run("small", tmp_path, folder)
    before = os.stat(run / "best.keras").st_mtime_ns
    assert pretrained_run("small", tmp_path, folder) == run
    assert os.stat(run / "best.keras").st_mtime_ns == before
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps(metrics | {"pretrained": "of an older version"}))
    pretrained_run("small", tmp_path, folder)
    assert os.stat(run / "best.keras").st_mtime_ns > before
    assert json.loads((run / "metrics.json").read_text())["pretrained"] == metrics["pretrained"]


def other_network(path):
    """A checkpoint that can be read, and is of other weights."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("config.json", "model.weights.h5"):
            archive.writestr(name, "other")


@pytest.mark.parametrize(("name", "damage"), [
    ("best.keras", Path.unlink), ("best.keras", other_network),
    *((name, lambda path: path.write_bytes(b"cut off"))
      for name in ("best.keras", "label_table.npy", "config.json", "environment.json", "metrics.json"))])
def test_a_network_with_a_lost_or_damaged_file_is_unpacked_anew(name, damage, published, tmp_path):
    folder, _ = published
    run = pretrained_run("small", tmp_path, folder)
    whole = TrainedModel.load(RunDirectory(run)).model.get_weights()
    damage(run / name)
    again = TrainedModel.load(RunDirectory(pretrained_run("small", tmp_path, folder))).model.get_weights()
    for before, after in zip(whole, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_it_is_found_while_another_process_works_on_it(published, tmp_path):
    folder, _ = published
    run = RunDirectory(pretrained_run("small", tmp_path, folder))
    with run.locked():
        assert pretrained_run("small", tmp_path, folder) == run.path


def test_commands_find_it_by_its_name(published, tmp_path, monkeypatch):
    folder, _ = published
    monkeypatch.setattr(pretrained.pretrained_run, "__defaults__", (folder,))
    monkeypatch.setattr(pretrained.pretrained_names, "__defaults__", (folder,))
    assert find_run(tmp_path, "pretrained:small") == tmp_path / "pretrained" / "small"


def test_an_unknown_name_and_a_damaged_file_are_said(published, tmp_path):
    folder, _ = published
    with pytest.raises(UserError, match=r"Unknown pretrained network 'pretrained:smal'.*'pretrained:small'"):
        pretrained_run("pretrained:smal", tmp_path, folder)
    with pytest.raises(UserError, match="has none at all"):
        pretrained_run("small", tmp_path, tmp_path)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "small.json").write_bytes((folder / "small.json").read_bytes())
    (copy / "small.npz").write_bytes((folder / "small.npz").read_bytes()[:-1])
    with pytest.raises(UserError, match=r"small\.npz.*SHA-256"):
        pretrained_run("small", tmp_path, copy)


def test_a_network_that_is_too_large_is_not_published(spoken_run, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "MOST_BYTES", 1000)
    with pytest.raises(UserError, match="at most 1,000"):
        publish_weights(spoken_run, "small", None, tmp_path)
    assert not list(tmp_path.iterdir())


def test_all_published_networks_together_stay_small():
    sizes = [path.stat().st_size for path in FOLDER.glob("*.npz")]
    assert len(sizes) == len(pretrained_names())
    assert max(sizes, default=0) <= MOST_BYTES
    assert sum(sizes) <= MOST_BYTES_IN_ALL


@pytest.mark.parametrize("name", pretrained_names())
def test_a_published_network_is_whole(name, tmp_path):
    record = json.loads((FOLDER / f"{name}.json").read_text())
    assert record["sha256"] == hashlib.sha256((FOLDER / f"{name}.npz").read_bytes()).hexdigest()
    assert abs(record["metrics"]["test_accuracy"] - record["float32_test_accuracy"]) < 0.002
    card = (Path(__file__).resolve().parents[2] / "MODEL_CARD.md").read_text(encoding="utf-8")
    row = next(line for line in card.splitlines() if line.startswith(f"| `{name}` |"))
    assert row.endswith(f"| {record['metrics']['test_accuracy']:.2%} |")
    assert read_arrays(FOLDER / f"{name}.npz")["label_table"].dtype == np.float32
    trained = TrainedModel.load(RunDirectory(pretrained_run(name, tmp_path)))
    answer = next(trained.outputs(np.zeros((1, *record["image_shape"]), np.uint8)))
    assert np.isfinite(answer).all()
