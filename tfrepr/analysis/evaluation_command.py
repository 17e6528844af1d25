"""What scripts/evaluate.py does: load a run and images, evaluate, say what came out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfrepr.analysis.calibration import temperature_warning
from tfrepr.analysis.evaluation_results import Answers, Result, evaluate_run, fitted_temperature
from tfrepr.analysis.evaluation_source import LabelledImages, other_images, own_test_images, validation_images
from tfrepr.errors import UserError
from tfrepr.runs import RunDirectory
from tfrepr.training.trained import TrainedModel


def evaluate_command(run: Path, *, dataset: str | None, data_dir: Path | None, train_dir: Path | None, all_images: bool,
                     first: int | None, conditions: Sequence[tuple[str, int]], out: Path | None,
                     formats: Sequence[str], progress_bar: bool = False) -> Iterator[str]:
    """Evaluates; yields lines for the terminal.

    Args:
        run: The run directory.
        dataset: Another data source, or None for the run's own test set.
        data_dir: Folder with the files of the images.
        train_dir: Folder with the files that the run was trained on; needed beside `dataset` to fit the temperature.
        all_images: Of another data source: training and test images.
        first: Number of images, or None for all.
        conditions: See `common_corruptions.chosen_corruptions`.
        out: Folder for the results, or None for one in the run directory.
        formats: Of the figures.
        progress_bar: A moving bar for a terminal.

    Raises:
        UserError: An unfinished run, images with other classes or sizes, missing files.
    """
    if all_images and dataset is None:
        raise UserError("--all-images goes with --dataset: a run is never tested on the images that it was trained on.")
    own_dir = train_dir or (data_dir if dataset is None else None)
    trained = TrainedModel.load(RunDirectory(run), own_dir)
    source = own_test_images(trained, own_dir) if dataset is None else other_images(trained, dataset, data_dir, all_images)
    if first is not None and first < len(source.images):
        source = _first(source, first)
    temperature, note = _temperature(trained, own_dir)
    folder = out or trained.run.folder("evaluation", source.name)
    yield f"{run.name}: {len(source.images)} images ({source.title})"
    results, answers = evaluate_run(trained, source, conditions, temperature, folder, formats, progress_bar)
    yield from (f"  {_line(result)}" for result in results)
    yield note
    if (only := _only_answer(answers, trained.representation.class_names)) is not None:
        yield f"  Note: the answer to every image is {only!r}, as of a network that has not learned yet."
    if warning := _warning(results):
        yield f"  {warning}"
    yield f"Written: {folder}"


def _first(source: LabelledImages, count: int) -> LabelledImages:
    return dataclasses.replace(source, title=f"{source.title}, first {count} images", name=f"{source.name}-{count}",
                               images=source.images[:count], class_ids=source.class_ids[:count])


def _temperature(trained: TrainedModel, data_dir: Path | None) -> tuple[float | None, str]:
    """The temperature fitted on the run's validation images, or None and why not."""
    try:
        temperature = fitted_temperature(trained, *validation_images(trained, data_dir))
    except UserError as error:
        return None, f"  No temperature was fitted, since the run's validation images are not at hand: {error}"
    if temperature is None:
        return None, "  No temperature was fitted: the run was trained without validation images."
    return temperature, f"  Temperature fitted on the validation images: {temperature:.4g}"


def _condition(result: Result) -> str:
    return "plain" if result.strength == 0 else f"{result.corruption} {result.strength}"


def _only_answer(answers: Answers, class_names: Sequence[str]) -> str | None:
    """The one class that is answered to images of several classes, if there is one."""
    given = set(answers.predicted.tolist())
    return class_names[given.pop()] if len(given) == 1 < len(set(answers.class_ids.tolist())) else None


def _warning(results: Sequence[Result]) -> str | None:
    """Says under which conditions the fitted temperature makes calibration worse."""
    return temperature_warning({_condition(result): (result.calibration_error, result.fitted_calibration_error)
                                for result in results if result.fitted_calibration_error is not None})


def _line(result: Result) -> str:
    threshold = "" if result.threshold_accuracy is None else f", under threshold {result.threshold_accuracy:.2%}"
    fitted = "" if result.fitted_calibration_error is None else f", fitted {result.fitted_calibration_error:.3f}"
    return (f"{_condition(result)}: accuracy {result.accuracy:.2%}{threshold}, calibration error "
            f"{result.calibration_error:.3f} at temperature 1{fitted}")
