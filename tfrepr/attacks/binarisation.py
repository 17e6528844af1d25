"""The binarisation test: does the gradient attack find adversarial images where there certainly are some?

Zimmermann et al. 2022, "Increasing Confidence in Adversarial Robustness Evaluations" (https://arxiv.org/abs/2206.13991, section
3 and algorithm 1). Around each test image a new linear readout of the network's own features tells one corner of the ball from
the image and 999 points inside. So that corner is an adversarial image of the readout, and an attack that cannot find
one cannot find them along this network's gradients: what such an attack leaves says nothing. The readout's threshold lies next
to the boundary point, so that random points hardly ever pass it.

Where there are two classes, cross-entropy and difference-of-logits ratio both follow the margin, which here is the readout's
value: one run of Auto-PGD is what the protocol `autoattack` does to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfrepr.attacks.auto_steps import AutoSteps
from tfrepr.attacks.gradients import compile_forward, compile_gradient
from tfrepr.attacks.protocols import AUTO_FIRST_STEP
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.steps import box, climb
from tfrepr.attacks.victim import Look, filled_batches
from tfrepr.labels.representation import CategoryRepresentation, LabelRepresentation
from tfrepr.results.signs import BINARISATION, Sign
from tfrepr.seeds import generator

EPSILON = 8.0
"""Radius of the balls, in units of 1/255."""
INNER, RANDOM = 999, 200
"""Points inside the ball that a readout learns, and points of its boundary that the random search tries."""
INSIDE = 0.95
"""Radius of the corners that are the inner points, over the ball's. Uniform points differ from the boundary point by their
lesser distance from the image, so that random corners pass for it on networks whose answers have few dimensions."""
PENALTY = 0.01
"""Of the ridge, where features have a mean square of 1: keeps rounding noise of features out of a readout."""
CLOSENESS = 0.999
"""Where the threshold lies on the way from the highest inner point (0) to the boundary point (1)."""
WORKING, EASY = 0.95, 0.5
"""Least score of an attack that works, and the score of random points from which on the test says nothing."""
FEWEST_IMAGES = 20
"""Images with a readout without which a score says nothing."""


Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
"""`(generator, shape) -> float32` from -1 to 1."""


class Ball(NamedTuple):
    """What is around an image.

    Attributes:
        centre: The image, `(height, width, channels)`.
        radius: Greatest change of a pixel.
        bounds: Lower and upper end for every pixel.
        random: The image's own stream.
    """

    centre: np.ndarray
    radius: np.float32
    bounds: tuple[np.ndarray, np.ndarray]
    random: np.random.Generator

    def point(self, noise: np.ndarray) -> np.ndarray:
        """The points where noise from -1 to 1 leads."""
        return np.clip(self.centre + self.radius * noise, *self.bounds)


class Readout(NamedTuple):
    """What tells a boundary point from inner points: (features - centre) . weights > 0 at the boundary point alone.

    Attributes:
        centre, weights: float32, `(d,)` or, of many, `(n, d)`.
    """

    centre: np.ndarray
    weights: np.ndarray

    def values(self, features: np.ndarray) -> np.ndarray:
        """The value of every point, `(points,)`, of one readout."""
        return (features - self.centre) @ self.weights


def read_out_between(inner: np.ndarray, boundary: np.ndarray) -> Readout | None:
    """The ridge regression on which side a point is, with its threshold next to the boundary point; None where it errs.

    Args:
        inner: Features of the inner points, `(n, d)`.
        boundary: Those of the boundary point, `(d,)`.
    """
    from sklearn.linear_model import Ridge

    centre = inner.mean(axis=0, dtype=np.float64)
    points = np.vstack([inner, boundary]) - centre
    scale = np.sqrt((points ** 2).sum(axis=1).mean())
    if scale == 0:
        return None
    direction = Ridge(alpha=PENALTY, solver="cholesky").fit(points / scale, np.arange(len(points)) == len(inner)).coef_
    *below, above = points @ direction
    gap = above - max(below)
    if gap <= 1e-6 * np.abs(points @ direction).max():
        return None
    threshold, weights = max(below) + CLOSENESS * gap, direction / gap
    return Readout((centre + threshold * direction / (direction @ direction)).astype(np.float32), weights.astype(np.float32))


def uniform(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise in [-1, 1), float32."""
    return random.uniform(-1, 1, shape).astype(np.float32)


def corners(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise of -1 and 1, float32."""
    return random.choice(np.float32([-1, 1]), shape)


def inner_corners(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise that leads to corners of the ball's inside."""
    return np.float32(INSIDE) * corners(random, shape)


def feature_model(model: Any, representation: LabelRepresentation) -> Any:
    """The part of a network in whose outputs the class scores are linear, up to a term that all classes share.

    For `category` the input of the last dense layer, for a regressed label the answer itself, which rows are compared with.
    """
    import keras

    if not isinstance(representation, CategoryRepresentation):
        return model
    last = next((layer for layer in reversed(model.layers) if layer.weights), None)
    return keras.Model(model.inputs, last.input) if isinstance(last, keras.layers.Dense) else model


class BinaryProblems:
    """Networks whose decision is a readout of their own for each image.

    Args:
        model: From the network's input to features of any shape.
        space: Where perturbations live.
        batch_size: Images in one call of the model.
    """

    def __init__(self, model: Any, space: ImageSpace, batch_size: int) -> None:
        self._batch_size = batch_size
        self._features = compile_forward(model, lambda outputs: (_flat(outputs),), space.to_network)
        self._gradient = compile_gradient(model, _read_values, space.to_network)

    def features(self, ball: Ball, noise: Noise, points: int) -> np.ndarray:
        """Features of random points of a ball, float32 `(points, d)`, drawn batch by batch."""
        sizes = [min(self._batch_size, points - start) for start in range(0, points, self._batch_size)]
        drawn = (ball.point(noise(ball.random, (size, *ball.centre.shape))) for size in sizes)
        return np.concatenate([self._features(*batch)[0][:len(images)] for images in drawn
                               for batch in filled_batches(self._batch_size, images)])

    def look(self, images: np.ndarray, readouts: Readout) -> Look:
        """Gradients and values of each image's readout; an image is right where its value is not positive."""
        batches = [self._gradient(*batch) for batch in filled_batches(self._batch_size, images, *readouts)]
        gradient, values = (np.concatenate(parts)[:len(images)] for parts in zip(*batches, strict=True))
        broken = values[:, None] > 0
        return Look(gradient, values, ~broken, broken)


def _flat(outputs: Any) -> Any:
    from keras import ops

    return ops.reshape(ops.cast(outputs, "float32"), (outputs.shape[0], -1))


def _read_values(outputs: Any, centre: Any, weights: Any) -> tuple[Any]:
    from keras import ops

    return (ops.sum((_flat(outputs) - centre) * weights, axis=-1),)


def attack_readouts(problems: BinaryProblems, start: np.ndarray, readouts: Readout, radius: np.float32,
                    bounds: tuple[np.ndarray, np.ndarray], steps: int) -> np.ndarray:
    """Auto-PGD against the readout of each image; whether any iterate passes its threshold, bool `(n,)`."""
    broken = np.zeros(len(start), dtype=bool)

    def going_on(rows: np.ndarray, points: np.ndarray, seen: Look) -> np.ndarray:
        broken[rows] |= seen.hit[:, 0]
        return ~broken[rows]

    def look(points: np.ndarray, rows: np.ndarray) -> Look:
        return problems.look(points, Readout(*(part[rows] for part in readouts)))

    sizes = np.full((len(start), 1, 1, 1), AUTO_FIRST_STEP * radius, dtype=np.float32)
    ended, left = climb(look, start, AutoSteps(sizes, bounds, True, steps), steps, going_on=going_on)
    if len(left):
        going_on(left, ended[left], look(ended[left], left))
    return broken


def binarisation_test(model: Any, representation: LabelRepresentation, space: ImageSpace, images: np.ndarray, *,
                      stream: tuple[str, int], steps: int, batch_size: int,
                      report: Callable[[int], None] = lambda images: None) -> dict[str, Any]:
    """How often the attack finds the adversarial images that are there.

    Args:
        model: From the network's input to outputs.
        representation: Its label.
        space: Pixels in [0, 1].
        images: uint8, `(n, height, width, channels)`; their classes do not matter.
        stream: As in `sweep.ImageSet`.
        steps: Of the attack.
        batch_size: Images in one call of the model.
        report: Told the number of images as they get their readouts.

    Returns:
        `images` (those with a readout that separates), `left_out` (the others), `epsilon`, `steps`, `score` and `random_score`
        (shares of `images` on which the attack and the random search succeed; None without images), `seconds`.
    """
    began, radius = time.perf_counter(), np.float32(space.radius(EPSILON))
    problems = BinaryProblems(feature_model(model, representation), space, batch_size)
    pixels, (name, seed) = space.from_bytes(images), stream
    bounds, posed = box(pixels, radius, *space.limits()), []
    for number, image in enumerate(pixels):
        random = generator(seed, "attack", name, BINARISATION, number)
        posed.append(pose(problems, Ball(image, radius, tuple(bound[number] for bound in bounds), random)))
        report(1)
    chosen = np.flatnonzero([problem is not None for problem in posed])
    score = random_score = None
    if len(chosen):
        readouts, starts, random_hits = zip(*(posed[number] for number in chosen), strict=True)
        broken = attack_readouts(problems, np.stack(starts), Readout(*map(np.stack, zip(*readouts, strict=True))), radius,
                                 tuple(bound[chosen] for bound in bounds), steps)
        score, random_score = float(broken.mean()), float(np.mean(random_hits))
    return {"images": len(chosen), "left_out": len(images) - len(chosen), "epsilon": EPSILON, "steps": steps, "score": score,
            "random_score": random_score, "seconds": round(time.perf_counter() - began, 3)}


def pose(problems: BinaryProblems, ball: Ball) -> tuple[Readout, np.ndarray, bool] | None:
    """The readout of one ball, where the attack begins, and whether random corners pass; None where no plane separates."""
    inner = np.concatenate([problems.features(ball, lambda random, shape: np.zeros(shape, np.float32), 1),
                            problems.features(ball, inner_corners, INNER)])
    boundary, *others = problems.features(ball, corners, 1 + RANDOM)
    readout = read_out_between(inner, boundary)
    if readout is None:
        return None
    start = ball.point(uniform(ball.random, ball.centre.shape))
    return readout, start, bool((readout.values(np.stack(others)) > 0).any())


def binarisation_sign(found: dict[str, Any]) -> Sign:
    """What the test says of the evaluation."""
    if found["score"] is None:
        return Sign(BINARISATION, None, f"No readout separates a corner from the points inside on {found['left_out']} images.")
    if found["images"] < FEWEST_IMAGES:
        return Sign(BINARISATION, None, f"It needs {FEWEST_IMAGES} images with a readout. It has {found['images']}, and "
                    f"{found['left_out']} without one: ask for more with --binarisation.")
    return Sign(BINARISATION, None if found["random_score"] >= EASY else found["score"] >= WORKING, (
        f"At {found['epsilon']:g}/255 {found['steps']} steps find the adversarial image that is there on {found['score']:.0%} "
        f"of {found['images']} images ({WORKING:.0%} are needed), {RANDOM} random points on {found['random_score']:.0%}."))
