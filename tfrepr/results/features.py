"""Features of a fixed set of test images during training (paper Figures 5 and 8), and how well they cluster.

A run that was asked for them has the folder `features/`:

    images.npz          `indices` into the test set and `class_ids`, the same images for every run on a data set
    epoch-<n>.npz       `features`, float32 `(images, d)`, after n epochs: the encoder's output, before the head
    scores.csv          `SCORE_COLUMNS`, one row an epoch

Early epochs have features that float16, which older runs wrote, turns into infinities. Such features have no scores (NaN) and
no picture.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import npz_bytes, write_atomically
from tfrepr.reading import damaged, noted, read_arrays, read_csv
from tfrepr.runs import RunDirectory
from tfrepr.seeds import generator

if TYPE_CHECKING:
    import keras

    from tfrepr.config import RunConfig

FOLDER = "features"
LAYER = "features"
"""Name of the last layer of every encoder."""
PROGRESS = (0.1, 0.3, 0.5, 0.7, 1.0)
"""Shares of the training after which features are kept (paper Figure 5)."""
IMAGES = 1000
NEIGHBOURS = 10
SMALLEST, LARGEST = 1e-6, 1e6
"""Features beyond these limits are scaled for t-SNE, which works with squares in float32."""


@dataclass(frozen=True)
class Scores:
    """How well features of one epoch cluster by class.

    Attributes:
        epoch: Epochs trained.
        progress: The same as a share of the whole training.
        images, dimensions: Shape of the features.
        silhouette: Mean over images of (b - a) / max(a, b), where a is the mean Euclidean distance to the other images of the
            own class and b the smallest mean distance to the images of another class; -1 to 1 (Rousseeuw 1987,
            https://doi.org/10.1016/0377-0427(87)90125-7). An image that is alone in its class counts as 0.
        neighbours: k of the next column: `NEIGHBOURS`, or as many other images as the largest class has, if these are fewer.
        knn_purity: Mean over images of the share of the k nearest other images (Euclidean) that have the same class; about
            one over the number of classes by chance, 1 for separated clusters. For an image of a class with fewer than k other
            images, k is their number; an image that is alone in its class does not count.
        fewest_neighbours: The smallest k that this leads to; older files lack this column.
    """

    epoch: int
    progress: float
    images: int
    dimensions: int
    silhouette: float
    neighbours: int
    knn_purity: float
    fewest_neighbours: int


SCORE_COLUMNS = tuple(field.name for field in fields(Scores))


def milestones(epochs: int) -> dict[int, float]:
    """The epochs (counted from 1) after which features are kept, with the share of the training that they stand for.

    Of several shares that fall on one epoch, the last one counts.
    """
    return {max(1, math.ceil(share * epochs - 1e-9)): share for share in PROGRESS}


def chosen_images(count: int) -> np.ndarray:
    """Indices of the test images whose features are kept: all, or `IMAGES` drawn with a fixed seed; int64, sorted."""
    if count <= IMAGES:
        return np.arange(count)
    return np.sort(generator(0, "split", "features").choice(count, IMAGES, replace=False))


def request_features(configs: Iterable[RunConfig], output: Path) -> list[str]:
    """Makes training keep the features of these runs, now and whenever they are resumed.

    Returns:
        Names of the runs that are finished and have no features of their training.
    """
    too_late = []
    for config in configs:
        run = RunDirectory.of(config, output)
        if run.finished and not any((run / FOLDER).glob("epoch-*.npz")):
            too_late.append(config.run_name)
        elif not run.finished:
            run.folder(FOLDER)
    return too_late


def is_requested(run: RunDirectory) -> bool:
    """Whether features of this run are kept."""
    return (run / FOLDER).is_dir()


def feature_model(model: keras.Model) -> keras.Model:
    """The encoder alone: from normalised images to features.

    Raises:
        UserError: The model has no layer called `features`.
    """
    import keras

    if LAYER not in {layer.name for layer in model.layers}:
        raise UserError(f"The model {model.name!r} has no layer {LAYER!r}, after which features are taken.")
    return keras.Model(model.inputs, model.get_layer(LAYER).output, name="encoder")


def compute_features(forward: Callable[[Any], Any], batches: Iterable[tuple[Any, Any]]) -> np.ndarray:
    """Features of all images as float32 `(images, d)`; `forward` is the compiled `feature_model`."""
    import keras

    parts = [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(forward(images), "float32"))) for images, _ in batches]
    return np.concatenate(parts)


def write_images(run: RunDirectory, indices: np.ndarray, class_ids: np.ndarray) -> None:
    """Notes which test images the features belong to."""
    arrays = {"indices": indices.astype(np.int64), "class_ids": class_ids.astype(np.int64)}
    write_atomically(run.folder(FOLDER) / "images.npz", npz_bytes(arrays))


def write_features(run: RunDirectory, epoch: int, features: np.ndarray) -> None:
    """Writes the features of an epoch and `scores.csv` of all epochs so far; without scores where these cannot be had."""
    write_atomically(run.folder(FOLDER) / f"epoch-{epoch:05d}.npz", npz_bytes({"features": features}))
    try:
        write_scores(run)
    except (ValueError, ArithmeticError, MemoryError) as error:  # a training is worth more than its scores
        click.secho(f"Note: {run / FOLDER / 'scores.csv'} could not be written: {error}", fg="yellow", err=True)


def read_class_ids(run: RunDirectory) -> np.ndarray:
    """Class ids of the images whose features are kept, int64 `(images,)`.

    Raises:
        UserError: No features were kept, or the file is damaged.
    """
    path = run / FOLDER / "images.npz"
    class_ids = _array(path, "class_ids", run)
    if class_ids.ndim != 1 or class_ids.dtype.kind not in "iu":
        raise _damaged(path, f"class ids of shape {class_ids.shape}, {class_ids.dtype}", run)
    return class_ids.astype(np.int64)


def kept_epochs(run: RunDirectory) -> dict[int, Path]:
    """Files of features by epoch, in the order of training."""
    files = sorted((run / FOLDER).glob("epoch-*.npz"))
    return {int(number): path for path in files if (number := path.stem.partition("-")[2]).isdecimal()}


def read_features(run: RunDirectory) -> dict[int, np.ndarray]:
    """Features by epoch, float32 `(images, d)`, in the order of training; empty where none were kept.

    A file that is damaged is left out, with a note on standard error.
    """
    read = {epoch: noted(lambda path=path: _features(path, run), None) for epoch, path in kept_epochs(run).items()}
    return {epoch: features for epoch, features in read.items() if features is not None}


def _features(path: Path, run: RunDirectory) -> np.ndarray:
    features, images = _array(path, "features", run), len(read_class_ids(run))
    if features.ndim != 2 or features.dtype.kind != "f" or len(features) != images or not features.size:
        raise _damaged(path, f"features of shape {features.shape}, {features.dtype}, for {images} images", run)
    return features.astype(np.float32)


def _array(path: Path, name: str, run: RunDirectory) -> np.ndarray:
    if not path.exists():
        raise UserError(f"{run.path} has no features. {how_to_get_features(run)}")
    return read_arrays(path, (name,), _advice(run))[name]


def _damaged(path: Path, why: object, run: RunDirectory) -> UserError:
    return damaged(path, why, _advice(run))


def _advice(run: RunDirectory) -> str:
    return f"Remove it, then: python scripts/analyse.py {run.path}"


def how_to_get_features(run: RunDirectory) -> str:
    """What a user does to get features of a run."""
    return ("Training keeps them with: python scripts/train.py --features (and the run's other options). Those of the end of a "
            f"finished run: python scripts/analyse.py {run.path}")


def write_scores(run: RunDirectory) -> None:
    """Writes `scores.csv` of all features that the run has."""
    epochs, class_ids = run.config().epochs, read_class_ids(run)
    rows = [astuple(measure(features, class_ids, epoch, epochs)) for epoch, features in read_features(run).items()]
    content = io.StringIO()
    csv.writer(content, lineterminator="\n").writerows([SCORE_COLUMNS, *([_cell(value) for value in row] for row in rows)])
    write_atomically(run.folder(FOLDER) / "scores.csv", content.getvalue().encode())


def read_scores(run: RunDirectory) -> dict[tuple[float, str], float]:
    """Silhouette and k-NN purity by share of the training and name; NaN where they could not be measured, none without a file.

    Raises:
        UserError: The file is damaged.
    """
    path = run / FOLDER / "scores.csv"
    if not path.exists():
        return {}
    names = ("silhouette", "knn_purity")
    table = read_csv(path, ("progress", *names), _advice(run))
    if not table.columns:
        raise _damaged(path, "it has no header", run)
    rows = table.rows()
    try:
        return {(float(row["progress"]), name): float(row[name]) for row in rows for name in names}
    except ValueError as error:
        raise _damaged(path, error, run) from None


def _cell(value: float) -> str:
    return f"{value:.6g}"


def measure(features: np.ndarray, class_ids: np.ndarray, epoch: int, epochs: int) -> Scores:
    """Silhouette and k-NN purity of features `(images, d)`: of the features themselves, not of a picture of them."""
    counts = np.unique(class_ids, return_counts=True)[1] - 1
    counts = np.minimum(counts[counts > 0], NEIGHBOURS)
    return Scores(epoch, epoch / epochs, *features.shape, silhouette(features, class_ids), int(counts.max(initial=0)),
                  knn_purity(features, class_ids), int(counts.min(initial=NEIGHBOURS)) if len(counts) else 0)


def silhouette(features: np.ndarray, class_ids: np.ndarray) -> float:
    """Mean silhouette, see `Scores`; NaN without two classes, two images of one class, or finite features."""
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(class_ids)) < len(class_ids) or not np.isfinite(features).all():
        return float("nan")
    return float(silhouette_score(np.asarray(features, np.float64), class_ids))


def knn_purity(features: np.ndarray, class_ids: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """Mean share of the nearest other images that have the same class, see `Scores`; NaN without two of a class."""
    from sklearn.neighbors import NearestNeighbors

    _, places, counts = np.unique(class_ids, return_inverse=True, return_counts=True)
    limits = np.minimum(counts[places] - 1, neighbours)
    if not limits.any() or not np.isfinite(features).all():
        return float("nan")
    index = NearestNeighbors(n_neighbors=int(limits.max())).fit(np.asarray(features, np.float64))
    nearest = index.kneighbors(return_distance=False)  # without an argument, an image is not its own neighbour
    same = (class_ids[nearest] == class_ids[:, None]) & (np.arange(nearest.shape[1]) < limits[:, None])
    return float(np.mean(same.sum(axis=1)[limits > 0] / limits[limits > 0]))


def embed(features: np.ndarray) -> np.ndarray:
    """The features in the plane by t-SNE: perplexity 30, started from the two main components; float32 `(images, 2)`.

    On one thread: several add up the same sums in changing order, and wait for each other on a busy machine.

    Args:
        features: `(images, d)`, finite, at least four images.

    Reference:
        van der Maaten and Hinton 2008, http://www.jmlr.org/papers/v9/vandermaaten08a.html; paper section 5.5.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity, features = min(30.0, (len(features) - 1) / 3), np.asarray(features, np.float32)
    if not np.ptp(features, axis=0).any():  # all images have the same ones
        return np.zeros((len(features), 2), np.float32)
    if not SMALLEST < (largest := np.abs(features).max()) < LARGEST:
        features = features / largest
    with threadpool_limits(limits=1):
        return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(features)


def feature_scores(run: Path) -> dict[tuple[float, str], float]:
    """Silhouette and k-NN purity by share of the training and name; none, and a note, where they cannot be read."""
    scores = noted(lambda: read_scores(RunDirectory(run)), {})
    return {place: score for place, score in scores.items() if math.isfinite(score)}
