import math

import numpy as np
import pytest

from leukcnn.results.intervals import Interval, wilson_interval
from leukcnn.results.verdicts import mean_and_std, verdict

INTERVAL = wilson_interval(627, 678)  # .9024 to .9423
UNDEFINED = Interval(math.nan, math.nan, 0.95, "bootstrap", "subjects", 1, reason="too few subjects")


@pytest.mark.parametrize(
    ("published", "expected"),
    [(0.9248, "within"), (0.90, "outside"), (0.95, "outside"), (None, "not published")],
)
def test_verdict_on_the_published_value(published, expected):
    assert verdict(published, 627 / 678, INTERVAL) == expected


@pytest.mark.parametrize(
    ("published", "expected"), [(0.90, "within"), (0.89, "outside"), (0.94, "within"), (0.95, "outside")]
)
def test_a_rounded_value_counts_as_all_values_that_round_to_it(published, expected):
    # The interval is .9024 to .9423. .90 +- .005 reaches into it, .89 +- .005 and .95 +- .005 don't.
    assert verdict(published, 627 / 678, INTERVAL, rounding=0.005) == expected


def test_bounds_belong_to_the_interval():
    assert verdict(1.0, 1.0, wilson_interval(20, 20)) == "within"


@pytest.mark.parametrize(
    ("measured", "interval", "reasons", "expected"),
    [
        (0.9, INTERVAL, {"not_comparable": "not comparable: smoke"}, "not comparable: smoke"),
        (None, None, {}, "not measured: no such trial"),
        (None, None, {"not_measured": "no such data"}, "not measured: no such data"),
        (None, None, {"not_measured": "a", "not_comparable": "b"}, "not measured: a"),
        (math.nan, INTERVAL, {}, "undefined"),
        (0.9, UNDEFINED, {}, "not comparable: no interval: too few subjects"),
        (0.9, None, {}, "not comparable: no interval"),
    ],
)
def test_verdict_without_a_comparison(measured, interval, reasons, expected):
    assert verdict(0.9, measured, interval, **reasons) == expected


def test_mean_and_standard_deviation_by_hand():
    assert mean_and_std([0.9, 0.8, 0.85]) == (pytest.approx(0.85), pytest.approx(0.05))
    assert mean_and_std([0.9]) == (0.9, None)


@pytest.mark.parametrize("values", [[0.5, 0.5], [1.0] * 5, [0.1 + 0.2, 0.3], np.zeros(3)])
def test_equal_values_have_no_std(values):
    """Two folds that happen to be equal would otherwise be shown as '± 0.00'."""
    mean, std = mean_and_std(values)
    assert mean == pytest.approx(np.mean(values)) and std is None
    assert mean_and_std([*values, 0.31])[1] > 0
