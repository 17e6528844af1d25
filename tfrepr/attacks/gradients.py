"""The gradient step, once for each Keras backend: `tf.GradientTape` (the reference) and `jax.grad`.

The loss is summed over the batch, so an image's gradient does not depend on the others beside it, and the model runs in
inference mode, so batch normalisation uses its running statistics.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfrepr.surroundings import check_backend

Forward = Callable[[Any], Any]
ImageLoss = Callable[[Any, Any], Any]


def compile_gradient(model: Any, loss: ImageLoss, to_network: Forward,
                     jit: bool = False) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A compiled function `(images, class_ids) -> gradient of each image's loss`, float32 of the images' shape.

    Args:
        model: Keras model.
        loss: `(class_ids, outputs) -> (batch,)`.
        to_network: Maps attacked images to the network's input, differentiably.
        jit: XLA compilation on TensorFlow (slower on a CPU); JAX always compiles.
    """
    if _backend() == "jax":
        return _jax_gradient(model, loss, to_network)
    return _tensorflow_gradient(model, loss, to_network, jit)


def compile_forward(model: Any, read_out: Callable[..., Any], to_network: Forward,
                    jit: bool = False) -> Callable[..., tuple[np.ndarray, ...]]:
    """A compiled function `(images, *arguments) -> read_out(outputs, *arguments)`, as a tuple of NumPy arrays."""
    if _backend() == "jax":
        return _jax_forward(model, read_out, to_network)
    return _tensorflow_forward(model, read_out, to_network, jit)


def _backend() -> str:
    import keras

    backend = keras.backend.backend()
    check_backend(backend)
    return backend


def _tensorflow_gradient(model: Any, loss: ImageLoss, to_network: Forward,
                         jit: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=jit)
    def gradient(images: tf.Tensor, class_ids: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            total = tf.reduce_sum(loss(class_ids, model(to_network(images), training=False)))
        return tape.gradient(total, images)

    return lambda images, class_ids: gradient(tf.constant(images), tf.constant(class_ids)).numpy()


def _tensorflow_forward(model: Any, read_out: Callable[..., Any], to_network: Forward,
                        jit: bool) -> Callable[..., tuple[np.ndarray, ...]]:
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=jit)
    def compiled(images: tf.Tensor, *arguments: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return read_out(model(to_network(images), training=False), *arguments)

    return lambda *arrays: tuple(result.numpy() for result in compiled(*map(tf.constant, arrays)))


def _jax_call(model: Any, to_network: Forward) -> Callable[..., Any]:
    """`(variables, images) -> outputs` without side effects, as `jax.jit` and `jax.grad` need it."""

    def call(variables: tuple[list, list], images: Any) -> Any:
        return model.stateless_call(*variables, to_network(images), training=False)[0]

    return call


def _jax_variables(model: Any) -> tuple[list, list]:
    return [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]


def _jax_gradient(model: Any, loss: ImageLoss, to_network: Forward) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    import jax

    call = _jax_call(model, to_network)
    gradient = jax.jit(jax.grad(lambda images, ids, variables: loss(ids, call(variables, images)).sum()))
    return lambda images, class_ids: np.asarray(gradient(images, class_ids, _jax_variables(model)))


def _jax_forward(model: Any, read_out: Callable[..., Any], to_network: Forward) -> Callable[..., tuple[np.ndarray, ...]]:
    import jax

    call = _jax_call(model, to_network)
    compiled = jax.jit(lambda variables, images, *arguments: read_out(call(variables, images), *arguments))
    return lambda *arrays: tuple(np.asarray(result) for result in compiled(_jax_variables(model), *arrays))
