"""Attacks on small trained networks: closed forms, an independent library, and what must hold for every image."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from small_models import MEAN, STD

from tfrepr.attacks.craft import Chunk, craft
from tfrepr.attacks.protocols import AttackSettings, build_protocol
from tfrepr.attacks.spaces import ImageSpace
from tfrepr.attacks.sweep import ImageSet, attack_groups, clean_decisions, run_group
from tfrepr.attacks.victim import Victim

LABELS = ("category", "random", "constant")


def settings(protocol, **changes):
    return AttackSettings(protocol=protocol, queries=30, **changes)


def chunk_of(victim, tests, count=40):
    rows = np.arange(count)
    return Chunk(rows, victim.space.from_bytes(tests.images[rows]), tests.class_ids[rows], tests.targets[rows], tests.stream)


def outcomes_of(victim, protocol, tests, source=None):
    clean = clean_decisions(victim, tests)
    groups = attack_groups(protocol)
    return clean, [outcome for group in groups
                   for outcome in run_group(victim, source, [(attack, protocol.epsilons) for attack in group], tests, clean)]


def test_the_models_under_test_have_learned(victim_of, test_images):
    for label in LABELS:
        assert clean_decisions(victim_of(label), test_images).correct[:, 0].mean() > 0.75, label


def test_class_ids_in_a_column_give_the_same_decisions(victim_of, test_images):
    victim, protocol = victim_of("random", "pixel"), build_protocol(settings("standard", steps=2, epsilons="0,4"))
    column = test_images._replace(class_ids=test_images.class_ids[:, None], targets=test_images.targets[:, None])
    (clean, flat), (clean_column, columns) = (outcomes_of(victim, protocol, tests) for tests in (test_images, column))
    outcomes = [(one.correct, other.correct) for one, other in zip(flat, columns, strict=True)]
    for part, other in [*zip(clean, clean_column, strict=True), *outcomes]:
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("protocol", ["paper", "authors", "standard", "adaptive"])
def test_ball_and_range_hold_for_every_image(victim_of, test_images, label, protocol):
    chosen = build_protocol(settings(protocol, steps=3))
    victim = victim_of(label, chosen.space)
    chunk = chunk_of(victim, test_images)
    low, high = victim.space.limits()
    for attack in chosen.attacks:
        for epsilon in chosen.epsilons[1:4]:
            adversarial = craft(victim, attack, chunk, [epsilon])
            assert np.abs(adversarial - chunk.images).max() <= victim.space.radius(epsilon) + 1e-6
            if attack.clip == "range":
                assert (adversarial >= low - 1e-7).all()
                assert (adversarial <= high + 1e-7).all()
            if attack.clip == "image":
                assert (adversarial.max(axis=(1, 2, 3)) <= chunk.images.max(axis=(1, 2, 3))).all()


@pytest.mark.parametrize("protocol", ["paper", "authors", "standard", "adaptive"])
def test_epsilon_zero_is_the_identity(victim_of, test_images, protocol):
    chosen = build_protocol(settings(protocol, steps=2, epsilons="0"))
    victim = victim_of("random", chosen.space)
    chunk = chunk_of(victim, test_images)
    for attack in chosen.attacks:
        np.testing.assert_array_equal(craft(victim, attack, chunk, [0.0]), chunk.images)
    clean, outcomes = outcomes_of(victim, chosen, test_images, source=victim_of("category", chosen.space))
    for outcome in outcomes:
        np.testing.assert_array_equal(outcome.correct[0], clean.correct)


def test_fgsm_moves_every_pixel_by_epsilon_along_the_sign(victim_of, test_images):
    """Equations 2 and 3, from the gradient itself, away from the range's ends."""
    chosen = build_protocol(settings("paper"))
    victim = victim_of("random")
    chunk = chunk_of(victim, test_images)
    low, high = victim.space.limits()
    for attack in (chosen.attacks[0], chosen.attacks[2]):
        targeted = attack.goal == "targeted"
        gradient = victim.gradient("training")(chunk.images, chunk.targets if targeted else chunk.class_ids)
        moved = craft(victim, attack, chunk, [0.05, 0.2])
        for number, epsilon in enumerate((0.05, 0.2)):
            expected = chunk.images + (-1 if targeted else 1) * epsilon * np.sign(gradient)
            part = moved[number * len(chunk.numbers):(number + 1) * len(chunk.numbers)]
            np.testing.assert_allclose(part, np.clip(expected, low, high), atol=1e-6)


def test_sharing_gradients_and_batches_changes_nothing(victim_of, test_images):
    """All epsilons at once with the shared first gradient, against one epsilon and a fresh gradient at a time."""
    victim = victim_of("random")
    for attack in build_protocol(settings("paper")).attacks:
        together = craft(victim, attack, chunk_of(victim, test_images, 64), [0.1, 0.3])
        apart = np.concatenate([craft(victim, attack, chunk_of(victim, test_images, 64), [epsilon]) for epsilon in (0.1, 0.3)])
        np.testing.assert_array_equal(together, apart)


@pytest.mark.parametrize("label", LABELS)
def test_attacks_move_the_loss_the_way_they_should(victim_of, test_images, label):
    """Untargeted attacks raise the true class's loss, targeted ones lower the target's, for nearly every image."""
    victim = victim_of(label)
    chunk = chunk_of(victim, test_images, 64)
    representation = victim.representation

    def losses(images, ids):
        return np.asarray(representation.losses(ids, victim.model(images, training=False)))

    for attack in build_protocol(settings("paper")).attacks:
        aim = chunk.aim(attack)
        change = losses(craft(victim, attack, chunk, [0.05]), aim) - losses(chunk.images, aim)
        moved = change if attack.goal == "untargeted" else -change
        assert (moved > -1e-6).mean() > 0.9, attack


def test_targeted_attacks_bring_images_to_their_target(victim_of, test_images):
    """With a ball as large as the range, the iterative attack reaches most targets; few are there before."""
    victim = victim_of("random", "pixel")
    chosen = build_protocol(settings("standard", epsilons="0,128"))
    clean, outcomes = outcomes_of(victim, chosen, test_images)
    targeted = next(outcome for outcome in outcomes if outcome.attack.name == "pgd" and outcome.attack.goal == "targeted")
    started_correct = clean.correct[:, 0]
    assert targeted.hit[0, started_correct, 0].mean() == 0
    assert targeted.hit[1, started_correct, 0].mean() > 0.5


@pytest.mark.parametrize("label", LABELS)
def test_decisions_agree_across_batch_sizes(victim_of, test_images, label):
    for protocol, epsilons in (("paper", None), ("adaptive", "8")):
        chosen = build_protocol(settings(protocol, steps=3, epsilons=epsilons))
        results = [outcomes_of(victim_of(label, chosen.space, size), chosen, test_images,
                               source=victim_of("category", chosen.space, size))[1] for size in (64, 17)]
        for first, second in zip(*results, strict=True):
            assert (first.correct != second.correct).mean() <= 0.001, first.attack


def test_wrong_images_are_not_attacked_and_keep_their_clean_answer(victim_of, test_images):
    victim = victim_of("constant")
    clean, outcomes = outcomes_of(victim, build_protocol(settings("paper")), test_images)
    wrong = ~clean.correct.any(axis=1)
    assert wrong.any()
    for outcome in outcomes:
        assert not outcome.correct[:, wrong].any()
        np.testing.assert_array_equal(outcome.hit[:, wrong], np.repeat(clean.hit[None, wrong], len(outcome.epsilons), axis=0))


def test_transfer_images_are_those_of_the_source(victim_of, test_images):
    """What the victim answers to images that were made on the other model, and not to images of its own."""
    victim, source = victim_of("random", "pixel"), victim_of("category", "pixel")
    attack = next(attack for attack in build_protocol(settings("adaptive", steps=3)).attacks if attack.name == "transfer")
    last, clean = dataclasses.replace(attack, every_iterate=False), clean_decisions(victim, test_images)
    (outcome,) = run_group(victim, source, [(last, (40.0,))], test_images, clean)
    chunk, right = chunk_of(victim, test_images, len(test_images.images)), clean.correct.any(axis=1)
    theirs, own = (victim.decide(craft(model, last, chunk, [40.0]), chunk.class_ids, chunk.targets).correct[right]
                   for model in (source, victim))
    assert (outcome.correct[0, right] & clean.correct[right] != theirs & clean.correct[right]).mean() <= 0.001
    assert (theirs != own).any()
    (every,) = run_group(victim, source, [(attack, (40.0,))], test_images, clean)
    assert not (every.correct[0] & ~outcome.correct[0]).any()


def test_the_union_of_both_criteria_is_attacked_once(victim_of, test_images):
    victim = victim_of("random")
    clean = clean_decisions(victim, test_images)
    seen = []
    attack = build_protocol(settings("paper")).attacks[0]
    run_group(victim, None, [(attack, (0.1,))], test_images, clean, report=seen.append)
    assert sum(seen) == clean.correct.any(axis=1).sum()


def test_random_starts_differ_between_restarts_and_more_restarts_never_help_the_model(victim_of, test_images):
    victim = victim_of("random", "pixel")
    attack = next(a for a in build_protocol(settings("standard", steps=2)).attacks if a.name == "pgd")
    chunk = chunk_of(victim, test_images)
    first, second = (craft(victim, attack, chunk, [8.0], restart) for restart in (0, 1))
    assert (first != second).any()
    accuracies = []
    for restarts in (1, 3):
        chosen = build_protocol(settings("standard", steps=2, epsilons="4", restarts=restarts))
        _, outcomes = outcomes_of(victim, chosen, test_images)
        accuracies.append(outcomes[1].correct[0, :, 0].mean())
    assert accuracies[1] <= accuracies[0]


def test_a_saved_and_loaded_model_gives_the_same_outcomes(trained, test_images, tmp_path):
    import keras

    model, representation = trained("random")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    chosen = build_protocol(settings("paper"))
    space = ImageSpace("normalised", MEAN, STD)
    results = [outcomes_of(Victim(which, representation, space, 64), chosen, test_images)[1] for which in (model, loaded)]
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first.correct, second.correct)
        np.testing.assert_array_equal(first.hit, second.hit)


def test_memory_does_not_grow_with_the_number_of_images(victim_of, test_images):
    """The peak of NumPy's memory in a sweep over 150 images and over six times as many."""
    victim = victim_of("random", batch_size=17)
    attacks = [(attack, (0.1, 0.2)) for attack in build_protocol(settings("paper")).attacks[:2]]

    def peak(repeats):
        many = ImageSet(*(np.concatenate([array] * repeats) for array in test_images[:3]), test_images.stream)
        clean = clean_decisions(victim, many)
        tracemalloc.start()
        run_group(victim, None, attacks, many, clean)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    for repeats in (1, 6):  # each has batches of its own shapes, and tracing a shape for the first time takes memory
        peak(repeats)
    assert peak(6) < 1.3 * peak(1)


def test_an_empty_set_of_correct_images_is_no_accident(victim_of, test_images):
    """Every class id shifted by one: almost nothing is correct, and nothing breaks."""
    wrong = ImageSet(test_images.images[:8], ((test_images.class_ids[:8] + 2) % 4).astype(np.int32), test_images.class_ids[:8],
                     ("stripes", 0))
    _, outcomes = outcomes_of(victim_of("category"), build_protocol(settings("paper")), wrong)
    assert len(outcomes) == 4
