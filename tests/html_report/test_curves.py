"""Curves and their bands, against scikit-learn and by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from leukcnn.html_report.curves import MACRO, N_RESAMPLES, curves_of, reliability
from tests.html_report.conftest import sampled

BINARY, FOUR = ("normal", "blast"), ("a", "b", "c", "d")


def test_roc_curve_is_scikit_learns():
    found = sampled(BINARY, n=80)
    (curve,) = curves_of(found, positive=1, unit="images").roc
    alarms, hits, _ = roc_curve(found.label == 1, found.probabilities[:, 1], drop_intermediate=False)
    assert np.allclose(curve.x, alarms) and np.allclose(curve.y, hits)
    assert curve.area == pytest.approx(roc_auc_score(found.label == 1, found.probabilities[:, 1]))


def test_precision_recall_curve_is_scikit_learns():
    found = sampled(BINARY, n=80)
    (curve,) = curves_of(found, positive=1, unit="images").recall
    precision, recall, _ = precision_recall_curve(found.label == 1, found.probabilities[:, 1])
    # scikit-learn's curve begins at recall 1 and ends at recall 0 with the precision 1.
    assert np.allclose(curve.x[1:], recall[:-1][::-1]) and np.allclose(curve.y[1:], precision[:-1][::-1])


def test_the_other_class_has_the_mirrored_curve():
    found = sampled(BINARY, n=80)
    areas = [curves_of(found, positive=k, unit="images").roc[0].area for k in (0, 1)]
    assert areas[0] == pytest.approx(areas[1])


def test_the_mean_over_classes_comes_first_with_their_mean_area():
    found = curves_of(sampled(FOUR), positive=3, unit="images")
    mean, *others = found.roc
    assert mean.label == MACRO and [one.label for one in others] == [*FOUR]
    assert mean.area == pytest.approx(np.mean([one.area for one in others]))


@pytest.mark.parametrize("kind", ["roc", "recall"])
def test_the_band_holds_the_curve_and_is_narrower_with_more_images(kind):
    widths = []
    for n in (40, 400):
        curve = getattr(curves_of(sampled(BINARY, n=n, skill=0.3), positive=1, unit="images"), kind)[0]
        on_grid = np.interp(curve.grid[5:-5], curve.x, curve.y)
        inside = (curve.low[5:-5] - 0.05 <= on_grid) & (on_grid <= curve.high[5:-5] + 0.05)
        assert inside.all()
        widths.append(float(np.mean(curve.high - curve.low)))
    assert widths[1] < widths[0] / 2


def test_whole_groups_are_resampled_where_the_split_keeps_them():
    found = sampled(BINARY, n=90, skill=0.2)
    # Every image of a patient has the same answer, so there are 18 observations, not 90.
    same = found.select(np.repeat(np.arange(18), 5))
    same = replace(same, image=found.image, group=np.array([f"patient {i // 5}" for i in range(90)]))
    over_groups, over_images = (curves_of(same, positive=1, unit=unit) for unit in ("subjects", "images"))
    widths = [np.nanmean(one.roc[0].high - one.roc[0].low) for one in (over_groups, over_images)]
    assert widths[0] > 1.5 * widths[1]
    assert "over 18 subjects" in over_groups.method and "too narrow" in over_groups.method
    assert "over 90 images" in over_images.method


def test_an_unknown_group_means_images():
    found = sampled(BINARY, n=60)
    found.group[3] = ""
    assert "over 60 images" in curves_of(found, positive=1, unit="subjects").method


def test_one_class_has_no_curves_and_a_rare_one_has_a_band_or_none():
    assert curves_of(sampled(BINARY, n=20, labels=np.zeros(20, int)), positive=1, unit="images") is None
    labels = np.zeros(20, int)
    labels[0] = 1
    found = curves_of(sampled(BINARY, n=20, labels=labels), positive=1, unit="images")
    assert 0 < int(found.method.split(", ")[-1].split()[0]) < N_RESAMPLES


def test_bins_of_the_reliability_by_hand():
    found = sampled(BINARY, n=4)
    probabilities = np.array([[0.9, 0.1], [0.92, 0.08], [0.45, 0.55], [0.45, 0.55]])
    found = replace(found, probabilities=probabilities, label=np.array([0, 1, 1, 1]))
    bins, error = reliability(found)
    assert [(one.n, one.accuracy) for one in bins] == [(2, 1.0), (2, 0.5)]
    assert bins[0].confidence == pytest.approx(0.55) and bins[1].confidence == pytest.approx(0.91)
    assert error == pytest.approx((0.45 * 2 + 0.41 * 2) / 4)
