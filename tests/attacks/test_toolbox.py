"""Equality with an established library, the Adversarial Robustness Toolbox, on a trained category model."""

import numpy as np
import pytest
from small_models import CLASSES, sign_steps

from tfrepr.attacks.craft import Chunk, craft
from tfrepr.attacks.protocols import AttackSettings, build_protocol
from tfrepr.attacks.steps import box

EPSILONS = (0.05, 0.15, 0.3)
CLEAR = 1e-4
"""The sign of a gradient below this part of the image's largest is rounding noise, and left out."""


@pytest.fixture(scope="module")
def toolbox(trained, victim_of):
    pytest.importorskip("art")
    import tensorflow as tf
    from art.estimators.classification import TensorFlowV2Classifier

    model, _ = trained("category")
    low, high = victim_of("category").space.limits()
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    return TensorFlowV2Classifier(model=lambda x, training=False: model(x, training=False), nb_classes=CLASSES,
                                  input_shape=model.input_shape[1:], loss_object=loss, clip_values=(low, high))


def attack_of(name, goal, protocol="paper"):
    attacks = build_protocol(AttackSettings(protocol=protocol)).attacks
    return next(attack for attack in attacks if (attack.name, attack.goal) == (name, goal))


def clear_pixels(victim, chunk, attack, epsilon):
    """Pixels whose gradient is clearly not zero at every point on our own path."""
    clear = np.ones(chunk.images.shape, dtype=bool)
    gradient = victim.gradient(attack.loss)

    def watched(images):
        found = gradient(images, chunk.aim(attack))
        clear[:] &= np.abs(found) > CLEAR * np.abs(found).max(axis=(1, 2, 3), keepdims=True)
        return found

    sign_steps(watched, chunk.images, bounds=box(chunk.images, epsilon, *victim.space.limits()),
               step=np.float32(epsilon * attack.step), steps=attack.steps, ascend=attack.goal == "untargeted")
    return clear


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("goal", ["untargeted", "targeted"])
@pytest.mark.parametrize("name", ["fgsm", "iterative"])
def test_fgsm_and_basic_iterative_method_equal_the_toolbox(toolbox, victim_of, test_images, name, goal, epsilon):
    from art.attacks.evasion import BasicIterativeMethod, FastGradientMethod

    attack, victim = attack_of(name, goal), victim_of("category")
    rows = np.arange(64)
    chunk = Chunk(rows, victim.space.from_bytes(test_images.images[rows]), test_images.class_ids[rows],
                  test_images.targets[rows], test_images.stream)
    if name == "fgsm":
        theirs = FastGradientMethod(toolbox, eps=epsilon, targeted=goal == "targeted", batch_size=64)
    else:
        theirs = BasicIterativeMethod(toolbox, eps=epsilon, eps_step=epsilon / 5, max_iter=5, targeted=goal == "targeted",
                                      batch_size=64, verbose=False)
    expected = theirs.generate(chunk.images, y=np.eye(CLASSES, dtype=np.float32)[chunk.aim(attack)])
    ours = craft(victim, attack, chunk, [epsilon])
    clear = clear_pixels(victim, chunk, attack, epsilon)
    assert clear.mean() > 0.9
    np.testing.assert_allclose(ours[clear], expected[clear], atol=1e-6)
