"""The page of a run: examples of right and wrong answers, files beside it, nothing left of an older page."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.report.test_report import report
from tfrepr.analysis.speaking import Speaker
from tfrepr.errors import UserError
from tfrepr.registry import DATASETS
from tfrepr.report.page import chosen_run, examples
from tfrepr.report.page_media import gallery_png, mp3, spectrogram_png
from tfrepr.training.trained import TrainedModel


@pytest.fixture(scope="module")
def speaker(spoken_run):
    return Speaker(TrainedModel.load(spoken_run))


def test_examples_are_the_first_of_their_kind(speaker):
    digits = DATASETS["digits"](None, None)
    images, ids = digits.test_images[:150], digits.test_ids[:150]
    said = np.asarray(speaker.representation.decode(speaker.answers(images)))
    found = examples(speaker, images, ids)
    kinds = list(zip(ids.tolist(), (said == ids).tolist(), strict=True))
    assert {key: example.index for key, example in found.items()} == {kind: kinds.index(kind) for kind in set(kinds)}
    assert all((example.said == key[0]) == key[1] for key, example in found.items())


def test_a_page_of_ones_own_run(spoken_run, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "old.png").write_bytes(b"")
    result = report("--output", tmp_path, "--page", "--run", spoken_run.path, "--report", tmp_path)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert text.count("What it should say") == 10
    assert "scikit-learn digits" in text
    files = {path.name for path in (tmp_path / "page").iterdir()}
    assert {f'page/{name}"' for name in files} <= set(text.replace("page/", " page/").replace('"', '" ').split())
    assert "old.png" not in files
    assert {"0-label.mp3", "9-label.png", "labels-random.png"} <= files


def test_the_best_speaker_is_taken_and_a_run_that_does_not_speak_is_refused(spoken_run, category_run, tmp_path):
    output = spoken_run.path.parents[1]
    assert chosen_run(output, None) == spoken_run.path
    assert chosen_run(tmp_path, None).name.endswith("-speech"), "a published network"
    with pytest.raises(UserError, match="No run directory fits"):
        chosen_run(tmp_path, "nothing")
    result = report("--output", tmp_path, "--page", "--run", category_run.path, "--report", tmp_path)
    assert result.exit_code == 2
    assert "which is no sound" in result.output
    assert not (tmp_path / "index.html").exists()


def test_options_of_the_page_need_the_page(tmp_path):
    for words in (["--run", "x"], ["--data-dir", tmp_path], ["--publish", "--page"]):
        assert report("--output", tmp_path, *words).exit_code == 2


def test_sounds_and_pictures_come_back(speaker):
    sound = speaker.sound(speaker.representation.table[3], "three")
    samples, rate = soundfile.read(io.BytesIO(mp3(sound)))
    assert rate == sound.rate
    assert len(samples) == pytest.approx(len(sound.samples), abs=2_304)  # whole MP3 frames, and the encoder's delay
    assert np.abs(np.fft.rfft(samples)).argmax() / len(samples) == pytest.approx(
        np.abs(np.fft.rfft(sound.samples)).argmax() / len(sound.samples), rel=0.05)
    low_tones = np.full((4, 4), -80.0)
    low_tones[0] = 0
    picture = np.asarray(Image.open(io.BytesIO(spectrogram_png(low_tones))))
    assert picture[-1].mean() > picture[0].mean()
    gallery = np.asarray(Image.open(io.BytesIO(gallery_png(np.eye(10), upside_down=False))))
    assert gallery.shape == (130, 328, 3)
    first, last = gallery[:64, :64], gallery[66:, 264:]
    assert first[0, 0].tolist() == last[0, -1].tolist() != first[0, -1].tolist()
