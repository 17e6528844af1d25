"""A separate program that speaks words with espeak-ng; `tfrepr.labels.espeak` runs it and talks to it through pipes.

It is a process of its own for three reasons: espeak-ng is GPL-3-or-later software that the package uses but does not link,
it changes the locale of its process, and it must be loaded afresh for every word. A second synthesis by one loaded library
gives other samples than the first (its noise generator and its parameter smoothing carry over); a library that was closed
and loaded again gives the same samples for the same word, in any order and in any process.

The request is a JSON object on standard input, the answer is JSON with base64 samples on standard output. Only the standard
library is imported, so that the program starts in milliseconds.
"""

import _ctypes
import base64
import ctypes
import json
import sys

SYNCHRONOUS_RETRIEVAL = 2  # espeak_AUDIO_OUTPUT: hand samples to the callback, return when done
DONT_EXIT = 0x8000  # espeak_Initialize: report a bad data path instead of ending the process
PARAMETER_RATE, PARAMETER_PITCH = 1, 3
POSITION_CHARACTER = 1
CHARS_UTF8 = 1
NOISE_SEED = 1

SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Voice(ctypes.Structure):
    """espeak_VOICE of speak_lib.h."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


def load(request: dict) -> tuple[ctypes.CDLL, int]:
    """A freshly loaded and initialised library, and its sampling rate in Hz."""
    library = ctypes.CDLL(request["library"])
    library.espeak_Initialize.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
    library.espeak_SetSynthCallback.argtypes = (SynthCallback,)
    library.espeak_SetVoiceByName.argtypes = (ctypes.c_char_p,)
    library.espeak_SetParameter.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    library.espeak_ng_SetRandSeed.argtypes = (ctypes.c_long,)
    library.espeak_Synth.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
                                     ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)
    library.espeak_TextToPhonemes.argtypes = (ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_ListVoices.argtypes = (ctypes.c_void_p,)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
    rate = library.espeak_Initialize(SYNCHRONOUS_RETRIEVAL, 0, request["data"].encode(), DONT_EXIT)
    if rate <= 0:
        raise RuntimeError(f"espeak-ng cannot read its data in {request['data']!r} (code {rate})")
    return library, rate


def unload(library: ctypes.CDLL) -> None:
    """Closes the library, so that the next `load` starts from fresh state."""
    library.espeak_Terminate()
    close = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary
    close(library._handle)


def speak(request: dict, text: str) -> tuple[bytes, int]:
    """The 16-bit samples of one text and their rate in Hz."""
    library, rate = load(request)
    samples = bytearray()

    @SynthCallback
    def collect(wave: ctypes.POINTER, count: int, events: int | None) -> int:
        if wave and count > 0:
            samples.extend(ctypes.string_at(wave, 2 * count))
        return 0

    library.espeak_SetSynthCallback(collect)
    library.espeak_ng_SetRandSeed(NOISE_SEED)
    if library.espeak_SetVoiceByName(request["voice"].encode()):
        raise RuntimeError(f"espeak-ng does not know the voice {request['voice']!r}")
    library.espeak_SetParameter(PARAMETER_RATE, request["rate"], 0)
    library.espeak_SetParameter(PARAMETER_PITCH, request["pitch"], 0)
    utf8 = text.encode()
    code = library.espeak_Synth(utf8, len(utf8) + 1, 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None)
    if code:
        raise RuntimeError(f"espeak-ng cannot say {text!r} (code {code})")
    unload(library)
    return bytes(samples), rate


def phonemes(request: dict) -> list[list[str]]:
    """How every voice would say every text, in espeak-ng's own phoneme names; nothing is synthesised."""
    library, _ = load(request)
    found = []
    for voice in request["voices"]:
        library.espeak_SetVoiceByName(voice.encode())
        found.append([])
        for text in request["phonemes"]:
            rest, parts = ctypes.c_char_p(text.encode()), []
            while rest.value:
                parts.append(library.espeak_TextToPhonemes(ctypes.byref(rest), CHARS_UTF8, 0) or b"")
            found[-1].append(b" ".join(parts).decode())
    return found


def list_voices(request: dict) -> list[dict]:
    """Name and voice file of every voice, without the variants."""
    library, _ = load(request)
    found, voices, index = library.espeak_ListVoices(None), [], 0
    while found[index]:
        voice = found[index].contents
        voices.append({"name": voice.name.decode(), "file": voice.identifier.decode()})
        index += 1
    return voices


def answer(request: dict) -> dict:
    """What was asked for: `voices`, `phonemes`, or `rate` and the samples of every text."""
    if "phonemes" in request:
        return {"phonemes": phonemes(request)}
    if "texts" not in request:
        return {"voices": list_voices(request)}
    spoken = [speak(request, text) for text in request["texts"]]
    return {"rate": spoken[0][1], "samples": [base64.b64encode(samples).decode() for samples, _ in spoken]}


def main() -> None:
    """Answers one request; a failure is an answer too."""
    try:
        reply = answer(json.load(sys.stdin))
    except (OSError, RuntimeError) as error:
        reply = {"error": str(error)}
    json.dump(reply, sys.stdout)


if __name__ == "__main__":
    main()
