"""The errors that a user can cause.

Scripts show these as one message and leave with `exit_code`; every other exception is a defect of the program and keeps its
traceback. A message says what was received, what is allowed and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """Input that cannot be used: a name, a number, a file, a folder."""

    exit_code = 2


class RunRefusedError(UserError):
    """A run directory that may not be written: in use, made by another config, or not writable."""


class RunInUseError(RunRefusedError):
    """A run directory that another process works on at this moment."""


class TrainingDivergedError(UserError):
    """The training loss is no longer finite."""

    exit_code = 3


def how_to_install(extra: str) -> str:
    """What to type for the packages of an optional part, an extra of pyproject.toml."""
    return f"Install it in the project's folder with: pip install -e '.[{extra}]'."


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns what the operating system refuses (a full disk, a folder that may not be written) into a message.

    Raises:
        UserError: In place of an OSError.
    """
    try:
        yield
    except BrokenPipeError:  # nobody reads the output any more, which is no fault of a disk
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise UserError(f"{error.strerror or error}{where}. Earlier results are intact.") from error
