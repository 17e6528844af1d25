"""Which network a checkpoint holds, and what becomes of runs whose files were lost, changed or exchanged."""

import hashlib
import io
import json
import shutil

import keras
import numpy as np
import pytest

from tfrepr.attacks.loading import check_attacked
from tfrepr.config import RunConfig
from tfrepr.errors import RunRefusedError, UserError
from tfrepr.results.tables import read_results
from tfrepr.runs import RunDirectory
from tfrepr.training.checkpoint import Checkpoint, Progress, load_model
from tfrepr.training.checkpoint_digest import checkpoint_digest
from tfrepr.training.loop import run_cell
from tfrepr.training.optimizer import SGD
from tfrepr.training.trained import TrainedModel

CONFIG = RunConfig(encoder="mlp1x512", label="lowdim", percent=5, epochs=1, learning_rate=0.01)
FIRST, SECOND = Progress(1, 1, 0.5, 1.0, 1.0), Progress(2, 1, 0.5, 1.0, 2.0)
"""After an epoch that is the best one, and after another that is worse."""


def checkpoint(folder, seed=0):
    """That of a network of six weights."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="head")])
    optimizer = SGD(0.1, 0.9, 0.0)
    optimizer.build(model.trainable_variables)
    return Checkpoint(RunDirectory(folder), model, optimizer)


@pytest.fixture
def unfinished(tmp_path):
    """A folder with the state after `SECOND`, and the best model of the first epoch."""
    made = checkpoint(tmp_path)
    made.save(FIRST, improved=True)
    made.save(SECOND, improved=False)
    return tmp_path


def foreign(path):
    checkpoint(path.parent, seed=1).model.save(path)


DAMAGES = {"lost": lambda path: path.unlink(), "cut off": lambda path: path.write_bytes(path.read_bytes()[:3000]),
           "empty": lambda path: path.write_bytes(b""), "foreign": foreign}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_best_model_is_noticed_before_hours_are_spent(damage, unfinished):
    DAMAGES[damage](unfinished / "best-00001.keras")
    state = (unfinished / "state.npz").read_bytes()
    with pytest.raises(UserError, match=r"best-00001\.keras, the best model of this unfinished run.*remove .*state\.npz"):
        checkpoint(unfinished).restore()
    assert (unfinished / "state.npz").read_bytes() == state
    (unfinished / "state.npz").unlink()
    assert checkpoint(unfinished).restore() == Progress(), "what the message says helps"


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_state_gives_back_a_best_model_of_its_own_epoch(damage, tmp_path):
    made = checkpoint(tmp_path)
    made.save(FIRST, improved=True)
    DAMAGES[damage](tmp_path / "best-00001.keras")
    assert checkpoint(tmp_path, seed=2).restore() == FIRST
    for own, theirs in zip(load_model(tmp_path / "best-00001.keras").get_weights(), made.model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, theirs)


def test_after_a_kill_at_the_end_the_best_model_has_its_last_name(unfinished):
    best = checkpoint_digest(unfinished / "best-00001.keras")
    for _ in range(2):
        again = checkpoint(unfinished)
        again.finish(again.restore())
        assert checkpoint_digest(unfinished / "best.keras") == best
    foreign(unfinished / "best.keras")
    with pytest.raises(UserError, match="lost, damaged or another one"):
        checkpoint(unfinished).restore()


def test_a_state_of_an_older_version_is_read(unfinished):
    with np.load(unfinished / "state.npz") as state:
        older = {name: state[name] for name in state.files if name != "best"}
    np.savez(unfinished / "state.npz", **older)
    assert checkpoint(unfinished).restore() == SECOND


def test_damaged_states_say_what_to_do(unfinished):
    with np.load(unfinished / "state.npz") as state:
        arrays = dict(state)
    for changes in ({"progress": np.array("[" * 5000)}, {"progress": np.array('{"epoch": "two"}')},
                    {"variable00000": np.array(["a"])}, {"progress": np.array(json.dumps({"epoch": 2}))}):
        content = io.BytesIO()
        np.savez(content, **{**arrays, **changes})
        for damaged in (content.getvalue(), content.getvalue()[:500]):
            (unfinished / "state.npz").write_bytes(damaged)
            with pytest.raises(UserError, match=r"state\.npz is damaged .* Remove it to train from the start"):
                checkpoint(unfinished).restore()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run."""
    return run_cell(CONFIG, tmp_path_factory.mktemp("finished"))


def test_equal_runs_have_equal_digests_and_other_seeds_have_others(finished, tmp_path):
    digests = finished.metrics()["checkpoints"]
    assert digests == {name: checkpoint_digest(finished / name) for name in ("best.keras", "last.keras")}
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])  # moves on Keras's numbering of names
    assert run_cell(CONFIG, tmp_path).metrics()["checkpoints"] == digests
    assert run_cell(CONFIG.replace(seed=1), tmp_path).metrics()["checkpoints"] != digests


@pytest.fixture
def copy(finished, tmp_path):
    return RunDirectory(shutil.copytree(finished.path, tmp_path / "run"))


@pytest.mark.parametrize("name", ["best.keras", "last.keras"])
def test_another_checkpoint_under_the_same_name_is_refused(name, copy):
    load_model(copy / name)
    model = keras.models.load_model(copy / name)
    model.weights[-1].assign(model.weights[-1] + 1e-3)
    model.save(copy / name)
    with pytest.raises(UserError, match=rf"{name} is not the checkpoint that metrics\.json was written for"):
        load_model(copy / name)
    if name == "best.keras":
        with pytest.raises(UserError, match="Put the right file back"):
            TrainedModel.load(copy)


def test_a_run_without_a_digest_is_read_unless_the_network_does_not_fit(copy):
    metrics = copy.metrics()
    del metrics["checkpoints"]
    copy.write_json("metrics.json", metrics)
    assert TrainedModel.load(copy).image_shape == (32, 32, 3)
    foreign(copy / "best.keras")
    with pytest.raises(UserError, match=r"another architecture: output \(2,\)"):
        TrainedModel.load(copy)


def test_a_run_that_goes_on_elsewhere_keeps_both_environments(tmp_path):
    run, here = RunDirectory(tmp_path), {"backend": "tensorflow", "device": "CPU", "versions": {"keras": "3"}, "commit": None}
    there = here | {"backend": "jax", "device": "GPU"}
    run.write_json("environment.json", here | {"data_variant": "digits"})
    plain = (run / "environment.json").read_bytes()
    run.note_resumption(here, "epoch", 4)
    assert (run / "environment.json").read_bytes() == plain, "nothing changed"
    run.note_resumption(there, "epoch", 4)
    run.note_resumption(there, "epoch", 6)
    moved = {"from_epoch": 4, "backend": "jax", "device": "GPU"}
    assert run.environment() == {**here, "data_variant": "digits", "resumed": [moved]}
    run.note_resumption(here, "epoch", 7)
    assert run.environment()["resumed"] == [moved, {"from_epoch": 7, "backend": "tensorflow", "device": "CPU"}]
    run.note_resumption(there, "epoch", 7)
    assert run.environment()["resumed"] == [moved], "nothing was trained by the one before"
    run.note_resumption(there, "epoch", 1)
    assert run.environment() == there | {"data_variant": "digits"}


def test_training_notes_where_it_goes_on(finished, tmp_path):
    config = CONFIG.replace(epochs=2)
    run = RunDirectory.of(config, tmp_path)
    shutil.copytree(finished.path, run.path)
    (run / "metrics.json").unlink()
    run.write_json("config.json", config.to_dict())
    run.write_json("environment.json", run.environment() | {"backend": "jax"})
    model, optimizer = load_model(run / "last.keras"), SGD(0.01, 0.9, 1e-4)
    optimizer.build(model.trainable_variables)
    Checkpoint(run, model, optimizer).save(FIRST, improved=True)
    environment = run_cell(config, tmp_path).environment()
    assert (environment["backend"], environment["resumed"]) == ("jax", [{"from_epoch": 2, "backend": "tensorflow"}])


def test_the_table_of_runs_shows_both_backends(copy):
    copy.write_json("environment.json", copy.environment() | {"resumed": [{"from_epoch": 4, "backend": "jax"}]})
    row = read_results([copy.path]).runs.iloc[0]
    assert row["backend"] == "tensorflow, from epoch 4 jax"
    assert "from epoch" not in row["device"]


def test_attacks_noted_with_the_digest_of_the_whole_file_go_on(copy):
    (copy / "attacks.csv").touch()
    for digest in (checkpoint_digest(copy / "best.keras"), hashlib.sha256((copy / "best.keras").read_bytes()).hexdigest()[:16]):
        copy.write_json("attacks.json", {"checkpoint": digest})
        check_attacked(copy)
    copy.write_json("attacks.json", {"checkpoint": "0" * 16})
    with pytest.raises(RunRefusedError, match="another checkpoint"):
        check_attacked(copy)
