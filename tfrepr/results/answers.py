"""Which test images a network answers rightly, as a small JSON file: what a comparison of two single networks rests on.

By criterion (`nearest`, `threshold`) the file holds one bit an image, eight to a byte, the first image in the highest bit, the
bytes as hexadecimal digits; and the number of images. Ten thousand images take 2,500 digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfrepr.reading import damaged, read_json

ANSWERS_FILE = "test_answers.json"


def packed_answers(right: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """JSON values of bool arrays `(images,)`, by criterion.

    Example:
        >>> packed_answers({"nearest": np.array([True, False, True])})
        {'images': 3, 'nearest': 'a0'}
    """
    images, = {len(answers) for answers in right.values()}
    return {"images": images, **{criterion: np.packbits(answers).tobytes().hex() for criterion, answers in right.items()}}


def only_answer(right: np.ndarray, class_ids: np.ndarray) -> int | None:
    """The class that a network seems to give for every image: all of its images are right, and no other; None elsewhere."""
    found = np.unique(class_ids[right])
    constant = len(found) == 1 and len(np.unique(class_ids)) > 1 and bool(right[class_ids == found[0]].all())
    return int(found[0]) if constant else None


def read_answers(run: Path) -> dict[str, np.ndarray]:
    """Which test images a run answers rightly, by criterion, bool `(images,)`.

    Args:
        run: The run directory, or a record of it.

    Raises:
        MissingFileError: A run from before this file was kept.
        UnreadableFileError: The file is damaged.
    """
    path = run / ANSWERS_FILE
    advice = "Remove it; comparisons then go without this run's single images."
    values = read_json(path, dict, needed=("images", "nearest"), advice=advice)
    try:
        images = int(values.pop("images"))
        return {criterion: _unpacked(digits, images) for criterion, digits in values.items()}
    except (TypeError, ValueError) as error:
        raise damaged(path, error, advice) from None


def _unpacked(digits: str, images: int) -> np.ndarray:
    content = bytes.fromhex(digits)
    if len(content) != (images + 7) // 8:
        raise ValueError(f"{len(content)} bytes for {images} images")
    return np.unpackbits(np.frombuffer(content, np.uint8), count=images).astype(bool)
