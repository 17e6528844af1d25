"""One cell in a process of its own, which runs this module with the task as a line of JSON on its input.

The process ends when its input does, that is, when whoever started it is gone, however it went; a killed cell goes on later
where it stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tfrepr.config import RunConfig
from tfrepr.errors import RunInUseError, UserError, disk_errors
from tfrepr.surroundings import huge_pages, prepare_command

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tfrepr.running.cell_process"
START = (f"import sys; sys.path = [place for place in sys.path if place]; import runpy; "
         f"runpy.run_module({MODULE!r}, run_name='__main__')")
"""`python -m` would look for modules in the working directory first, where another clone may lie."""
IN_USE = 75
"""Exit code of a cell that another process works on (EX_TEMPFAIL of sysexits.h)."""


@dataclass(frozen=True)
class Task:
    """What a process is asked to train; JSON values only.

    Attributes:
        config: `RunConfig.to_dict`.
        output: Folder of all results.
        data_dir: Folder with the data set's files, if one was named.
        training: Further arguments of `tfrepr.training.loop.run_cell`, such as `tensorboard` and `strategy`.
    """

    config: dict[str, Any]
    output: str
    data_dir: str | None = None
    training: dict[str, Any] = field(default_factory=dict)

    def run(self, progress_bar: bool = False) -> None:
        """Trains the cell in this process.

        Raises:
            UserError: As `tfrepr.training.loop.run_cell`.
        """
        from tfrepr.training.loop import run_cell

        data_dir = Path(self.data_dir) if self.data_dir else None
        with disk_errors():
            run_cell(RunConfig.from_dict(self.config), Path(self.output), data_dir=data_dir, progress_bar=progress_bar,
                     **self.training)


class CellProcess:
    """A running child process.

    Args:
        task: What it trains.
        threads: Cores that it may use, None for all.
        gpu: The one GPU that it sees, as in `CUDA_VISIBLE_DEVICES`; None leaves them as they are.
    """

    def __init__(self, task: Task, *, threads: int | None = None, gpu: str | None = None) -> None:
        environment = {**os.environ, **huge_pages(), **thread_limits(threads)}
        if gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = gpu
        environment |= {"PYTHONPATH": python_path(), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen([sys.executable, "-c", START], env=environment, start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, encoding="utf-8", errors="replace")
        with contextlib.suppress(BrokenPipeError):  # it died at once: `follow` tells its exit code and last words
            self.process.stdin.write(json.dumps(asdict(task)) + "\n")
            self.process.stdin.flush()

    def follow(self, show: Callable[[str], None]) -> tuple[int, str]:
        """Hands every line of output on until the process ends.

        Returns:
            The exit code and the last line of output.
        """
        last = ""
        for line in self.process.stdout:
            if line.strip():
                last = line.rstrip()
                show(last)
        code = self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        if code < 0:
            last = f"killed by signal {-code}" + (" (often: no memory left)" if code == -9 else "")
        return code, last

    def kill(self) -> None:
        """Ends the process at once."""
        self.process.kill()


def python_path() -> str:
    """The variable `PYTHONPATH` with which a child finds the package: in its clone, or where Python looks by itself."""
    clone = None if str(ROOT) in {sysconfig.get_path(name) for name in ("purelib", "platlib")} else str(ROOT)
    return os.pathsep.join(filter(None, (clone, os.environ.get("PYTHONPATH"))))


def thread_limits(threads: int | None) -> Mapping[str, str]:
    """Environment variables, read when TensorFlow is loaded, that keep a process to so many cores, or to fewer if they do."""
    if threads is None:
        return {}
    return {name: str(min(threads, int(own)) if (own := os.environ.get(name, "")).isdecimal() and int(own) else threads)
            for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")}


def train(task: Task) -> int:
    """Trains the cell and prints errors; returns the exit code."""
    try:
        task.run()
    except RunInUseError as error:
        print(error)
        return IN_USE
    except UserError as error:
        print(f"Error: {error}")
        return error.exit_code
    except Exception as error:  # one cell's defect must not hide the others' results
        traceback.print_exc()
        print(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}", flush=True)
        return 1
    return 0


def main() -> None:
    """Reads the task, trains, and ends with its exit code."""
    prepare_command()
    task = Task(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.exit(train(task))


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
