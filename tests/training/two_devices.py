"""Trains two small cells on one device and on two virtual ones; run by test_data_parallel.py in a process of its own."""

import sys
from pathlib import Path

import tensorflow as tf

from tfrepr.config import RunConfig
from tfrepr.registry import ENCODERS
from tfrepr.training.loop import run_cell


@ENCODERS.register("plain")
def plain(inputs):
    """A strided convolution without batch normalisation."""
    import keras

    return keras.layers.Flatten(name="features")(keras.layers.Conv2D(4, 3, strides=4, activation="relu")(inputs))


@ENCODERS.register("normalised")
def normalised(inputs):
    """The same with batch normalisation."""
    import keras

    from tfrepr.models.layers import BatchNormalization

    x = BatchNormalization()(keras.layers.Conv2D(4, 3, strides=4, activation="relu")(inputs))
    return keras.layers.Flatten(name="features")(x)


def main(output: Path) -> None:
    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    for encoder in ("plain", "normalised"):
        # 64 images make batches of 31, 31 and 2: parts of 16 and 15 images, and of one image each.
        config = RunConfig(encoder=encoder, label="category", epochs=2, batch_size=31, percent=5, learning_rate=0.05)
        for strategy in ("none", "mirrored"):
            run_cell(config, output / strategy, strategy=strategy)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
