"""Models whose weights, images and labels follow from rules, so that a file of PyTorch's answers holds for them.

Everything random is drawn by NumPy's `RandomState`, whose streams never change.
"""

from pathlib import Path

import keras
import numpy as np

from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation
from tfrepr.models.build import build_model

FILE = Path(__file__).with_name("pytorch_golden.npz")
MODELS = {"resnet32-category": ("resnet32", "category"), "resnet32-random": ("resnet32", "random"),
          "vgg19-category": ("vgg19", "category")}
"""Encoder and label by name."""
IDS = np.array([3, 1, 4])


def images():
    """float64 `(3, 32, 32, 3)`."""
    return np.random.RandomState(1).standard_normal((3, 32, 32, 3))


def representation_of(label):
    """`category`, or matrices of 64x64 as in the paper's `random`."""
    names = tuple("abcdefghij")
    if label == "category":
        return CategoryRepresentation(label, names)
    return RegressionRepresentation(label, names, np.random.RandomState(48).uniform(0, 80, (10, 64, 64)))


def seeded_model(name):
    """The representation, and the model with drawn weights: kernels by He's rule, all others off their usual 0 and 1."""
    encoder, label = MODELS[name]
    representation = representation_of(label)
    model = build_model(encoder, (32, 32, 3), representation)
    random = np.random.RandomState(2)
    for variable in model.weights:
        drawn = random.standard_normal(variable.shape)
        if len(variable.shape) > 1:
            drawn *= np.sqrt(2 / np.prod(variable.shape[:-1]))
        else:
            drawn = 0.1 * drawn + (variable.name in ("gamma", "moving_variance"))
        variable.assign(drawn)
    return representation, model


def in_double_precision(model):
    """A copy in float64 throughout, so that what differs is the mathematics and not the rounding of 32 layers."""
    copy = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float64"}))
    copy.set_weights(model.get_weights())
    assert {variable.dtype for variable in copy.weights} == {copy.output.dtype} == {"float64"}
    return copy


def fingerprint(arrays):
    """Of each array its length, and its product with a drawn direction, which knows the place of every value; `(n, 2)`."""
    random = np.random.RandomState(4)
    return np.array([(np.linalg.norm(array), np.vdot(random.standard_normal(array.shape), array)) for array in arrays])
