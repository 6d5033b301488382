"""t-tests of two networks: on their scores over folds or runs, or on printed means and deviations."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import corrected_variance

# .95 - .93 and .85 - .83 differ in the last bits. Smaller relative differences than this count as 0.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class TTest:
    """Result of a t-test on two samples of scores.

    Attributes:
        method: The test in words.
        statistic: t.
        p_value: Two-sided, 0..1: the probability of a |t| at least this large if there is no difference.
            Both are NaN if the scores don't vary and the means differ: their spread is unknown then.
        degrees_of_freedom: Degrees of freedom of the t distribution.
        mean_difference: Mean of the first sample minus that of the second, in their unit.
        n: Number of scores in the first sample.
    """

    method: str
    statistic: float
    p_value: float
    degrees_of_freedom: int
    mean_difference: float
    n: int


def paired_t_test(first: Sequence[float], second: Sequence[float]) -> TTest:
    """Runs Student's t-test on the differences fold by fold, as `scipy.stats.ttest_rel`.

    It assumes independent folds, but their training sets overlap. It therefore finds differences too often.

    Args:
        first: (J,) scores.
        second: (J,) scores on the same folds, in the same order.

    Returns:
        The test. If all differences are equal, p is 1 if they are 0, else NaN. NaN scores give NaN.

    Raises:
        ArgumentError: There are fewer than two scores, or different numbers of them.
    """
    one, other = _checked(first, second)
    return _paired("Student's t-test, paired", one, other, lambda: stats.ttest_rel(one, other))


def unpaired_t_test(first: Sequence[float], second: Sequence[float]) -> TTest:
    """Runs Student's t-test of two independent samples with equal variances, as `scipy.stats.ttest_ind`.

    Args:
        first: (J,) scores.
        second: (J,) scores, in any order.

    Returns:
        The test. If neither sample varies, p is 1 if the means are equal, else NaN. NaN scores give NaN.

    Raises:
        ArgumentError: There are fewer than two scores, or different numbers of them.
    """
    one, other = _checked(first, second)
    n = len(one)
    return t_test_from_statistics(one.mean(), one.std(ddof=1), n, other.mean(), other.std(ddof=1), n)


def t_test_from_statistics(
    mean: float, std: float, n: int, other_mean: float, other_std: float, other_n: int
) -> TTest:
    """Runs Student's t-test with pooled variance, as `scipy.stats.ttest_ind_from_stats`.

    It repeats a paper's tests from its printed values: 97.04 +- 1.21 and 93.14 +- 3.73 over five runs each
    give p = .057. All values need the same unit; p doesn't depend on it.

    Args:
        mean: Mean of the first sample.
        std: Its standard deviation (with n - 1), at least 0.
        n: Number of its scores, at least 2.
        other_mean: Mean of the second sample.
        other_std: Its standard deviation.
        other_n: Number of its scores, at least 2.

    Returns:
        The test. If neither sample varies, p is 1 if the means are equal, else NaN. NaN values give NaN.

    Raises:
        ArgumentError: A sample has fewer than two scores, or a standard deviation is below 0.
    """
    if min(n, other_n) < 2 or std < 0 or other_std < 0:
        raise ArgumentError(
            f"There are {n} and {other_n} scores with the standard deviations {std} and {other_std}.",
            expected="at least two scores in each sample, and standard deviations of at least 0",
        )
    return _t_test(
        TTest("Student's t-test, unpaired", 0.0, 1.0, n + other_n - 2, float(mean - other_mean), n),
        lambda: stats.ttest_ind_from_stats(mean, std, n, other_mean, other_std, other_n),
        spread=np.max([std, other_std]),
        rounding=_ROUNDING * max(abs(mean), abs(other_mean)),
    )


def corrected_resampled_t_test(
    first: Sequence[float], second: Sequence[float], *, test_train_ratio: float
) -> TTest:
    """Runs the corrected resampled t-test (Nadeau and Bengio, Machine Learning 52, 2003).

    The training sets of the folds overlap, and the differences aren't independent. The variance of their mean
    is therefore std^2 (1 / J + n_test / n_train) instead of std^2 / J.

    Args:
        first: (J,) scores, one for each fold of each run.
        second: (J,) scores on the same folds, in the same order.
        test_train_ratio: n_test / n_train, 1 / (k - 1) in k-fold cross-validation.

    Returns:
        The test. If all differences are equal, p is 1 if they are 0, else NaN. NaN scores give NaN.

    Raises:
        ArgumentError: There are fewer than two scores, or different numbers of them, or the ratio isn't above
            0.
    """
    one, other = _checked(first, second)
    error = math.sqrt(corrected_variance(one - other, test_train_ratio=test_train_ratio))

    def test() -> tuple[float, float]:
        statistic = (one - other).mean() / error
        return statistic, 2 * stats.t.sf(abs(statistic), len(one) - 1)

    return _paired("Corrected resampled t-test", one, other, test)


def _checked(first: Sequence[float], second: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    one, other = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if one.shape != other.shape or one.ndim != 1 or len(one) < 2:
        raise ArgumentError(
            f"There are {one.size} and {other.size} scores.",
            expected="the same number in both samples, at least two, in the order of the folds",
        )
    return one, other


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
    """Returns the test with t and p; without SciPy, which would divide rounding errors, if nothing varies."""
    # A NaN in `spread` fails the comparison and is passed on to t and p.
    if not spread <= rounding:
        statistic, p_value = map(float, test())
        return replace(no_difference, statistic=statistic, p_value=p_value)
    if abs(no_difference.mean_difference) <= rounding:
        return no_difference
    return replace(no_difference, statistic=math.nan, p_value=math.nan)
