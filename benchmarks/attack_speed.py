#!/usr/bin/env python
"""Speed of the paper's attack sweep: ours, one image at a time, and the Adversarial Robustness Toolbox. Speed of Auto-PGD.

    python benchmarks/attack_speed.py
    python benchmarks/attack_speed.py --steps 20

The full sweep of the protocol `paper` (untargeted and targeted, FGSM and iterative, 7 epsilons, decisions after each) on
CIFAR-size images with ResNet-32 and 64x64 labels. Weights and images are random, and an image's true class is what the model
answers, so that every image is attacked. The slower contenders attack the first images only; their time is scaled up.

Contenders:
    ours              `tfrepr.attacks.sweep`: one first gradient for all epsilons and both attacks, epsilons share batches
    loop              one image, attack and epsilon at a time, nothing shared, operation by operation, as the authors' code
    loop-compiled     the same loop around our compiled gradient and decision
    toolbox           FastGradientMethod and BasicIterativeMethod at the batch size of ours, the Keras model as it is
    toolbox-compiled  the same with the model wrapped in tf.function, which the toolbox does not do by itself

With --steps instead: images x steps a second of Auto-PGD as the protocol `autoattack` runs it, with its judgement of every
iterate and its step sizes, beside the bare compiled gradient of the same loss. The radius is so small that no image breaks and
leaves.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tfrepr  # noqa: F401  (prepares the process for Keras)

# isort: split

import click
import keras
import numpy as np
import tensorflow as tf

from tfrepr.attacks.losses import image_loss
from tfrepr.attacks.protocols import AttackSettings, Protocol, build_protocol
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.steps import SignSteps, box, climb
from tfrepr.attacks.sweep import ImageSet, attack_groups, clean_decisions, run_group
from tfrepr.attacks.victim import Victim
from tfrepr.labels.representation import LabelRepresentation, RegressionRepresentation
from tfrepr.models.build import build_model

SPACE = ImageSpace("normalised", (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
CLASSES = 10
TINY = 0.001
"""Radius in units of 1/255 at which nothing breaks."""


def make_case(images: int) -> tuple[keras.Model, LabelRepresentation, ImageSet]:
    """A ResNet-32 with a label decoder, and images that it gets right."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    table = rng.uniform(-1, 1, (CLASSES, 64, 64))
    representation = RegressionRepresentation("random", tuple("abcdefghij"), table)
    model = build_model("resnet32", (32, 32, 3), representation)
    pixels = rng.integers(0, 256, (images, 32, 32, 3), dtype=np.uint8)
    unknown = np.zeros(images, dtype=np.int32)
    victim = Victim(model, representation, SPACE, min(images, 128))
    ids = clean_decisions(victim, ImageSet(pixels, unknown, unknown, ("benchmark", 0))).predicted.astype(np.int32)
    targets = ((ids + rng.integers(1, CLASSES, size=images)) % CLASSES).astype(np.int32)
    return model, representation, ImageSet(pixels, ids, targets, ("benchmark", 0))


def first(tests: ImageSet, count: int) -> ImageSet:
    """The first images of a set."""
    return tests._replace(images=tests.images[:count], class_ids=tests.class_ids[:count], targets=tests.targets[:count])


def our_sweep(victim: Victim, protocol: Protocol, tests: ImageSet) -> np.ndarray:
    """Nearest-label decisions after each attack, bool `(attacks, epsilons, images)`: still correct."""
    clean = clean_decisions(victim, tests)
    outcomes = [outcome for group in attack_groups(protocol)
                for outcome in run_group(victim, None, [(attack, protocol.epsilons) for attack in group], tests, clean)]
    return np.stack([outcome.correct[..., 0] for outcome in outcomes])


def loop_sweep(victim: Victim, protocol: Protocol, tests: ImageSet) -> np.ndarray:
    """The same, one image, attack and epsilon at a time, as the authors' code goes about it."""
    correct = np.zeros((len(protocol.attacks), len(protocol.epsilons), len(tests.images)), dtype=bool)
    for row in range(len(tests.images)):
        image, true, target = (array[row:row + 1] for array in (SPACE.from_bytes(tests.images), tests.class_ids, tests.targets))
        for number, attack in enumerate(protocol.attacks):
            for place, epsilon in enumerate(protocol.epsilons):
                rule = SignSteps(np.full((1, 1, 1, 1), epsilon * attack.step, dtype=np.float32),
                                 box(image, epsilon, *SPACE.limits()), ascend=attack.goal == "untargeted")
                aim = target if attack.goal == "targeted" else true
                adversarial, _ = climb(lambda images, _, aim=aim, true=true, target=target:
                                       victim.look("training", images, aim, true, target), image, rule, attack.steps)
                correct[number, place, row] = victim.decide(adversarial, true, target).correct[0, 0]
    return correct


def eager_loop_sweep(victim: Victim, protocol: Protocol, tests: ImageSet) -> np.ndarray:
    """`loop_sweep` without compiled functions."""
    tf.config.run_functions_eagerly(True)
    try:
        return loop_sweep(victim, protocol, tests)
    finally:
        tf.config.run_functions_eagerly(False)


def toolbox_sweep(classifier: object, victim: Victim, protocol: Protocol, tests: ImageSet) -> np.ndarray:
    """The same with the toolbox's attacks; decisions by our own compiled function."""
    from art.attacks.evasion import BasicIterativeMethod, FastGradientMethod

    images, correct = SPACE.from_bytes(tests.images), []
    for attack in protocol.attacks:
        targeted = attack.goal == "targeted"
        aim = np.eye(CLASSES, dtype=np.float32)[tests.targets if targeted else tests.class_ids]
        for epsilon in protocol.epsilons:
            adversarial = images
            if epsilon > 0 and attack.name == "fgsm":
                method = FastGradientMethod(classifier, eps=epsilon, targeted=targeted, batch_size=victim.batch_size)
                adversarial = method.generate(images, y=aim)
            elif epsilon > 0:
                method = BasicIterativeMethod(classifier, eps=epsilon, eps_step=epsilon / attack.steps, max_iter=attack.steps,
                                              targeted=targeted, batch_size=victim.batch_size, verbose=False)
                adversarial = method.generate(images, y=aim)
            correct.append(victim.decide(adversarial, tests.class_ids, tests.targets).correct[:, 0])
    return np.stack(correct).reshape(len(protocol.attacks), len(protocol.epsilons), -1)


def toolbox_classifier(model: Callable, representation: LabelRepresentation) -> object:
    """The toolbox's view of a model; the loss takes the label row of the class, summed over the batch."""
    from art.estimators.classification import TensorFlowV2Classifier

    def loss(one_hot: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(representation.losses(tf.argmax(one_hot, axis=-1), tf.reshape(outputs, (-1, 64, 64))))

    return TensorFlowV2Classifier(model=model, nb_classes=CLASSES, input_shape=(32, 32, 3), loss_object=loss,
                                  clip_values=SPACE.limits())


def toolbox_models(model: keras.Model) -> dict[str, Callable]:
    """The model as two callables that return flat outputs, as the toolbox wants them."""
    compiled = tf.function(lambda images: model(images, training=False))

    def flat(called: Callable) -> Callable:
        return lambda images, training=False: tf.reshape(called(images), (len(images), -1))

    return {"toolbox": flat(lambda images: model(images, training=False)), "toolbox-compiled": flat(compiled)}


def seconds_per_image(sweep: Callable[[ImageSet], np.ndarray], tests: ImageSet) -> tuple[float, np.ndarray]:
    """Time for one image's part of the sweep, after a warm-up that compiles."""
    sweep(first(tests, 1))
    started = time.perf_counter()
    correct = sweep(tests)
    return (time.perf_counter() - started) / len(tests.images), correct


def clocks() -> np.ndarray:
    """Seconds by the clock and of the processor; the second hardly notices other programs on the machine."""
    return np.array([time.perf_counter(), time.process_time()])


def bare_steps(victim: Victim, tests: ImageSet, steps: int) -> np.ndarray:
    """Seconds for the gradient alone, on whole batches of unchanged images."""
    loss = image_loss("cross_entropy", victim.representation)
    compiled = tf.function(lambda images, ids: tf.gradients(
        tf.reduce_sum(loss(ids, ids, victim.model(victim.space.to_network(images), training=False))), images)[0])
    images, ids = tf.constant(victim.space.from_bytes(tests.images)), tf.constant(tests.class_ids)
    batches = [(images[start:start + victim.batch_size], ids[start:start + victim.batch_size])
               for start in range(0, len(tests.images), victim.batch_size)]
    compiled(*batches[0])
    started = clocks()
    for _ in range(steps):
        for batch in batches:
            compiled(*batch).numpy()
    return clocks() - started


def protocol_steps(victim: Victim, tests: ImageSet, steps: int) -> np.ndarray:
    """Seconds for the protocol's first attack, from its starts to its outcome."""
    attack = build_protocol(AttackSettings(protocol="autoattack", steps=steps)).attacks[0]
    clean = clean_decisions(victim, tests)
    run_group(victim, None, [(attack, (TINY,))], first(tests, victim.batch_size), clean._replace(
        correct=clean.correct[:victim.batch_size], hit=clean.hit[:victim.batch_size]))
    started = clocks()
    (outcome,) = run_group(victim, None, [(attack, (TINY,))], tests, clean)
    if not outcome.correct.all():
        raise SystemExit("Images broke and left, so that nothing can be said about the speed. Choose another seed.")
    return clocks() - started


def compare_steps(model: keras.Model, representation: LabelRepresentation, tests: ImageSet, batch_size: int, steps: int,
                  repeats: int) -> None:
    """Prints both speeds, the fastest of alternating measurements by each clock."""
    victim = Victim(model, representation, ImageSpace("pixel", SPACE.mean, SPACE.std), batch_size)
    whole = first(tests, len(tests.images) // batch_size * batch_size)
    speeds = {"bare gradient": np.zeros(2), "autoattack": np.zeros(2)}
    for _ in range(repeats):
        for name, measure in zip(speeds, (bare_steps, protocol_steps), strict=True):
            speeds[name] = np.maximum(speeds[name], steps * len(whole.images) / measure(victim, whole, steps))
            click.echo("  {:<15}{:9.1f} images x steps a second, {:.1f} a second of the processor".format(name, *speeds[name]))
    click.echo("autoattack runs at {:.1%} of the bare gradient, {:.1%} by the processor's clock".format(
        *(speeds["autoattack"] / speeds["bare gradient"])))


@click.command()
@click.option("--images", default=500, show_default=True, help="images of the sweep")
@click.option("--batch-size", default=128, show_default=True, help="images in one call of the model, ours and the toolbox's")
@click.option("--loop-images", default=4, show_default=True, help="images that the one-by-one loops attack")
@click.option("--toolbox-images", default=128, show_default=True, help="images that the toolbox attacks (0: leave it out)")
@click.option("--steps", type=int, help="measure so many steps of Auto-PGD instead of the paper's sweep")
@click.option("--repeats", default=1, show_default=True, help="alternating measurements; the fastest of each counts")
def main(images: int, batch_size: int, loop_images: int, toolbox_images: int, steps: int | None, repeats: int) -> None:
    """Print seconds for the whole sweep, and how many times faster ours is."""
    model, representation, tests = make_case(images)
    if steps:
        compare_steps(model, representation, tests, min(batch_size, images), steps, repeats)
        return
    protocol = build_protocol(AttackSettings())
    batched, single = (Victim(model, representation, SPACE, size) for size in (batch_size, 1))
    contenders = {"ours": (our_sweep, batched, images), "loop": (eager_loop_sweep, single, loop_images),
                  "loop-compiled": (loop_sweep, single, loop_images)}
    if toolbox_images:
        contenders |= {name: (partial(toolbox_sweep, toolbox_classifier(called, representation)), batched, toolbox_images)
                       for name, called in toolbox_models(model).items()}
    click.echo(f"{images} images, batch size {batch_size}, {len(tf.config.list_physical_devices('GPU'))} GPUs")
    fastest: dict[str, float] = {}
    for _ in range(repeats):
        answers = {}
        for name, (sweep, victim, count) in contenders.items():
            seconds, answers[name] = seconds_per_image(partial(sweep, victim, protocol), first(tests, min(count, images)))
            fastest[name] = min(seconds, fastest.get(name, np.inf))
            agreement = (answers[name] == answers["ours"][..., :answers[name].shape[-1]]).mean()
            click.echo(f"  {name:<17}{fastest[name] * images:9.1f} s {fastest[name] / fastest['ours']:7.1f} x   "
                       f"decisions equal to ours: {agreement:.1%}")


if __name__ == "__main__":
    main()
