"""Small networks that train in seconds, and images for them."""

from __future__ import annotations

import numpy as np

from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.steps import SignSteps, climb
from tfrepr.attacks.victim import Look
from tfrepr.labels.representation import CategoryRepresentation, LabelRepresentation, RegressionRepresentation

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
SIDE, CLASSES = 8, 4
NAMES = ("a", "b", "c", "d")


def representation_of(label: str) -> LabelRepresentation:
    """`category`, or 16x16 rows: `random` as the paper's, `constant` with evenly spaced constants."""
    if label == "category":
        return CategoryRepresentation("category", NAMES)
    if label == "random":
        table = np.random.default_rng(0).uniform(0, 80, (CLASSES, 16, 16))
    else:
        table = np.linspace(0, 80, CLASSES)[:, None, None] * np.ones((1, 16, 16))
    return RegressionRepresentation(label, NAMES, table)


def convolutional_model(representation: LabelRepresentation):
    """Two convolutions with batch normalisation, and a head as a label decoder has it."""
    import keras
    from keras import layers

    from tfrepr.models.layers import BatchNormalization

    keras.utils.set_random_seed(3)
    inputs = keras.Input((SIDE, SIDE, 3))
    hidden = inputs
    for filters in (8, 16):
        hidden = layers.ReLU()(BatchNormalization()(layers.Conv2D(filters, 3, strides=2, padding="same")(hidden)))
    features = layers.GlobalAveragePooling2D()(hidden)
    if len(representation.output_shape) == 1:
        return keras.Model(inputs, layers.Dense(representation.classes)(features))
    hidden = layers.Reshape((4, 4, 4))(layers.Dense(64)(features))
    hidden = layers.LeakyReLU(negative_slope=0.01)(layers.Conv2DTranspose(4, 4, strides=2, padding="same")(hidden))
    outputs = layers.Conv2DTranspose(1, 4, strides=2, padding="same")(hidden)
    return keras.Model(inputs, layers.Reshape((16, 16))(outputs))


def striped_images(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images whose class is the bright quarter of an otherwise noisy, mid-grey picture, and their class ids."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(CLASSES, size=count).astype(np.int32)
    images = rng.normal(100, 40, (count, SIDE, SIDE, 3))
    for image, class_id in zip(images, ids, strict=True):
        image[2 * class_id:2 * class_id + 2] += 60
    return np.clip(images, 0, 255).astype(np.uint8), ids


def train(model, representation: LabelRepresentation, images: np.ndarray, ids: np.ndarray, epochs: int) -> None:
    """Adam on the training loss, enough to get most images right."""
    import keras

    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=representation.losses)
    model.fit(ImageSpace("normalised", MEAN, STD).from_bytes(images), ids, batch_size=64, epochs=epochs, verbose=0)


def seen(gradient: np.ndarray, height: np.ndarray | None = None) -> Look:
    """What a model shows of images that it answers rightly."""
    right = np.ones((len(gradient), 1), dtype=bool)
    return Look(gradient, np.zeros(len(gradient), np.float32) if height is None else height, right, ~right)


def sign_steps(gradient, start: np.ndarray, *, bounds: tuple[np.ndarray, np.ndarray], step: float, steps: int, ascend: bool,
               first: np.ndarray | None = None, accumulate: bool = False) -> np.ndarray:
    """The loop with steps of one size, for a function from images to gradients."""
    sizes = np.full((len(start), 1, 1, 1), step, dtype=np.float32)
    return climb(lambda images, rows: seen(gradient(images)), start, SignSteps(sizes, bounds, ascend, accumulate), steps,
                 first=None if first is None else seen(first))[0]
