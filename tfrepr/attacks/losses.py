"""Losses that attacks climb or descend: how badly an output fits the given classes, one number for each image.

Those in `LOSSES` have the signature of `LabelRepresentation.losses`, `(class_ids, outputs) -> (batch,)`; those in
`RIVAL_LOSSES` get a second class for each image, the rival that is to win, `(class_ids, rivals, outputs)`. An untargeted attack
climbs the loss of the true class, a targeted one descends that of the target class.

`training` is what the model was trained with; it is also what the threshold criterion decides by. The others act on
the nearest-row decision itself, through `scores`: minus the mean squared distance to every row, or the logits. Labels that
change the training loss may only hide the gradient of that decision (Athalye et al. 2018, https://arxiv.org/abs/1802.00420).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from tfrepr.data.class_ids import one_per_image
from tfrepr.labels.representation import LabelRepresentation

Loss = Callable[[LabelRepresentation, Any, Any], Any]
RivalLoss = Callable[[LabelRepresentation, Any, Any, Any], Any]
SMALLEST_GAP = 1e-6
"""Smallest score gap that a cross-entropy is normalised by, relative to the image's largest score."""
FEWEST_CLASSES = 4
"""Of the difference-of-logits ratio, whose denominator takes the fourth largest score."""


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
    gap = ops.stop_gradient(ops.maximum(ops.abs(own - best_other), _smallest_gap(scores)))
    return ops.logsumexp(scores / gap[:, None], axis=-1) - own / gap


def logits_ratio(representation: LabelRepresentation, class_ids: Any, rivals: Any, outputs: Any) -> Any:
    """The targeted difference-of-logits ratio: -(z_y - z_rival) / (z_1 - (z_3 + z_4) / 2), z_1 >= z_2 >= ... the sorted scores.

    Equation 6 of AutoAttack (https://arxiv.org/abs/2003.01690): positive exactly where the rival is ahead of the class, and
    unchanged when all scores are scaled or shifted. With fewer than four classes there is no z_4, and the numerator stands
    alone: the margin against the rival. The denominator has the floor of `cross_entropy`.
    """
    from keras import ops

    scores = representation.scores(outputs)
    ahead = _score_of(scores, rivals) - _score_of(scores, class_ids)
    if representation.classes < FEWEST_CLASSES:
        return ahead
    ranked = ops.top_k(scores, FEWEST_CLASSES)[0]
    return ahead / ops.maximum(ranked[:, 0] - (ranked[:, 2] + ranked[:, 3]) / 2, _smallest_gap(scores))


def _smallest_gap(scores: Any) -> Any:
    from keras import ops

    return SMALLEST_GAP * ops.max(ops.abs(scores), axis=-1) + 1e-30


def _given(scores: Any, class_ids: Any) -> Any:
    """Which score is that of the given class, bool `(batch, classes)`."""
    from keras import ops

    return ops.cast(ops.one_hot(one_per_image(class_ids), scores.shape[-1]), "bool")


def _score_of(scores: Any, class_ids: Any) -> Any:
    from keras import ops

    return ops.sum(ops.where(_given(scores, class_ids), scores, 0.0), axis=-1)


def _own_and_best_other(scores: Any, class_ids: Any) -> tuple[Any, Any]:
    """The score of the given class and the largest score of any other class, each `(batch,)`."""
    from keras import ops

    others = ops.where(_given(scores, class_ids), -float("inf"), scores)
    return _score_of(scores, class_ids), ops.max(others, axis=-1)


LOSSES: dict[str, Loss] = {"training": training, "margin": margin, "cross_entropy": cross_entropy}
RIVAL_LOSSES: dict[str, RivalLoss] = {"logits_ratio": logits_ratio}
HEIGHTS = {"cross_entropy": "margin"}
"""What stands for a loss where two points of one climb are compared: the gap that scales a cross-entropy is another one at each
point, so that its values say little about which is higher. Losses that are not named here stand for themselves."""


def image_loss(name: str, representation: LabelRepresentation) -> Callable[[Any, Any, Any], Any]:
    """A loss by its name, as `(class_ids, rivals, outputs) -> (batch,)`; most do not look at the rivals."""
    if name in RIVAL_LOSSES:
        return partial(RIVAL_LOSSES[name], representation)
    return lambda class_ids, rivals, outputs: LOSSES[name](representation, class_ids, outputs)
