"""Groups of images put into parts of given shares: subjects, fields of view, near-duplicates."""

import heapq
from collections.abc import Sequence

import numpy as np

# Restarts of the search; on C-NMC's 66 joined subjects more restarts gain nothing.
_RESTARTS = 32


def assign_groups(
    labels: np.ndarray, groups: np.ndarray, shares: Sequence[float], *, rng: np.random.Generator
) -> np.ndarray:
    """Puts each group into one part, so that each part gets its share of every class as nearly as can be.

    scikit-learn has no splitter for groups and unequal shares: folds of equal size, put together 6:3:1, leave
    parts without a class where there are few subjects. So random assignments are improved by moving one group
    at a time, and the best of several is kept.

    Args:
        labels: (N,) int, class of each image.
        groups: (N,) str or int, units that must not be parted.
        shares: Share of each part; their sum is 1.
        rng: Draws the assignments that are improved.

    Returns:
        (N,) int64, the number of each image's part.
    """
    names, group = np.unique(groups.astype(str), return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    sizes = np.zeros((len(names), len(classes)), dtype=np.int64)
    np.add.at(sizes, (group, label), 1)
    target = np.asarray(shares)
    kinds, kind = np.unique(sizes, axis=0, return_inverse=True)
    trials = [
        _improve(rng.choice(len(target), len(names), p=target), kind, kinds, target) for _ in range(_RESTARTS)
    ]
    assigned, _ = min(trials, key=lambda trial: trial[1])
    return assigned[group]


def _improve(
    assigned: np.ndarray, kind: np.ndarray, kinds: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, float]:
    """Moves single groups to other parts as long as that brings the parts nearer to their shares.

    Groups that hold equally many images of each class are of one kind, and moving one of them is as good as
    moving another: thousands of images that stand alone are a handful of kinds.

    Args:
        assigned: (G,) int, part of each group.
        kind: (G,) int, kind of each group.
        kinds: (K, C) int, images of each class in a group of each kind.
        target: (P,) share of each part.

    Returns:
        The improved assignment and its distance from the target.
    """
    assigned, parts, total = assigned.copy(), np.arange(len(target)), kinds[kind].sum(axis=0)
    held = np.stack([kinds[kind[assigned == part]].sum(axis=0) for part in parts])
    # Ascending lists are heaps: the first group of a kind and part is the next to move.
    members = [
        [np.flatnonzero((kind == k) & (assigned == part)).tolist() for part in parts]
        for k in range(len(kinds))
    ]
    present = np.array([[bool(there) for there in of_kind] for of_kind in members])
    while True:
        now = _distance(held, target, total)
        left = _distance(held - kinds[:, None], target, total)
        entered = _distance(held + kinds[:, None], target, total)
        gain = (now - left)[:, :, None] + now - entered[:, None]
        gain[~present] = 0
        gain[:, parts, parts] = 0
        best = gain.max()
        if best < 1e-12:
            return assigned, now.sum()
        moves = np.argwhere(gain == best).tolist()
        k, source, part = min(moves, key=lambda move: (members[move[0]][move[1]][0], move[2]))
        group = heapq.heappop(members[k][source])
        heapq.heappush(members[k][part], group)
        present[k, source], present[k, part] = bool(members[k][source]), True
        held[source] -= kinds[k]
        held[part] += kinds[k]
        assigned[group] = part


def _distance(held: np.ndarray, target: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Returns how far parts that hold (..., P, C) images are from their target shares, (..., P)."""
    lacking = np.count_nonzero(held == 0, axis=-1)
    # A part without a class weighs more than any deviation of shares.
    return ((held / total - target[:, None]) ** 2).sum(axis=-1) + 100 * lacking
