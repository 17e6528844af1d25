"""A finished run on a set of images, plain and corrupted: accuracies, confusions, calibration, as CSV, JSON and figures.

Probabilities are softmax(scores / temperature), as `LabelRepresentation.probabilities` has them: of the logits for the category
label, and for a regressed label of minus the mean squared distance between output and label row, in squared units of the
label (dB for spoken labels). The calibration error is given at temperature 1, that is on exactly this scale, and at the
temperature that fits the run's validation images best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.analysis.calibration import BINS, expected_calibration_error, reliability, top_probabilities
from tfrepr.analysis.common_corruptions import corrupt
from tfrepr.analysis.evaluation_source import LabelledImages
from tfrepr.files import json_bytes, write_atomically
from tfrepr.labels.representation import THRESHOLD
from tfrepr.progress import progress
from tfrepr.text_tables import csv_text
from tfrepr.training.trained import TrainedModel


@dataclass(frozen=True)
class Answers:
    """What a model answers for a set of images; every array is `(n,)` unless said otherwise.

    Attributes:
        scores: float32, `(n, classes)`, see `LabelRepresentation.scores`.
        losses: float32, loss against the true class.
        understood: Whether the loss lies under the threshold 3.5; None for the category label.
        class_ids: The true classes.
    """

    scores: np.ndarray
    losses: np.ndarray
    understood: np.ndarray | None
    class_ids: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Class ids with the highest score; the lowest id wins a tie."""
        return self.scores.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """Whether the prediction is right."""
        return self.predicted == self.class_ids

    def confidences(self, temperature: float) -> np.ndarray:
        """Probability of the predicted class."""
        return top_probabilities(self.scores, temperature)

    def calibration_error(self, temperature: float) -> float:
        """Expected calibration error at that temperature."""
        return expected_calibration_error(self.confidences(temperature), self.correct)


@dataclass(frozen=True)
class Result:
    """One row of `results.csv`: a corruption at a strength (0 for `none`), accuracies as fractions."""

    corruption: str
    strength: int
    images: int
    accuracy: float
    threshold_accuracy: float | None
    loss: float
    calibration_error: float
    fitted_calibration_error: float | None


def answer(trained: TrainedModel, images: np.ndarray, class_ids: np.ndarray,
           report: Callable[[int], None] = lambda images: None) -> Answers:
    """The answers of a run to uint8 images; `report` is told after every batch how many images it had."""
    import keras

    representation, scores, losses = trained.representation, [], []
    for outputs in trained.outputs(images):
        ids = class_ids[sum(map(len, losses)):][:len(outputs)]
        scores.append(keras.ops.convert_to_numpy(representation.scores(outputs)))
        losses.append(keras.ops.convert_to_numpy(representation.losses(ids, outputs)))
        report(len(ids))
    joined = np.concatenate(losses)
    understood = joined < THRESHOLD if representation.has_threshold else None
    return Answers(np.concatenate(scores), joined, understood, class_ids)


def result(answers: Answers, corruption: str, strength: int, temperature: float | None) -> Result:
    """The row of one set of answers; `temperature` is the fitted one, if there is one."""
    fitted = None if temperature is None else answers.calibration_error(temperature)
    return Result(corruption, strength, len(answers.class_ids), float(answers.correct.mean()),
                  None if answers.understood is None else float(answers.understood.mean()),
                  float(answers.losses.mean(dtype=np.float64)), answers.calibration_error(1.0), fitted)


def confusion(answers: Answers, classes: int) -> np.ndarray:
    """Images by true and predicted class, int64 `(classes, classes)`."""
    return np.bincount(answers.class_ids * classes + answers.predicted, minlength=classes**2).reshape(classes, classes)


def fitted_temperature(trained: TrainedModel, images: np.ndarray, class_ids: np.ndarray) -> float | None:
    """The temperature that fits these (validation) images best; None without images."""
    from tfrepr.analysis.temperature import fit_temperature

    return fit_temperature(answer(trained, images, class_ids).scores, class_ids) if len(images) else None


def evaluate_run(trained: TrainedModel, source: LabelledImages, conditions: Sequence[tuple[str, int]],
                 temperature: float | None, folder: Path, formats: Sequence[str],
                 progress_bar: bool = False) -> tuple[list[Result], Answers]:
    """Evaluates, and writes `results.csv`, `classes.csv`, `confusion.csv`, `evaluation.json` and two figures into `folder`.

    Args:
        trained: The run.
        source: The images.
        conditions: Corruption and strength of each evaluation; the first one is drawn.
        temperature: Fitted on validation images, or None.
        folder: Where files go.
        formats: Of the figures.
        progress_bar: A moving bar for a terminal.

    Returns:
        One result a condition, and the answers under the first condition.
    """
    from tfrepr.figures.style import save

    names, results, matrices, first = trained.representation.class_names, [], {}, None
    with progress(f"answers, {len(conditions)} times", len(conditions) * len(source.images), progress_bar) as report:
        for corruption, strength in conditions:
            answers = answer(trained, corrupt(source.images, corruption, strength), source.class_ids, report)
            first = first or answers
            results.append(result(answers, corruption, strength, temperature))
            matrices[corruption, strength] = confusion(answers, len(names))
    write_atomically(folder / "results.csv", _table([field.name for field in fields(Result)], map(astuple, results)))
    write_atomically(folder / "classes.csv", _class_rows(matrices, names))
    write_atomically(folder / "confusion.csv", _confusion_rows(matrices, names))
    write_atomically(folder / "evaluation.json", _summary(trained, source, results, temperature))
    for name, figure in _figures(trained, source, first, matrices[conditions[0]], temperature).items():
        save(figure, folder / name, formats)
    return results, first


def _figures(trained: TrainedModel, source: LabelledImages, answers: Answers, matrix: np.ndarray,
             temperature: float | None) -> dict[str, Any]:
    from tfrepr.figures.confusion import draw_confusion, draw_reliability
    from tfrepr.figures.style import ENCODER_TITLES, label_style

    config = trained.run.config()
    title = f"{label_style(config.label).title}, {ENCODER_TITLES.get(config.encoder, config.encoder)}\n{source.title}"
    temperatures = {"T = 1": 1.0} | ({f"T = {temperature:.3g}, fitted": temperature} if temperature else {})
    tables = {_reliability_title(name, answers, value): reliability(answers.confidences(value), answers.correct)
              for name, value in temperatures.items()}
    accuracy = f", accuracy {answers.correct.mean():.1%}"
    return {"confusion": draw_confusion(matrix, trained.representation.class_names, f"{title}{accuracy}"),
            "reliability": draw_reliability(tables, title)}


def _reliability_title(name: str, answers: Answers, temperature: float) -> str:
    """Legend entry with the calibration error, which is marked where temperature 1 has a smaller one."""
    error = answers.calibration_error(temperature)
    return f"{name}: calibration error {error:.3f}{' (worse)' if error > answers.calibration_error(1.0) else ''}"


def _summary(trained: TrainedModel, source: LabelledImages, results: Sequence[Result], temperature: float | None) -> bytes:
    values = {"run": trained.run.path.name, "source": source.title, "images": len(source.class_ids), "calibration_bins": BINS,
              "fitted_temperature": temperature, "results": [asdict(result) for result in results]}
    return json_bytes(values)


def _class_rows(matrices: dict[tuple[str, int], np.ndarray], names: Sequence[str]) -> bytes:
    """Accuracy of every class under every condition; empty where a class has no images."""
    rows = [(*condition, class_id, name, int(counts[class_id].sum()),
             counts[class_id, class_id] / counts[class_id].sum() if counts[class_id].any() else None)
            for condition, counts in matrices.items() for class_id, name in enumerate(names)]
    return _table(("corruption", "strength", "class_id", "class_name", "images", "accuracy"), rows)


def _confusion_rows(matrices: dict[tuple[str, int], np.ndarray], names: Sequence[str]) -> bytes:
    """How often one class was taken for another; pairs that never occurred are left out."""
    rows = [(*condition, names[true], names[predicted], int(counts[true, predicted]))
            for condition, counts in matrices.items() for true, predicted in np.argwhere(counts)]
    return _table(("corruption", "strength", "true", "predicted", "images"), rows)


def _table(header: Sequence[str], rows: Any) -> bytes:
    return csv_text(header, rows, ".6g").encode()
