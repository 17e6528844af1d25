"""What the program finds around it: notebooks, debuggers, a user's Keras settings, folders that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from tfrepr import surroundings
from tfrepr.cli import user_errors
from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation
from tfrepr.labels.cache import cache_folder
from tfrepr.labels.options import LabelOptions
from tfrepr.models.build import build_model
from tfrepr.training.checkpoint import load_model, save_model
from tfrepr.training.devices import Device, compute_types
from tfrepr.training.environment import describe_environment

ROOT = Path(__file__).resolve().parents[1]
SETTERS = {"image_data_format": keras.config.set_image_data_format, "floatx": keras.config.set_floatx,
           "epsilon": keras.config.set_epsilon}


@pytest.fixture(autouse=True)
def own_environment():
    """Changes of `os.environ` end with the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


# TensorFlow's first words


NOISE = ("WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
         "I0000 00:00:1795626734.115218   23677 port.cc:153] oneDNN custom operations are on. You may see slightly different\n"
         "I0000 00:00:1795626734.116058   23677 cudart_stub.cc:31] Could not find cuda drivers on your machine\n"
         "E0000 00:00:1795626734.116   2367 cuda_fft.cc:485] Unable to register cuFFT factory: Attempting to register\n"
         "W0000 00:00:1795626734.116   2367 computation_placer.cc:177] computation placer already registered.\n")
NEWS = "E0000 00:00:1795626734.116 2367 cuda_driver.cc:152] failed call to cuInit: CUDA_ERROR_UNKNOWN\nImportWarning: old\n"


def write_noisy_tensorflow(folder: Path, ending: str = "") -> dict[str, str]:
    """A module called tensorflow that writes to standard error as C++ code does; returns the variables that let it be found."""
    (folder / "tensorflow").mkdir()
    (folder / "tensorflow" / "__init__.py").write_text(f"import os\nos.write(2, {NOISE + NEWS!r}.encode())\n{ending}\n")
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def words_of(tmp_path: Path, ending: str = "", **variables: str) -> str:
    """What a command writes to standard error that imports such a module."""
    code = ("import sys, tfrepr.cli\ntry:\n    import tensorflow\nexcept ImportError:\n    pass\n"
            "sys.stderr.write('after I0000\\n')")
    environment = write_noisy_tensorflow(tmp_path, ending) | variables
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stderr


def test_the_processes_of_cells_are_as_quiet_as_the_command_that_starts_them(tmp_path):
    code = ("from tfrepr.running import cell_process\n"
            "cell_process.train = lambda task: int(__import__('tensorflow') is None)\ncell_process.main()")
    environment = write_noisy_tensorflow(tmp_path) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        process.stdin.write('{"config": {}, "output": "output"}\n')
        process.stdin.flush()  # and stays open: the process ends with its input
        assert process.wait() == 0
        assert process.stderr.read() == NEWS


@pytest.mark.parametrize("ending", ["", "raise ImportError('broken')"])
def test_only_known_noise_of_the_import_is_left_out(tmp_path, ending):
    assert words_of(tmp_path, ending, TF_CPP_MIN_LOG_LEVEL="3") == f"{NEWS}after I0000\n"


def test_whoever_asks_for_tensorflows_words_gets_all(tmp_path):
    assert words_of(tmp_path, TF_CPP_MIN_LOG_LEVEL="0") == f"{NOISE}{NEWS}after I0000\n"


# A process may be somebody else's


@pytest.fixture
def script(tmp_path):
    """A script like ours, which tells whether huge pages are on and which flags Python has, and goes on after its command."""
    path = tmp_path / "script.py"
    path.write_text(f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tfrepr.cli import start\n"
                    "start(lambda: print(os.environ.get('GLIBC_TUNABLES'), sys.flags.dev_mode, sys.argv[1:]))\n")
    (tmp_path / "notebook.py").write_text(f"import runpy, sys\nsys.argv = [{str(path)!r}, 'word']\nmine = 1\n"
                                          f"runpy.run_path({str(path)!r}, run_name='__main__')\nprint('alive', mine)\n")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for on Linux only")
@pytest.mark.parametrize(
    ("words", "said"),
    [(["script.py", "word"], f"{surroundings.HUGE_PAGES} False ['word']"),
     (["-X", "dev", "script.py", "word"], "None True ['word']"),
     (["-m", "cProfile", "script.py", "word"], "None False ['word']"),
     (["notebook.py"], "None False ['word']\nalive 1")],
    ids=["plain", "flags", "profiler", "notebook"],
)
def test_only_a_plain_command_line_is_started_anew(script, words, said):
    os.environ.pop("GLIBC_TUNABLES", None)
    done = subprocess.run([sys.executable, *words], cwd=script.parent, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(said), done.stdout


def test_every_script_starts_in_the_same_way():
    endings = {path.name: path.read_text(encoding="utf-8").rstrip().splitlines()[-1].strip()
               for path in (ROOT / "scripts").glob("*.py")}
    assert set(endings.values()) == {"start(main)"}, endings


# Matplotlib and Keras


def test_commands_draw_with_agg_and_leave_a_notebook_its_backend(monkeypatch):
    os.environ["MPLBACKEND"] = inline = "module://matplotlib_inline.backend_inline"
    with monkeypatch.context() as notebook:
        notebook.setitem(sys.modules, "IPython", ModuleType("IPython"))
        surroundings.prepare_command()
        assert os.environ["MPLBACKEND"] == inline
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    surroundings.prepare()
    assert os.environ["MPLBACKEND"] == inline, "a program that imports the package shows its own figures"
    surroundings.prepare_command()
    assert os.environ["MPLBACKEND"] == "agg"


def test_the_package_prepares_before_anything_is_imported():
    """A child with what a notebook exports, and with Keras's debugging switches."""
    environment = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline", "KERAS_BACKEND": "",
                   "KERAS_MAX_EPOCHS": "one", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    code = ("import sys, tfrepr.cli, tfrepr.running.cell_process, os, json\n"
            "print(json.dumps([sorted({'keras', 'matplotlib'} & set(sys.modules)), dict(os.environ)]))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    heavy, found = json.loads(done.stdout)
    assert heavy == []
    assert (found["MPLBACKEND"], found["KERAS_BACKEND"]) == ("agg", "tensorflow")
    assert not {"KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"} & set(found)


@pytest.fixture
def command():
    """Runs a command that does nothing; returns exit code and message."""
    import click

    done = click.command()(user_errors(lambda: None))

    def run() -> tuple[int, str]:
        result = CliRunner().invoke(done, [])
        return result.exit_code, " ".join(result.output.split())
    return run


@pytest.mark.parametrize("backend", ["torch", "numpy", "tensorfow", "module://x"])
def test_another_backend_is_refused_before_keras_is_imported(command, backend):
    os.environ["KERAS_BACKEND"] = backend
    code, message = command()
    assert code == 2
    for part in (repr(backend), "must be tensorflow or jax", "Set KERAS_BACKEND=tensorflow"):
        assert part in message


def test_a_backend_that_is_not_installed_says_how_to_get_it(command, monkeypatch):
    os.environ["KERAS_BACKEND"] = "jax"
    monkeypatch.setitem(sys.modules, "jax", None)
    code, message = command()
    assert code == 2
    assert "pip install -e '.[jax]'" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [('{"floatx": "float8"}', "floatx must be one of float16, float32, float64, received 'float8'"),
     ('{"image_data_format": null}', "image_data_format must be one of"),
     ('{"epsilon": 1}', "epsilon must be a number with a decimal point, received 1"), ("[]", "no JSON object"),
     ("{}", None), ('{"floatx": "float16", "backend": "torch"}', None), ("no JSON", None), ("\xff", None)],
)
def test_a_keras_json_that_keras_refuses_is_named(command, tmp_path, content, reason):
    (tmp_path / "keras.json").write_text(content, encoding="latin-1")
    os.environ["KERAS_HOME"] = str(tmp_path)
    code, message = command()
    assert code == (0 if reason is None else 2)
    if reason is not None:
        assert str(tmp_path / "keras.json") in message
        assert reason in message


@pytest.fixture
def users_settings():
    """Sets Keras as a user's keras.json may do it."""
    def change() -> None:
        for (_, setter), value in zip(SETTERS.items(), ("channels_first", "float64", 1e-2), strict=True):
            setter(value)
        keras.config.set_dtype_policy("float64")
    yield change
    surroundings.set_keras_defaults()


def keras_settings() -> dict[str, object]:
    return {"image_data_format": keras.config.image_data_format(), "floatx": keras.config.floatx(),
            "epsilon": keras.config.epsilon()}


def weights_and_loss(folder: Path, settings: Callable[[], None]) -> list[np.ndarray]:
    """Weights, outputs and losses of a network, and its outputs after it was stored, each made under the given settings."""
    settings()
    keras.utils.set_random_seed(0)
    category = build_representation("category", tuple("abcdefghij"), image_side=32, options=LabelOptions())
    model = build_model("alexnet-small", (32, 32, 3), category)
    images = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    outputs = model(images, training=True)
    save_model(model, folder / "model.keras")
    settings()
    again = load_model(folder / "model.keras")(images, training=True)
    assert keras_settings() == surroundings.KERAS_DEFAULTS, "what works on a loaded model needs them too"
    return [*model.get_weights(), *(keras.ops.convert_to_numpy(array)
                                    for array in (outputs, again, category.losses(np.array([1, 2]), outputs)))]


def test_a_users_keras_settings_change_no_network(users_settings, tmp_path):
    expected = weights_and_loss(tmp_path, surroundings.set_keras_defaults)
    found = weights_and_loss(tmp_path, users_settings)
    assert [array.dtype for array in found] == [array.dtype for array in expected]
    for ours, theirs in zip(expected, found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_environment_record_says_what_was_set(users_settings):
    users_settings()
    assert describe_environment(Device("cpu", "CPU", "tensorflow"))["keras_settings"] == surroundings.KERAS_DEFAULTS
    assert keras_settings() == {"image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-7}
    assert keras.config.dtype_policy().name == "float32"


def test_mixed_precision_outlives_the_defaults():
    with compute_types("bfloat16"):
        surroundings.set_keras_defaults()
        assert keras.config.dtype_policy().name == "mixed_bfloat16"


# Folders


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """An empty folder for temporary files, in a process whose caches are not set by other variables."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR", "TFREPR_CACHE"):
        os.environ.pop(name, None)
    return tmp_path


def test_a_home_that_can_be_written_keeps_its_caches(temporary):
    os.environ["HOME"] = str(temporary / "me")
    surroundings.prepare()
    assert cache_folder() == temporary / "me" / ".cache" / "tfrepr"
    assert not {"XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"} & set(os.environ)
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="homes and permissions of Linux and macOS")
def test_a_home_that_cannot_be_written_has_private_caches(temporary):
    os.environ["HOME"] = "/dev/null"
    surroundings.prepare()
    private = temporary / f"tfrepr-{os.getuid()}"
    assert os.environ["NUMBA_CACHE_DIR"] == str(private / "numba")
    assert os.environ["MPLCONFIGDIR"] == str(private / "matplotlib")
    assert cache_folder() == private / "tfrepr"
    assert os.environ["HOME"] == "/dev/null"
    assert private.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="homes and permissions of Linux and macOS")
def test_a_home_that_cannot_be_looked_at_is_no_error(temporary):
    """The system refuses the look itself, as it does for the home of somebody else."""
    os.environ["HOME"] = f"/{'x' * 300}"
    surroundings.prepare()


@pytest.mark.skipif(os.name != "posix", reason="homes and permissions of Linux and macOS")
def test_without_a_home_the_private_folder_is_home(temporary, monkeypatch):
    def nobody(_: int) -> None:
        raise KeyError("no such user")

    os.environ.pop("HOME", None)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    surroundings.prepare()
    assert Path.home() == temporary / f"tfrepr-{os.getuid()}"
    assert cache_folder() == Path.home() / ".cache" / "tfrepr"
    assert surroundings.keras_home() == Path.home() / ".keras"


@pytest.mark.skipif(os.name != "posix", reason="homes and permissions of Linux and macOS")
@pytest.mark.parametrize("kind", ["open to others", "link", "file"])
def test_a_folder_that_another_user_could_have_made_is_not_trusted(temporary, kind):
    """Numba unpickles what it finds in its cache."""
    planted = temporary / f"tfrepr-{os.getuid()}"
    if kind == "file":
        planted.touch()
    elif kind == "link":
        (temporary / "elsewhere").mkdir(mode=0o700)
        planted.symlink_to(temporary / "elsewhere")
    else:
        planted.mkdir()
        planted.chmod(0o777)
    os.environ["HOME"] = "/dev/null"
    surroundings.prepare()
    chosen = Path(os.environ["XDG_CACHE_HOME"])
    assert chosen.parent == temporary
    assert chosen != planted
    assert chosen.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="homes and permissions of Linux and macOS")
def test_without_any_folder_the_message_says_what_to_set(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null")
    os.environ["HOME"] = "/dev/null"
    surroundings.prepare()
    with pytest.raises(UserError, match="Set XDG_CACHE_HOME or TMPDIR"):
        surroundings.check()


@pytest.mark.skipif(not shutil.which("setpriv") or os.getuid() != 0, reason="root alone can become an unknown user")
def test_an_unknown_user_without_home_has_the_caches_of_librosa(tmp_path):
    """The capability lets the user read everything, but write nothing that is not the user's: the environment is read-only."""
    capability = "+dac_read_search"
    become = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", "--inh-caps", capability, "--ambient-caps",
              capability]
    (tmp_path / "compiled.py").write_text("import numba, pooch\n@numba.njit(cache=True)\ndef f(x):\n    return x\n"
                                          "print(pooch.os_cache('librosa').exists())\n")  # as librosa does on import
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]; import tfrepr, compiled"
    work = Path(tempfile.mkdtemp())
    os.chown(work, 54321, 54321)
    try:
        done = subprocess.run([*become, sys.executable, "-B", "-c", code], cwd=work, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "TMPDIR": str(work)}, check=False)
        assert done.stdout == "False\n", done.stderr
        assert [path.name for path in work.iterdir()] == ["tfrepr-54321"], "nothing else is left behind"
    finally:
        shutil.rmtree(work)


# A clone


@pytest.mark.parametrize(("name", "wanted"), [(".ci/environment", "eol: lf"), (".ci/run", "eol: lf"), ("a.csv", "eol: lf"),
                                              ("a.json", "eol: lf"), ("a.png", "text: unset"), ("a.npz", "text: unset")])
def test_a_clone_has_the_same_bytes_on_windows(name, wanted):
    try:
        done = subprocess.run(["git", "check-attr", "text", "eol", "--", name], cwd=ROOT, capture_output=True, text=True,
                              check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    assert f"{name}: {wanted}" in done.stdout
