"""MixUp and random erasing: what they do to pixels, to targets and to the loss."""

import numpy as np
import pytest
import tensorflow as tf

from tfrepr.data.mixing import erasing, mixup
from tfrepr.labels.representation import CategoryRepresentation, RegressionRepresentation

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (64, 16, 16, 3)).astype("float32")
IDS = np.arange(64)
KEY = tf.constant([5, 17], tf.int32)


def applied(layer, **data):
    """What a layer makes of one batch inside tf.data, where it works whichever backend Keras has."""
    return next(tf.data.Dataset.from_tensors(data).map(layer).as_numpy_iterator())


def mixed(alpha=0.4, key=KEY):
    result = applied(mixup(alpha), images=IMAGES, labels=IDS, key=key)
    return result["images"], result["labels"]


def erased(probability, key=KEY):
    return applied(erasing(probability), images=IMAGES, key=key)["images"]


def test_mixed_images_are_the_blends_that_their_targets_name():
    images, triples = mixed()
    assert triples.dtype == np.float32
    first, other, weight = triples[:, 0].astype(int), triples[:, 1].astype(int), triples[:, 2]
    np.testing.assert_array_equal(first, IDS)
    assert sorted(other) == list(range(64))
    share = weight[:, None, None, None]
    np.testing.assert_allclose(images, share * IMAGES[first] + (1 - share) * IMAGES[other], atol=1e-3)


def test_weights_follow_the_beta_distribution():
    keys = tf.data.Dataset.from_tensor_slices(np.stack([np.ones(64), np.arange(0, 6400, 100)], axis=1).astype("int32"))
    batches = keys.map(lambda key: {"images": IMAGES, "labels": IDS, "key": key}).map(mixup(0.4)).as_numpy_iterator()
    weights = np.concatenate([batch["labels"][:, 2] for batch in batches])
    assert weights.mean() == pytest.approx(0.5, abs=0.02)
    assert weights.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.06)


def test_the_key_alone_decides():
    np.testing.assert_array_equal(mixed()[0], mixed()[0])
    assert (mixed()[1] != mixed(key=tf.constant([5, 18], tf.int32))[1]).any()
    np.testing.assert_array_equal(erased(0.5), erased(0.5))
    assert (erased(0.5) != erased(0.5, tf.constant([6, 17], tf.int32))).any()


def test_erasing_replaces_one_rectangle_of_some_images():
    changed = (erased(0.5) != IMAGES).any(axis=-1)
    hit = changed.any(axis=(1, 2))
    assert 18 <= hit.sum() <= 46, "64 images at probability 1/2"
    for patch in changed[hit]:
        rows, columns = np.flatnonzero(patch.any(axis=1)), np.flatnonzero(patch.any(axis=0))
        area = len(rows) * len(columns) / 256
        assert 0.004 < area <= 0.42, "2 to 33%, to whole pixels"
        assert patch[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean() > 0.6
    assert erased(1.0).min() >= 0
    assert erased(1.0).max() <= 255
    assert (erased(1.0) != IMAGES).any(axis=(1, 2, 3)).all()


def test_loss_of_mixed_categories_is_the_blend_of_two_losses():
    representation = CategoryRepresentation("category", tuple("abcd"), smoothing=0.1)
    outputs = RNG.normal(size=(5, 4)).astype("float32")
    pairs = np.float32([[0, 1, 0.3], [2, 2, 0.9], [3, 0, 1.0], [1, 2, 0.0], [0, 3, 0.5]])
    own, other = representation.losses(pairs[:, 0], outputs), representation.losses(pairs[:, 1], outputs)
    expected = pairs[:, 2] * own + (1 - pairs[:, 2]) * other
    np.testing.assert_allclose(representation.mixed_losses(pairs, outputs), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(7,), (6, 6)])
def test_loss_of_mixed_rows_is_smooth_l1_to_the_blended_row(shape):
    table = RNG.uniform(-80, 0, (4, *shape)).astype("float32")
    representation = RegressionRepresentation("x", tuple("abcd"), table)
    outputs = RNG.normal(-40, 20, (3, *shape)).astype("float32")
    pairs = np.float32([[0, 1, 0.3], [2, 3, 0.75], [1, 1, 0.2]])
    for found, (first, other, weight), output in zip(representation.mixed_losses(pairs, outputs), pairs, outputs, strict=True):
        error = np.abs(output - (weight * table[int(first)] + (1 - weight) * table[int(other)]))
        assert float(found) == pytest.approx(np.where(error < 1, error**2 / 2, error - 0.5).mean(), rel=1e-5)
