"""Counts of several classes that give metrics as means over folds: found by search, or proved impossible.

All metrics of a fold follow from two counts of each class c with n_c images: misses m_c (its images that are
predicted as others) and false predictions f_c. Counts from 0 have a confusion matrix if the sums of both are
the number e of wrong images, and m_c + f_c <= e for each class (the diagonal holds no wrong image).

Metrics are means over folds here, of shape (..., folds), and folds are arrays of class sizes of shape
(folds, classes). One fold is a pooled confusion matrix. Targets are ranges: metric -> (least, most).
"""

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import linprog

Targets = Mapping[str, tuple[float, float]]

AVERAGES = ("macro", "weighted")
CHAINS = 96
STEPS = 3000
GRID = 41
ROUNDS = 60
NOTHING = 1e-6
MAX_CELLS = 2_000_000


def metrics_of(
    names: Iterable[str], sizes: np.ndarray, misses: np.ndarray, false: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns metrics of each fold as scikit-learn computes them, each of shape (..., folds).

    Args:
        names: The metrics: "accuracy", "kappa", or "macro_" or "weighted_" and "precision", "recall", "f1".
        sizes: Class sizes, of shape (folds, classes).
        misses: Images of each class that are predicted as others, of shape (..., folds, classes).
        false: Images of other classes that are predicted as each class, of the same shape.
    """
    hits, n = sizes - misses, sizes.sum(axis=-1)
    accuracy = hits.sum(axis=-1) / n
    found = {"accuracy": accuracy}
    for name in names:
        average, _, metric = name.partition("_")
        if name == "kappa":
            expected = (sizes * (hits + false)).sum(axis=-1) / n**2
            found[name] = (accuracy - expected) / np.maximum(1 - expected, 1e-12)
        elif average == "macro":
            found[name] = _of_class(metric, sizes, hits, false).mean(axis=-1)
        elif average == "weighted":
            found[name] = (sizes * _of_class(metric, sizes, hits, false)).sum(axis=-1) / n
    return found


def _of_class(name: str, sizes: Any, hits: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Returns precision, recall or F1-score of a class, 0 where it is 0 / 0."""
    if name == "recall":
        return hits / np.maximum(sizes, 1)
    if name == "f1":
        return 2 * hits / np.maximum(hits + false + sizes, 1)
    return hits / np.maximum(hits + false, 1)


def ranges(sizes: np.ndarray, wrong: int) -> dict[str, tuple[float, float]]:
    """Returns bounds of kappa, macro recall and both precisions for a number of wrong images.

    The wrong images may be in any fold. Bounds of kappa and recall are attained, as long as no more images of
    a fold are wrong than all classes but its largest have. Precision has only an upper bound, the other is 0.

    Args:
        sizes: Class sizes, of shape (folds, classes).
        wrong: Number of wrong images in all folds together.
    """
    found = {}
    for name in ("kappa", "macro_recall", "macro_precision", "weighted_precision"):
        ends = [_ends(name, fold, wrong) for fold in sizes]
        least, most = (_best([end[i] for end in ends], wrong, sign) for i, sign in ((0, 1), (1, -1)))
        found[name] = (least / len(sizes), most / len(sizes))
    return found


def _ends(name: str, fold: np.ndarray, wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lowest and highest value in a fold for 0, 1 ... wrong images."""
    n, ordered = fold.sum(), np.sort(fold)
    e = np.arange(min(wrong, n) + 1)
    if name == "kappa":
        ends = [1 - e / n / (1 - (fold @ fold + u) / n**2) for u in _agreement(fold, len(e) - 1)]
        return np.minimum(*ends), np.maximum(*ends)
    if name == "macro_recall":
        lost = [np.repeat(1 / classes, classes)[: e[-1]].cumsum() for classes in (ordered, ordered[::-1])]
        low, high = (1 - np.concatenate([[0], each]) / len(fold) for each in lost)
        return low, high
    weights = fold / n if name.startswith("weighted") else np.full(len(fold), 1 / len(fold))
    return np.zeros(len(e)), 1 - (weights * e[:, None] / (fold + e[:, None])).min(axis=1)


def _agreement(fold: np.ndarray, wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the least and most of sum of n_c (f_c - m_c), which sets the expected agreement."""
    ordered, e = np.sort(fold), np.arange(wrong + 1)
    fewest, most = (
        np.concatenate([[0], np.repeat(classes, classes)[:wrong].cumsum()])
        for classes in (ordered, ordered[::-1])
    )
    return e * ordered[0] - most, e * ordered[-1] - fewest


def _best(ends: list[np.ndarray], wrong: int, sign: int) -> float:
    """Returns the least (sign 1) or most (-1) of a sum over folds that share the wrong images."""
    if len(ends) == 1:
        return float(ends[0][wrong])
    total = np.full(wrong + 1, np.inf)
    total[0] = 0
    for end in ends:
        new = np.full(wrong + 1, np.inf)
        for e, value in enumerate(sign * end):
            new[e:] = np.minimum(new[e:], total[: wrong + 1 - e] + value)
        total = new
    return float(sign * total[wrong])


def find_counts(
    sizes: np.ndarray, targets: Targets, *, seed: int = 0, steps: int = STEPS
) -> tuple[np.ndarray, np.ndarray] | None:
    """Searches counts whose mean metrics, and stds over folds, are within ranges, by simulated annealing.

    Args:
        sizes: Class sizes, of shape (folds, classes).
        targets: Metric -> range of its mean; "metric/std" -> range of its standard deviation (n - 1).
        seed: Seed of the search.
        steps: Number of steps of each of `CHAINS` chains.

    Returns:
        Misses and false predictions, of shape (folds, classes) each; None if none were found.
    """
    rng = np.random.default_rng(seed)
    misses, false = _starts(sizes, targets["accuracy"], rng)
    cost = _cost(sizes, misses, false, targets)
    for step in range(steps):
        if not cost.min():
            break
        temperature = 3 * 100 ** (-step / steps)
        new_misses, new_false, moved = _move(sizes, misses, false, rng, step / steps)
        new = np.where(moved, _cost(sizes, new_misses, new_false, targets), np.inf)
        worse = np.maximum(new - cost, 0)
        taken = rng.random(CHAINS) < np.exp(-worse / temperature)
        misses[taken], false[taken], cost[taken] = new_misses[taken], new_false[taken], new[taken]
    best = int(cost.argmin())
    return None if cost[best] else (misses[best], false[best])


def _starts(
    sizes: np.ndarray, accuracy: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns random counts for each chain, with wrong images from evenly to unevenly spread over folds."""
    folds, classes = sizes.shape
    wrong = round((1 - sum(accuracy) / 2) * int(sizes.sum()))
    spread = 10 ** rng.uniform(-0.5, 3, CHAINS)
    misses, false = np.zeros((2, CHAINS, folds, classes), dtype=np.int64)
    for chain in range(CHAINS):
        of_folds = rng.multinomial(wrong, rng.dirichlet(np.full(folds, spread[chain])))
        for counts in (misses, false):
            chances = rng.dirichlet(np.ones(classes), size=folds)
            counts[chain] = rng.multinomial(np.minimum(of_folds, sizes.sum(axis=1)), chances)
        misses[chain] = np.minimum(misses[chain], sizes)
        short = misses[chain].sum(axis=1) - false[chain].sum(axis=1)
        false[chain, :, 0] += short
    return misses, np.maximum(false, 0)


def _cost(sizes: np.ndarray, misses: np.ndarray, false: np.ndarray, targets: Targets) -> np.ndarray:
    """Returns how far the counts of each chain are from the targets, in half-widths of their ranges."""
    values = metrics_of({name.removesuffix("/std") for name in targets}, sizes, misses, false)
    squares = np.zeros(len(misses))
    for name, (low, high) in targets.items():
        metric, is_std = name.removesuffix("/std"), name.endswith("/std")
        value = values[metric].std(axis=-1, ddof=1) if is_std else values[metric].mean(axis=-1)
        half = max((high - low) / 2, 0.2 / sizes.sum())
        squares += np.maximum(np.maximum(low - value, value - high) / half, 0) ** 2
    wrong = misses.sum(axis=-1)
    on_diagonal = np.maximum(misses + false - wrong[..., None], 0).sum(axis=(-1, -2))
    unequal = np.abs(wrong - false.sum(axis=-1)).sum(axis=-1)
    return np.sqrt(squares) + 30 * (on_diagonal + unequal)


def _move(
    sizes: np.ndarray, misses: np.ndarray, false: np.ndarray, rng: np.random.Generator, progress: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns counts with some images moved between classes or folds, and whether they are counts."""
    folds, classes = sizes.shape
    chain = np.arange(CHAINS)
    size = np.where(rng.random(CHAINS) < progress, 1, 2 ** rng.integers(0, 5, CHAINS))
    kind = rng.integers(0, 8, CHAINS)
    source, target = rng.integers(0, folds, (2, CHAINS))
    target = np.where(kind < 5, source, target)
    misses, false = misses.copy(), false.copy()
    # Kinds: misses alone, false predictions alone, another number of wrong images, others between folds.
    of_misses, of_false = size * ~np.isin(kind, (0, 1)), size * ~np.isin(kind, (2, 3))
    removed, added = np.where(kind == 4, rng.integers(0, 2, CHAINS), 1), np.ones(CHAINS, dtype=np.int64)
    added = np.where((kind == 4) & (removed == 1), 0, added)
    for counts, moved in ((misses, of_misses), (false, of_false)):
        first, second = rng.integers(0, classes, (2, CHAINS))
        counts[chain, source, first] -= moved * removed
        counts[chain, target, second] += moved * added
    allowed = (misses >= 0) & (false >= 0) & (misses <= sizes)
    return misses, false, np.asarray(allowed.all(axis=(1, 2)))


class Relaxation:
    """Proves that no counts have mean metrics within ranges, by a linear program's dual.

    A fold is split into blocks: the counts (m, f) of each class, on which precision, recall and F1-score
    depend, and the pair of wrong images e and u = sum of n_c (f_c - m_c), on which accuracy and kappa depend.
    The blocks of all folds are mixed freely, but for the sums that link them. If even mixtures can't reach
    the ranges, no counts can. Blocks enter the program one by one, the best for its dual prices each time;
    by weak duality, prices prove a bound whether the program is solved or not.

    Args:
        sizes: Class sizes, of shape (folds, classes).
        targets: Metric -> range of its mean. Of the standard deviations, only the accuracy's is used.
        most_wrong: Most wrong images in one fold; None for any number.
    """

    def __init__(self, sizes: np.ndarray, targets: Targets, *, most_wrong: int | None = None) -> None:
        self.kinds, self.counts = np.unique(sizes, axis=0, return_counts=True)
        self.targets = {name: ends for name, ends in targets.items() if not name.endswith("/std")}
        self.folds = len(sizes)
        self.low, self.high = np.array(list(self.targets.values())).T
        self.units = np.maximum((self.high - self.low) / 2, 0.2 / sizes.sum())
        # Rows: for each kind of fold the sums of m, f and n (f - m), in which blocks must agree; the metrics.
        self.first = 3 * len(self.kinds)
        least = max(0.0, 1 - self.targets["accuracy"][1]) * self.folds
        cap = int((1 - self.targets["accuracy"][0]) * self.folds * sizes.sum(axis=1).max()) + 1
        if "accuracy/std" in targets:
            # No fold is further from the mean of n folds than (n - 1) / sqrt(n) standard deviations.
            furthest = targets["accuracy/std"][1] * (self.folds - 1) / self.folds**0.5
            of_one = (1 - self.targets["accuracy"][0] + furthest) * sizes.sum(axis=1).max()
            cap = min(cap, int(of_one) + 1)
        self.most = min(cap, cap if most_wrong is None else most_wrong)
        self.empty = least * sizes.sum(axis=1).min() > self.most * self.folds

    @property
    def cells(self) -> int:
        """Number of pairs of misses and false predictions of all classes."""
        n = self.kinds.sum(axis=1, keepdims=True)
        pairs = np.minimum(self.kinds, self.most) * np.minimum(n - self.kinds, self.most)
        return int(pairs.sum())

    @cached_property
    def blocks(self) -> list[tuple[int, np.ndarray]]:
        """The blocks of each kind of fold."""
        return [
            block
            for kind, fold in enumerate(self.kinds)
            for block in (*(self._class(kind, fold, c) for c in range(len(fold))), self._whole(kind, fold))
        ]

    def _block(self, kind: int, sums: Any, metrics: Mapping[str, np.ndarray]) -> tuple[int, np.ndarray]:
        """Returns a block as its kind of fold and a matrix with a column for each choice."""
        columns = np.zeros((self.first + len(self.targets), len(sums[0])))
        columns[3 * kind : 3 * kind + 3] = sums
        for row, name in enumerate(self.targets):
            if name in metrics:
                columns[self.first + row] = metrics[name] / self.folds / self.units[row]
        return kind, columns

    def _class(self, kind: int, fold: np.ndarray, place: int) -> tuple[int, np.ndarray]:
        """Returns the block of a class: every pair of misses and false predictions."""
        n, size, most = int(fold.sum()), int(fold[place]), min(self.most, int(fold.sum()))
        m, f = np.indices((min(size, most) + 1, min(n - size, most) + 1)).reshape(2, -1)
        m, f = m[m + f <= most], f[m + f <= most]
        metrics: dict[str, np.ndarray] = {}
        for name in ("precision", "recall", "f1"):
            value = _of_class(name, size, size - m, f)
            metrics |= {f"macro_{name}": value / len(fold), f"weighted_{name}": value * size / n}
        return self._block(kind, (m, f, size * (f - m) / n), metrics)

    def _whole(self, kind: int, fold: np.ndarray) -> tuple[int, np.ndarray]:
        """Returns the block of a fold: every number of wrong images, with `GRID` agreements.

        Kappa is concave in the agreement: between two of the grid it is above their mixtures by up to an
        eighth of the curvature times the step squared. The range of kappa is widened by it.
        """
        n, most = int(fold.sum()), min(self.most, int(fold.sum()))
        least_u, most_u = _agreement(fold, most)
        e = np.repeat(np.arange(most + 1), GRID)
        u = np.linspace(least_u, most_u, GRID).T.ravel()
        chance = np.minimum((fold @ fold + u) / n**2, 1 - 1e-9)
        if "kappa" in self.targets:
            steps = np.repeat(most_u - least_u, GRID) / (GRID - 1) / n**2
            above = float((2 * e / n / (1 - chance) ** 3 * steps**2 / 8).max())
            place = list(self.targets).index("kappa")
            self.low[place] = min(self.low[place], self.targets["kappa"][0] - above)
        return self._block(kind, (-e, -e, -u / n), {"accuracy": 1 - e / n, "kappa": 1 - e / n / (1 - chance)})

    def excludes(self) -> bool:
        """Returns whether it proves that no counts have metrics within the ranges.

        With more than `MAX_CELLS` pairs of counts, only each metric by itself is held to its `ranges`.
        """
        if self.empty:
            return True
        if self.cells > MAX_CELLS:
            return self._out_of_range()
        rng = np.random.default_rng(0)
        rows = self.first + len(self.targets)
        owners, columns = [], []
        for block, (_, choices) in enumerate(self.blocks):
            for prices in rng.normal(size=(3, rows)):
                owners.append(block)
                columns.append(choices[:, int((prices @ choices).argmax())])
        most = np.concatenate([np.zeros(self.first), self.high / self.units])
        least = np.concatenate([np.zeros(self.first), self.low / self.units])
        number = np.array([self.counts[kind] for kind, _ in self.blocks])
        for _ in range(ROUNDS):
            value, prices, of_blocks = self._solve(np.array(columns).T, np.array(owners), least, most, number)
            if value < NOTHING:
                return False
            # By weak duality, nothing is further from the ranges than this.
            bound = float(np.maximum(prices, 0) @ least - np.maximum(-prices, 0) @ most)
            grown = False
            for block, (_, choices) in enumerate(self.blocks):
                worth = prices @ choices
                best = int(worth.argmax())
                bound -= number[block] * float(worth[best])
                if worth[best] > of_blocks[block] + NOTHING:
                    grown = True
                    owners.append(block)
                    columns.append(choices[:, best])
            if bound > NOTHING or not grown:
                return bound > NOTHING
        return False

    def _out_of_range(self) -> bool:
        """Returns whether a metric is out of its range for every number of wrong images."""
        sizes = np.repeat(self.kinds, self.counts, axis=0)
        low, high = ((1 - end) * sizes.sum() for end in reversed(self.targets["accuracy"]))
        found = [ranges(sizes, wrong) for wrong in range(math.ceil(low), math.floor(high) + 1)]
        return all(
            any(
                most < self.targets[name][0] or least > self.targets[name][1]
                for name, (least, most) in each.items()
                if name in self.targets
            )
            for each in found
        )

    @staticmethod
    def _solve(
        columns: np.ndarray, owners: np.ndarray, least: np.ndarray, most: np.ndarray, number: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Returns how far mixtures of the columns are from the ranges, the rows' prices and the blocks'."""
        rows, n = columns.shape
        members = np.zeros((len(number), n + rows))
        members[owners, np.arange(n)] = 1
        away = np.eye(rows)
        solved = linprog(
            np.concatenate([np.zeros(n), np.ones(rows)]),
            A_ub=np.block([[columns, -away], [-columns, -away]]),
            b_ub=np.concatenate([most, -least]),
            A_eq=members,
            b_eq=number,
        )
        above, below = -solved.ineqlin.marginals.reshape(2, rows)
        return float(solved.fun), below - above, -solved.eqlin.marginals
