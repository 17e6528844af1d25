"""A reader for pickles of plain values and numeric arrays that cannot run code.

A pickle may name any callable of the interpreter to be called while it loads. This reader hands out none: the four names by
which NumPy pickles arrays lead to small stand-ins of its own, which only collect shape, type and bytes; every other name is
refused before anything is called.

A few bytes of a pickle may also ask for gigabytes, or nest values so deeply that hashing them overflows the stack. Its
instructions are therefore counted first, without being carried out.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np

from tfrepr.errors import UserError

NUMERIC_TYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")
MOST_INSTRUCTIONS = 3_000_000
"""CIFAR-100's training file has about 250,000."""

MOST_TUPLES = 10_000
"""Tuples are what may nest as a key of a dictionary; an array takes five."""

NUMBERED = ("PUT", "BINPUT", "LONG_BINPUT")
"""Instructions that make the unpickler's memory of values as long as their argument."""


def load_arrays(blob: bytes, source: str) -> Any:
    """Reads one pickle of any protocol up to 4, written by Python 2 or 3.

    Args:
        blob: The pickle.
        source: What to call it in messages.

    Returns:
        The object: dict, list, tuple, str, bytes, int, ... and, for an array or an array in the dictionary, `numpy.ndarray` of
        integers. Python 2's strings are bytes.

    Raises:
        UserError: The pickle asks for anything else (the message names it), or it is damaged or out of all proportion.
    """
    try:
        _check_proportions(blob)
        return _finished(_ArrayUnpickler(blob, source).load())
    except UserError:
        raise
    except Exception as error:  # a damaged pickle makes the unpickler raise nearly anything
        raise UserError(f"{source} is damaged ({type(error).__name__}: {error}). Delete it and fetch it again.") from error


def _finished(value: Any) -> Any:
    """The value, with the stand-ins for arrays replaced by arrays."""
    if isinstance(value, dict):
        return {key: item.to_numpy() if isinstance(item, _Array) else item for key, item in value.items()}
    return value.to_numpy() if isinstance(value, _Array) else value


def _check_proportions(blob: bytes) -> None:
    """Raises UnpicklingError where loading would take far more memory than the pickle has bytes."""
    tuples = 0
    for count, (instruction, argument, _) in enumerate(pickletools.genops(blob), start=1):
        tuples += instruction.name.startswith("TUPLE")
        if count > MOST_INSTRUCTIONS or tuples > MOST_TUPLES or (instruction.name in NUMBERED and argument > MOST_INSTRUCTIONS):
            raise pickle.UnpicklingError("more values, or more deeply nested ones, than a data set has")


class _Type:
    """Stands in for a NumPy dtype."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "|"

    def __setstate__(self, state: tuple) -> None:
        self.order = _text(state[1])


class _Array:
    """Stands in for a NumPy array until its bytes have arrived."""

    def __setstate__(self, state: tuple) -> None:
        _version, self.shape, self.type, self.fortran_order, self.raw = state

    def to_numpy(self) -> np.ndarray:
        flat = np.frombuffer(self.raw, dtype=np.dtype(self.type.order + self.type.code))
        return flat.reshape(self.shape, order="F" if self.fortran_order else "C")


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


class _ArrayUnpickler(pickle.Unpickler):
    """Bound methods are what the pickle gets to call: it cannot change them, as it could functions and classes."""

    def __init__(self, blob: bytes, source: str) -> None:
        super().__init__(io.BytesIO(blob), encoding="bytes")
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        allowed = {("numpy", "ndarray"): self._array_class, ("numpy", "dtype"): self._dtype,
                   ("numpy.core.multiarray", "_reconstruct"): self._reconstruct,
                   ("numpy._core.multiarray", "_reconstruct"): self._reconstruct}
        if (module, name) not in allowed:
            raise UserError(f"{self._source} asks for {module}.{name}, which a data file has no use for; it was not loaded. "
                            "Fetch the official file instead.")
        return allowed[module, name]

    def _array_class(self, *arguments: Any) -> Any:
        raise pickle.UnpicklingError("an array that is built directly")

    def _reconstruct(self, array_class: Any, shape: tuple, code: bytes) -> _Array:
        return _Array()

    def _dtype(self, code: str | bytes, *flags: Any) -> _Type:
        if _text(code) not in NUMERIC_TYPES:
            raise UserError(f"{self._source} holds an array of type {_text(code)!r}; a data file has integers only. Fetch the "
                            "official file instead.")
        return _Type(_text(code))
