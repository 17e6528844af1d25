"""How images are standardised by the mean and the deviation of a data set: (pixel / white - mean) / std."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrepr.errors import UserError


def scale_and_shift(mean: Sequence[float], std: Sequence[float], white: float = 255) -> tuple[np.ndarray, np.ndarray]:
    """The same as one multiplication and one subtraction: `pixels * scale - shift`.

    Training, evaluation and attacks take it from here, so that a network sees equal numbers in all of them.

    Args:
        mean, std: Per channel, of pixels scaled to [0, 1].
        white: The largest value of a pixel: 255, or 1 for pixels in [0, 1].

    Returns:
        Scale and shift, float32, `(channels,)`.
    """
    deviation = np.asarray(std)
    return (1 / (white * deviation)).astype(np.float32), (np.asarray(mean) / deviation).astype(np.float32)


def standardised(pixels: Any, mean: Sequence[float], std: Sequence[float], white: float = 255) -> Any:
    """Standardised pixels.

    Args:
        pixels: float32, `(..., channels)`, an array or a tensor of any backend (the result can be differentiated).
        mean, std, white: As for `scale_and_shift`.
    """
    scale, shift = scale_and_shift(mean, std, white)
    return pixels * scale - shift


def checked_statistics(mean: Sequence[float] | None, std: Sequence[float] | None,
                       channels: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and deviation that a program gave, one number a channel; None where it gave neither.

    Raises:
        UserError: One without the other, another count of numbers, or numbers that cannot be used.
    """
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise UserError("Give mean and std together, or neither of them.")
    mean, std = (np.asarray(values, np.float64).reshape(-1) for values in (mean, std))
    if not len(mean) == len(std) == channels or not (np.isfinite(mean).all() and (std > 0).all()):
        raise UserError(f"mean and std must have one finite number for each of the {channels} channels, and std above 0. "
                        f"Received: {mean.tolist()} and {std.tolist()}.")
    return tuple(mean.tolist()), tuple(std.tolist())
