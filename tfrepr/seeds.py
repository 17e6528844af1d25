"""One seed per run, split into named streams, so that no part of the program disturbs the randomness of another."""

import zlib

import numpy as np

STREAMS = ("split", "initialisation", "shuffling", "augmentation", "corruption", "attack")


def stream_sequence(seed: int, name: str, *keys: int | str) -> np.random.SeedSequence:
    """The `SeedSequence` of one named stream of `seed`; `keys` (integers or strings) make independent sub-streams.

    Strings enter through their CRC-32, which, unlike `hash`, is the same in every process.
    """
    if name not in STREAMS:
        raise KeyError(f"no random stream called {name!r}; there are {STREAMS}")
    spawn_key = tuple(zlib.crc32(key.encode()) if isinstance(key, str) else int(key) for key in (name, *keys))
    return np.random.SeedSequence(entropy=seed, spawn_key=spawn_key)


def generator(seed: int, name: str, *keys: int | str) -> np.random.Generator:
    """A NumPy generator for one named stream of `seed`."""
    return np.random.default_rng(stream_sequence(seed, name, *keys))


def integer_seed(seed: int, name: str, *keys: int | str) -> int:
    """A 31-bit integer of one named stream of `seed`, for libraries that want a plain seed."""
    return int(stream_sequence(seed, name, *keys).generate_state(1)[0] >> 1)
