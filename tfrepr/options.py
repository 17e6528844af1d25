"""Option records: frozen dataclasses whose fields carry their own help text, choices and limits.

One declaration serves the constructor's validation, the JSON file, the command line (`tfrepr.cli.record_options`) and the
name of the run directory.
"""

import dataclasses
import hashlib
import json
import math
import typing
from collections.abc import Collection
from typing import Any

from tfrepr.errors import UserError
from tfrepr.reading import fits
from tfrepr.registry import unknown_name

MOST_EPOCHS = 100_000
MOST_STEPS = 10_000_000
MOST_IMAGES = 100_000_000
LARGEST_BATCH = 100_000
LARGEST_SEED = 2**32 - 1
LARGEST_RATE = 1e20
"""Limits of what commands take: far above any use, and below what overflows or never ends. Float32 reaches 3e38, so that a rate
which is far too high still ends in the message about a loss that diverged."""


def option(default: Any, help: str, *, choices: Any = None, at_least: float | None = None,
           at_most: float | None = None, above: float | None = None) -> Any:
    """A dataclass field with everything that the command line and the validation need.

    Args:
        default: The default value; None stands for "not given".
        help: One line for `--help`.
        choices: Allowed values, or a function that returns them (a registry's `names`).
        at_least, at_most, above: Inclusive and exclusive limits for numbers.
    """
    limits = {"at_least": at_least, "above": above, "at_most": at_most}
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices, "limits": limits})


def scaled(count: int, scale: float) -> int:
    """`count` times `scale`, rounded up, at least 1."""
    # Rounding first removes binary dust: 0.07 times 600 epochs are 42, not 43.
    return max(1, math.ceil(round(count * scale, 6)))


def choices_of(field: dataclasses.Field) -> tuple[str, ...] | None:
    """The allowed values of a field, or None where any value of the type is allowed."""
    choices = field.metadata.get("choices")
    return tuple(choices()) if callable(choices) else choices


def validate(record: Any) -> None:
    """Checks choices and limits of every field.

    Raises:
        UserError: Names the field, the value received and what is allowed.
    """
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if value is None:
            continue
        allowed = choices_of(field)
        if allowed is not None and value not in allowed:
            raise UserError(unknown_name(field.name.replace("_", "-"), value, allowed))
        limits = {key: limit for key, limit in field.metadata.get("limits", {}).items() if limit is not None}
        if limits:
            _check_number(field.name, value, limits)


def _check_number(name: str, value: Any, limits: dict[str, float]) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or (isinstance(value, float) and not math.isfinite(value)):
        raise UserError(f"{name.replace('_', '-')} must be a finite number. Received: {_cut(value)}.")
    inside = {"at_least": lambda limit: value >= limit, "at_most": lambda limit: value <= limit,
              "above": lambda limit: value > limit}
    if not all(inside[key](limit) for key, limit in limits.items()):
        wanted = " and ".join(f"{key.replace('_', ' ')} {limit:g}" if isinstance(limit, float) else
                              f"{key.replace('_', ' ')} {limit}" for key, limit in limits.items())
        raise UserError(f"{name.replace('_', '-')} must be {wanted}. Received: {_cut(value)}.")


def _cut(value: Any) -> str:
    """A value as it was typed, if that is short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"


def off_default(record: Any, default: Any = None) -> dict[str, Any]:
    """The fields of `record` that differ from `default` (from an all-default record of its class when not given)."""
    default = type(record)() if default is None else default
    pairs = ((field.name, getattr(record, field.name)) for field in dataclasses.fields(record))
    return {name: value for name, value in pairs if value != getattr(default, name)}


def plain_text(value: Any) -> Any:
    """A value that can be printed, compared and grouped: lists and objects become text, `[["cat", "dog"]]` `cat=dog`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ", ".join("=".join(map(str, item)) if isinstance(item, (list, tuple)) else str(item) for item in value)
    return value


def from_dict(record_class: type, values: dict[str, Any]) -> Any:
    """Builds a record from JSON values; lists become tuples, and the values of a record inside it that record.

    Raises:
        UserError: No object, a key that the record does not have, with the nearest valid ones, or a value of another type.
    """
    names, types = tuple(field.name for field in dataclasses.fields(record_class)), typing.get_type_hints(record_class)
    if not isinstance(values, dict):
        raise UserError(f"The values of a {record_class.__name__} must be an object. Received: {values!r}.")
    for key, value in values.items():
        if key not in names:
            raise UserError(unknown_name(f"{record_class.__name__} key", key, names))
        if not (dataclasses.is_dataclass(types[key]) or fits(value, types[key])):
            raise UserError(f"{key.replace('_', '-')} must be {getattr(types[key], '__name__', types[key])}. Received: "
                            f"{value!r}.")
    return record_class(**{key: from_dict(types[key], value) if dataclasses.is_dataclass(types[key]) else _tuples(value)
                           for key, value in values.items()})


def from_keywords(record_class: Any, values: dict[str, Any], kind: str, *, leave_out: Collection[str] = ()) -> Any:
    """A record of what a program gives by name.

    Args:
        record_class: An option record.
        values: Its fields.
        kind: What a field is called in the message.
        leave_out: Fields that cannot be given in this way.

    Raises:
        UserError: A name that is no field, or a value that is not allowed.
    """
    names = tuple(field.name for field in dataclasses.fields(record_class) if field.name not in leave_out)
    for name in values:
        if name not in names:
            raise UserError(unknown_name(kind, name, names))
    return record_class(**values)


def to_dict(record: Any) -> dict[str, Any]:
    """JSON values of every field; inverse of `from_dict`."""
    return json.loads(json.dumps(dataclasses.asdict(record)))


def digest(values: dict[str, Any]) -> str:
    """Eight hex digits that tell JSON values from any others."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
