"""One figure with its interval: what a row's runs, or its folds, gave. Every table's figures come from here.

The unit that a bootstrap draws again is the one that the split keeps whole (`leukcnn.spec.SPLITS`): pictures
where it parts them at random whatever their groups; subjects, or other groups of pictures, where it keeps
those apart. The external set's subjects are known to no network, whatever the split. Where the group of any
picture is unknown, pictures stand for themselves.
"""

from dataclasses import dataclass

from leukcnn import spec
from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import Bootstrap, Interval, fold_interval, interval_for, run_interval
from leukcnn.results.metrics import METRICS, confusion_matrix
from leukcnn.results.probabilities import PROBABILITY_METRICS
from leukcnn.results.results import Results
from leukcnn.results.verdicts import Spread, mean_and_sd
from leukcnn.runs import Predictions
from leukcnn.spec.splits import PICTURES, SUBJECTS


@dataclass(frozen=True)
class Measured:
    """A metric as it was measured.

    Attributes:
        values: (J,) one for each run, or for each fold of each run; J >= 1. Shares are fractions.
        interval: Their 95 % interval.
        n: Pictures of the first run.
    """

    values: list[float]
    interval: Interval
    n: int

    @property
    def spread(self) -> Spread:
        """Mean and standard deviation (n - 1) over runs or folds; one value has no standard deviation."""
        return mean_and_sd(self.values)


def measure(
    results: Results,
    row: str,
    metric: str,
    *,
    dataset: str = "",
    part: str = "test",
    of_class: int | None = None,
    over: str = "auto",
) -> Measured | None:
    """Returns a metric of a row on a set of pictures; None where no run is finished.

    Over runs, all folds of a run count together; the interval says where one more run would lie or, of one
    run alone, is that over its pictures or groups of them. Over folds, it is the corrected one of their mean.

    Args:
        results: The experiment under a split.
        row: Row or control.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        dataset: Key of the tested dataset, or several joined by "+"; "" for all together.
        part: Name of the set: "test", "balanced", "external", "within".
        of_class: Position of the class that counts as positive; the paper's positive one if None.
        over: "runs", "folds", or "auto": folds in k-fold cross-validation of more than two classes, else
            runs. Where there is one fold only, a run stands for it.

    Raises:
        ArgumentError: The pictures are of several tasks, or the metric is of one class and none is named.
    """
    if len(results.tasks) > 1:
        if not dataset:
            # A figure of all together would mix what has nothing to do with each other.
            raise ArgumentError(
                f"{', '.join(results.tasks)} are cross-validated each by itself.",
                expected="one of them",
                remedy="name the dataset",
            )
        if dataset not in results.tasks:
            return None
        results, dataset = results.task(dataset), ""
    runs = results.runs(row, dataset=dataset, part=part)
    if not runs or (runs[0].label < 0).any():
        return None
    positive = _positive(results, metric, of_class)
    folds = results.folds(row, dataset=dataset, part=part) if is_over_folds(results, over) else []
    over_folds = len(folds) > 1 and results.n_folds > 1
    if len(runs) == 1 and not over_folds:
        return measure_run(runs[0], metric, positive=positive, unit=unit_of(results, part))
    values = [_value(metric, one, positive) for one in (folds if over_folds else runs)]
    if over_folds:
        interval = fold_interval(values, test_share=_test_share(results))
    else:
        interval = run_interval(values, limits=spec.METRICS[metric].limits)
    return Measured(values, interval, len(runs[0]))


def measure_run(
    predictions: Predictions, metric: str, *, positive: int = 0, unit: str = PICTURES
) -> Measured:
    """Returns a metric of one run's predictions, all of them labelled.

    Args:
        predictions: The predictions.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        positive: Position of the positive class.
        unit: What a bootstrap draws again, one of those that `leukcnn.spec.splits` names.
    """
    interval = interval_for(
        metric,
        predictions.label,
        predictions.probabilities if metric in PROBABILITY_METRICS else predictions.predicted,
        None if unit == PICTURES else predictions.group,
        n_classes=len(predictions.class_names),
        positive=positive,
        bootstrap=Bootstrap(unit=unit),
    )
    return Measured([_value(metric, predictions, positive)], interval, len(predictions))


def _value(metric: str, predictions: Predictions, positive: int) -> float:
    said = (predictions.label, predictions.probabilities)
    if metric not in PROBABILITY_METRICS:
        n_classes = len(predictions.class_names)
        said = (confusion_matrix(predictions.label, predictions.predicted, n_classes=n_classes),)
    return float(METRICS[metric](*said, positive=positive))


def unit_of(results: Results, part: str = "test") -> str:
    """Returns what a bootstrap draws again where the group of every picture is known."""
    return SUBJECTS if part == "external" else spec.SPLITS[results.split_kind].unit


def _positive(results: Results, metric: str, of_class: int | None) -> int:
    if of_class is not None:
        return of_class
    if results.paper.positive_class:
        return results.positive
    if spec.METRICS[metric].of_class:
        raise ArgumentError(
            f"{metric} is of one class, and {results.paper.key} has no positive one.",
            expected="the class that counts as positive, or an average over the classes",
            remedy="show a macro average, or give the table the axis 'class'",
        )
    return 0


def is_over_folds(results: Results, over: str = "auto") -> bool:
    """Returns whether a figure is the mean over folds, as `measure` takes `over`."""
    in_folds = results.split_kind in spec.KFOLD_KINDS and not results.paper.positive_class
    return in_folds if over == "auto" else over == "folds"


def _test_share(results: Results) -> float:
    """Returns n_test / n_train; what is kept apart for validation isn't trained on."""
    split = results.setup(results.paper.row_ids[0]).split
    kept_apart = split.validation_fraction if results.split_kind in spec.KFOLD_KINDS else 0
    return 1 / ((results.n_folds - 1) * (1 - kept_apart))
