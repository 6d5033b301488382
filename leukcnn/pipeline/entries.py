"""The images of an epoch: the source image of each, and the number of its variant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leukcnn.errors import ArgumentError
from leukcnn.seeding import generator


@dataclass(frozen=True, eq=False)
class Entries:
    """The M images of one epoch: the row of each source image and the number of its variant.

    Attributes:
        rows: (M,) int64, positions of the source images.
        variants: (M,) int64, 0 for the image itself, 1, 2 ... for augmented ones.
    """

    rows: np.ndarray
    variants: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def originals(rows: np.ndarray) -> Entries:
    """Returns entries with each image once, as it is."""
    rows = np.asarray(rows, dtype=np.int64)
    return Entries(rows=rows, variants=np.zeros(len(rows), dtype=np.int64))


def joined(entries: Sequence[Entries]) -> Entries:
    """Returns the images of several entries, one after the other."""
    return Entries(
        rows=np.concatenate([one.rows for one in entries]),
        variants=np.concatenate([one.variants for one in entries]),
    )


def multiplied(rows: np.ndarray, *, variants: int) -> Entries:
    """Returns entries with `variants` augmented images, numbered from 1, in place of each image."""
    rows = np.asarray(rows, dtype=np.int64)
    return Entries(rows=np.repeat(rows, variants), variants=np.tile(np.arange(1, variants + 1), len(rows)))


def balanced(
    rows: np.ndarray, labels: np.ndarray, ids: Sequence[str] | np.ndarray, *, per_class: int, seed: int
) -> Entries:
    """Returns entries with all images, and augmented variants that fill each class up to a number of images.

    The images of a class get one variant each in a random order, then a second one in the same order, and so
    on: their numbers of variants differ by at most one. A class that has enough images gets no variants.

    Args:
        rows: (N,) positions of the source images.
        labels: int array, class of every image of the index, by position.
        ids: Id of every image of the index, by position. The random order depends on ids, not on positions.
        per_class: Number of images that each class reaches.
        seed: Root seed.

    Raises:
        ArgumentError: There are no source images.
    """
    rows = np.asarray(rows, dtype=np.int64)
    if len(rows) == 0:
        raise ArgumentError("No images to balance.", expected="at least one image")
    entries = [originals(rows)]
    for label in np.unique(labels[rows]):
        sources = np.array(sorted(rows[labels[rows] == label], key=lambda row: ids[row]))
        missing = max(per_class - len(sources), 0)
        order = generator(seed, "balance", int(label)).permutation(sources)
        turns = np.arange(missing)
        entries.append(Entries(rows=order[turns % len(order)], variants=1 + turns // len(order)))
    return joined(entries)
