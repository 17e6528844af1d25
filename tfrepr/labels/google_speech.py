"""Speech from Google Cloud Text-to-Speech, which the paper used; it needs an account, a network and an optional package.

The paper does not say which voice spoke its labels. Credentials are found by Google's own library in the environment; nothing
of them is read, shown or kept here.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrepr.errors import UserError, how_to_install

SAMPLE_RATE = 24_000
NORMAL_RATE = 130
NORMAL_PITCH = 50
SEMITONES = 0.4
"""Change for each step of our pitch scale: 0..99 covers Google's -20 to 20 semitones."""
HOW_TO_SET_UP = (f"{how_to_install('google')} Create a service account at "
                 "https://cloud.google.com/text-to-speech/docs and set GOOGLE_APPLICATION_CREDENTIALS to the path of its key.")


def request_for(word: str, *, voice: str, rate: int, pitch: int) -> dict[str, Any]:
    """The request that has one word spoken.

    Args:
        word: Text.
        voice: A language, such as `en-us`, whose default voice speaks, or one of Google's voices, such as `en-US-Wavenet-D`.
        rate: Words a minute, in proportion to 130, which stands for Google's normal speed.
        pitch: 0..99; 50 is the voice's own.
    """
    language, _, rest = voice.partition("-")
    region = rest.partition("-")[0]
    code = f"{language.lower()}-{region.upper()}" if region else language.lower()
    selection = {"language_code": code} | ({"name": voice} if voice.count("-") > 1 else {})
    return {"input": {"text": word}, "voice": selection,
            "audio_config": {"audio_encoding": "LINEAR16", "sample_rate_hertz": SAMPLE_RATE,
                             "speaking_rate": rate / NORMAL_RATE, "pitch": (pitch - NORMAL_PITCH) * SEMITONES}}


def synthesize(words: Sequence[str], *, voice: str, rate: int, pitch: int) -> list[np.ndarray]:
    """Has every word spoken by Google.

    Args:
        words: Texts.
        voice, rate, pitch: As for `request_for`.

    Returns:
        For every word int16 samples at 24,000 Hz, `(samples,)`.

    Raises:
        UserError: The package or the credentials are missing, or Google refuses.
    """
    import soundfile

    client, api_errors = _client()
    try:
        replies = [client.synthesize_speech(request=request_for(word, voice=voice, rate=rate, pitch=pitch)) for word in words]
    except api_errors as error:
        raise UserError(f"Google text-to-speech refused ({type(error).__name__}). Check network, project and --voice: a "
                        "language such as en-us, or a name of https://cloud.google.com/text-to-speech/docs/voices.") from None
    return [soundfile.read(io.BytesIO(reply.audio_content), dtype="int16")[0] for reply in replies]


def _client() -> tuple[Any, tuple[type[Exception], ...]]:
    """Google's client, and the errors that its calls raise; messages of Google's that could quote credentials are not shown."""
    try:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import texttospeech
    except ImportError as error:
        raise UserError(f"--tts google: the package google-cloud-texttospeech is not installed. {HOW_TO_SET_UP}") from error
    try:
        return texttospeech.TextToSpeechClient(), (GoogleAPIError, GoogleAuthError)
    except (GoogleAuthError, OSError, ValueError):
        raise UserError(f"--tts google: no usable Google Cloud credentials in the environment. {HOW_TO_SET_UP}") from None
