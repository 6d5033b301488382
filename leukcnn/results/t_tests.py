"""Are two networks different? Tests on their figures over folds or runs, or on means and sds in print."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import corrected_variance

# .95 - .93 and .85 - .83 differ in the last bits: what varies by less than this share doesn't vary.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class TTest:
    """What a t-test says of two rows of figures.

    Attributes:
        method: The test in words.
        statistic: t; infinite where nothing varies and the means differ.
        p_value: Two-sided, 0..1; the chance of such a t, or a larger one, if there were no difference.
        degrees_of_freedom: Of the t distribution.
        mean_difference: Mean of the first row less that of the second, in their unit.
        n: Figures in each row; in the first where the second has another number of them.
    """

    method: str
    statistic: float
    p_value: float
    degrees_of_freedom: int
    mean_difference: float
    n: int


def paired_t_test(first: Sequence[float], second: Sequence[float]) -> TTest:
    """Runs Student's t-test on the differences fold by fold, as `scipy.stats.ttest_rel`.

    It takes the folds for independent observations, which they aren't: their training sets overlap. So it
    finds differences too often.

    Args:
        first: (J,) figures.
        second: (J,) figures on the same folds, in the same order.

    Returns:
        The test; where no difference varies, p is 1 if their mean is 0, else 0. NaN in, NaN out.

    Raises:
        ArgumentError: There are fewer than two, or not as many of both.
    """
    first, second = _checked(first, second)
    return _paired("Student's t-test, paired", first, second, lambda: stats.ttest_rel(first, second))


def unpaired_t_test(first: Sequence[float], second: Sequence[float]) -> TTest:
    """Runs Student's t-test of two independent rows with equal variances, as `scipy.stats.ttest_ind`.

    Args:
        first: (J,) figures.
        second: (J,) figures, in any order.

    Returns:
        The test; where neither row varies, p is 1 if their means are equal, else 0. NaN in, NaN out.

    Raises:
        ArgumentError: There are fewer than two, or not as many of both.
    """
    first, second = _checked(first, second)
    n = len(first)
    return t_test_from_statistics(first.mean(), first.std(ddof=1), n, second.mean(), second.std(ddof=1), n)


def t_test_from_statistics(
    mean: float, std: float, n: int, other_mean: float, other_std: float, other_n: int
) -> TTest:
    """Runs Student's t-test with pooled variance on means and sds, as `scipy.stats.ttest_ind_from_stats`.

    So the tests of a paper are done again from what it prints: 97.04 +- 1.21 against 93.14 +- 3.73 over five
    runs each gives p = .057. Means and sds need one unit, which p doesn't depend on.

    Args:
        mean: Mean of the first row.
        std: Its standard deviation, with n - 1 below, at least 0.
        n: Number of its figures, at least 2.
        other_mean: Mean of the second row.
        other_std: Its standard deviation.
        other_n: Number of its figures, at least 2.

    Returns:
        The test; where neither row varies, p is 1 if their means are equal, else 0. NaN in, NaN out.

    Raises:
        ArgumentError: A row has fewer than two figures, or a standard deviation is below 0.
    """
    if min(n, other_n) < 2 or std < 0 or other_std < 0:
        raise ArgumentError(
            f"There are {n} and {other_n} figures with the standard deviations {std} and {other_std}.",
            expected="at least two of both, and standard deviations of at least 0",
        )
    return _t_test(
        TTest("Student's t-test, unpaired", 0.0, 1.0, n + other_n - 2, float(mean - other_mean), n),
        lambda: stats.ttest_ind_from_stats(mean, std, n, other_mean, other_std, other_n),
        spread=np.max([std, other_std]),
        rounding=_ROUNDING * max(abs(mean), abs(other_mean)),
    )


def corrected_resampled_t_test(
    first: Sequence[float], second: Sequence[float], *, test_share: float
) -> TTest:
    """Runs the corrected resampled t-test (Nadeau and Bengio, Machine Learning 52, 2003).

    The training sets of the folds overlap, so that the differences are no independent observations; the
    variance of their mean is taken as sd^2 (1 / J + n_test / n_train) rather than sd^2 / J.

    Args:
        first: (J,) figures, one for each fold of each run.
        second: (J,) figures on the same folds, in the same order.
        test_share: n_test / n_train, 1 / (k - 1) in k-fold cross-validation.

    Returns:
        The test; where no difference varies, p is 1 if their mean is 0, else 0. NaN in, NaN out.

    Raises:
        ArgumentError: There are fewer than two, or not as many of both, or the share isn't above 0.
    """
    first, second = _checked(first, second)
    error = math.sqrt(corrected_variance(first - second, test_share=test_share))

    def test() -> tuple[float, float]:
        statistic = (first - second).mean() / error
        return statistic, 2 * stats.t.sf(abs(statistic), len(first) - 1)

    return _paired("Corrected resampled t-test", first, second, test)


def _checked(first: Sequence[float], second: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    first, second = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ArgumentError(
            f"There are {first.size} and {second.size} figures.",
            expected="as many of both, at least two, fold by fold",
        )
    return first, second


def _paired(
    method: str, first: np.ndarray, second: np.ndarray, test: Callable[[], tuple[float, float]]
) -> TTest:
    n, difference = len(first), float(first.mean() - second.mean())
    return _t_test(
        TTest(method, 0.0, 1.0, n - 1, difference, n),
        test,
        spread=np.ptp(first - second),
        rounding=_ROUNDING * np.abs([first, second]).max(),
    )


def _t_test(
    no_difference: TTest, test: Callable[[], tuple[float, float]], *, spread: float, rounding: float
) -> TTest:
    """Runs a test for t and p, unless nothing varies, where SciPy would divide by what rounding left."""
    # A NaN is no rounding: it fails the comparison and goes on into t and p.
    if not spread <= rounding:
        statistic, p_value = map(float, test())
        return replace(no_difference, statistic=statistic, p_value=p_value)
    if abs(no_difference.mean_difference) <= rounding:
        return no_difference
    return replace(
        no_difference, statistic=math.copysign(math.inf, no_difference.mean_difference), p_value=0.0
    )
