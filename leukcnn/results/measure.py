"""One metric of a row with its interval, over runs or folds. All measured values of tables come from here.

The interval of one run is over the unit that the split keeps whole (`leukcnn.spec.SPLITS`): images if the
split ignores groups, else subjects or other groups of images. On the external set it is over subjects with
any split, because no network was trained on them. If the group of any image is unknown, it is over images.

In cross-validation of any paper the value is the mean over folds, with the corrected interval: it contains
the error of training on other images, which one over the pooled images leaves out. Values of a class, of one
dataset among several or of the balanced set are pooled, because a fold may have few such images or none.
"""

from dataclasses import dataclass

import numpy as np

from leukcnn import spec
from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import Interval, fold_interval, run_interval
from leukcnn.results.metrics import METRICS, balanced_matrix, confusion_matrix
from leukcnn.results.probabilities import PROBABILITY_METRICS, balanced_weights
from leukcnn.results.resampling import Bootstrap, interval_for
from leukcnn.results.results import Results
from leukcnn.results.verdicts import Spread, mean_and_std
from leukcnn.spec.splits import IMAGES, SUBJECTS
from leukcnn.trial_files import Predictions


@dataclass(frozen=True)
class Measured:
    """A measured metric.

    Attributes:
        values: (J,) one value for each run, or for each fold of each run; J >= 1. Percentages are fractions.
        interval: The 95 % interval, see `measure`.
        n: Number of images of the first run.
    """

    values: list[float]
    interval: Interval
    n: int

    @property
    def spread(self) -> Spread:
        """Mean and standard deviation (with n - 1) over runs or folds, see `mean_and_std`."""
        return mean_and_std(self.values)


def measure(
    results: Results,
    row: str,
    metric: str,
    *,
    dataset: str = "",
    subset: str = "test",
    of_class: int | None = None,
    over: str = "auto",
) -> Measured | None:
    """Returns a metric of a row on a subset of the images.

    Over runs, the folds of a run are pooled. With several runs, the interval is Student's of their mean; with
    one run, it is the interval over its images or groups. Over folds, it is the corrected interval of their
    mean.

    Args:
        results: The experiment under a split.
        row: Row or control.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        dataset: Key of the tested dataset, or several joined by "+"; "" for all together.
        subset: "test", "balanced", "external" or "within", as in `leukcnn.spec.Table.subsets`. "balanced" is
            the expectation over all subsets of the test set with equal classes, see `balanced_matrix`.
        of_class: Position of the positive class; the paper's own if None.
        over: "runs", "folds", or "auto": folds for the test set in cross-validation, else runs. If
            there is only one fold, runs are used.

    Returns:
        The metric; None if no run is finished, or the images have no labels.

    Raises:
        ArgumentError: Several datasets are cross-validated separately and none is named; the metric is of one
            class and no class is given; or `over` is "folds" and the subset or the split has no folds of
            about equal size.
    """
    of = of_tested(results, dataset)
    if of is None:
        return None
    results, dataset = of
    key = ("measure", row, metric, dataset, subset, of_class, over)
    return results.once(key, lambda: _measure(results, row, metric, dataset, subset, of_class, over))


def _measure(
    results: Results, row: str, metric: str, dataset: str, subset: str, of_class: int | None, over: str
) -> Measured | None:
    """Computes what `measure` returns, of a dataset that the results are about."""
    runs = results.runs(row, dataset=dataset, subset=subset)
    if not runs or (runs[0].label < 0).any():
        return None
    positive = _positive(results, metric, of_class)
    folds = _folds_of(results, row, dataset=dataset, subset=subset, over=over)
    balanced = subset == "balanced"
    if len(runs) == 1 and not folds:
        unit = unit_of(results, subset)
        return measure_run(runs[0], metric, positive=positive, unit=unit, balanced=balanced)
    values = [_value(metric, one, positive, balanced) for one in folds or runs]
    limits, n = spec.METRICS[metric].limits, _n_images(runs[0], balanced)
    if not folds:
        return Measured(values, run_interval(values, limits=limits), n)
    interval = fold_interval(values, test_train_ratio=fold_size_ratio(results, row), limits=limits)
    return Measured(values, interval, n)


def mean_value(results: Results, row: str, metric: str) -> float | None:
    """Returns a metric of a row on the test set as `measure` does, without the time for its interval.

    Args:
        results: The experiment under a split. The first dataset counts if several are cross-validated
            separately.
        row: Row or control.
        metric: A key of `leukcnn.results.metrics.METRICS`.

    Returns:
        The mean over folds or runs; a percentage is a fraction. None as for `measure`.

    Raises:
        ArgumentError: The metric is of one class, and the paper has no positive class.
    """
    results = results.task(results.tasks[0]) if len(results.tasks) > 1 else results
    runs = results.runs(row)
    if not runs or (runs[0].label < 0).any():
        return None
    positive, folds = _positive(results, metric, None), _folds_of(results, row)
    return mean_and_std([_value(metric, one, positive, False) for one in folds or runs])[0]


def _folds_of(
    results: Results, row: str, *, dataset: str = "", subset: str = "test", over: str = "auto"
) -> list[Predictions]:
    """Returns the folds that a value is the mean over; none if it is the mean over runs."""
    if not is_over_folds(results, over, subset=subset) or results.n_folds < 2:
        return []
    folds = results.folds(row, dataset=dataset, subset=subset)
    return folds if len(folds) > 1 else []


def of_tested(results: Results, dataset: str) -> tuple[Results, str] | None:
    """Returns the results that values on a tested dataset rest on, and the dataset's name among them.

    Args:
        results: The experiment under a split.
        dataset: Key of the tested dataset, or several joined by "+"; "" for all together.

    Returns:
        The dataset's own results and "" if datasets are cross-validated separately; None if it isn't one of
        them.

    Raises:
        ArgumentError: Several datasets are cross-validated separately and none is named.
    """
    if len(results.tasks) < 2:
        return results, dataset
    if not dataset:
        # One value for all of them would mix unrelated networks.
        found = f"{', '.join(results.tasks)} are cross-validated separately."
        raise ArgumentError(found, expected="one of them", remedy="name the dataset")
    return (results.task(dataset), "") if dataset in results.tasks else None


def fold_size_ratio(results: Results, row: str, *, n_folds: int | None = None) -> float:
    """Returns n_test / n_train of a fold, from the number of folds and the fraction held out for validation.

    Images held out for validation don't count as training images. A control has the folds of the paper's
    first row.

    Args:
        results: The experiment under a split.
        row: Row or control.
        n_folds: Number of folds, at least 2; None for that of the experiment.
    """
    paper = results.paper
    split = results.setup(row if row in paper.row_ids else paper.row_ids[0]).split
    held_out = spec.AUTHORS_VALIDATION_FRACTION if results.split_kind == "fold" else split.validation_fraction
    return 1 / (((n_folds or results.n_folds) - 1) * (1 - held_out))


def measure_run(
    run: Predictions, metric: str, *, positive: int = 0, unit: str = IMAGES, balanced: bool = False
) -> Measured:
    """Returns a metric of one run's predictions with its interval.

    Args:
        run: Predictions of labelled images.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        positive: Position of the positive class.
        unit: What the interval is over, as `unit_of` returns it.
        balanced: Whether the value is the expectation over subsets with equally many images of each class.
    """
    interval = interval_for(
        metric,
        run.label,
        run.probabilities if metric in PROBABILITY_METRICS else run.predicted,
        None if unit == IMAGES else run.group,
        n_classes=len(run.class_names),
        positive=positive,
        bootstrap=Bootstrap(unit=unit, balanced=balanced),
    )
    return Measured([_value(metric, run, positive, balanced)], interval, _n_images(run, balanced))


def _n_images(run: Predictions, balanced: bool) -> int:
    """Returns the number of images of a run, or of each of its subsets with equal classes."""
    return int(_matrix(run, balanced).sum().round()) if balanced else len(run)


def _matrix(run: Predictions, balanced: bool) -> np.ndarray:
    matrix = confusion_matrix(run.label, run.predicted, n_classes=len(run.class_names))
    return balanced_matrix(matrix) if balanced else matrix


def _value(metric: str, run: Predictions, positive: int, balanced: bool) -> float:
    if metric not in PROBABILITY_METRICS:
        return float(METRICS[metric](_matrix(run, balanced), positive=positive))
    weights = balanced_weights(run.label, np.ones(len(run))) if balanced else None
    return float(METRICS[metric](run.label, run.probabilities, weights, positive=positive))


def unit_of(results: Results, subset: str = "test") -> str:
    """Returns what the interval of one run is over if the group of every image is known."""
    return SUBJECTS if subset == "external" else spec.SPLITS[results.split_kind].unit


def _positive(results: Results, metric: str, of_class: int | None) -> int:
    if of_class is not None or results.paper.positive_class:
        return results.positive if of_class is None else of_class
    if spec.METRICS[metric].of_class:
        raise ArgumentError(
            f"{metric} is of one class, and {results.paper.key} has no positive class.",
            expected="the positive class, or an average over the classes",
            remedy="show a macro average, or give the table the axis 'class'",
        )
    return 0


def is_over_folds(results: Results, over: str = "auto", *, subset: str = "test") -> bool:
    """Returns whether a value is the mean over folds, with `over` as in `measure`.

    Raises:
        ArgumentError: `over` is "folds", and the subset or the split has no folds of about equal size.
    """
    if over == "folds" and (why := why_no_folds(results, subset)):
        raise ArgumentError(f"There is no mean over folds: {why}.", remedy="take the mean over runs")
    return not why_no_folds(results, subset) if over == "auto" else over == "folds"


def why_no_folds(results: Results, subset: str = "test") -> str:
    """Returns why there is no mean over folds on a subset; "" if there is one."""
    if results.split_kind not in spec.FOLDED_KINDS:
        return f"{spec.SPLITS[results.split_kind].title} has no folds of about equal size"
    return "" if subset == "test" else "only the test set is in folds"
