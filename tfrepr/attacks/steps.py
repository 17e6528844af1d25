"""The attack loop: gradient of a loss, sign step, project, clip. One step of it is the fast gradient sign method.

Arrays are NumPy, float32, `(rows, height, width, channels)`. A row is one image at one epsilon.
"""

from collections.abc import Callable

import numpy as np


def box(images: np.ndarray, epsilon: np.ndarray | float, low: np.ndarray | float, high: np.ndarray | float,
        ) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the values that an attack may give each pixel.

    The l-infinity ball of equation 1 and the range of valid images are both boxes, so clipping to their intersection is
    the same as Clip_{I, epsilon} (equations 4 and 5) followed by the clip to the range. The image itself always lies in
    the box, even where rounding put it outside the range; an epsilon of 0 therefore is the identity.

    Args:
        images: Clean images.
        epsilon: Radius, one number or `(rows, 1, 1, 1)`.
        low, high: Range of valid images, broadcastable to `images`.
    """
    lower = np.minimum(images, np.maximum(images - epsilon, low))
    upper = np.maximum(images, np.minimum(images + epsilon, high))
    return lower.astype(np.float32), upper.astype(np.float32)


def sign_steps(gradient: Callable[[np.ndarray, np.ndarray], np.ndarray], start: np.ndarray, class_ids: np.ndarray, *,
               bounds: tuple[np.ndarray, np.ndarray], step: np.ndarray | float, steps: int, ascend: bool,
               first_gradient: np.ndarray | None = None, accumulate: bool = False) -> np.ndarray:
    """Moves every image `steps` times by `step` along the sign of its gradient, inside `bounds`.

    Equations 2 (`steps` 1, ascend), 3 (`steps` 1, descend), 4 (ascend) and 5 (descend).

    Args:
        gradient: `(images, class_ids) -> gradient of each image's loss`.
        start: Where to begin: the clean images, or points around them.
        class_ids: The class whose loss is climbed (the true one) or descended (the target), `(rows,)`.
        bounds: Lower and upper end for every pixel (see `box`), applied after every step.
        step: Step size, one number or `(rows, 1, 1, 1)`.
        ascend: True to raise the loss (untargeted), False to lower it (targeted).
        first_gradient: The gradient at `start` where it is already known; it does not depend on epsilon.
        accumulate: Step along the sum of all gradients so far instead of the last one: the authors' code never
            clears the gradient of the input.

    Returns:
        The adversarial images, float32.
    """
    images, total = start, np.float32(0)
    signed_step = np.float32(1 if ascend else -1) * np.asarray(step, dtype=np.float32)
    for number in range(steps):
        latest = first_gradient if number == 0 and first_gradient is not None else gradient(images, class_ids)
        total = total + latest if accumulate else latest
        images = np.clip(images + signed_step * np.sign(total), *bounds)
    return images
