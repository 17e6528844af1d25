"""What all commands share: options generated from option records, and errors without tracebacks."""

from __future__ import annotations

import dataclasses
import functools
import os
import shlex
import signal
import sys
import threading
import types
import typing
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tfrepr import surroundings
from tfrepr.errors import UserError, disk_errors
from tfrepr.files import user_path
from tfrepr.options import choices_of

surroundings.prepare_command()
for _name in ("stdout", "stderr"):
    if getattr(sys, _name) is None:  # closed by who started us (`>&-`); Python's own code and libraries write to them
        setattr(sys, _name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    elif hasattr(getattr(sys, _name), "reconfigure"):  # names of classes and folders, on a terminal that lacks their letters
        getattr(sys, _name).reconfigure(errors="backslashreplace")
READER_LEFT = 141
"""Exit code of a command whose output nobody reads any more: 128 and the number of SIGPIPE, as a shell reports it."""

USUAL_FOLDERS = {"output": "output", "plots": "plots"}
"""Where commands read and write unless an option of that name says otherwise."""

TOLD: set[str] = set()
"""Warnings that this process has shown. Python's own memory of them is lost whenever a library catches warnings."""


def _sentence(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
    """How a warning is shown, each once: what it says to the user; those for programmers keep their place in the code."""
    kind = "Warning" if issubclass(category, UserWarning) else f"{filename}:{lineno}: {category.__name__}"
    text = f"{kind}: {message}\n"
    if text in TOLD:
        return ""
    TOLD.add(text)
    return text


warnings.formatwarning = _sentence


def start(command: Callable) -> None:
    """Runs a command; a plain command line is first started anew with huge memory pages allowed."""
    only_help = {"-h", "--help"} & set(sys.argv)
    variables = surroundings.huge_pages()
    if variables and not only_help and surroundings.is_plain_command_line():
        os.environ.update(variables)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    command()


def user_errors(command: Callable) -> Callable:
    """Decorator: a `UserError`, a failing disk or an interruption becomes one message on standard error and an exit code.

    SIGTERM, which `kill`, `timeout` and schedulers of clusters send, ends a command in the same way as Ctrl-C. Where nobody
    reads the output any more, the command ends without a word.
    """

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            with _termination_raised(), disk_errors():
                surroundings.check()
                return command(*args, **kwargs)
        except UserError as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            sys.exit(error.exit_code)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still wants to write at the end
            sys.exit(READER_LEFT)
        except KeyboardInterrupt as interruption:
            click.secho("Interrupted. The same command goes on where this one stopped.", fg="yellow", err=True)
            sys.exit(128 + (signal.SIGTERM if isinstance(interruption, _Terminated) else signal.SIGINT))

    return guarded


class _Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


@contextmanager
def _termination_raised() -> Iterator[None]:
    """Raises `_Terminated` in the main thread when SIGTERM comes; a second one ends the process at once."""
    def stop(number: int, frame: types.FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise _Terminated

    usual = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and threading.current_thread() is threading.main_thread()
    if usual:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        if usual:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def record_options(record_class: type, *, leave_out: Collection[str] = ()) -> Callable[[Callable], Callable]:
    """Decorator: one click option for each field of an option record.

    Options that are not given arrive as None (or an empty tuple), so that the record's own defaults hold; collect them with
    `given`. A field of pairs becomes a repeatable `NAME=VALUE` option, a bool a flag.
    """
    types_of = typing.get_type_hints(record_class)
    fields = [field for field in dataclasses.fields(record_class) if "help" in field.metadata and field.name not in leave_out]

    def decorate(command: Callable) -> Callable:
        for field in reversed(fields):
            command = _click_option(field, types_of[field.name])(command)
        return command

    return decorate


def command(*, width: int = 110, **settings: Any) -> Callable[[Callable], click.Command]:
    """Decorator: a click command with what all have in common: `-h`, and lines of help that fit a wide terminal.

    Args:
        width: Characters of the longest line of its help.
        settings: Further arguments of `click.command`.
    """
    return click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": width}, **settings)


def output_option(described: str = "folder of all results, where run names are looked up") -> Callable[[Callable], Callable]:
    """Decorator: `--output`, the folder of all results."""
    return click.option("--output", type=FOLDER, default=Path(USUAL_FOLDERS["output"]), show_default=True, help=described)


def data_dir_option(described: str = "folder with the data of the run  [default: where its training found them]",
                    ) -> Callable[[Callable], Callable]:
    """Decorator: `--data-dir`, the folder with the data."""
    return click.option("--data-dir", type=PATH, default=None, help=described)


def voice_list_option(command: Callable) -> Callable:
    """Decorator: the flag `--list-voices`, which shows what `--voice` takes and leaves."""

    @user_errors
    def show(context: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted:
            from tfrepr.labels.espeak import voice_list

            click.echo(voice_list())
            context.exit()

    return click.option("--list-voices", is_flag=True, is_eager=True, expose_value=False, callback=show,
                        help="show the voices and languages that --voice takes, and leave")(command)


def command_line(command: str, *words: Any, **options: Any) -> str:
    """What to type for one of our commands, quoted for a shell: `python scripts/<command>.py WORD... --option VALUE...`.

    Where this process was started as `tfrepr <command>`, the suggestion begins in that way, too.

    Args:
        command: Module in `tfrepr.commands`.
        words: Arguments.
        options: None, False and the usual folders for results are left out; True is a flag.
    """
    parts = [str(word) for word in words]
    for name, value in options.items():
        if value is not None and value is not False and str(value) != USUAL_FOLDERS.get(name):
            parts += ["--" + name.replace("_", "-"), *([] if value is True else [str(value)])]
    return " ".join([*_started_as(command), *map(shlex.quote, parts)])


def _started_as(command: str) -> list[str]:
    context = click.get_current_context(silent=True)
    if context is None or context.parent is None:
        return ["python", f"scripts/{command}.py"]
    return [context.find_root().info_name, command.replace("_", "-")]


def say_next(*commands: str) -> None:
    """Ends a command: what a user may want to type now."""
    click.echo("Next: " + "\n      ".join(commands))


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that the user gave."""
    return {name: value for name, value in values.items() if value is not None and value != ()}


def record_from(record_class: type, options: dict[str, Any]) -> Any:
    """Builds an option record from its part of the given options, which is taken out of `options`."""
    names = [field.name for field in dataclasses.fields(record_class) if field.name in options]
    return record_class(**given({name: options.pop(name) for name in names}))


def _click_option(field: dataclasses.Field, annotation: Any) -> Callable:
    flag = "--" + field.name.replace("_", "-")
    help_text, allowed = field.metadata["help"], choices_of(field)
    if allowed is not None:
        help_text += f" ({', '.join(allowed)})"
    if field.default not in (None, (), False):
        help_text += f"  [default: {_shown(field.default)}]"
    plain = _plain_type(annotation)
    if plain is bool:
        return click.option(flag, is_flag=True, default=None, help=help_text)
    if plain is tuple:
        return click.option(flag, multiple=True, type=NAME_VALUE, help=help_text)
    return click.option(flag, type=TEXT if plain is str else plain, default=None, metavar=_metavar(allowed, plain),
                        help=help_text)


def _shown(default: Any) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)


def _metavar(allowed: tuple[str, ...] | None, plain: type) -> str:
    return "NAME" if allowed is not None else {int: "N", float: "X"}.get(plain, "TEXT")


def _plain_type(annotation: Any) -> type:
    """`int` for `int | None`, `tuple` for any tuple."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
    return typing.get_origin(annotation) or annotation


class _NameValue(click.ParamType):
    """`NAME=VALUE` as a pair of strings."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, sign, rest = value.partition("=")
        if not (name.strip() and sign and rest.strip()):
            self.fail(f"{value!r} is not of the form NAME=VALUE, for example automobile=car.", param, ctx)
        return name.strip(), rest.strip()


NAME_VALUE = _NameValue()


class _Text(click.ParamType):
    """A text that is not empty: an empty one, as of an unset variable of a shell, would pass for an option not given."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip():
            self.fail(f"{value!r} is an empty text. Write a value, or leave the option out.", param, ctx)
        return value


TEXT = _Text()


class _UserPath(click.ParamType):
    """A path; an empty one is refused, since it would mean the working directory.

    `~` stands for a home folder also where no shell has put it there, as in `--output=~/results`.

    Args:
        wanted: `"folder"` or `"file"` refuse the other one where it exists; `"path"` takes both.
    """

    def __init__(self, wanted: str) -> None:
        self.name = wanted

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if isinstance(value, str) and not value.strip():
            self.fail(f"{value!r} is an empty path. Write one (. for the working directory), or leave it out.", param, ctx)
        try:
            path = user_path(value)
        except UserError as error:
            self.fail(str(error), param, ctx)
        if self.name == "folder" and os.path.exists(path) and not os.path.isdir(path):
            self.fail(f"{value} is a file, and a folder is wanted.", param, ctx)
        if self.name == "file" and (os.path.isdir(path) or path.name in ("", "..")):
            self.fail(f"{value} is a folder, and a file is wanted.", param, ctx)
        return path


PATH, FOLDER, FILE = _UserPath("path"), _UserPath("folder"), _UserPath("file")
