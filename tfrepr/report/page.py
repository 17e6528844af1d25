"""One static page to hear and see: what a network was asked to say and what it says, all labels, the answers of the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from tfrepr.analysis.evaluation_source import own_test_images
from tfrepr.analysis.speaking import Speaker
from tfrepr.analysis.speaking_command import load_speaker
from tfrepr.claims.catalogue import judgements
from tfrepr.errors import UserError
from tfrepr.figures.style import DATASET_TITLES, ENCODER_TITLES
from tfrepr.files import make_folder, write_atomically
from tfrepr.labels.inverse import SPEECH_LABELS
from tfrepr.labels.options import SPOKEN, LabelOptions
from tfrepr.labels.representation import THRESHOLD
from tfrepr.labels.tables import default_labels, make_table
from tfrepr.registry import LABELS
from tfrepr.report.claim_rows import answers_html
from tfrepr.report.page_media import gallery_png, mp3, photo_png, spectrogram_png
from tfrepr.report.page_template import PAGE, STYLE
from tfrepr.results.sources import Sources
from tfrepr.results.tables import read_results
from tfrepr.selection import find_run, find_runs
from tfrepr.training.pretrained import PREFIX, pretrained_names

INDEX, FOLDER = "index.html", "page"
"""The page, and the folder beside it that holds its pictures and sounds."""
FIGURES = {
    "forest-short": "One comparison of each claim, its 95% interval, and in blue where the claim is true. Intervals are not "
                    "corrected for the number of comparisons; verdicts are.",
    "evidence-all-data-robustness": "Robustness: the accuracy that the attacks of each protocol leave.",
    "evidence-low-data-bfloat16-test-accuracy": "Few images: test accuracy with 500 training images, "
                                                   "means of the n seeds that each bar names.",
}
"""Figures of the project that the page shows where they exist, and what they show."""
MOST_CLASSES, BATCH, MOST_IMAGES = 10, 100, 2000
"""Classes that are shown, and test images that are looked at for examples at most."""


@dataclass(frozen=True)
class Example:
    """An answer to a test image.

    Attributes:
        index: Of the image in the test set.
        image: uint8, `(height, width, 3)`.
        answer: What the network drew, float32, `(side, side)`, decibels.
        said: Class id of the nearest label.
        loss: Mean smooth L1 to the label of the true class.
    """

    index: int
    image: np.ndarray
    answer: np.ndarray
    said: int
    loss: float


def write_page(run: Path, folder: Path, sources: Sources, *, figures: Path, data_dir: Path | None) -> Iterator[str]:
    """Writes the page and its files; yields lines for the terminal.

    Files of an older page that this one lacks are removed.

    Args:
        run: A finished run with a spoken label.
        folder: For index.html and the folder `page`.
        sources: All runs that the report's answers rest on.
        figures: Folder with the `FIGURES`; those that are missing are left out.
        data_dir: Folder with the run's data.

    Raises:
        UserError: The run does not speak or is not finished, its data are not to be found, something cannot be written.
    """
    speaker = load_speaker(run, data_dir)
    media: dict[str, bytes] = {}
    words = "\n".join(_words(speaker, data_dir, media))
    labels = "\n".join(_labels(speaker, media))
    shown = "\n".join(_figures(figures, media))
    names = ", ".join(map(escape, speaker.representation.class_names[:MOST_CLASSES]))
    text = PAGE.substitute(style=STYLE, network=_network(speaker), words=words, answers=answers_html(judgements(sources)),
                           figures=shown, labels=labels, classes=names)
    place = make_folder(folder, FOLDER)
    for name, content in media.items():
        write_atomically(place / name, content)
    for old in (path for path in place.iterdir() if path.suffix in (".png", ".mp3") and path.name not in media):
        old.unlink()
    write_atomically(folder / INDEX, text.encode())
    size = len(text.encode()) + sum(map(len, media.values()))
    yield f"Written: {folder / INDEX} and {len(media)} files in {place} ({size / 1e6:.1f} MB). Open the page in a browser."


def chosen_run(output: Path, wanted: str | None) -> Path:
    """The run that is asked for; otherwise the best finished one that speaks, and where there is none a published network.

    The best has the most test images, since accuracies compare on equal data only, and then the highest test accuracy.

    Raises:
        UserError: No run fits.
    """
    if wanted is not None:
        return find_run(output, wanted)
    with suppress(UserError):
        runs = read_results(find_runs(output)).runs
        runs = runs[runs["label"].isin(SPEECH_LABELS) & runs["finished"]]
        runs = runs[[(Path(path) / "best.keras").is_file() for path in runs["path"]]]
        if len(runs):
            return Path(runs.sort_values(["test_images", "test_accuracy"])["path"].iloc[-1])
    return find_run(output, PREFIX + [name for name in pretrained_names() if "speech" in name][-1])


def examples(speaker: Speaker, images: np.ndarray, class_ids: np.ndarray) -> dict[tuple[int, bool], Example]:
    """By class id and whether the answer is right, the first test image of that kind, as far as there is one.

    Args:
        speaker: The run.
        images: uint8, `(n, height, width, 3)`.
        class_ids: `(n,)`.
    """
    found: dict[tuple[int, bool], Example] = {}
    shown = min(MOST_CLASSES, len(speaker.representation.class_names))
    for start in range(0, min(len(images), MOST_IMAGES), BATCH):
        rows = np.arange(start, min(start + BATCH, len(images)))
        answers = speaker.answers(images[rows])
        losses = np.asarray(speaker.representation.losses(class_ids[rows], answers))
        for index, answer, nearest, loss in zip(rows, answers, np.asarray(speaker.representation.decode(answers)), losses,
                                                strict=True):
            key = int(class_ids[index]), bool(nearest == class_ids[index])
            if key[0] < shown and key not in found:
                found[key] = Example(int(index), images[index], answer, int(nearest), float(loss))
        if len(found) == 2 * shown:
            break
    return found


def _words(speaker: Speaker, data_dir: Path | None, media: dict[str, bytes]) -> Iterator[str]:
    """A card a class: the label, the first right answer and the first wrong one."""
    source = own_test_images(speaker.trained, data_dir)
    found = examples(speaker, source.images, source.class_ids)
    for class_id, name in enumerate(speaker.representation.class_names[:MOST_CLASSES]):
        label = speaker.representation.table[class_id]
        parts = [f"<h3>{escape(name)}</h3>", "<div class=\"say\"><p>What it should say</p>", "<div class=\"pair\">",
                 _picture(media, f"{class_id}-label.png", spectrogram_png(label), f"spectrogram of the word {name}"), "</div>",
                 _sound(media, f"{class_id}-label.mp3", speaker, label, f"the word {name}"), "</div>"]
        for right in (True, False):
            if (example := found.get((class_id, right))) is not None:
                parts += _example(speaker, example, f"{class_id}-{'right' if right else 'wrong'}", name, right, media)
        yield "<article class=\"word\">" + "\n".join(parts) + "</article>"


def _example(speaker: Speaker, example: Example, stem: str, name: str, right: bool, media: dict[str, bytes]) -> list[str]:
    heard = speaker.representation.class_names[example.said]
    mark, word = ("\N{CHECK MARK}", "right") if right else ("\N{BALLOT X}", "wrong")
    return [f"<div class=\"say\"><p>Image {example.index:,}: <span class=\"{word}\">{mark} \N{LEFT DOUBLE QUOTATION MARK}"
            f"{escape(heard)}\N{RIGHT DOUBLE QUOTATION MARK}</span></p>", "<div class=\"pair\">",
            _picture(media, f"{stem}-image.png", photo_png(example.image), f"test image {example.index}, class {name}"),
            _picture(media, f"{stem}.png", spectrogram_png(example.answer), f"spectrogram of the answer, nearest to {heard}"),
            "</div>", _sound(media, f"{stem}.mp3", speaker, example.answer, f"the answer, nearest to {heard}"),
            f"<p class=\"soft\">{example.loss:.1f} from the word</p></div>"]


def _picture(media: dict[str, bytes], name: str, content: bytes, words: str) -> str:
    media[name] = content
    return f"<img src=\"{FOLDER}/{name}\" alt=\"{escape(words)}\">"


def _sound(media: dict[str, bytes], name: str, speaker: Speaker, answer: np.ndarray, words: str) -> str:
    try:
        media[name] = mp3(speaker.sound(answer, words))
    except UserError:
        return "<p class=\"soft\">silent</p>"
    return f"<audio controls preload=\"metadata\" src=\"{FOLDER}/{name}\" aria-label=\"{escape(words)}\"></audio>"


def _network(speaker: Speaker) -> str:
    """Which network this is and how often it is right."""
    run = speaker.trained.run
    config, metrics, environment = run.config(), run.metrics(), run.environment()
    data = environment.get("data_variant") or DATASET_TITLES.get(config.dataset, config.dataset)
    if data == "official":
        data = DATASET_TITLES.get(config.dataset, config.dataset)
    threshold = metrics["test_threshold_accuracy"]
    return escape(f"{ENCODER_TITLES.get(config.encoder, config.encoder)} on {data}, {environment['train_images']:,} training "
                  f"images, {metrics['epochs']} epochs. Of its answers to {metrics['test_images']:,} test images "
                  f"{metrics['test_accuracy']:.1%} are right by the nearest label. {threshold:.1%} lie under the threshold: "
                  f"less than {THRESHOLD} from the right word (mean smooth L1).")


def _labels(speaker: Speaker, media: dict[str, bytes]) -> Iterator[str]:
    """Every label that needs no model from the web, for the classes of the run."""
    names, config = speaker.representation.class_names[:MOST_CLASSES], speaker.trained.run.config()
    for label in default_labels():
        try:
            table = make_table(label, names, dataset=None, image_side=speaker.trained.image_shape[0], options=LabelOptions())
        except UserError:  # no voice for these names
            continue
        picture = _picture(media, f"labels-{label}.png",
                           gallery_png(table.table, upside_down=label in SPOKEN), f"the label {label}")
        trained = " This is what the network above was asked for." if label == config.label else ""
        yield (f"<figure>{picture}<figcaption><strong>{escape(label)}</strong> {escape(LABELS.describe(label))}{trained}"
               "</figcaption></figure>")


def _figures(figures: Path, media: dict[str, bytes]) -> Iterator[str]:
    for name, words in FIGURES.items():
        if (path := figures / f"{name}.png").is_file():
            picture = _picture(media, path.name, path.read_bytes(), words)
            yield (f"<figure><div class=\"wide\"><a href=\"{FOLDER}/{path.name}\">{picture}</a></div>"
                   f"<figcaption class=\"soft\">{escape(words)}</figcaption></figure>")
