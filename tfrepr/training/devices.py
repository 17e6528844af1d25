"""The device that trains: what it is, and how it is set up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras

from tfrepr.config import SINGLE, RunConfig
from tfrepr.surroundings import check_backend, set_keras_defaults
from tfrepr.training.cost import cores


@dataclass(frozen=True)
class Device:
    """Where a run trains.

    Attributes:
        kind: `"cpu"` or `"gpu"`.
        description: For people, for example `"CPU, 2 cores"`.
        backend: Keras's backend.
    """

    kind: str
    description: str
    backend: str


def prepare_device(config: RunConfig) -> Device:
    """Finds the device, sets Keras's defaults, lets GPU memory grow, and turns on deterministic kernels where asked.

    Raises:
        UserError: Keras's backend is neither TensorFlow nor JAX.
    """
    backend = keras.backend.backend()
    check_backend(backend)
    set_keras_defaults()
    if backend == "tensorflow":
        gpus = _tensorflow_gpus(config.deterministic)
    else:
        import jax
        import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")  # TensorFlow only feeds the data: the card's memory is JAX's
        gpus = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    if gpus:
        return Device("gpu", f"GPU, {gpus[0]}", backend)
    return Device("cpu", f"CPU, {_threads()} cores", backend)


def _threads() -> str:
    """`"8"`, or `"2 of 8"` where the process was given fewer threads; their number decides how sums are rounded."""
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return f"{threads} of {cores()}" if threads.isdecimal() and 0 < int(threads) < cores() else str(cores())


def _tensorflow_gpus(deterministic: bool) -> list[str]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # the GPU is already in use by this process: growth was decided then
            break
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]


def jit_compile(config: RunConfig, device: Device) -> bool:
    """Whether to compile with XLA: on a GPU and with JAX unless told otherwise; on a CPU TensorFlow is slower with it."""
    automatic = device.kind == "gpu" or device.backend == "jax"
    return {"auto": automatic, "on": True, "off": False}[config.jit]


@contextmanager
def compute_types(mixed_precision: str) -> Iterator[None]:
    """Keras's compute type for the layers that are built inside: `"off"` (float32), `"float16"` or `"bfloat16"`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(SINGLE if mixed_precision == "off" else f"mixed_{mixed_precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
