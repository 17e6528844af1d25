"""The Grad-CAM maps of a run, `gradcam.npz`, as `tfrepr.analysis.gradcam.write_gradcam` keeps them."""

from __future__ import annotations

import numpy as np

from tfrepr.reading import damaged, read_arrays
from tfrepr.runs import RunDirectory

FILE = "gradcam.npz"
ARRAYS = ("images", "maps", "stages", "class_ids", "predicted", "class_names")
STAGE_TITLES = ("beginning", "middle", "final")


def read_gradcam(run: RunDirectory) -> dict[str, np.ndarray]:
    """What `write_gradcam` wrote; empty where there is no such file.

    Raises:
        UserError: The file is damaged.
    """
    path, advice = run / FILE, f"Make it again: python scripts/analyse.py {run.path}"
    if not path.exists():
        return {}
    arrays = read_arrays(path, ARRAYS, advice)
    if not _fit_together(**arrays):
        raise damaged(path, "its arrays do not fit together", advice)
    return arrays


def _fit_together(images: np.ndarray, maps: np.ndarray, stages: np.ndarray, class_ids: np.ndarray, predicted: np.ndarray,
                  class_names: np.ndarray) -> bool:
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or maps.dtype.kind != "f":
        return False
    named = all(ids.shape == (len(images),) and ids.dtype.kind in "iu" and 0 <= ids.min() <= ids.max() < class_names.size
                for ids in (class_ids, predicted))
    return named and maps.shape == (len(images), len(STAGE_TITLES), *images.shape[1:3]) and len(stages) == len(STAGE_TITLES)
