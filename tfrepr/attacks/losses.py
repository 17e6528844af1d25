"""Losses that attacks climb or descend: how badly an output fits the given classes, one number for each image.

All have the signature of `LabelRepresentation.losses`, `(class_ids, outputs) -> (batch,)`. An untargeted attack climbs the loss
of the true class, a targeted one descends that of the target class.

`training` is what the model was trained with; it is also what the threshold criterion decides by. The other two act on
the nearest-row decision itself, through `scores`: minus the mean squared distance to every row, or the logits. Labels that
change the training loss may only hide the gradient of that decision (Athalye et al. 2018, https://arxiv.org/abs/1802.00420).
"""

from collections.abc import Callable
from typing import Any

from tfrepr.data.class_ids import one_per_image
from tfrepr.labels.representation import LabelRepresentation

Loss = Callable[[LabelRepresentation, Any, Any], Any]
SMALLEST_GAP = 1e-6
"""Smallest score gap that a cross-entropy is normalised by, relative to the image's largest score."""


def training(representation: LabelRepresentation, class_ids: Any, outputs: Any) -> Any:
    """The training loss: cross-entropy for one-hot labels, mean smooth L1 for the others (paper section 3.1)."""
    return representation.losses(class_ids, outputs)


def margin(representation: LabelRepresentation, class_ids: Any, outputs: Any) -> Any:
    """Best score of another class minus the score of the given class; positive exactly where another class wins.

    The l-infinity form of Carlini and Wagner's f6 (https://arxiv.org/abs/1608.04644, section IV.A) without the cut at 0. For a
    nearest-row label it is linear in the output, 2 o.(t_j - t_y) / elements plus a constant, so it cannot saturate.
    """
    own, best_other = _own_and_best_other(representation.scores(outputs), class_ids)
    return best_other - own


def cross_entropy(representation: LabelRepresentation, class_ids: Any, outputs: Any) -> Any:
    """Cross-entropy of softmax(scores / gap), where gap is each image's |own score - best other score|, held constant.

    Scores of a label with range 80 reach -6400: their plain softmax is one-hot in float32, and its gradient zero. With the
    gap as temperature the given class and its best rival always differ by exactly 1, so the probability of the
    given class stays between 0.002 (1,000 classes) and 0.74, and its gradient alive, whatever the scale of the label.
    """
    from keras import ops

    scores = representation.scores(outputs)
    own, best_other = _own_and_best_other(scores, class_ids)
    smallest = SMALLEST_GAP * ops.max(ops.abs(scores), axis=-1) + 1e-30
    gap = ops.stop_gradient(ops.maximum(ops.abs(own - best_other), smallest))
    return ops.logsumexp(scores / gap[:, None], axis=-1) - own / gap


def _own_and_best_other(scores: Any, class_ids: Any) -> tuple[Any, Any]:
    """The score of the given class and the largest score of any other class, each `(batch,)`."""
    from keras import ops

    given = ops.cast(ops.one_hot(one_per_image(class_ids), scores.shape[-1]), "bool")
    own = ops.sum(ops.where(given, scores, 0.0), axis=-1)
    return own, ops.max(ops.where(given, -float("inf"), scores), axis=-1)


LOSSES: dict[str, Loss] = {"training": training, "margin": margin, "cross_entropy": cross_entropy}
