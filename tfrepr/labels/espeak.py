"""Speech from espeak-ng, which pip installs with `espeakng-loader`: no network, no system package, no sound device.

The synthesis itself runs in `espeak_worker.py`, a separate process; see there for the reasons.
"""

import base64
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from tfrepr.errors import UserError
from tfrepr.registry import unknown_name

WORKER = Path(__file__).with_name("espeak_worker.py")
SAMPLE_RATE = 22_050
WITHOUT_DICTIONARY = {"fo", "kaa", "xex"}
"""Voices that espeak-ng 1.52 lists but cannot pronounce: its data holds no dictionary for them."""
SYLLABLES = {"CJK": "\u72d7\u732b", "HIRAGANA": "\u3044\u306c", "KATAKANA": "\u30c8\u30e9", "HANGUL": "\uac1c\ub098"}
"""Two letters of every script in which a word may sound as its letters one by one, by the first word of their Unicode names."""


def synthesize(words: Sequence[str], *, voice: str = "en-us", rate: int = 130, pitch: int = 50) -> list[np.ndarray]:
    """Speaks every word.

    The samples of a word depend on nothing but the arguments: not on the other words, their order or the process.

    Args:
        words: Texts to speak.
        voice: A name of `voices()`, optionally with a `+` and a name of `variants()`.
        rate: Words a minute.
        pitch: 0..99.

    Returns:
        For every word int16 samples at 22,050 Hz, `(samples,)`.

    Raises:
        UserError: Unknown voice or variant, or espeak-ng is not installed.
    """
    check_voice(voice)
    reply = _ask({"voice": voice, "rate": rate, "pitch": pitch, "texts": list(words)})
    return [np.frombuffer(base64.b64decode(samples), dtype="<i2") for samples in reply["samples"]]


@lru_cache(maxsize=1)
def voices() -> dict[str, str]:
    """Every voice name and the language it speaks, for example `{"fr": "French (France)", ...}`."""
    listed = {voice["file"].rpartition("/")[2].lower(): voice["name"].strip() for voice in _ask({})["voices"]}
    return {name: language for name, language in listed.items() if name not in WITHOUT_DICTIONARY}


@lru_cache(maxsize=1)
def variants() -> tuple[str, ...]:
    """Speaker variants that can follow a voice name, as in `en-us+f3`."""
    return tuple(sorted(path.name for path in (_data_folder() / "voices" / "!v").iterdir()))


def check_voice(voice: str) -> None:
    """Raises UserError unless voice and variant exist; espeak-ng itself accepts any variant and speaks without it."""
    name, plus, variant = voice.partition("+")
    if name not in voices():
        raise UserError(unknown_name("voice", name, tuple(voices())))
    if plus and variant not in variants():
        raise UserError(unknown_name(f"variant of voice {name!r}", variant, variants()))


def unsayable(words: Sequence[str], voice: str) -> list[str]:
    """The words that a voice spells letter by letter, or whose letters are all the same to it, such as "Chinese letter".

    Words in Latin letters are not looked at: every voice says them in its own way.
    """
    tokens = {word: [token for token in word.split() if not _is_latin(token)] for word in words}
    texts = sorted({text for found in tokens.values() for token in found for text in (token, *token, *_siblings(token))})
    said = dict(zip(texts, _phonemes(texts, [voice])[0] if texts else (), strict=True))
    return [word for word in words if any(_is_spelled(token, said) for token in tokens[word])]


def voices_that_say(word: str) -> list[str]:
    """The voices to which a word is one of their own language."""
    tokens = [token for token in word.split() if not _is_latin(token)]
    texts = sorted({text for token in tokens for text in (token, *token, *_siblings(token))})
    names = sorted(voices())
    return [name for name, found in zip(names, _phonemes(texts, names), strict=True)
            if not any("(" in text for text in found)
            and not any(_is_spelled(token, dict(zip(texts, found, strict=True))) for token in tokens)]


def _phonemes(texts: Sequence[str], names: Sequence[str]) -> list[list[str]]:
    return _ask({"phonemes": list(texts), "voices": list(names)})["phonemes"]


def _is_latin(token: str) -> bool:
    return all(unicodedata.name(char, "LATIN").startswith("LATIN") for char in token if char.isalpha())


def _siblings(token: str) -> tuple[str, ...]:
    """For a letter of a script with a letter a syllable or word: two others, of which at least one is not the letter itself."""
    kinds = {unicodedata.name(char, "").partition(" ")[0] for char in token}
    return tuple(letter for kind, letters in SYLLABLES.items() if kind in kinds for letter in letters)


def _is_spelled(token: str, said: dict[str, str]) -> bool:
    """Whether a token sounds as its letters one by one; in scripts whose words do, whether other letters sound the same."""
    siblings = _siblings(token)
    if siblings:
        return any(said[char] == said[other] for char in token for other in siblings if char != other)
    letters = [_bare(said[char]) for char in token]
    return len(token) > 1 and _bare(said[token]) == "".join(letters)


def _bare(phonemes: str) -> str:
    """Without pauses and changes of language."""
    return re.sub(r"\([a-z-]+\)|[\s_|:]", "", phonemes)


def voice_list() -> str:
    """All voices with their languages, and all variants, as text for a terminal."""
    width = max(map(len, voices()))
    lines = [f"  {name:{width}}  {language}" for name, language in sorted(voices().items())]
    return "\n".join(["Voices:", *lines, "Variants, added as in en-us+f3:", "  " + ", ".join(variants())])


def _data_folder() -> Path:
    try:
        import espeakng_loader
    except ImportError as error:
        raise UserError("Spoken labels need espeak-ng. Install it with `pip install espeakng-loader==0.2.4`, or give recorded "
                        "speech with --wav-dir.") from error
    return Path(espeakng_loader.get_data_path())


def _ask(request: dict) -> dict:
    """Sends one request to a new worker process.

    The worker runs in the folder that holds the data, which it names relative to it: espeak-ng fails where the path of the
    data has 160 characters or more.
    """
    data = _data_folder()
    import espeakng_loader

    request = {"library": espeakng_loader.get_library_path(), "data": data.name, **request}
    done = subprocess.run([sys.executable, "-I", "-S", str(WORKER.resolve())], input=json.dumps(request), cwd=data.parent,
                          capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"the espeak-ng worker ended with code {done.returncode}: {done.stderr[-2000:]}")
    reply = json.loads(done.stdout)
    if "error" in reply:
        raise UserError(reply["error"])
    return reply
