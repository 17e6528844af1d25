"""Which word is spoken for each class."""

from collections.abc import Sequence

from tfrepr.errors import UserError
from tfrepr.names import normalised
from tfrepr.registry import unknown_name

MAX_CHARACTERS = 200


def spoken_words(class_names: Sequence[str], spoken: Sequence[tuple[str, str]] = ()) -> tuple[str, ...]:
    """The word of every class: its name or the one given in `spoken`, underscores as blanks.

    Names are compared, and words are spoken, in Unicode's composed form.

    Args:
        class_names: One name per class id.
        spoken: Pairs (class name, word), for example `("automobile", "car")`.

    Raises:
        UserError: An unknown or doubled class in `spoken`, or words that cannot be spoken; all of them are named.
    """
    class_names = tuple(map(normalised, class_names))
    override = _overrides(class_names, spoken)
    words = tuple(override.get(name, name).replace("_", " ").strip() for name in class_names)
    faults = [f"{name!r} ({fault})" for name, word in zip(class_names, words, strict=True) if (fault := _fault(word))]
    if faults:
        raise UserError(f"These class names cannot be spoken: {'; '.join(faults)}. "
                        f"Give each another word, for example --spoken NAME=WORD.")
    return words


def _overrides(class_names: tuple[str, ...], spoken: Sequence[tuple[str, str]]) -> dict[str, str]:
    override: dict[str, str] = {}
    for name, word in ((normalised(name), normalised(word)) for name, word in spoken):
        if name not in class_names:
            raise UserError("--spoken: " + unknown_name("class", name, class_names))
        if name in override:
            raise UserError(f"--spoken gives class {name!r} two words: {override[name]!r} and {word!r}. Keep one of them.")
        override[name] = word
    return override


def _fault(word: str) -> str | None:
    """Why espeak-ng could not say the word, or None: it would cut at NUL, and say nothing at all to punctuation."""
    if not word:
        return "empty"
    if "\0" in word:
        return "contains a NUL character"
    if not any(char.isalnum() for char in word):
        return "no letter or digit"
    if len(word) > MAX_CHARACTERS:
        return f"longer than {MAX_CHARACTERS} characters"
    if any("\ud800" <= char <= "\udfff" for char in word):
        return "not valid Unicode"
    return None
