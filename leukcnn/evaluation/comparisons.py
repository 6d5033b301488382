"""Are two networks different? Tests on their figures over the same folds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from leukcnn.errors import ArgumentError
from leukcnn.evaluation.statistics import corrected_variance

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
        n: Figures in each row.
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
    variance = (first - second).var(ddof=1) / len(first)
    return _t_test("Student's t-test, paired", first, second, variance=variance, freedom=len(first) - 1)


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
    variance = (first.var(ddof=1) + second.var(ddof=1)) / len(first)
    return _t_test("Student's t-test, unpaired", first, second, variance=variance, freedom=2 * len(first) - 2)


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
    variance = corrected_variance(first - second, test_share=test_share)
    return _t_test("Corrected resampled t-test", first, second, variance=variance, freedom=len(first) - 1)


def _checked(first: Sequence[float], second: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    first, second = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ArgumentError(
            f"There are {first.size} and {second.size} figures.",
            expected="as many of both, at least two, fold by fold",
        )
    return first, second


def _t_test(method: str, first: np.ndarray, second: np.ndarray, *, variance: float, freedom: int) -> TTest:
    difference = float(first.mean() - second.mean())
    error, rounding = math.sqrt(variance), _ROUNDING * float(np.abs([first, second]).max())
    # A NaN is no rounding: it fails the comparison and goes on into t and p.
    if error <= rounding:
        equal = abs(difference) <= rounding
        statistic = 0.0 if equal else math.copysign(math.inf, difference)
    else:
        statistic = difference / error
    p_value = float(2 * stats.t.sf(abs(statistic), freedom))
    return TTest(method, statistic, p_value, freedom, difference, len(first))
