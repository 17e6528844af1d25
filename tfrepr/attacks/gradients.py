"""The gradient step, once for each Keras backend: `tf.GradientTape` (the reference) and `jax.grad`.

One call gives gradient, losses and whatever else is read out of the same outputs, so that to judge an iterate costs no pass of
its own. The loss is summed over the batch, so an image's gradient does not depend on the others beside it, and the model runs
in inference mode, so batch normalisation uses its running statistics.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfrepr.surroundings import check_backend

Forward = Callable[[Any], Any]
ReadOut = Callable[..., tuple[Any, ...]]


def compile_gradient(model: Any, read_out: ReadOut, to_network: Forward,
                     jit: bool = False) -> Callable[..., tuple[np.ndarray, ...]]:
    """A compiled function `(images, *arguments) -> (gradients, *what is read out)`, as NumPy arrays.

    Args:
        model: Keras model.
        read_out: `(outputs, *arguments)` to a tuple whose first part is the loss of each image, `(batch,)`. The gradients are
            those of the losses, float32 of the images' shape.
        to_network: Maps attacked images to the network's input, differentiably.
        jit: XLA compilation on TensorFlow (slower on a CPU); JAX always compiles.
    """
    if _backend() == "jax":
        return _jax_gradient(model, read_out, to_network)
    return _tensorflow_gradient(model, read_out, to_network, jit)


def compile_forward(model: Any, read_out: ReadOut, to_network: Forward,
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


def _tensorflow_gradient(model: Any, read_out: ReadOut, to_network: Forward,
                         jit: bool) -> Callable[..., tuple[np.ndarray, ...]]:
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=jit)
    def compiled(images: tf.Tensor, *arguments: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            losses, *rest = read_out(model(to_network(images), training=False), *arguments)
            total = tf.reduce_sum(losses)
        return tape.gradient(total, images), losses, *rest

    return _traced_once_a_shape(compiled)


def _tensorflow_forward(model: Any, read_out: ReadOut, to_network: Forward,
                        jit: bool) -> Callable[..., tuple[np.ndarray, ...]]:
    import tensorflow as tf

    @tf.function(autograph=False, jit_compile=jit)
    def compiled(images: tf.Tensor, *arguments: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return read_out(model(to_network(images), training=False), *arguments)

    return _traced_once_a_shape(compiled)


def _traced_once_a_shape(compiled: Any) -> Callable[..., tuple[np.ndarray, ...]]:
    """A `tf.function` for arrays, traced before it is called: TensorFlow warns of calls that trace again."""
    import tensorflow as tf

    traced: dict[tuple[int, ...], Any] = {}

    def call(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        tensors, shape = tuple(map(tf.constant, arrays)), arrays[0].shape
        if shape not in traced:
            traced[shape] = compiled.get_concrete_function(*tensors)
        return tuple(result.numpy() for result in traced[shape](*tensors))

    return call


def _jax_call(model: Any, to_network: Forward) -> Callable[..., Any]:
    """`(variables, images) -> outputs` without side effects, as `jax.jit` and `jax.grad` need it."""

    def call(variables: tuple[list, list], images: Any) -> Any:
        return model.stateless_call(*variables, to_network(images), training=False)[0]

    return call


def _jax_variables(model: Any) -> tuple[list, list]:
    return [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]


def _jax_gradient(model: Any, read_out: ReadOut, to_network: Forward) -> Callable[..., tuple[np.ndarray, ...]]:
    import jax

    call = _jax_call(model, to_network)

    def summed(images: Any, variables: tuple[list, list], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        found = read_out(call(variables, images), *arguments)
        return found[0].sum(), found

    compiled = jax.jit(jax.grad(summed, has_aux=True))

    def gradient(images: np.ndarray, *arguments: np.ndarray) -> tuple[np.ndarray, ...]:
        gradients, found = compiled(images, _jax_variables(model), *arguments)
        return tuple(np.asarray(part) for part in (gradients, *found))

    return gradient


def _jax_forward(model: Any, read_out: ReadOut, to_network: Forward) -> Callable[..., tuple[np.ndarray, ...]]:
    import jax

    call = _jax_call(model, to_network)
    compiled = jax.jit(lambda variables, images, *arguments: read_out(call(variables, images), *arguments))
    return lambda *arrays: tuple(np.asarray(result) for result in compiled(_jax_variables(model), *arrays))
