"""The protocol autoattack and what it rests on: every iterate counts, and a cascade is the union of its attacks."""

import dataclasses

import numpy as np
import pytest

import tfrepr
from tests.attacks.small_models import MEAN, STD
from tfrepr.attacks.craft import Chunk, Rows, perturb
from tfrepr.attacks.protocols import AttackSettings, build_protocol
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.sweep import clean_decisions, run_group
from tfrepr.attacks.victim import Victim
from tfrepr.labels.representation import CategoryRepresentation

PROTOCOL = build_protocol(AttackSettings(protocol="autoattack", steps=8, queries=40, epsilons="0,16,40"))


def alone(victim, attack, tests, clean, **options):
    (outcome,) = run_group(victim, options.pop("source", None), [(attack, PROTOCOL.epsilons)], tests, clean, **options)
    return outcome


def cascade(victim, attacks, tests, clean):
    outcomes, withstood = [], None
    for attack in attacks:
        outcomes.append(alone(victim, attack, tests, clean, withstood=withstood))
        withstood = outcomes[-1].correct & clean.correct
    return outcomes


def test_the_cascade_leaves_what_withstands_every_attack_alone(victim_of, test_images):
    victim, (first, *rest) = victim_of("random", "pixel"), PROTOCOL.attacks
    attacks = dataclasses.replace(first, steps=1), *rest
    clean = clean_decisions(victim, test_images)
    chained = cascade(victim, attacks, test_images, clean)
    union = clean.correct
    for attack, outcome in zip(attacks, chained, strict=True):
        union = union & alone(victim, attack, test_images, clean).correct
        np.testing.assert_array_equal(outcome.correct & clean.correct, union, err_msg=attack.name)
    left = [outcome.correct[1:].sum() for outcome in chained]
    assert 0 < left[-1] < left[0], "the later attacks have something to do"


def test_an_attack_on_any_model_is_a_cascade_too(victim_of, test_images):
    victim = victim_of("random", "pixel")
    table = tfrepr.attack(victim.model, victim.representation, test_images.images, test_images.class_ids, mean=MEAN, std=STD,
                          protocol="autoattack", steps=3, queries=5, epsilons="16,40")
    left = table.pivot_table(index="attack", columns="epsilon", values="still_correct")
    assert (left.loc["apgd"] >= left.loc["apgd-t"]).all()
    assert (left.loc["apgd-t"] >= left.loc["square"]).all(), "five queries alone break less"
    assert (left.loc["ensemble"] == left.loc["square"]).all()


@pytest.mark.parametrize("attack", PROTOCOL.attacks, ids=lambda attack: attack.name)
def test_batch_size_decides_nothing(victim_of, test_images, attack):
    clean = clean_decisions(victim_of("random", "pixel"), test_images)
    results = [alone(victim_of("random", "pixel", size), attack, test_images, clean).correct for size in (64, 17)]
    assert (results[0] != results[1]).mean() <= 0.001


@pytest.mark.parametrize(("protocol", "label"), [("standard", "random"), ("adaptive", "constant")])
def test_every_iterate_is_never_weaker_than_the_last(victim_of, test_images, protocol, label):
    victim, source = (victim_of(name, "pixel") for name in (label, "category"))
    clean = clean_decisions(victim, test_images)
    further = 0
    for attack in build_protocol(AttackSettings(protocol=protocol, steps=4, queries=10)).attacks:
        last = alone(victim, dataclasses.replace(attack, every_iterate=False), test_images, clean, source=source)
        every = alone(victim, attack, test_images, clean, source=source)
        assert not (every.correct & clean.correct & ~last.correct).any(), attack
        if attack.goal == "targeted":
            assert not (last.hit & clean.correct & ~every.hit).any(), attack
        further += (last.correct & clean.correct & ~every.correct).sum() + (every.hit & ~last.hit).sum()
    assert further


def test_only_what_withstood_is_attacked(victim_of, test_images):
    victim = victim_of("category", "pixel")
    clean = clean_decisions(victim, test_images)
    withstood = np.zeros((len(PROTOCOL.epsilons), *clean.correct.shape), dtype=bool)
    withstood[2, np.flatnonzero(clean.correct[:, 0])[:3]] = True
    told = []
    outcome = alone(victim, PROTOCOL.attacks[0], test_images, clean, withstood=withstood, report=told.append)
    assert sum(told) == 3
    assert not outcome.correct[:2].any()


def test_each_run_of_apgd_t_goes_to_the_corner_towards_its_own_rival():
    """A linear model of three classes: the ratio is the margin, and its gradient the difference of two weights everywhere."""
    import keras

    rng = np.random.default_rng(0)
    weights = rng.normal(size=(48, 3)).astype(np.float32)
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False)(keras.layers.Flatten()(inputs)))
    model.set_weights([weights])
    victim = Victim(model, CategoryRepresentation("category", ("a", "b", "c")), ImageSpace("pixel", (0, 0, 0), (1, 1, 1)), 4)
    images, ids = rng.uniform(0.2, 0.8, (6, 4, 4, 3)).astype(np.float32), np.arange(6, dtype=np.int32) % 3
    chunk = Chunk(np.arange(6), images, ids, ids, ("linear", 0))
    scores = images.reshape(6, 48) @ weights
    scores[np.arange(6), ids] = -np.inf
    ranked = np.argsort(-scores, axis=1)[:, :2]
    for run in range(2):
        ended, _ = perturb(victim, PROTOCOL.attacks[1], chunk, Rows(np.arange(6), np.full(6, 25.5), np.full(6, run)))
        towards = np.sign(weights[:, ranked[:, run]] - weights[:, ids]).T.reshape(images.shape)
        np.testing.assert_allclose(ended, images + 0.1 * towards, atol=1e-5)
