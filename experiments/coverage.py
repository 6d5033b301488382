"""Coverage: how often 95 % intervals contain the truth, for few subjects, runs and folds.

Command:  python experiments/coverage.py [--rounds N] [--seed N] [--only NAME]
Needs:    nothing but the package.
Cost:     about 10 minutes on one core with 1,000 rounds; --rounds 100 gives a first look in one.
Expected: the tables of "Coverage of intervals" in experiments/RESULTS.rst. Each cell is the coverage (the
          fraction of rounds whose interval contains the truth) and the mean width; .95 is nominal. The
          fraction of rounds that have an interval follows in brackets if it is below .98.

Subjects have unequal numbers of cells as in C-NMC 2019 (log-normal, about 100, from 5 to 600; the effective
number of subjects is about 60 % of their number) and are all malignant (64 %) or all healthy. Accuracies of
subjects are of a beta distribution with a given intraclass correlation (ICC). For other metrics, cells have
scores that are normal around those of their class, with a normal effect of their subject.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from scipy import special, stats

from leukcnn.results.intervals import Interval, fold_interval, run_interval, t_bounds, wilson_interval
from leukcnn.results.metrics import METRICS, confusion_matrix
from leukcnn.results.probabilities import PROBABILITY_METRICS
from leukcnn.results.resampling import Bootstrap, effective_number, interval_for

CLUSTERS = (5, 8, 10, 15, 20, 30, 50)
OTHER_METRICS = (
    *("f1", "macro_recall", "macro_f1", "kappa"),
    *("auroc", "sensitivity_at_95_specificity", "brier_score", "calibration_error"),
)
N_RESAMPLES = 999
WIDTH = 14
Bounds = tuple[float, float]


class Tally:
    """Coverage and mean width of each method, and how often it gives no interval."""

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[bool, float]]] = {}
        self.rounds = 0

    def add(self, truth: float, bounds: dict[str, Bounds | None]) -> None:
        """Adds the intervals of one round; None or NaN for none."""
        self.rounds += 1
        for method, both in bounds.items():
            kept = self.found.setdefault(method, [])
            if both is not None and not np.isnan(both).any():
                kept.append((both[0] <= truth <= both[1], both[1] - both[0]))

    def cells(self) -> list[str]:
        """Returns 'coverage width (fraction of rounds with an interval, if below .98)' of each method."""
        cells = []
        for kept in self.found.values():
            hits, widths = np.mean(kept, axis=0) if kept else (np.nan, np.nan)
            few = f" ({len(kept) / self.rounds:.2f})" if len(kept) < 0.98 * self.rounds else ""
            cells.append(f"{hits:.3f} {widths:.2f}{few}")
        return cells


def cluster_bounds(
    value: float, without: np.ndarray, sizes: np.ndarray, resampled: np.ndarray
) -> dict[str, Bounds]:
    """Returns the bounds of each method that the package's was chosen from.

    All but the first two are Student's t: with the linearised, cluster-robust variance (CR1) or that of the
    jackknife (CR3), on the raw or logit scale, with G - 1 degrees of freedom. "package" is CR3 on the logit
    scale, with the effective number of clusters minus 1.

    Args:
        value: The metric.
        without: (G,) the metric without each cluster.
        sizes: (G,) images of each cluster.
        resampled: (B,) the metric of bootstrap resamples.
    """
    n, resampled = len(without), resampled[~np.isnan(resampled)]
    if len(resampled) < N_RESAMPLES / 2 or np.isnan(without).any() or not 0 < value < 1:
        return {}
    error, freedom = np.sqrt((n - 1) / n * ((without - value) ** 2).sum()), effective_number(sizes) - 1
    raw = (-np.inf, np.inf)
    if error == 0:
        return {}
    linearised = (without - value) * (1 - sizes / sizes.sum())
    robust = np.sqrt(n / (n - 1) * (linearised**2).sum())
    return {
        "percentile": tuple(np.quantile(resampled, [0.025, 0.975])),
        "BCa": _bca(value, without, resampled),
        "CR1 raw": t_bounds(value, robust, n - 1, limits=raw),
        "CR1 logit": t_bounds(value, robust, n - 1),
        "CR3 raw": t_bounds(value, error, n - 1, limits=raw),
        "CR3 logit": t_bounds(value, error, n - 1),
        "package": t_bounds(value, error, freedom),
    }


def _bca(value: float, without: np.ndarray, resampled: np.ndarray) -> Bounds:
    """Returns the bias-corrected and accelerated bootstrap interval (Efron, 1987)."""
    below = ((resampled < value).mean() + (resampled <= value).mean()) / 2
    bias = stats.norm.ppf(np.clip(below, 1 / len(resampled), 1 - 1 / len(resampled)))
    away = without.mean() - without
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5) if away.any() else 0.0
    shifted = bias + stats.norm.ppf([0.025, 0.975])
    return tuple(np.quantile(resampled, stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))))


def _sizes(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.lognormal(4.6, 0.9, n).round(), 5, 600).astype(int)


def accuracies(rounds: int, rng: np.random.Generator) -> Iterator[tuple[str, Tally]]:
    """Yields the coverage for an accuracy over clusters."""
    for truth in (0.7, 0.9, 0.97):
        for correlation in (0.01, 0.1, 0.3):
            for n in CLUSTERS:
                tally, spread = Tally(), 1 / correlation - 1
                for _ in range(rounds):
                    sizes = _sizes(n, rng)
                    hits = rng.binomial(sizes, rng.beta(truth * spread, (1 - truth) * spread, n))
                    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)
                    without = (hits.sum() - hits) / (sizes.sum() - sizes)
                    resampled = (weights @ hits) / (weights @ sizes)
                    bounds = cluster_bounds(hits.sum() / sizes.sum(), without, sizes, resampled)
                    if bounds:
                        tally.add(truth, bounds)
                yield f"{truth:.2f}, ICC {correlation:.2f}, {n:2}", tally


def _scored(n: int, distance: float, correlation: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Returns labels, probabilities and subjects of the cells of n subjects, both classes among them."""
    sizes = _sizes(n, rng)
    malignant = rng.random(n) < 0.64
    malignant[:2] = (True, False)
    effects = distance * (2 * malignant - 1) + np.sqrt(correlation) * rng.normal(size=n)
    scores = np.repeat(effects, sizes) + np.sqrt(1 - correlation) * rng.normal(size=sizes.sum())
    probability = special.expit(2 * scores)
    subjects = np.repeat([f"{k:05}" for k in range(n)], sizes)
    return np.repeat(malignant, sizes).astype(int), np.stack([1 - probability, probability], axis=1), subjects


def _value(metric: str, labels: np.ndarray, probabilities: np.ndarray) -> float:
    if metric in PROBABILITY_METRICS:
        return float(METRICS[metric](labels, probabilities))
    return float(METRICS[metric](confusion_matrix(labels, probabilities.argmax(axis=1), n_classes=2)))


def other_metrics(rounds: int, rng: np.random.Generator) -> Iterator[tuple[str, Tally]]:
    """Yields the coverage of the package's intervals for other metrics, next to the percentile bootstrap."""
    distance, correlation = 1.2, 0.2
    labels, probabilities, _ = _scored(4000, distance, correlation, rng)
    truths = {metric: _value(metric, labels, probabilities) for metric in OTHER_METRICS}
    for metric, truth in truths.items():
        for n in CLUSTERS:
            tally = Tally()
            for _ in range(max(rounds // 5, 1)):
                labels, probabilities, subjects = _scored(n, distance, correlation, rng)
                scored = metric in PROBABILITY_METRICS
                given = (metric, labels, probabilities if scored else probabilities.argmax(axis=1), subjects)
                percentile = Bootstrap(seed=int(rng.integers(2**31)), n_resamples=299, most_groups=0)
                own, resampled = interval_for(*given), interval_for(*given, bootstrap=percentile)
                tally.add(truth, {"percentile": _bounds(resampled), "package": _bounds(own)})
            yield f"{metric} {truth:.2f}, {n:2}", tally


def _bounds(interval: Interval) -> Bounds | None:
    return (interval.low, interval.high) if interval.defined else None


def asinh_bounds(values: Sequence[float], interval: Interval) -> Bounds | None:
    """Returns the bounds of a mean on the logit scale with 2 asinh(h / 2) instead of the reach h.

    For the error of a proportion, they are Wilson's (Newcombe, "Logit confidence intervals and the inverse
    sinh transformation", The American Statistician 55, 2001). Near 1 they are much narrower.
    """
    if not interval.defined:
        return None
    mean = float(np.mean(values))
    reach = stats.t.ppf(0.975, interval.degrees_of_freedom) * interval.std_error / (mean * (1 - mean))
    both = special.logit(mean) + 2 * np.arcsinh(reach / 2) * np.array([-1, 1])
    return float(special.expit(both[0])), float(special.expit(both[1]))


def runs(rounds: int, rng: np.random.Generator) -> Iterator[tuple[str, Tally]]:
    """Yields the coverage for the mean of runs on 200 images, with accuracies of a beta distribution."""
    for truth in (0.7, 0.9, 0.97, 0.99):
        for n in (3, 5, 10):
            tally, spread = Tally(), 1 / 0.01 - 1
            for _ in range(rounds):
                values = rng.binomial(200, rng.beta(truth * spread, (1 - truth) * spread, n)) / 200
                limits = (-np.inf, np.inf)
                raw, own = run_interval(values, limits=limits), run_interval(values)
                tally.add(
                    truth,
                    {"t raw": _bounds(raw), "asinh": asinh_bounds(values, own), "package": _bounds(own)},
                )
            yield f"{truth:.2f}, {n:2} runs", tally


def folds(rounds: int, rng: np.random.Generator) -> Iterator[tuple[str, Tally]]:
    """Yields the coverage in cross-validation of a linear classifier (nearest mean, 40 features).

    The truth is the expected accuracy of the protocol, over other training sets of the same size. Training is
    stable, or with luck: its threshold is normal around the best one, so that folds differ by 5 to 10 points.
    """
    sizes = ((100, 4), (400, 4), (400, 5), (400, 10))
    for luck, distance, (n, k) in product((0.0, 0.8), (0.25, 0.4), sizes):
        tally, center = Tally(), np.full(40, distance)
        trained = [_trained(*_images(n - n // k, center, rng), luck, rng) for _ in range(4000)]
        truth = float(np.mean([_accuracy(weights, bias, center) for weights, bias in trained]))
        for _ in range(rounds):
            images, labels = _images(n, center, rng)
            fold, hits = np.arange(n) // 2 % k, np.empty(n, dtype=bool)
            for tested in (fold == number for number in range(k)):
                weights, bias = _trained(images[~tested], labels[~tested], luck, rng)
                hits[tested] = (images[tested] @ weights + bias > 0) == labels[tested]
            values = [hits[fold == number].mean() for number in range(k)]
            pooled = wilson_interval(int(hits.sum()), n)
            own = fold_interval(values, test_train_ratio=1 / (k - 1))
            named = {"Wilson": pooled, "t": run_interval(values)}
            found = {name: _bounds(interval) for name, interval in named.items()}
            tally.add(truth, {**found, "asinh": asinh_bounds(values, own), "package": _bounds(own)})
        yield f"{'with luck' if luck else 'stable'}, {truth:.2f}, {n} images, {k:2} folds", tally


def _images(n: int, center: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns features of n images of two classes in turn, at plus and minus `center`, and their labels."""
    labels = np.arange(n) % 2 == 1
    return rng.normal(size=(n, len(center))) + np.where(labels[:, None], center, -center), labels


def _trained(
    images: np.ndarray, labels: np.ndarray, luck: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    positive, negative = images[labels].mean(axis=0), images[~labels].mean(axis=0)
    weights = positive - negative
    threshold = weights @ (positive + negative) / 2 + luck * np.linalg.norm(weights) * rng.normal()
    return weights, float(-threshold)


def _accuracy(weights: np.ndarray, bias: float, center: np.ndarray) -> float:
    """Returns the accuracy of a linear classifier on all images of the two classes."""
    reach = weights @ center
    return float(stats.norm.cdf(np.array([reach + bias, reach - bias]) / np.linalg.norm(weights)).mean())


PARTS = {
    "Accuracy over subjects: accuracy, ICC, subjects": accuracies,
    "Other metrics over subjects: metric and its true value, subjects": other_metrics,
    "Mean over runs: accuracy, runs": runs,
    "Mean over folds: accuracy, images, folds": folds,
}


def main(argv: list[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000, help="simulated experiments for each line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS.values()], help="one table only")
    options = parser.parse_args(argv)
    for number, (title, part) in enumerate(PARTS.items()):
        if options.only not in (None, part.__name__):
            continue
        print(f"\n{title}")
        rng, titled = np.random.default_rng([options.seed, number]), False
        for label, tally in part(options.rounds, rng):
            indent = 19 if len(tally.found) > 3 else 42
            if not titled:
                print(" " * indent + "".join(f"{name:>{WIDTH}}" for name in tally.found))
                titled = True
            print(
                f"{label:{indent}}" + "".join(f" {cell:>{WIDTH - 1}}" for cell in tally.cells()), flush=True
            )


if __name__ == "__main__":
    main()
