"""The simulation of `experiments/coverage.py`, on a few rounds."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from leukcnn.results.intervals import Interval, wilson_interval
from leukcnn.results.resampling import interval_for

PATH = Path(__file__).resolve().parent.parent / "experiments/coverage.py"


@pytest.fixture(scope="module")
def coverage():
    module_spec = importlib.util.spec_from_file_location("coverage_script", PATH)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return module


def test_the_simulated_method_is_the_package_s(coverage):
    sizes, hits = np.array([40, 10, 25, 5, 20]), np.array([38, 7, 25, 4, 19])
    without = (hits.sum() - hits) / (sizes.sum() - sizes)
    resampled = np.random.default_rng(0).random(coverage.N_RESAMPLES)
    bounds = coverage.cluster_bounds(hits.sum() / sizes.sum(), without, sizes, resampled)
    groups = np.repeat(list("abcde"), sizes)
    right = np.concatenate([np.arange(n) < hit for n, hit in zip(sizes, hits, strict=True)])
    interval = interval_for("accuracy", np.ones(100, dtype=int), right.astype(int), groups)
    assert bounds["package"] == pytest.approx((interval.low, interval.high))


def test_few_subjects_are_covered_by_the_package_and_not_by_the_bootstrap(coverage):
    lines = dict(zip(range(3), coverage.accuracies(150, np.random.default_rng(0)), strict=False))
    for label, tally in lines.values():
        covered = {name: np.mean([hit for hit, _ in kept]) for name, kept in tally.found.items()}
        assert label.startswith("0.70, ICC 0.01")
        assert covered["package"] >= 0.92
        assert covered["percentile"] < covered["package"]


@pytest.mark.parametrize("part", ["other_metrics", "runs", "folds"])
def test_every_part_gives_a_coverage_and_a_width(coverage, part):
    _, tally = next(getattr(coverage, part)(5, np.random.default_rng(0)))
    assert {"package"} < set(tally.found)
    cells = [cell.split() for cell in tally.cells()]
    assert all(0 <= float(hit) <= 1 and float(width) > 0 for hit, width, *_ in cells)


def test_the_narrower_form_is_wilson_s_interval_for_the_error_of_a_proportion(coverage):
    wilson = wilson_interval(97, 100)
    error = np.sqrt(0.97 * 0.03 / 100)
    of_mean = Interval(0, 1, 0.95, "t", "runs", 100, std_error=error)
    assert coverage.asinh_bounds([0.97], of_mean) == pytest.approx((wilson.low, wilson.high))
