"""MixUp and random erasing: Keras's own layers, driven by seeds that belong to the batch.

Keras's layers draw from a generator that moves on with every batch, so that a resumed run would see other patches and
partners, and so would a run with another number of threads. Here each batch brings a key, drawn from (seed, epoch, step), and
everything random in the batch follows from it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

KEY_LENGTH = 2
"""Integers in the key of one layer."""


class BatchSeeds(keras.random.SeedGenerator):
    """Seeds that follow from one key: the n-th draw gets the key with n added to its second number.

    Args:
        key: int32, `(2,)`, a tensor of TensorFlow.
    """

    def __init__(self, key: Any) -> None:  # no variable, so the base class's constructor is left out
        self.key = key
        self.draws = 0

    def next(self, ordered: bool = True) -> Any:
        """The seed of the next draw, int32, `(2,)`."""
        self.draws += 1
        return self.key + np.array([0, self.draws], np.int32)


class KeyedErasing(keras.layers.RandomErasing):
    """Keras's random erasing with the seeds of the batch.

    Data are dictionaries with `images` `(batch, height, width, channels)` and `key`, int32 `(2,)`.
    """

    def get_random_transformation(self, data: dict[str, Any], training: bool = True, seed: Any = None) -> dict[str, Any]:
        """Patches of the batch."""
        return super().get_random_transformation(data, training, BatchSeeds(data["key"]))


class PairMixUp(keras.layers.MixUp):
    """Keras's MixUp with the seeds of the batch, whose labels stay class ids.

    Data are dictionaries with `images`, `labels` (class ids, `(batch,)`) and `key`, int32 `(2,)`. Labels become float32
    `(batch, 3)`: the class id, the class id of the image that was mixed in, and the weight of the first. The loss gathers the
    two rows and blends them (`LabelRepresentation.mixed_losses`), so that the pipeline never handles label tables.
    """

    def get_random_transformation(self, data: dict[str, Any], training: bool = True, seed: Any = None) -> dict[str, Any]:
        """Partners and weights of the batch."""
        return super().get_random_transformation(data, training, BatchSeeds(data["key"]))

    def transform_labels(self, labels: Any, transformation: dict[str, Any], training: bool = True) -> Any:
        """Triples of class id, other class id and weight."""
        numpy = self.backend.numpy
        ids = self.backend.cast(labels, "float32")
        weight = self.backend.cast(transformation["mix_weight"], "float32")
        return numpy.stack([ids, numpy.take(ids, transformation["permutation_order"], axis=0), weight], axis=-1)


def erasing(probability: float) -> KeyedErasing:
    """Replaces a patch of 2 to 33% of the image by noise, with that probability.

    The noise is Keras's: normal, times 255, cut off at 0 and 255. Pixels are 0..255.

    Reference: Zhong et al. 2017, https://arxiv.org/abs/1708.04896.
    """
    return KeyedErasing(factor=(probability, probability), value_range=(0, 255), dtype="float32")


def mixup(alpha: float) -> PairMixUp:
    """Blends every image with another one of its batch; weights are Beta(alpha, alpha).

    Reference: Zhang et al. 2018, https://arxiv.org/abs/1710.09412.
    """
    return PairMixUp(alpha=alpha, dtype="float32")
