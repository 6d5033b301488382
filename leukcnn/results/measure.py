"""One metric of a row with its interval, over runs or folds. All measured values of tables come from here.

The bootstrap resamples the unit that the split keeps whole (`leukcnn.spec.SPLITS`): images if the split
ignores groups, else subjects or other groups of images. On the external set it resamples subjects with any
split, because no network was trained on them. If the group of any image is unknown, it resamples images.
"""

from dataclasses import dataclass

from leukcnn import spec
from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import Bootstrap, Interval, fold_interval, interval_for, run_interval
from leukcnn.results.metrics import METRICS, confusion_matrix
from leukcnn.results.probabilities import PROBABILITY_METRICS
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

    Over runs, the folds of a run are pooled. With several runs, the interval is the prediction interval of
    one more run; with one run, it is the interval over its images or groups. Over folds, it is the corrected
    interval of their mean.

    Args:
        results: The experiment under a split.
        row: Row or control.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        dataset: Key of the tested dataset, or several joined by "+"; "" for all together.
        subset: "test", "balanced", "external" or "within", as in `leukcnn.spec.Table.subsets`.
        of_class: Position of the positive class; the paper's own if None.
        over: "runs", "folds", or "auto": folds for the test set in k-fold cross-validation of more than two
            classes, else runs. If there is only one fold, runs are used.

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
    runs = results.runs(row, dataset=dataset, subset=subset)
    if not runs or (runs[0].label < 0).any():
        return None
    positive = _positive(results, metric, of_class)
    folds = (
        results.folds(row, dataset=dataset, subset=subset)
        if is_over_folds(results, over, subset=subset)
        else []
    )
    over_folds = len(folds) > 1 and results.n_folds > 1
    if len(runs) == 1 and not over_folds:
        return measure_run(runs[0], metric, positive=positive, unit=unit_of(results, subset))
    values = [_value(metric, one, positive) for one in (folds if over_folds else runs)]
    if not over_folds:
        return Measured(values, run_interval(values, limits=spec.METRICS[metric].limits), len(runs[0]))
    interval = fold_interval(values, test_train_ratio=fold_size_ratio(results, row))
    return Measured(values, interval, len(runs[0]))


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


def measure_run(run: Predictions, metric: str, *, positive: int = 0, unit: str = IMAGES) -> Measured:
    """Returns a metric of one run's predictions with its interval.

    Args:
        run: Predictions of labelled images.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        positive: Position of the positive class.
        unit: What the bootstrap resamples, as `unit_of` returns it.
    """
    interval = interval_for(
        metric,
        run.label,
        run.probabilities if metric in PROBABILITY_METRICS else run.predicted,
        None if unit == IMAGES else run.group,
        n_classes=len(run.class_names),
        positive=positive,
        bootstrap=Bootstrap(unit=unit),
    )
    return Measured([_value(metric, run, positive)], interval, len(run))


def _value(metric: str, run: Predictions, positive: int) -> float:
    if metric in PROBABILITY_METRICS:
        return float(METRICS[metric](run.label, run.probabilities, positive=positive))
    matrix = confusion_matrix(run.label, run.predicted, n_classes=len(run.class_names))
    return float(METRICS[metric](matrix, positive=positive))


def unit_of(results: Results, subset: str = "test") -> str:
    """Returns what the bootstrap resamples if the group of every image is known."""
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
    in_folds = results.split_kind in spec.KFOLD_KINDS and not results.paper.positive_class
    return in_folds and subset == "test" if over == "auto" else over == "folds"


def why_no_folds(results: Results, subset: str = "test") -> str:
    """Returns why there is no mean over folds on a subset; "" if there is one."""
    if results.split_kind not in spec.FOLDED_KINDS:
        return f"{spec.SPLITS[results.split_kind].title} has no folds of about equal size"
    return "" if subset == "test" else "only the test set is in folds"
