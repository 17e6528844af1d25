"""One registry for each kind of thing that has a name: labels, encoders, data sets, experiments, figures, attacks."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from importlib import import_module
from typing import Generic, TypeVar

from tfrepr.errors import UserError

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Names and what they stand for, in the order of registration.

    A registered function is described by the first line of its docstring, which `--help` shows. Modules that register
    import Keras, TensorFlow and librosa only inside their functions, so that listing names stays fast.

    Args:
        kind: Singular noun for messages, for example `"encoder"`.
        package: The package whose import registers the entries; it is imported when the first name is asked for.

    Example:
        >>> SHAPES = Registry("shape")
        >>> @SHAPES.register("square")
        ... def square(side):
        ...     "Four equal sides."
        >>> SHAPES.names()
        ('square',)
    """

    def __init__(self, kind: str, package: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, Entry] = {}

    def _filled(self) -> dict[str, Entry]:
        if self._package is not None:
            package, self._package = self._package, None
            import_module(package)
        return self._entries

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Decorator that files its argument under `name`; a name is taken once."""

        def file_under_name(entry: Entry) -> Entry:
            if name in self._entries:
                raise KeyError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return file_under_name

    def __getitem__(self, name: str) -> Entry:
        """The entry called `name`.

        Raises:
            UserError: No such name; the message gives the nearest names and all that exist.
        """
        self.check(name)
        return self._filled()[name]

    def check(self, name: str) -> None:
        """Raises UserError unless `name` is registered."""
        if name not in self._filled():
            raise UserError(unknown_name(self.kind, name, self.names()))

    def names(self) -> tuple[str, ...]:
        """All names, in the order of registration."""
        return tuple(self._filled())

    def describe(self, name: str) -> str:
        """First line of the entry's docstring."""
        return ((self[name].__doc__ or "").strip().splitlines() or [""])[0]

    def __contains__(self, name: object) -> bool:
        return name in self._filled()

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())


def unknown_name(kind: str, received: str, allowed: tuple[str, ...]) -> str:
    """Message for a name that does not exist, with the nearest valid ones first."""
    nearest = get_close_matches(str(received), allowed, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(name) for name in nearest)}?" if nearest else ""
    return f"Unknown {kind} {received!r}.{hint} Choose one of: {', '.join(allowed)}."


LABELS: Registry = Registry("label", "tfrepr.labels")
ENCODERS: Registry = Registry("encoder", "tfrepr.models.encoders")
DATASETS: Registry = Registry("dataset", "tfrepr.data.sources")
CORRUPTIONS: Registry = Registry("corruption", "tfrepr.data.corruption")
PROTOCOLS: Registry = Registry("attack protocol", "tfrepr.attacks.protocols")
EXPERIMENTS: Registry = Registry("experiment", "tfrepr.experiments")
WEAK_EXPERIMENTS: Registry = Registry("experiment", "tfrepr.weak_labels.experiments")
FIGURES: Registry = Registry("figure", "tfrepr.figures")
