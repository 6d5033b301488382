import math
import re

import pytest

from leukcnn.rendering.renderings import to_text
from leukcnn.rendering.tables import Table
from leukcnn.results.comparison import (
    KAPPA,
    MEAN_COLUMNS,
    METRIC_TITLES,
    MeanMetric,
    comparison_columns,
    comparison_rows,
    mean_and_sd,
    mean_cells,
    not_trained,
    verdict,
)
from leukcnn.results.intervals import Interval, interval_for, run_interval, wilson_interval
from leukcnn.results.metrics import BINARY_METRICS, binary_scores
from leukcnn.spec import Published

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
def test_a_rounded_figure_stands_for_all_that_round_to_it(published, expected):
    # .9024 to .9423: .905 rounds to .90 under half a hundredth, and nothing of .895 or .945 reaches in.
    assert verdict(published, 627 / 678, INTERVAL, rounding=0.005) == expected


def test_bounds_belong_to_the_interval():
    assert verdict(1.0, 1.0, wilson_interval(20, 20)) == "within"


@pytest.mark.parametrize(
    ("measured", "interval", "reasons", "expected"),
    [
        (0.9, INTERVAL, {"not_comparable": "smoke profile"}, "not comparable: smoke profile"),
        (0.9, INTERVAL, {"marked": True}, "not comparable"),
        (None, None, {"marked": True}, "not measured: no such trial"),
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


def vgg16():
    labels = [1] * 339 + [0] * 339
    predicted = [1] * 319 + [0] * 20 + [0] * 308 + [1] * 31
    return binary_scores(labels, predicted), {
        name: interval_for(name, labels, predicted) for name in BINARY_METRICS
    }


def test_rows_by_hand():
    published = {"accuracy": 0.9248, "specificity": 0.8668, "weighted_f1": None}
    rows = comparison_rows(published, *vgg16(), leading=("VGG16",))
    assert [row[:2] for row in rows] == [
        ("VGG16", "Accuracy"),
        ("VGG16", "Specificity"),
        ("VGG16", "Weighted F1-score"),
    ]
    assert [row[3] for row in rows[:2]] == [627 / 678, 308 / 339]
    assert rows[0][4] == (INTERVAL.low, INTERVAL.high)
    assert rows[1][5] == pytest.approx(308 / 339 - 0.8668)
    assert rows[2][5] is None
    assert [row[6] for row in rows] == ["within", "outside", "not published"]


def test_rows_make_a_table():
    rows = comparison_rows({"accuracy": 0.9248}, *vgg16(), leading=("VGG16", "balanced"))
    text = to_text(Table("table2", "Test", comparison_columns("Network", "Test set"), rows))
    assert "92.48 %" in text
    assert "90.24 to 94.23 %" in text


def test_what_is_not_comparable_has_no_difference():
    (row,) = comparison_rows({"f1": 0.926}, *vgg16(), not_comparable="smoke profile")
    assert row[2] is not None
    assert row[4] is None
    assert row[5] == "not comparable: smoke profile"


def test_what_is_not_measured_keeps_the_published_value():
    assert comparison_rows({"f1": 0.926}, None, {}, not_measured="no external set") == [
        ("F1-score", 0.926, None, None, None, "not measured: no external set")
    ]


def test_undefined_scores_are_shown_as_such():
    (row,) = comparison_rows({"precision": 0.9}, {"precision": math.nan}, {"precision": UNDEFINED})
    assert math.isnan(row[2])
    assert row[3:] == (None, None, "undefined")


def test_every_metric_has_a_title():
    assert list(METRIC_TITLES) == list(BINARY_METRICS)


ACCURACY = MeanMetric.percent("accuracy", "Accuracy")
RUNS = [0.9, 0.8, 0.85]


def means(metric, printed, values, **reasons):
    interval = run_interval(values) if len(values) > 1 else None
    cells = mean_cells(metric, printed, values, interval, **reasons)
    return dict(zip((column.title for column in MEAN_COLUMNS), cells, strict=True))


def test_mean_and_sd_are_in_the_unit_of_the_published_figure():
    cells = means(ACCURACY, Published("row", "accuracy", 86.0, sd=1.5), RUNS)
    assert (cells["Metric"], cells["Published"]) == ("Accuracy (%)", (86.0, 1.5))
    assert cells["Measured"] == pytest.approx((85, 5))
    assert cells["Difference"] == pytest.approx(-1)
    assert cells["Verdict"] == "within"
    low, high = cells["95 % interval"]
    assert 0 < low < 85 < high == 100


def test_kappa_stays_as_it_is():
    cells = means(KAPPA, Published("row", "kappa", -0.2), RUNS)
    assert cells["Published"] == (-0.2, None)
    assert cells["Measured"] == pytest.approx((0.85, 0.05))
    assert cells["Difference"] == pytest.approx(1.05)
    assert cells["Verdict"] == "outside"


def test_one_value_has_no_sd_and_none_no_mean():
    assert mean_and_sd([]) is None
    assert mean_and_sd([0.5]) == (0.5, None)
    assert mean_and_sd([1, 2, 3]) == (2, 1)
    cells = means(ACCURACY, None, [], not_measured="no data")
    assert (cells["Published"], cells["Measured"], cells["Verdict"]) == (None, None, "not measured: no data")


def test_means_that_can_t_be_compared_have_no_difference():
    cells = means(ACCURACY, Published("row", "accuracy", 86.0), RUNS, marked=True)
    assert (cells["Difference"], cells["Verdict"]) == (None, "not comparable")
    undefined = means(ACCURACY, Published("row", "accuracy", 86.0), [math.nan, 0.8])
    assert (undefined["Difference"], undefined["95 % interval"]) == (None, None)
    assert undefined["Verdict"] == "undefined"


def test_percentages_have_two_decimals_and_kappa_has_four():
    lines = [
        mean_cells(ACCURACY, Published("row", "accuracy", 97.04, sd=1.21), [0.081, 0.083], None),
        mean_cells(KAPPA, Published("row", "kappa", 0.7575), [0.75, 0.5], None),
    ]
    text = to_text(Table("table5", "Runs", MEAN_COLUMNS, lines)).splitlines()
    assert re.split("  +", text[4])[:3] == ["Accuracy (%)", "97.04 ± 1.21", "8.20 ± 0.14"]
    assert re.split("  +", text[5])[:3] == ["Kappa", "0.7575", "0.6250 ± 0.1768"]
    assert "-88.84" in text[4]
    assert "-0.1325" in text[5]


def test_rows_that_were_not_trained_are_named_by_the_reason():
    assert not_trained({}) == []
    assert not_trained({"A": "", "B": "no weights", "C": ""}) == [
        "Not trained in this run: A, C.",
        "Not trained in this run (no weights): B.",
    ]
