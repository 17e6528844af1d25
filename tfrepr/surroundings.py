"""What a process finds around it: environment variables, a user's Keras configuration, folders for caches, huge memory pages.

Libraries read most of this when they are imported, so `prepare` is called by the package itself, before anything else. The
module imports the standard library alone.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from tfrepr.errors import UserError, how_to_install

BACKENDS = ("tensorflow", "jax")
KERAS_DEFAULTS = {"image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-7}
"""What models and losses here are written for; a user's keras.json may say something else."""
KERAS_CHOICES = {"image_data_format": ("channels_last", "channels_first"), "floatx": ("float16", "float32", "float64")}
"""Keras stops with a traceback at any other value in keras.json."""
KERAS_LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")
"""Debugging switches that would train something else under the same run name."""
HUGE_PAGES = "glibc.malloc.hugetlb=1"
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
NOISE = re.compile(rb"WARNING: All log messages before absl::InitializeLog|I\d{4} [\d:. ]+\S+\.cc:\d+\]"
                   rb"|[EW]\d{4} [\d:. ]+(?:cuda_\w+|computation_placer)\.cc:\d+\].*(?:Unable to register|already registered)")
"""How lines begin that TensorFlow writes on being imported, whatever the log level, on machines with nothing wrong."""


def prepare() -> None:
    """Sets the environment variables that libraries read when they are imported, for this process and its children."""
    os.environ.setdefault(LOG_LEVEL, "3")
    os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
    for name in KERAS_LIMITS:
        os.environ.pop(name, None)
    _prepare_folders()


def prepare_command() -> None:
    """Gives Matplotlib its Agg backend, whatever `MPLBACKEND` says, and keeps TensorFlow's first words off the terminal.

    Commands write figures to files and never show them, and notebooks export a backend to their commands that exists in the
    notebook's own environment only. In the process of a notebook it stays as it is, and so it does in a program that imports
    the package.
    """
    if "IPython" not in sys.modules:
        os.environ["MPLBACKEND"] = "agg"
    if os.environ.get(LOG_LEVEL) == "3" and not any(isinstance(finder, QuietTensorFlow) for finder in sys.meta_path):
        sys.meta_path.insert(0, QuietTensorFlow())


class QuietTensorFlow:
    """Finds TensorFlow like Python itself, and leaves the lines of `NOISE` out of what its import writes to standard error."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Python asks every finder of `sys.meta_path` in turn; this one takes itself out when it is asked for TensorFlow."""
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def quietly(module: ModuleType) -> None:
                with noise_left_out():
                    execute(module)

            spec.loader.exec_module = quietly
        return spec


@contextmanager
def noise_left_out() -> Iterator[None]:
    """Keeps what is written to standard error, by C++ code too, and lets through at the end what is no `NOISE`."""
    try:
        usual = os.dup(2)
    except OSError:  # closed
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(usual, 2)
            os.close(usual)
            kept.seek(0)
            for line in kept:
                if not NOISE.match(line):
                    os.write(2, line)


def _prepare_folders() -> None:
    """Lets caches go to a private folder where the user's own cannot be written; librosa cannot be imported without one."""
    homeless = os.path.expanduser("~") == "~"  # no HOME, and nobody knows the user's number
    if not homeless and is_writable(cache_root()):
        return
    try:
        folder = _private_folder()
    except OSError:  # no folder for temporary files either: `check` tells
        return
    if homeless:
        os.environ["HOME"] = str(folder)
    if not is_writable(cache_root()):
        os.environ["XDG_CACHE_HOME"] = str(folder)
        os.environ.setdefault("NUMBA_CACHE_DIR", str(folder / "numba"))
        os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))


def check() -> None:
    """Looks for surroundings in which Keras or librosa could not be imported.

    Raises:
        UserError: No folder for caches can be written, `KERAS_BACKEND` names a backend that is not supported or not
            installed, or keras.json holds a value that Keras refuses.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    check_backend(backend)
    if backend == "jax" and find_spec("jax") is None:
        raise UserError(f"KERAS_BACKEND=jax needs the package jax. {how_to_install('jax')} Or set KERAS_BACKEND=tensorflow.")
    if not is_writable(cache_root()):
        raise UserError(f"Neither {cache_root()} nor a folder for temporary files can be written. Set XDG_CACHE_HOME or TMPDIR "
                        "to a folder that can.")
    path = keras_home() / "keras.json"
    if not path.is_file():  # a pipe would be waited for
        return
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Keras takes its defaults as well
        return
    if reason := _refused(values):
        raise UserError(f"Keras cannot read {path}: {reason}. Mend or remove the file; tfrepr needs nothing of it.")


def check_backend(backend: str) -> None:
    """Raises UserError unless models can be trained on this Keras backend."""
    if backend not in BACKENDS:
        raise UserError(f"Keras's backend must be {' or '.join(BACKENDS)}. Received: {backend!r}. Set KERAS_BACKEND=tensorflow "
                        "(a notebook that has imported Keras must be restarted first).")


def set_keras_defaults() -> dict[str, Any]:
    """Gives Keras the defaults that the program is written for, in place of those of a user's keras.json.

    Returns:
        What was set, for the environment record.
    """
    import keras

    keras.config.set_image_data_format(KERAS_DEFAULTS["image_data_format"])
    keras.config.set_floatx(KERAS_DEFAULTS["floatx"])
    keras.config.set_epsilon(KERAS_DEFAULTS["epsilon"])
    if not keras.config.dtype_policy().name.startswith("mixed_"):  # --mixed-precision, see `devices.compute_types`
        keras.config.set_dtype_policy(KERAS_DEFAULTS["floatx"])
    return dict(KERAS_DEFAULTS)


def huge_pages() -> dict[str, str]:
    """The environment variable with which a new process may use huge memory pages (Linux with the GNU C library).

    Activations of tens of megabytes are allocated and freed in every training step; on huge pages a step of ResNet-32 on a
    CPU takes about 5% less time. The C library reads the variable only when a process starts, and offers no other way: the
    settings of `mallopt` give none, and moving the pages of a running process costs it seconds. A GLIBC_TUNABLES of the
    user's own is left alone.
    """
    return {"GLIBC_TUNABLES": HUGE_PAGES} if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ else {}


def is_plain_command_line() -> bool:
    """Whether this process is `python SCRIPT ARGUMENTS` and nothing else, so that it may be started anew.

    A notebook's process, a debugger, a profiler, coverage and an interpreter with flags of its own would be lost.
    """
    return sys.orig_argv[1:] == sys.argv


def keras_home() -> Path:
    """Keras's folder of configuration and downloads, by Keras's rule."""
    home = os.environ.get("KERAS_HOME")
    if home is None:
        user = os.path.expanduser("~")
        home = os.path.join(user if os.access(user, os.W_OK) else "/tmp", ".keras")
    return Path(os.path.expanduser(home))


def cache_root() -> Path:
    """The user's folder for caches."""
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"))


def is_writable(folder: Path) -> bool:
    """Whether files can be written to the folder, which need not exist yet."""
    place = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))  # also where nobody may look
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _private_folder() -> Path:
    """A folder for this user alone among the temporary files.

    Numba runs what it finds in its cache: nobody else may have made the folder, or may write to it.
    """
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"tfrepr-{owner}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if os.name == "posix" and (not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077):
        return Path(tempfile.mkdtemp(prefix="tfrepr-"))
    return folder


def _refused(values: Any) -> str | None:
    """Why Keras refuses the content of keras.json; None where it does not."""
    if not isinstance(values, dict):
        return "it is no JSON object"
    for name, choices in KERAS_CHOICES.items():
        if name in values and values[name] not in choices:
            return f"{name} must be one of {', '.join(choices)}, received {values[name]!r}"
    if not isinstance(values.get("epsilon", 1e-7), float):
        return f"epsilon must be a number with a decimal point, received {values['epsilon']!r}"
    return None
