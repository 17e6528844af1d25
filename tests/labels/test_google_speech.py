"""Google text-to-speech: the request, and what is said where package or credentials are missing. Nothing is sent."""

import sys

import pytest

from tfrepr.errors import UserError
from tfrepr.labels.google_speech import request_for, synthesize
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.speech import speech


def test_a_request_asks_for_the_papers_sound():
    assert request_for("aquarium fish", voice="en-us", rate=130, pitch=50) == {
        "input": {"text": "aquarium fish"}, "voice": {"language_code": "en-US"},
        "audio_config": {"audio_encoding": "LINEAR16", "sample_rate_hertz": 24_000, "speaking_rate": 1.0, "pitch": 0.0}}


def test_rate_and_pitch_are_in_googles_units():
    audio = request_for("dog", voice="en-us", rate=65, pitch=0)["audio_config"]
    assert (audio["speaking_rate"], audio["pitch"]) == (0.5, -20)


@pytest.mark.parametrize(("voice", "selection"), [("fr", {"language_code": "fr"}), ("de-DE", {"language_code": "de-DE"}),
                                                  ("es-419", {"language_code": "es-419"}),
                                                  ("en-GB-Wavenet-A", {"language_code": "en-GB", "name": "en-GB-Wavenet-A"})])
def test_a_voice_is_a_language_or_a_name(voice, selection):
    assert request_for("dog", voice=voice, rate=130, pitch=50)["voice"] == selection


def test_the_request_is_one_that_googles_library_takes():
    texttospeech = pytest.importorskip("google.cloud.texttospeech")
    request = texttospeech.SynthesizeSpeechRequest(request_for("dog", voice="en-US-Wavenet-D", rate=130, pitch=50))
    assert request.audio_config.audio_encoding == texttospeech.AudioEncoding.LINEAR16
    assert request.voice.name == "en-US-Wavenet-D"


def test_a_missing_package_is_explained(monkeypatch, tmp_path):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "google.cloud", None)
    with pytest.raises(UserError, match=r"pip install -e \'\.\[google\]\'"):
        speech(("dog", "cat"), 64, LabelOptions(tts="google"))


@pytest.mark.parametrize("content", [None, '{"private_key": "SECRET"}', "SECRET"])
def test_missing_credentials_are_explained_and_never_shown(monkeypatch, tmp_path, content):
    pytest.importorskip("google.cloud.texttospeech")
    key = tmp_path / "key.json"
    if content is not None:
        key.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(UserError, match="GOOGLE_APPLICATION_CREDENTIALS") as caught:
        synthesize(["dog"], voice="en-us", rate=130, pitch=50)
    assert "SECRET" not in str(caught.value)
    assert str(key) not in str(caught.value)
