"""What all scripts share on the command line: options generated from option records, and errors without tracebacks."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import types
import typing
from collections.abc import Callable, Collection
from typing import Any

import click

from tfrepr import surroundings
from tfrepr.errors import UserError
from tfrepr.options import choices_of


def start(command: Callable) -> None:
    """Runs a script's command; a plain command line is first started anew with huge memory pages allowed."""
    only_help = {"-h", "--help"} & set(sys.argv)
    variables = surroundings.huge_pages()
    if variables and not only_help and surroundings.is_plain_command_line():
        os.environ.update(variables)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    command()


def user_errors(command: Callable) -> Callable:
    """Decorator: a `UserError` or a failing disk becomes one message on standard error and an exit code, no traceback."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            surroundings.check()
            return command(*args, **kwargs)
        except UserError as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            sys.exit(error.exit_code)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            click.secho(f"Error: {error.strerror or error}{where}. Earlier results are intact.", fg="red", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            click.secho("Interrupted. The same command goes on where this one stopped.", fg="yellow", err=True)
            sys.exit(130)

    return guarded


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
    return click.option(flag, type=plain, default=None, metavar=_metavar(allowed, plain), help=help_text)


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
