"""What a program calls to get at data, runs, results and sounds; the other names of `tfrepr` lie where they belong.

Paths may be texts here, and what the commands look up by name is looked up in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.registry import DATASETS
from tfrepr.selection import find_run, find_runs

if TYPE_CHECKING:
    from tfrepr.data.dataset import ImageDataset
    from tfrepr.results.tables import Results
    from tfrepr.training.trained import TrainedModel


LONGEST_SOUND = 10_000
"""Frames of `to_sound`: two minutes."""


def load_images(name: str = "digits", data_dir: str | os.PathLike | None = None, image_size: int | None = None) -> ImageDataset:
    """A data set in memory.

    Args:
        name: `digits` (needs no files), `cifar10`, `cifar100` or `folder` (one sub-folder of pictures a class).
        data_dir: Folder with the data set's files.
        image_size: Side of the images, for `folder`.

    Returns:
        `train_images` and `test_images`, uint8 `(n, height, width, 3)`; `train_ids` and `test_ids`, int64 `(n,)`;
        `class_names`; `mean` and `std` per channel, of images in [0, 1].

    Raises:
        UserError: An unknown name, files that are missing or damaged, or an image size that the source does not take.

    Example:
        >>> import tfrepr
        >>> tfrepr.load_images("digits").class_names[:3]
        ('zero', 'one', 'two')
    """
    if image_size is not None and name != "folder":
        raise UserError("image_size is for the data source 'folder'; others have a size of their own. Received: "
                        f"{image_size} with {name!r}. Leave it out.")
    return DATASETS[name](None if data_dir is None else user_path(data_dir), image_size)


def load_run(run: str | os.PathLike, output: str | os.PathLike = "output") -> TrainedModel:
    """The best network of a finished run, with its label. Keras's settings are set to its defaults, as by `build_model`.

    Args:
        run: Its directory, its name, or a pattern that fits one run alone.
        output: Folder of all results, where names are looked up.

    Returns:
        `model` takes standardised images; `representation`, `mean` and `std` belong to it. For images in [0, 1] and class
        scores: `class_scores(run.model, run.representation, mean=run.mean, std=run.std)`.

    Raises:
        UserError: No such run, or one that is unfinished or damaged.

    Example:
        >>> import tfrepr
        >>> tfrepr.load_run("digits-*-speech-p*").representation.name  # doctest: +SKIP
        'speech'
    """
    from tfrepr.runs import RunDirectory
    from tfrepr.training.trained import TrainedModel

    return TrainedModel.load(RunDirectory(find_run(user_path(output), str(run))))


def read_results(output: str | os.PathLike = "output", runs: Sequence[str] = ()) -> Results:
    """What finished and running trainings have written, as data frames; nothing is computed.

    Args:
        output: Folder of all results.
        runs: Directories, names or patterns; none means all runs.

    Returns:
        `runs`, one row a run with its config and test figures; `histories`, one row an epoch; `attacks`, one row an attack and
        epsilon; all with the column `run`. Accuracies are fractions.

    Raises:
        UserError: There are no such runs.

    Example:
        >>> import tfrepr
        >>> tfrepr.read_results("output").runs.groupby("label")["test_accuracy"].mean()  # doctest: +SKIP
    """
    from tfrepr.results import tables

    return tables.read_results(find_runs(user_path(output), runs))


def to_sound(answer: Any, frames: int = 50) -> tuple[np.ndarray, int]:
    """The sound of a spoken label, or of a network's answer to it.

    Args:
        answer: `(side, side)`, decibels below the peak, as a row of a speech label's `table` or an output of its network.
        frames: Its length in steps of 256 samples; 50 are 0.57 seconds.

    Returns:
        float32 samples in [-1, 1], `(n,)`, and their rate, 22,050 Hz: what `IPython.display.Audio` and `soundfile.write` take.

    Raises:
        UserError: Another shape, values that are not finite, silence, or another number of frames.

    Example:
        >>> import tfrepr
        >>> speech = tfrepr.make_representation(["cat", "dog"], "speech")
        >>> samples, rate = tfrepr.to_sound(speech.table[0])
        >>> len(samples) / rate > 0.5
        True
    """
    from tfrepr.labels.inverse import to_waveform

    answer = np.asarray(answer)
    if answer.ndim != 2 or not np.isfinite(answer).all():
        raise UserError("A sound is made of one spectrogram of finite numbers, shape (side, side). Received: "
                        f"{answer.shape}{', with values that are not finite' if answer.ndim == 2 else ''}.")
    if not isinstance(frames, (int, np.integer)) or not 2 <= frames <= LONGEST_SOUND:
        raise UserError(f"frames must be a whole number from 2 to {LONGEST_SOUND}. Received: {frames!r}.")
    sound = to_waveform(answer, frames, source="an answer")
    return np.asarray(sound.samples, np.float32), sound.rate

