"""Training one cell on several devices at once: every batch is divided over copies of the model that stay equal.

The mean loss is taken over the whole batch and batch normalisation over the statistics of the whole batch, so that a run
gives what it gives on one device, up to the order in which floating-point numbers are added. For that reason the strategy is
no part of a run's config. TensorFlow only, one machine, no XLA.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from tfrepr.errors import UserError


class DataParallel:
    """The devices that a cell is trained on.

    Models and optimisers are built, and `trainer(...).fit` is called, inside `scope`; `trainer` itself is called outside of
    it. Then Keras's `fit` takes the strategy from the scope, but leaves out a step that it takes for models made inside: an
    average over the parts of a first batch, which fails where they differ in size.

    Args:
        strategy: `"none"`, or `"mirrored"` for all GPUs that TensorFlow sees (without one, all virtual CPU devices).

    Raises:
        UserError: `"mirrored"` on another backend, or with a single device.
    """

    def __init__(self, strategy: str) -> None:
        self._mirrored = None if strategy == "none" else _mirrored_strategy()

    @property
    def replicas(self) -> int:
        """Copies of the model."""
        return 1 if self._mirrored is None else self._mirrored.num_replicas_in_sync

    def scope(self) -> AbstractContextManager:
        """Variables made inside have a copy on every device."""
        return nullcontext() if self._mirrored is None else self._mirrored.scope()

    def trainer(self, model: keras.Model) -> keras.Model:
        """A second model around the same layers, to be compiled: so the saved one carries no optimiser and no loss."""
        kind = keras.Model if self._mirrored is None else DataParallelModel
        return kind(model.inputs, model.outputs[0], name="trainer")


@functools.cache
def _mirrored_strategy() -> Any:
    """One strategy for all cells that a process trains: a second one would use the keys of the first one's exchanges again."""
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"--strategy mirrored needs Keras's backend tensorflow. Received: {keras.backend.backend()!r}.")
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        raise UserError("--strategy mirrored divides batches over several GPUs of one machine. Found only: "
                        f"{devices[0].name}. Leave the option out.")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


class DataParallelModel(keras.Model):
    """A functional model whose training loss is the mean over the whole batch, however it is divided.

    Keras takes the mean of every part and the mean of these means, which weights the images of a short part more. The last
    batch of an epoch may well divide unevenly.
    """

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
                     training: bool = True) -> Any:
        """The mean loss, divided by the number of copies because their gradients are added."""
        import tensorflow as tf

        losses = self.loss(y, y_pred)
        context, count = tf.distribute.get_replica_context(), tf.cast(tf.shape(losses)[0], losses.dtype)
        total, count = context.all_reduce(tf.distribute.ReduceOp.SUM, [tf.reduce_sum(losses), count])
        return total / count / context.num_replicas_in_sync

