"""Attacks on any Keras model and any images in memory, without run directories."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.attacks.diagnosis import NOTABLE
from tfrepr.attacks.protocols import AttackSettings, Protocol, build_protocol, check_read
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.sweep import ImageSet, attack_groups, clean_decisions, run_group
from tfrepr.attacks.table import ensemble_rows, outcome_rows, outcome_survivors
from tfrepr.attacks.targets import TARGETS
from tfrepr.attacks.victim import Victim
from tfrepr.data.class_ids import checked_ids
from tfrepr.data.standardisation import checked_statistics
from tfrepr.errors import UserError
from tfrepr.labels.representation import LabelRepresentation
from tfrepr.options import from_keywords
from tfrepr.results.attack_rows import AttackRow

if TYPE_CHECKING:
    import keras
    import pandas as pd

STREAM = "own"
"""Stands for the name of a data set in the random streams."""


def attack(model: keras.Model, representation: LabelRepresentation, images: Any, class_ids: Any, *,
           mean: Sequence[float] | None = None, std: Sequence[float] | None = None, protocol: str = "standard",
           epsilons: str | None = None, **settings: Any) -> pd.DataFrame:
    """How many images a network still answers rightly under the attacks of a protocol.

    Args:
        model: From images to outputs. Without `mean` and `std` it takes images in [0, 1].
        representation: Its label; for a classifier of your own with logits `make_representation(names, "category")`.
        images: uint8, or floats in [0, 1], `(n, height, width, channels)`.
        class_ids: True classes, integers, `(n,)`.
        mean, std: Per channel; the model takes (images - mean) / std.
        protocol: A name that `tfrepr attack --help` lists. Transfer attacks, which need a second network, are left out.
        epsilons: Strengths, as `"0,4,8"`: in 1/255, or in normalised units for the protocols `paper` and `authors`.
        settings: Further fields of `tfrepr.attacks.protocols.AttackSettings`, such as `steps=50` or `restarts=5`.

    Returns:
        One row an attack, epsilon and criterion, with the columns of attacks.csv and `accuracy`, the share of all images that
        are right before and after the attack. The attack `ensemble` is the worst case over all attacks of the protocol.

    Raises:
        UserError: Images, class ids, names or numbers that cannot be used, or a classifier that ends in softmax.

    Warns:
        UserWarning: More than 1% of the images that are right at first have a gradient of zero: what is left is no robustness.

    Example:
        >>> import tfrepr
        >>> digits = tfrepr.load_images("digits")
        >>> category = tfrepr.make_representation(digits.class_names, "category")
        >>> model = tfrepr.build_model("mlp1x512", digits.image_shape, category)
        >>> table = tfrepr.attack(model, category, digits.test_images[:20], digits.test_ids[:20], epsilons="0,8", steps=2)
        >>> bool((table.accuracy <= 1).all())
        True
    """
    import pandas as pd

    chosen = from_keywords(AttackSettings, settings | {"protocol": protocol, "epsilons": epsilons}, "attack setting",
                           leave_out=("binarisation",))
    check_read(chosen)
    bytes_or_floats = _checked_images(images, model)
    channels = bytes_or_floats.shape[-1]
    ids = checked_ids(class_ids, images=len(bytes_or_floats), classes=representation.classes).astype(np.int32)
    plan = build_protocol(chosen).without_transfer()
    mean, std = checked_statistics(mean, std, channels) or ((0.0,) * channels, (1.0,) * channels)
    space = ImageSpace(plan.space, mean, std)
    victim = Victim(model, representation, space, min(chosen.batch_size, len(ids)), criteria=plan.criteria)
    stream = (STREAM, chosen.attack_seed)
    targets = TARGETS[plan.targets](ids, representation.classes, stream)
    _check_outputs(model, representation, space, bytes_or_floats[:victim.batch_size])
    rows = _rows(victim, plan, ImageSet(bytes_or_floats, ids, targets, stream), chosen.attack_seed)
    _warn_of_no_gradient(rows)
    table = pd.DataFrame([dataclasses.asdict(row) for row in rows])
    return table.assign(accuracy=table["still_correct"] / table["images"])


def _check_outputs(model: keras.Model, representation: LabelRepresentation, space: ImageSpace, images: np.ndarray) -> None:
    """Refuses probabilities of a category model: behind a softmax float32 rounds gradients to zero.

    Raises:
        UserError: Outputs that are not negative and sum to 1 for every image.
    """
    from keras import ops

    if representation.name != "category":
        return
    outputs = ops.convert_to_numpy(model(space.to_network(ops.convert_to_tensor(space.from_bytes(images))), training=False))
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3):
        raise UserError("The model's outputs are probabilities, as of a softmax. Float32 rounds their gradients to zero, so "
                        "that attacks would find robustness where there is none. Give the model without its softmax, that is "
                        "its logits (for keras.applications: classifier_activation=None).")


def _warn_of_no_gradient(rows: Sequence[AttackRow]) -> None:
    shares = [(row.no_gradient / row.clean_correct, row) for row in rows if row.no_gradient and row.clean_correct]
    share, row = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    if share > NOTABLE:
        warnings.warn(f"{row.no_gradient} of the {row.clean_correct} images that are right at first have a gradient of zero "
                      f"({row.attack}, {row.loss} loss). What such an attack leaves is no robustness, since a gradient is "
                      "hidden. See docs/attack.md.", stacklevel=3)


def _rows(victim: Victim, plan: Protocol, tests: ImageSet, seed: int) -> list[Any]:
    clean, rows, survivors, withstood = clean_decisions(victim, tests), [], {}, None
    for group in attack_groups(plan):
        chosen = [(attack, plan.epsilons) for attack in group]
        for outcome in run_group(victim, None, chosen, tests, clean, withstood=withstood):
            arguments = (plan, outcome, clean, victim.criteria, seed)
            rows += outcome_rows(*arguments)
            survivors |= outcome_survivors(*arguments)
            withstood = outcome.correct & clean.correct if plan.cascade else None
    return rows + (ensemble_rows(plan, clean, victim.criteria, seed, survivors)[0] if plan.ensemble else [])


def _checked_images(images: Any, model: keras.Model) -> np.ndarray:
    """Images in the unit of bytes: uint8, or float32 from 0 to 255."""
    for side in ("inputs", "outputs"):
        if (count := len(getattr(model, side, None) or ())) > 1:
            raise UserError(f"An attack needs a model with one input and one output. Received one with {count} {side}.")
    images, shape = np.asarray(images), tuple(model.inputs[0].shape[1:]) if getattr(model, "inputs", None) else None
    if images.ndim != 4 or not len(images) or (shape is not None and any(
            wanted not in (None, found) for wanted, found in zip(shape, images.shape[1:], strict=True))):
        raise UserError(f"Images must have the shape (n, height, width, channels), as the model takes them ({shape}). "
                        f"Received: {images.shape}.")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" or not (images.min() >= 0 and images.max() <= 1):
        raise UserError(f"Images must be uint8, or floats from 0 to 1. Received: {images.dtype} from {images.min()} to "
                        f"{images.max()}. Standardised images are made by the model itself, or by mean and std.")
    return images.astype(np.float32) * np.float32(255)
