"""Target classes of targeted attacks: for every test image a wrong class, the same for all models and run seeds."""

from collections.abc import Callable

import numpy as np

from tfrepr.data.class_ids import one_per_image
from tfrepr.seeds import generator

AUTHORS_SEED = 444
"""The seed of the authors' targeted attacks, fixed in their code."""


def random_targets(class_ids: np.ndarray, classes: int, *, dataset: str, attack_seed: int) -> np.ndarray:
    """A uniformly drawn wrong class for every image (paper section 3.1).

    The draw depends on the data set's name and `attack_seed` only, never on the model.

    Args:
        class_ids: True classes of the whole test set, `(n,)`; slice the result, not the argument.

    Returns:
        int32, `(n,)`.
    """
    class_ids = one_per_image(class_ids)
    offsets = generator(attack_seed, "attack", dataset, "targets").integers(1, classes, size=len(class_ids))
    return ((class_ids + offsets) % classes).astype(np.int32)


def authors_targets(class_ids: np.ndarray, classes: int) -> np.ndarray:
    """The targets of the authors' code: a uint32 of a Mersenne Twister modulo the classes, redrawn while it is the true class.

    The authors draw with PyTorch under seed 444; NumPy's legacy generator gives the same numbers.

    Returns:
        int32, `(n,)`.
    """
    stream = np.random.RandomState(AUTHORS_SEED)
    return np.array([_wrong_class(stream, int(true), classes) for true in one_per_image(class_ids)], dtype=np.int32)


def _wrong_class(stream: np.random.RandomState, true: int, classes: int) -> int:
    while True:
        drawn = int.from_bytes(stream.bytes(4), "little") % classes
        if drawn != true:
            return drawn


TARGETS: dict[str, Callable[[np.ndarray, int, tuple[str, int]], np.ndarray]] = {
    "random": lambda class_ids, classes, stream: random_targets(class_ids, classes, dataset=stream[0], attack_seed=stream[1]),
    "authors": lambda class_ids, classes, stream: authors_targets(class_ids, classes),
}
"""By `Protocol.targets`: class ids of the whole test set, number of classes, `sweep.ImageSet.stream` -> targets."""
