"""Grad-CAM: which places of an image the answer of a network comes from (paper A.6 and Figure 9).

For an activation A of shape (rows, columns, channels) and the score y of the predicted class,

    alpha_k = mean over i, j of  dy / dA[i, j, k]
    L[i, j] = max(0, sum over k of alpha_k * A[i, j, k])

after Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391, equations 1 and 2. The score is `representation.scores` of the
predicted class: its logit for the category label, and for a regressed label minus the mean squared distance between the output
and the label row of the predicted class, since there the class with the smallest distance is the answer. Maps are enlarged
bilinearly to the image and divided by their own maximum, as the paper's pictures show where and not how much.

The gradient is TensorFlow's (`tf.GradientTape`); a run trained on another backend is looked at with KERAS_BACKEND=tensorflow.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import npz_bytes, write_atomically
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.results.gradcam import FILE, STAGE_TITLES

if TYPE_CHECKING:
    import keras

    from tfrepr.data.dataset import ImageDataset
    from tfrepr.training.trained import TrainedModel

IMAGES = 8


def stage_outputs(model: keras.Model) -> dict[str, Any]:
    """Activations at the beginning, in the middle and at the end of an encoder, by layer name.

    These are the outputs of the first, the middle and the last of the layers `stage1`, `stage2`, ... A stage that ends in
    pooling is looked at before it: at 32x32 pixels the last pooling of VGG19 leaves one place only.

    Raises:
        UserError: The encoder has fewer than three such stages of images.
    """
    layers = [layer for layer in model.layers if re.fullmatch(r"stage\d+", layer.name)]
    tensors = [layer.input if "Pooling" in type(layer).__name__ else layer.output for layer in layers]
    if len(layers) < len(STAGE_TITLES) or any(len(tensor.shape) != 4 for tensor in tensors):
        raise UserError(f"Grad-CAM looks at three stages of convolutions, and the model {model.name!r} has "
                        f"{len(layers)} layers called stage1, stage2, ... Choose a run with resnet32, resnet110 or vgg19.")
    places = (0, len(layers) // 2, len(layers) - 1)
    return {layers[place].name: tensors[place] for place in places}


def activation_maps(model: keras.Model, representation: LabelRepresentation, images: Any,
                    stages: dict[str, Any]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Grad-CAM maps of every image at every stage, before enlarging and scaling.

    Args:
        model: From standardised images to outputs.
        representation: Gives the score and the predicted class.
        images: float32, `(n, height, width, 3)`, standardised.
        stages: Activations by name, as `stage_outputs(model)` gives them.

    Returns:
        Predicted class ids, int64 `(n,)`, and for each stage the maps, float32 `(n, rows, columns)`, not negative.
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise UserError("Grad-CAM takes its gradients from TensorFlow. Set KERAS_BACKEND=tensorflow and repeat the command; "
                        "checkpoints are the same on every backend.")
    observed = keras.Model(model.inputs, [*stages.values(), model.outputs[0]])
    with tf.GradientTape() as tape:
        inputs = tf.convert_to_tensor(images)
        tape.watch(inputs)
        *activations, outputs = observed(inputs, training=False)
        scores = representation.scores(outputs)
        predicted = tf.argmax(scores, axis=-1)
        score = tf.gather(scores, predicted, axis=1, batch_dims=1)
    gradients = tape.gradient(score, activations)
    maps = [_weighted(tf.cast(activation, tf.float32), tf.cast(gradient, tf.float32))
            for activation, gradient in zip(activations, gradients, strict=True)]
    return predicted.numpy(), [one.numpy() for one in maps]


def _weighted(activation: Any, gradient: Any) -> Any:
    import tensorflow as tf

    alpha = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(alpha * activation, axis=-1))


def enlarge(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Maps `(n, rows, columns)` as pictures in [0, 1], float32 `(n, height, width)`; a map of zeros stays zero."""
    from skimage.transform import resize

    large = np.stack([resize(one, (height, width), order=1, mode="edge", anti_aliasing=False) for one in maps])
    peak = large.max(axis=(1, 2), keepdims=True)
    return np.divide(large, peak, out=np.zeros_like(large), where=peak > 0).astype(np.float32)


def example_images(class_ids: np.ndarray, count: int = IMAGES) -> np.ndarray:
    """Indices `(count,)` of the first image of each class, then the second of each, ...; the same for every run."""
    order = np.argsort(class_ids, kind="stable")
    starts = np.searchsorted(class_ids[order], class_ids[order])
    turn = np.arange(len(order)) - starts
    return order[np.lexsort((class_ids[order], turn))][:count]


def write_gradcam(trained: TrainedModel, dataset: ImageDataset) -> Path:
    """Writes `gradcam.npz` of a run: `ARRAYS`, where `maps` is float16 in [0, 1], `(images, stages, height, width)`."""
    chosen = example_images(dataset.test_ids)
    images = dataset.test_images[chosen]
    stages = stage_outputs(trained.model)
    predicted, maps = activation_maps(trained.model, trained.representation, trained.standardise(images), stages)
    pictures = np.stack([enlarge(one, *images.shape[1:3]) for one in maps], axis=1)
    arrays = {"images": images, "maps": pictures.astype(np.float16), "stages": np.array(list(stages)),
              "class_ids": dataset.test_ids[chosen], "predicted": predicted, "class_names": np.array(dataset.class_names)}
    write_atomically(trained.run / FILE, npz_bytes(arrays))
    return trained.run / FILE
