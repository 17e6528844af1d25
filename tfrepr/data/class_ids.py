"""The shape of class ids: one integer an image, `(n,)`, wherever they enter.

Keras's own `cifar10.load_data` returns them as `(n, 1)`. Compared with an array of shape `(n,)`, such ids broadcast to `(n, n)`
without a word, and a mean over that is a plausible, wrong number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfrepr.errors import UserError


def one_per_image(ids: Any) -> Any:
    """Class ids as `(n,)`: themselves, or the only column of `(n, 1)`.

    Args:
        ids: A tensor of any backend, a NumPy array or a list.

    Raises:
        UserError: Any other shape, such as one-hot rows.
    """
    ids = ids if hasattr(ids, "shape") else np.asarray(ids)
    shape = tuple(ids.shape)
    if len(shape) == 2 and shape[1] == 1:
        return ids[:, 0]
    if len(shape) != 1:
        raise UserError(f"Class ids must be one integer an image, shape (n,) or (n, 1). Received shape {shape}. For one-hot "
                        "rows take their argmax over the last axis.")
    return ids


def checked_ids(ids: Any, *, images: int | None = None, classes: int | None = None, least: int = 0) -> np.ndarray:
    """Class ids in memory, checked.

    Args:
        ids: Integers, `(n,)` or `(n, 1)`.
        images: How many there must be.
        classes: Ids must be less than this.
        least: Smallest id that is allowed; -1 admits images without label.

    Returns:
        The ids in their own type, `(n,)`.

    Raises:
        UserError: Another shape or type, another number, or an id out of range.
    """
    ids = one_per_image(np.asarray(ids))
    if ids.dtype.kind not in "iu":
        raise UserError(f"Class ids must be integers. Received: {ids.dtype}.")
    if images is not None and len(ids) != images:
        raise UserError(f"There must be one class id for each image. Received: {len(ids)} ids for {images} images.")
    if len(ids) and (ids.min() < least or (classes is not None and ids.max() >= classes)):
        wanted = f"at least {least}" if classes is None else f"from {least} to {classes - 1}"
        raise UserError(f"Class ids must be {wanted}. Received ids from {ids.min()} to {ids.max()}.")
    return ids
