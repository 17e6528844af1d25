"""Named random streams and the registry."""

import numpy as np
import pytest

from tfrepr.errors import UserError
from tfrepr.registry import Registry
from tfrepr.seeds import generator, integer_seed


def test_streams_are_reproducible_and_independent():
    draws = [generator(0, "split").random(4), generator(0, "shuffling").random(4), generator(1, "split").random(4),
             generator(0, "split", "cifar10").random(4), generator(0, "split", 3).random(4)]
    assert len({tuple(draw) for draw in draws}) == len(draws)
    np.testing.assert_array_equal(draws[0], generator(0, "split").random(4))


def test_golden_draw():
    """Changing this changes every split ever made."""
    assert integer_seed(0, "split") == 1_060_957_661


def test_unknown_streams_and_names():
    with pytest.raises(KeyError):
        generator(0, "spilt")
    registry = Registry("fruit")
    registry.register("apple")(lambda: None)
    with pytest.raises(UserError, match=r"Unknown fruit 'aple'. Did you mean 'apple'"):
        registry["aple"]
    with pytest.raises(KeyError, match="twice"):
        registry.register("apple")(lambda: None)
