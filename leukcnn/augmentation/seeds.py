"""The seeds of the images in a call of an augmenter."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.seeding import child_seed


def image_seeds(seed: int | Sequence[int] | None, count: int, *, start: int) -> list[int]:
    """Returns one seed for each image of a batch.

    Args:
        seed: A root seed, for which the image at position i gets the child seed of ("augmentation",
            start + i), or a sequence of seeds.
        count: Number of images.
        start: Number of the first image.

    Raises:
        ArgumentError: There is no seed, a seed or `start` isn't a whole number of at least 0, or a sequence
            has another length.
    """
    if isinstance(seed, np.ndarray):
        seed = seed.tolist()
    if isinstance(seed, int | np.integer):
        if not _is_whole(start):
            raise ArgumentError(
                f"start is {start!r}.",
                expected="a whole number of at least 0",
                remedy="pass the number of the batch's first image, e.g. `start=0`",
            )
        return [child_seed(seed, "augmentation", int(start) + i) for i in range(count)]
    if not isinstance(seed, Sequence) or not all(map(_is_whole, seed)):
        raise ArgumentError(
            "There is no seed." if seed is None else f"The seed is {seed!r:.80}.",
            expected="a root seed, or a sequence with one seed for each image; whole numbers of at least 0",
            remedy="pass e.g. `seed=0`",
        )
    return [int(one) for one in seed]


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0
