"""Groups of images (subjects, fields of view, near-duplicates): checks and assignment to splits."""

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from leukcnn.errors import ArgumentError

# Restarts of the search; on C-NMC's 66 joined subjects more restarts gain nothing.
_RESTARTS = 32

# How None, NaN and pandas' own missing value are written.
_MISSING = ("None", "nan", "<NA>")


def require_known_groups(groups: ArrayLike) -> None:
    """Checks that every image has a group.

    Images of unknown group would otherwise count as one group, since all have the same empty name.

    Args:
        groups: (N,) str or int, group of each image.

    Raises:
        ArgumentError: The group of an image is "", None or NaN.
    """
    # An array of objects keeps None and NaN, which an array of str turns into the names "None" and "nan".
    values = np.asarray(groups, dtype=object)
    unknown = sum(not value if isinstance(value, str) else str(value) in _MISSING for value in values)
    if unknown:
        raise ArgumentError(
            f"{unknown:,} of {len(values):,} images have no group.",
            expected='a group for each image; "", None and NaN mean unknown',
            remedy="pass groups=leukcnn.datasets.joined_groups(index): an image of unknown group is then a "
            "group of its own, together with its exact copies",
        )


def assign_groups(
    labels: np.ndarray, groups: np.ndarray, fractions: Sequence[float], *, rng: np.random.Generator
) -> np.ndarray:
    """Assigns each group to one split; each split gets its fraction of every class as nearly as possible.

    scikit-learn has no splitter for groups and unequal fractions. Merging folds of equal size 6:3:1 leaves
    splits without a class if there are few subjects. Here, random assignments are improved by moving one
    group at a time, and the best of several is kept.

    Args:
        labels: (N,) int, class of each image.
        groups: (N,) str or int, group of each image; a group isn't divided.
        fractions: Fraction of each split; their sum is 1.
        rng: Samples the assignments that are improved.

    Returns:
        (N,) int64, the number of each image's split.
    """
    names, group = np.unique(groups.astype(str), return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    sizes = np.zeros((len(names), len(classes)), dtype=np.int64)
    np.add.at(sizes, (group, label), 1)
    target = np.asarray(fractions)
    kinds, kind = np.unique(sizes, axis=0, return_inverse=True)
    trials = [
        _improve(rng.choice(len(target), len(names), p=target), kind, kinds, target) for _ in range(_RESTARTS)
    ]
    assigned, _ = min(trials, key=lambda trial: trial[1])
    return assigned[group]


def _improve(
    assigned: np.ndarray, kind: np.ndarray, kinds: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, float]:
    """Moves single groups to other splits while that brings the splits nearer to their fractions.

    Groups with the same number of images of each class are of one kind: it doesn't matter which of them is
    moved. Thousands of groups with one image each have only a handful of kinds, which makes the search fast.

    Args:
        assigned: (G,) int, split of each group.
        kind: (G,) int, kind of each group.
        kinds: (K, C) int, images of each class in a group of each kind.
        target: (S,) fraction of each split.

    Returns:
        The improved assignment and its distance from the target.
    """
    assigned, splits, total = assigned.copy(), np.arange(len(target)), kinds[kind].sum(axis=0)
    held = np.stack([kinds[kind[assigned == split]].sum(axis=0) for split in splits])
    # Ascending lists are heaps: the group with the lowest number is the next one of its kind to move.
    members = [
        [np.flatnonzero((kind == k) & (assigned == split)).tolist() for split in splits]
        for k in range(len(kinds))
    ]
    present = np.array([[bool(groups) for groups in of_kind] for of_kind in members])
    while True:
        now = _distance(held, target, total)
        left = _distance(held - kinds[:, None], target, total)
        entered = _distance(held + kinds[:, None], target, total)
        gain = (now - left)[:, :, None] + now - entered[:, None]
        gain[~present] = 0
        gain[:, splits, splits] = 0
        best = gain.max()
        if best < 1e-12:
            return assigned, now.sum()
        moves = np.argwhere(gain == best).tolist()
        k, source, goal = min(moves, key=lambda move: (members[move[0]][move[1]][0], move[2]))
        group = heapq.heappop(members[k][source])
        heapq.heappush(members[k][goal], group)
        present[k, source], present[k, goal] = bool(members[k][source]), True
        held[source] -= kinds[k]
        held[goal] += kinds[k]
        assigned[group] = goal


def _distance(held: np.ndarray, target: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Returns the distance of each split from its target fraction.

    Args:
        held: (..., S, C), number of images of each class in each split.
        target: (S,), fraction of each split.
        total: (C,), number of images of each class in all splits.

    Returns:
        (..., S) float64.
    """
    lacking = np.count_nonzero(held == 0, axis=-1)
    # A split without a class counts more than any deviation of the fractions.
    return ((held / total - target[:, None]) ** 2).sum(axis=-1) + 100 * lacking
