"""Features of a fixed set of test images during training (paper Figures 5 and 8), and how well they cluster.

A run that was asked for them has the folder `features/`:

    images.npz          `indices` into the test set and `class_ids`, the same images for every run on a data set
    epoch-<n>.npz       `features`, float16 `(images, d)`, after n epochs: the encoder's output, before the head
    scores.csv          `SCORE_COLUMNS`, one row an epoch
"""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import npz_bytes, write_atomically
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
        neighbours: k of the next column.
        knn_purity: Mean over images of the share of the k nearest other images (Euclidean) that have the same class; about
            one over the number of classes by chance.
    """

    epoch: int
    progress: float
    images: int
    dimensions: int
    silhouette: float
    neighbours: int
    knn_purity: float


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
        if run.finished and not is_requested(run):
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
    """Features of all images as float16 `(images, d)`; `forward` is the compiled `feature_model`."""
    import keras

    parts = [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(forward(images), "float32"))) for images, _ in batches]
    return np.concatenate(parts).astype(np.float16)


def write_images(run: RunDirectory, indices: np.ndarray, class_ids: np.ndarray) -> None:
    """Notes which test images the features belong to."""
    arrays = {"indices": indices.astype(np.int64), "class_ids": class_ids.astype(np.int64)}
    write_atomically(run.folder(FOLDER) / "images.npz", npz_bytes(arrays))


def write_features(run: RunDirectory, epoch: int, features: np.ndarray) -> None:
    """Writes the features of an epoch and `scores.csv` of all epochs so far."""
    write_atomically(run.folder(FOLDER) / f"epoch-{epoch:05d}.npz", npz_bytes({"features": features}))
    write_scores(run)


def read_class_ids(run: RunDirectory) -> np.ndarray:
    """Class ids of the images whose features are kept, int64 `(images,)`.

    Raises:
        UserError: No features were kept, or the file is damaged.
    """
    return _array(run / FOLDER / "images.npz", "class_ids", run)


def read_features(run: RunDirectory) -> dict[int, np.ndarray]:
    """Features by epoch, float32 `(images, d)`, in the order of training; empty where none were kept.

    Raises:
        UserError: A file is damaged.
    """
    files = sorted((run / FOLDER).glob("epoch-*.npz"))
    return {int(path.stem.partition("-")[2]): _array(path, "features", run).astype(np.float32) for path in files}


def _array(path: Path, name: str, run: RunDirectory) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[name]
    except FileNotFoundError:
        raise UserError(f"{run.path} has no features. {how_to_get_features(run)}") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error}). Remove the folder {path.parent}, then: "
                        f"python scripts/analyse.py {run.path}") from None


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


def _cell(value: float) -> str:
    return f"{value:.6g}"


def measure(features: np.ndarray, class_ids: np.ndarray, epoch: int, epochs: int) -> Scores:
    """Silhouette and k-NN purity of features `(images, d)`: of the features themselves, not of a picture of them."""
    neighbours = min(NEIGHBOURS, len(features) - 1)
    return Scores(epoch, epoch / epochs, *features.shape, silhouette(features, class_ids), neighbours,
                  knn_purity(features, class_ids, neighbours))


def silhouette(features: np.ndarray, class_ids: np.ndarray) -> float:
    """Mean silhouette, see `Scores`; NaN where fewer than two classes, or as many classes as images, are there."""
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(class_ids)) < len(class_ids):
        return float("nan")
    return float(silhouette_score(np.asarray(features, np.float64), class_ids))


def knn_purity(features: np.ndarray, class_ids: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """Mean share of the nearest other images that have the same class, see `Scores`."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=neighbours).fit(np.asarray(features, np.float64))
    nearest = index.kneighbors(return_distance=False)  # without an argument, an image is not its own neighbour
    return float(np.mean(class_ids[nearest] == class_ids[:, None]))


def embed(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """The features in the plane by t-SNE: perplexity 30, started from the two main components; float32 `(images, 2)`.

    On one thread: several add up the same sums in changing order, and wait for each other on a busy machine.

    Args:
        features: `(images, d)`, at least four images.
        seed: Of scikit-learn's generator.

    Reference:
        van der Maaten and Hinton 2008, http://www.jmlr.org/papers/v9/vandermaaten08a.html; paper section 5.5.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(features) - 1) / 3)
    with threadpool_limits(limits=1):
        return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(np.asarray(features, np.float32))
