"""espeak-ng: golden samples, determinism, voices."""

import hashlib
import shutil
import subprocess
import sys

import click
import espeakng_loader
import numpy as np
import pytest
from click.testing import CliRunner

from tfrepr.cli import voice_list_option
from tfrepr.errors import UserError
from tfrepr.labels import espeak

GOLDEN = {"airplane": "16b4ad613a0560a4", "truck": "19f3e7abe7b3e907", "aquarium fish": "622aafbbef320c16",
          "seven": "ed74479c4e29e439"}


def digest(samples: np.ndarray) -> str:
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()[:16]


def test_samples_are_the_golden_ones():
    spoken = espeak.synthesize(list(GOLDEN))
    assert [digest(samples) for samples in spoken] == list(GOLDEN.values())
    assert spoken[0].shape == (14_594,)
    assert spoken[0].dtype == np.int16


def test_samples_do_not_depend_on_the_words_before_them():
    backwards = espeak.synthesize([*list(GOLDEN)[::-1], "truck"])
    assert [digest(samples) for samples in backwards] == [*list(GOLDEN.values())[::-1], GOLDEN["truck"]]


@pytest.mark.parametrize("voice", ["en-us+whisper", "en-us+Mr serious", "de", "fr", "ru", "ja"])
def test_every_voice_is_deterministic(voice):
    """Breathy voices draw noise, which a clock would seed."""
    first, second = espeak.synthesize(["zebra", "zebra"], voice=voice)
    np.testing.assert_array_equal(first, second)
    assert len(first) > 2_000
    assert digest(first) != digest(espeak.synthesize(["zebra"])[0])


def test_another_process_and_locale_give_the_same_samples():
    program = ("import hashlib; from tfrepr.labels import espeak; "
               "print(hashlib.sha256(espeak.synthesize(['Käse'], voice='de')[0].tobytes()).hexdigest()[:16])")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                          env={"LC_ALL": "C", "PYTHONPATH": ":".join(sys.path)})
    assert done.stdout.strip() == digest(espeak.synthesize(["Käse"], voice="de")[0])


def test_rate_and_pitch_change_the_speech():
    plain, slow, high = (espeak.synthesize(["truck"], **options)[0] for options in ({}, {"rate": 90}, {"pitch": 90}))
    assert len(slow) > len(plain)
    assert digest(high) != digest(plain)


def test_the_data_may_lie_at_a_long_path(tmp_path, monkeypatch):
    """espeak-ng itself fails where the path has 160 characters or more."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    shutil.copytree(espeakng_loader.get_data_path(), deep / "espeak-ng-data")
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep / "espeak-ng-data"))
    assert digest(espeak.synthesize(["truck"])[0]) == GOLDEN["truck"]


def test_missing_data_is_reported(tmp_path, monkeypatch):
    (tmp_path / "espeak-ng-data").mkdir()
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(tmp_path / "espeak-ng-data"))
    espeak.voices.cache_clear()
    with pytest.raises(UserError, match="cannot read its data"):
        espeak.voices()
    espeak.voices.cache_clear()


def test_a_missing_package_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(UserError, match="pip install espeakng-loader"):
        espeak.synthesize(["truck"])


@pytest.mark.parametrize(("voice", "hint"), [("en-gb", "en-gb-x-rp"), ("en_us", "Did you mean 'en-us'"), ("", "Choose one of"),
                                             ("en-us+nosuch", "variant"), ("en-us+whispr", "whisper"), ("EN-US", "en-us"),
                                             ("en-us+", "variant"), ("en-us+../../lang/roa/fr", "variant"), ("kaa", "kk")])
def test_voices_that_do_not_exist_are_refused(voice, hint):
    with pytest.raises(UserError, match=hint):
        espeak.check_voice(voice)


def test_the_list_shows_voices_languages_and_variants():
    shown = espeak.voice_list()
    assert "French (France)" in shown
    assert "whisper" in shown
    assert len(espeak.voices()) == 138


def test_a_command_can_list_the_voices():
    command = voice_list_option(click.Command("speak", params=[], callback=lambda: click.echo("spoken")))
    listed = CliRunner().invoke(command, ["--list-voices"])
    assert (listed.exit_code, listed.output.strip()) == (0, espeak.voice_list())
    assert CliRunner().invoke(command, []).output.strip() == "spoken"
