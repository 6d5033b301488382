"""Named child seeds from one root seed.

Every random decision in leukcnn has a key: (root seed, purpose, image, variant or epoch). The same key always
gives the same numbers. They don't depend on earlier calls, their order or the number of workers.
"""

import hashlib

import numpy as np

from leukcnn.errors import ArgumentError


def seed_sequence(seed: int, *key: str | int) -> np.random.SeedSequence:
    """Returns the seed sequence of one key below a root seed.

    Args:
        seed: Root seed, an integer >= 0.
        *key: The purpose of the random numbers, e.g. `("augmentation", "train/UID_1_1_1_all.bmp", 3)`.

    Raises:
        ArgumentError: The root seed is negative or isn't an integer.
    """
    return np.random.SeedSequence(child_seed(seed, *key))


def child_seed(seed: int, *key: str | int) -> int:
    """Returns a 128-bit integer that depends on the root seed and on every part of the key.

    Raises:
        ArgumentError: The root seed is negative or isn't an integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(
            f"The seed is {seed!r}.",
            expected="a whole number of at least 0",
            remedy="pass e.g. --seed 0",
        )
    digest = hashlib.blake2b(digest_size=16)
    for part in (int(seed), *key):
        word = f"{type(part).__name__[0]}{part}".encode()
        digest.update(len(word).to_bytes(4, "little") + word)
    return int.from_bytes(digest.digest(), "little")


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """Returns a NumPy generator for one key below a root seed.

    Raises:
        ArgumentError: The root seed is negative or isn't an integer.
    """
    return np.random.Generator(np.random.PCG64(seed_sequence(seed, *key)))
