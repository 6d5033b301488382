"""How often verdicts on published values are wrong: by the earlier rule, by the test of the difference.

Command:  python experiments/verdict_errors.py
Needs:    nothing. Half a minute on one core.
Expected: the table under "Errors of verdicts" in experiments/RESULTS.rst, exactly: the seed is fixed.

A paper publishes an accuracy on n images; a replication measures it on m others.

- outside:  how often two true replications were 'outside', by the earlier rule: the published value isn't in
            the 95 % interval of the measured one.
- differs:  how often they are said to differ by the test of the difference at 5 %, as it is now.
- agrees:   how often values that are exactly the margin of 2 points apart are said to agree.
- least:    the smallest difference in points that would be found with 80 % power, and
- power:    how often a true difference of that size is said to differ.
- newcombe, fisher, pooled, caffo: the same for four tests of two proportions: Newcombe's interval, which was
            chosen, Fisher's exact test, the pooled z-test and the interval of Agresti and Caffo.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
from scipy import stats

from leukcnn.results.intervals import run_interval, wilson_interval
from leukcnn.results.resampling import interval_for
from leukcnn.results.verdicts import AGREES, DIFFERS, SMALL, PublishedScore, compare
from leukcnn.spec.metrics import MARGIN

SIZES = ((65, 65), (108, 108), (260, 108), (108, 260), (678, 678), (2586, 2586))
PROPORTIONS = (0.75, 0.9, 0.97)
REPEATS = 4000


@cache
def outcome(n: int, successes: int, m: int, measured: int) -> tuple[bool, bool, bool, float]:
    """Returns whether two proportions are 'outside', differ or agree, and the detectable difference."""
    interval = wilson_interval(measured, m)
    found = compare(PublishedScore(successes / n, trials=n), [measured / m], interval, n=m)
    words = found.verdict()
    outside = successes / n not in interval
    return outside, words in (DIFFERS, SMALL), words in (AGREES, SMALL), found.detectable or np.nan


def rates(n: int, m: int, published: float, measured: float) -> np.ndarray:
    """Returns the means of `outcome` over samples of n and m images at two true proportions, (4,)."""
    rng = np.random.default_rng(0)
    pairs = zip(rng.binomial(n, published, REPEATS), rng.binomial(m, measured, REPEATS), strict=True)
    return np.nanmean([outcome(n, int(k), m, int(j)) for k, j in pairs], axis=0)


def proportions() -> Iterator[str]:
    """Yields a line for each pair of numbers of images and each true accuracy."""
    for n, m in SIZES:
        for p in PROPORTIONS:
            least = outcome(n, round(p * n), m, round(p * m))[3]
            same, apart, found = (
                rates(n, m, p, p),
                rates(n, m, p, p - MARGIN / 100),
                rates(n, m, p, p - least),
            )
            numbers = (100 * same[0], 100 * same[1], 100 * apart[2], 100 * least, 100 * found[1])
            yield f"{n:5d} {m:5d} {p:9.2f} " + " ".join(f"{one:8.1f}" for one in numbers)


@cache
def four_tests(n: int, successes: int, m: int, measured: int) -> tuple[bool, bool, bool, bool]:
    """Returns whether two proportions differ at 5 % by the four tests of `choice`."""
    table = np.array([[successes, n - successes], [measured, m - measured]])
    newcombe = compare(
        PublishedScore(successes / n, trials=n), [measured / m], wilson_interval(measured, m), n=m
    )
    pooled, most = (successes + measured) / (n + m), stats.norm.ppf(0.975)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    first, second = (successes + 1) / (n + 2), (measured + 1) / (m + 2)
    caffo = np.sqrt(first * (1 - first) / (n + 2) + second * (1 - second) / (m + 2))
    return (
        newcombe.p_value < 0.05,
        stats.fisher_exact(table).pvalue < 0.05,
        abs(successes / n - measured / m) > most * error,
        abs(first - second) > most * caffo,
    )


def choice() -> Iterator[str]:
    """Yields how often four tests say that equal values differ, and values 2.8 standard errors apart."""
    for n, m in SIZES[:5]:
        for p in (0.9, 0.97):
            least, numbers = 2.8 * np.sqrt(p * (1 - p) * (1 / n + 1 / m)), []
            for q in (p, p - least):
                rng = np.random.default_rng(0)
                pairs = zip(rng.binomial(n, p, REPEATS // 2), rng.binomial(m, q, REPEATS // 2), strict=True)
                numbers += [*np.mean([four_tests(n, int(k), m, int(j)) for k, j in pairs], axis=0)]
            yield f"{n:5d} {m:5d} {p:9.2f} " + " ".join(f"{100 * one:8.1f}" for one in numbers)


def runs() -> Iterator[str]:
    """Yields a line for each number of runs of the paper and here, whose standard deviation is 1 point."""
    for theirs, ours in ((1, 5), (5, 5), (5, 3), (10, 5)):
        rng, found = np.random.default_rng(0), []
        for _ in range(REPEATS):
            first, second = rng.normal(0.9, 0.01, theirs), rng.normal(0.9, 0.01, ours)
            std = first.std(ddof=1) if theirs > 1 else None
            known, unknown = (
                compare(
                    PublishedScore(first.mean(), std=one, runs=theirs), second, run_interval(second), n=100
                )
                for one in (std, None)
            )
            outside = first.mean() not in run_interval(second)
            found.append([outside, known.p_value < 0.05, unknown.p_value < 0.05])
        yield f"{theirs:5d} {ours:5d} " + " ".join(f"{one:8.1f}" for one in 100 * np.mean(found, axis=0))


def grouped() -> Iterator[str]:
    """Yields a line for each number of subjects with equally many images, and intraclass correlation."""
    for subjects, each, correlation, p in (
        *((10, 68, 0.05, 0.9), (10, 68, 0.2, 0.9), (40, 17, 0.05, 0.9), (40, 17, 0.2, 0.9)),
        (60, 11, 0.1, 0.95),
    ):
        n, rng, found = subjects * each, np.random.default_rng(0), []
        spread, labels = (1 - correlation) / correlation, np.zeros(subjects * each, int)
        groups = np.repeat([f"subject {i}" for i in range(subjects)], each)
        for _ in range(REPEATS // 4):
            skill = rng.beta(p * spread, (1 - p) * spread, (2, subjects))
            theirs, ours = rng.binomial(each, skill)
            wrong = (np.arange(each) >= ours[:, None]).ravel().astype(int)
            interval = interval_for("accuracy", labels, wrong, groups)
            value, here = theirs.sum() / n, [ours.sum() / n]
            found.append(
                [
                    value not in interval,
                    compare(PublishedScore(value, trials=n, images=n), here, interval, n=n).p_value < 0.05,
                    compare(
                        PublishedScore(value, trials=n), here, replace(interval, unit="images"), n=n
                    ).p_value
                    < 0.05,
                ]
            )
        rates = " ".join(f"{one:8.1f}" for one in 100 * np.mean(found, axis=0))
        yield f"{subjects:8d} {each:6d} {correlation:11.2f} {p:9.2f} {rates}"


def main() -> None:
    """Prints the tables."""
    sys.stdout.write(
        "One run each; in %:\n\n    n     m  accuracy  outside  differs   agrees    least    power\n"
    )
    sys.stdout.writelines(f"{line}\n" for line in proportions())
    names = "newcombe   fisher   pooled    caffo"
    sys.stdout.write(f"\nTrue replications, then power; in %:\n\n    n     m  accuracy {names} {names}\n")
    sys.stdout.writelines(f"{line}\n" for line in choice())
    sys.stdout.write(
        "\nMeans over runs; in %:\n\npaper  here  outside  differs  differs without the paper's std\n"
    )
    sys.stdout.writelines(f"{line}\n" for line in runs())
    sys.stdout.write(
        "\nImages of subjects, jackknife over subjects here; in %:\n\n"
        "subjects images correlation accuracy  outside  differs  differs with a binomial published error\n"
    )
    sys.stdout.writelines(f"{line}\n" for line in grouped())


if __name__ == "__main__":
    main()
