"""A run speaks: files, candidates, and the three rules of judgement."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfrepr.analysis.speaking import Judgement, Speaker, closest_labels, judge, summarise
from tfrepr.analysis.speaking_command import check_files, load_speaker, speak_pictures, speak_test_set, write_sound
from tfrepr.errors import UserError
from tfrepr.labels.waveforms import read_wav
from tfrepr.registry import DATASETS
from tfrepr.training.trained import TrainedModel

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "speak.py"


@pytest.fixture(scope="module")
def speaker(spoken_run):
    return Speaker(TrainedModel.load(spoken_run))


@pytest.fixture
def pictures(tmp_path):
    """A wide PNG and a tall JPEG."""
    image = DATASETS["digits"](None, None).test_images[0]
    Image.fromarray(image).resize((90, 60)).save(tmp_path / "wide.png")
    Image.fromarray(image).resize((40, 70)).save(tmp_path / "tall.jpeg")
    return [tmp_path / "wide.png", tmp_path / "tall.jpeg"]


def test_a_label_as_answer_is_heard_as_its_word(speaker):
    for class_id in (0, 4, 9):
        label = speaker.representation.table[class_id]
        nearest = speaker.nearest(label, 3)
        assert (nearest[0].class_id, nearest[0].name) == (class_id, speaker.representation.class_names[class_id])
        assert nearest[0].distance == pytest.approx(0, abs=0.05)
        assert "understood" in nearest[0].verdict
        assert speaker.heard(speaker.sound(label, "a label")) == class_id


def test_candidates_are_ordered_by_distance(speaker):
    answer = speaker.representation.table[3] * 0.7 + speaker.representation.table[5] * 0.3
    candidates = speaker.nearest(answer, 10)
    by_hand = np.sqrt(((speaker.representation.table - answer) ** 2).mean(axis=(1, 2)))
    assert [one.class_id for one in candidates] == list(np.argsort(by_hand))
    np.testing.assert_allclose([one.distance for one in candidates], np.sort(by_hand), rtol=1e-3)
    error = np.abs(speaker.representation.table[3] - answer)
    assert candidates[0].loss == pytest.approx(np.where(error < 1, error**2 / 2, error - 0.5).mean(), rel=1e-4)


def test_closest_labels_of_digits(speaker):
    assert set(closest_labels(speaker.representation)[:2]) == {"five", "nine"}
    assert closest_labels(speaker.representation)[2] > 3.5


def test_rates_by_hand():
    judgements = [Judgement(0, true=1, nearest=1, heard=1, loss=1.0, under_threshold=True),
                  Judgement(1, true=1, nearest=1, heard=2, loss=4.0, under_threshold=False),
                  Judgement(2, true=1, nearest=2, heard=2, loss=9.0, under_threshold=False),
                  Judgement(3, true=1, nearest=2, heard=-1, loss=9.0, under_threshold=False)]
    assert summarise(judgements) == {
        "images": 4, "nearest_accuracy": 0.5, "threshold_accuracy": 0.25, "heard_accuracy": 0.25,
        "threshold_agrees_with_nearest": 0.75, "threshold_agrees_with_heard": 1.0, "heard_as_nearest": 0.5, "not_heard": 0.25}


def test_judgements_follow_the_rules(speaker):
    dataset = DATASETS["digits"](None, None)
    images, ids = dataset.test_images[:3], dataset.test_ids[:3]
    answers = speaker.answers(images)
    for judgement, answer, true in zip(judge(speaker, images, ids, [0, 1, 2]), answers, ids, strict=True):
        candidates = {one.class_id: one for one in speaker.nearest(answer, 10)}
        assert judgement.nearest == next(iter(candidates))
        assert judgement.loss == pytest.approx(candidates[true].loss, rel=1e-5)
        assert judgement.under_threshold == (judgement.loss < 3.5)
        assert judgement.heard == speaker.heard(speaker.sound(answer, "an answer"))


def test_a_silent_answer_is_said_and_not_heard(speaker, tmp_path):
    silent = np.full((64, 64), -85.0, np.float32)
    assert write_sound(speaker, silent, tmp_path / "cat.png", tmp_path / "out") == "silent: no WAV file"
    assert not (tmp_path / "out").exists()


def test_pictures_become_sounds_and_a_figure(spoken_run, pictures, tmp_path):
    lines = list(speak_pictures(spoken_run.path, pictures, top=4, data_dir=None, out=tmp_path / "out", formats=("png",)))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"wide.wav", "tall.wav", "spoken.png"}
    waveform = read_wav(tmp_path / "out" / "wide.wav")
    assert waveform.rate == 22_050
    assert 0.3 < len(waveform.samples) / waveform.rate < 1
    assert sum(line.startswith("    ") for line in lines) == 8


def test_judging_the_test_set(spoken_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tfrepr.progress.SECONDS_BETWEEN", 0)
    lines = list(speak_test_set(spoken_run.path, count=12, data_dir=None, out=tmp_path))
    report = json.loads((tmp_path / "a1.json").read_text())
    assert (report["images"], report["threshold"]) == (12, 3.5)
    table = (tmp_path / "a1.csv").read_text().splitlines()
    assert table[0] == "image,true,nearest,heard,loss,under_threshold"
    dataset = DATASETS["digits"](None, None)
    assert all(int(row.split(",")[1]) == dataset.test_ids[int(row.split(",")[0])] for row in table[1:])
    assert "12 of 359 images" in lines[0]
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "  answers are made sound and heard: 12 images"
    assert [int(line.split()[0]) for line in told[1:]] == list(range(1, 13)), "one answer after the other"


def test_a_run_that_does_not_speak(category_run):
    with pytest.raises(UserError, match="'category', which is no sound"):
        load_speaker(category_run.path, None)


def test_pictures_that_cannot_be_used(spoken_run, pictures, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    with pytest.raises(UserError, match=r"broken\.png cannot be decoded"):
        list(speak_pictures(spoken_run.path, [broken], top=1, data_dir=None, out=tmp_path / "out", formats=("png",)))
    with pytest.raises(UserError, match="There is no picture"):
        check_files([tmp_path / "missing.png"])
    twin = tmp_path / "other" / "wide.png"
    twin.parent.mkdir()
    twin.write_bytes(pictures[0].read_bytes())
    with pytest.raises(UserError, match="Several pictures are called wide"):
        check_files([*pictures, twin])


@pytest.mark.parametrize(("arguments", "message"), [
    (["--run", "nowhere"], "Give pictures, or --test-set"),
    (["--run", "nowhere", "--test-set"], "No run directory fits 'nowhere'"),
    (["--run", "nowhere", "nothing.png"], "There is no picture nothing.png")])
def test_errors_on_the_command_line(arguments, message, tmp_path):
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
