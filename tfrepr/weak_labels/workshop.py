"""What the trainings of one run share, and how a pipeline of them becomes a finished run directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from tfrepr.data.dataset import ImageDataset
from tfrepr.data.loading import has_pictures
from tfrepr.data.resizing import PixelMap, evaluation_batches, standardisation
from tfrepr.files import write_atomically
from tfrepr.labels.build import build_representation
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.models.encoders.resnet50 import pretrained_pixels
from tfrepr.text_tables import guarded_frame
from tfrepr.training.devices import Device, jit_compile, prepare_device
from tfrepr.training.environment import describe_environment
from tfrepr.training.stages import STAGE_FILE
from tfrepr.weak_labels.options import WeakLabelConfig
from tfrepr.weak_labels.runs import WeakLabelRun
from tfrepr.weak_labels.tasks import Task


@dataclass(frozen=True)
class Workshop:
    """What all trainings of one run share.

    Attributes:
        config: The run's config.
        run: Its directory.
        dataset: Images and given labels.
        representation: Table, loss and decision.
        pixel_map: What the network sees of a pixel.
        jit: XLA compilation.
    """

    config: WeakLabelConfig
    run: WeakLabelRun
    dataset: ImageDataset
    representation: LabelRepresentation
    pixel_map: PixelMap
    jit: bool

    @property
    def side(self) -> int:
        """Image side of the last block, at which networks answer."""
        return self.config.sides(self.dataset.image_shape[0])[-1]

    def batches(self, images: np.ndarray, ids: np.ndarray, side: int | None = None) -> Any:
        """Images as they are, for evaluation and prediction; pixels uint8, ids `(n,)`."""
        return evaluation_batches(images, ids, side=side or self.side, pixel_map=self.pixel_map)

    def write_list(self, name: str, rows: np.ndarray, **columns: Any) -> None:
        """Writes a CSV file of images into the run directory.

        Args:
            name: Of the file.
            rows: Indices of the images, `(n,)`, first the training images, then those of the test; they are the column
                `image`, and `file` says where each was read from, in data sources of files.
            columns: Further columns of n values.
        """
        import pandas as pd

        of_image = (*self.dataset.train_files, *self.dataset.test_files)
        files = {"file": [of_image[row] for row in rows]} if of_image else {}
        table = guarded_frame(pd.DataFrame({"image": rows, **files, **columns}))
        text = table.to_csv(index=False, lineterminator="\n")
        write_atomically(self.run / name, text.encode("utf-8", "backslashreplace"))  # names of files can hold any bytes


def run_pipeline(config: WeakLabelConfig, output: Path, load_task: Callable[[], Task],
                 pipeline: Callable[[Workshop, np.ndarray | None], dict[str, Any]]) -> WeakLabelRun:
    """Runs a whole pipeline, or goes on where an earlier attempt stopped, or returns at once where it is finished.

    Args:
        config: The run.
        output: Folder of all results.
        load_task: Reads images and labels; called only where there is something left to do.
        pipeline: From the workshop and the true labels (None where nobody knows them) to the content of metrics.json.

    Raises:
        UserError: Unusable input, or a run directory in use or made by another config.
    """
    run = WeakLabelRun.of(config, output)
    if run.finished and has_pictures(config):
        run.refuse_other_data(load_task().dataset.fingerprint)
    if run.skipped(config):
        return run
    task = load_task()
    with run.claimed(config):
        if run.skipped(config):  # by another process, since the first look
            return run
        click.echo(config.run_name)
        run.write_json("metrics.json", pipeline(open_workshop(config, run, task.dataset), task.truth))
    return run


def open_workshop(config: WeakLabelConfig, run: WeakLabelRun, dataset: ImageDataset) -> Workshop:
    """Makes the label table, prepares the device and notes both in the run directory."""
    device: Device = prepare_device(config)
    representation = build_representation(config.label, dataset.class_names, image_side=dataset.image_shape[0],
                                          options=config.label_options, smoothing=config.smoothing)
    environment = describe_environment(device) | {
        "data_variant": dataset.variant, "data_fingerprint": dataset.fingerprint,
        "label_fingerprint": representation.fingerprint, "class_names": list(dataset.class_names)}
    run.claim_environment(environment, {"given_labels.npy": dataset.train_ids, "label_table.npy": representation.table})
    run.note_resumption(environment, "stage", 1 + len(list(run.path.glob(f"*/*/{STAGE_FILE}"))))
    pixel_map = standardisation(dataset.mean, dataset.std) if config.weights == "none" else pretrained_pixels()
    return Workshop(config, run, dataset, representation, pixel_map, jit_compile(config, device))
