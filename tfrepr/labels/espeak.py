"""Speech from espeak-ng, which pip installs with `espeakng-loader`: no network, no system package, no sound device.

The synthesis itself runs in `espeak_worker.py`, a separate process; see there for the reasons.
"""

import base64
import json
import subprocess
import sys
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
