"""What scripts/speak.py does: pictures to words and sounds, or a test set to the numbers of paper A.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from tfrepr.analysis.evaluation_source import own_test_images
from tfrepr.analysis.speaking import Judgement, Speaker, closest_labels, judge, summarise
from tfrepr.data.sources.pictures import read_pictures
from tfrepr.errors import UserError
from tfrepr.files import json_bytes, write_atomically
from tfrepr.labels.representation import THRESHOLD
from tfrepr.labels.waveforms import wav_bytes
from tfrepr.names import printable
from tfrepr.progress import progress
from tfrepr.runs import RunDirectory
from tfrepr.seeds import generator
from tfrepr.text_tables import csv_text
from tfrepr.training.trained import TrainedModel

BATCH = 50
JUDGEMENT_COLUMNS = tuple(field.name for field in fields(Judgement))


def load_speaker(run: Path, data_dir: Path | None) -> Speaker:
    """The run at that path.

    Raises:
        UserError: No run, an unfinished one, or one whose label is no speech.
    """
    from tfrepr.labels.inverse import check_is_speech

    check_is_speech(RunDirectory(run).config().label)  # before TensorFlow loads the model
    return Speaker(TrainedModel.load(RunDirectory(run), data_dir))


def speak_pictures(run: Path, paths: Sequence[Path], *, top: int, data_dir: Path | None, out: Path | None,
                   formats: Sequence[str]) -> Iterator[str]:
    """Writes a WAV file for each picture and one figure; yields lines for the terminal.

    Args:
        run: The run directory.
        paths: PNG, JPEG and WebP files of any size.
        top: How many classes are named.
        data_dir: Folder with the run's data, for runs that did not note how their images are standardised.
        out: Folder for the files, or None for `spoken` in the run directory.
        formats: Of the figure.

    Raises:
        UserError: A picture that cannot be decoded, a run that does not speak.
    """
    from tfrepr.figures.spoken import MOST_ROWS, SpokenPicture, draw_spoken
    from tfrepr.figures.style import ENCODER_TITLES, save

    speaker = load_speaker(run, data_dir)
    images = read_pictures(paths, speaker.trained.image_shape[0])
    out = out or speaker.trained.run.folder("spoken")
    pictures = []
    for path, image, answer in zip(paths, images, speaker.answers(images), strict=True):
        candidates = speaker.nearest(answer, top)
        pictures.append(SpokenPicture(printable(path.name), image, answer, candidates,
                                      speaker.representation.table[candidates[0].class_id]))
        said = f"{candidates[0].name} ({candidates[0].verdict}), {write_sound(speaker, answer, path, out)}"
        yield printable(f"{path}: {said}")
        yield from (f"    {one.distance:6.2f} dB  {one.name}" for one in candidates)
    config = speaker.trained.run.config()
    title = f"What {ENCODER_TITLES.get(config.encoder, config.encoder)} says (run {run.name})"
    shown = f" (the first {MOST_ROWS} pictures)" if len(pictures) > MOST_ROWS else ""
    yield from (f"{written}{shown}" for written in save(draw_spoken(pictures, title), out / "spoken", formats))


def write_sound(speaker: Speaker, answer: np.ndarray, picture: Path, out: Path) -> str:
    """Writes one WAV file and returns its path, or says that the answer is silent."""
    try:
        sound = speaker.sound(answer, str(picture))
    except UserError:
        return "silent: no WAV file"
    target = out / f"{picture.stem}.wav"
    write_atomically(target, wav_bytes(sound))
    return str(target)


def speak_test_set(run: Path, *, count: int, data_dir: Path | None, out: Path | None,
                   progress_bar: bool = False) -> Iterator[str]:
    """Judges answers to test images and writes `a1.csv` and `a1.json`; yields lines for the terminal.

    Args:
        run: The run directory.
        count: How many test images, drawn with a fixed seed; all where there are fewer.
        data_dir: Folder with the run's data.
        out: Folder for the files, or None for `spoken` in the run directory.
        progress_bar: A moving bar for a terminal, since listening takes a fraction of a second an answer.

    Raises:
        UserError: As for `speak_pictures`; data that are not to be found.
    """
    speaker = load_speaker(run, data_dir)
    out = out or speaker.trained.run.folder("spoken")
    source = own_test_images(speaker.trained, data_dir)
    total = len(source.images)
    chosen = np.arange(total) if count >= total else np.sort(generator(0, "split", "speak").choice(total, count, replace=False))
    judgements: list[Judgement] = []
    with progress("answers are made sound and heard", len(chosen), progress_bar) as report_done:
        for start in range(0, len(chosen), BATCH):
            rows = chosen[start:start + BATCH]
            for judgement in judge(speaker, source.images[rows], source.class_ids[rows], rows):
                judgements.append(judgement)
                report_done(1)
    rates = summarise(judgements)
    first, second, distance = closest_labels(speaker.representation)
    report = {"run": run.name, "source": source.title, "threshold": THRESHOLD, **rates,
              "closest_labels": [first, second], "closest_distance": distance}
    write_atomically(out / "a1.csv", csv_text(JUDGEMENT_COLUMNS, map(astuple, judgements)).encode())
    write_atomically(out / "a1.json", json_bytes(report))
    yield f"{run.name}: {rates['images']} of {total} images ({source.title})"
    yield from (f"  {name.replace('_', ' ')}: {value:.2%}" for name, value in rates.items() if name != "images")
    yield f"  The closest labels, {first} and {second}, are {distance:.2f} apart; the threshold is {THRESHOLD}."
    yield f"Written: {out / 'a1.csv'}, {out / 'a1.json'}"


def check_files(paths: Sequence[Path]) -> None:
    """Refuses names of pictures that would overwrite each other's sounds.

    Raises:
        UserError: No such file, or two files with one name.
    """
    for path in paths:
        if not path.is_file():
            raise UserError(f"There is no picture {path}. Give PNG, JPEG or WebP files.")
    stems = [path.stem for path in paths]
    doubled = sorted({stem for stem in stems if stems.count(stem) > 1})
    if doubled:
        raise UserError(f"Several pictures are called {', '.join(doubled)}, and their WAV files would overwrite each other. "
                        "Give them in separate commands with different --out.")
