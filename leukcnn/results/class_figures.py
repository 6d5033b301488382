"""Figures of any number of classes: what the runs, or the folds, of a row gave, with an interval."""

from dataclasses import dataclass

from leukcnn import spec
from leukcnn.results.comparison import Spread, mean_and_sd
from leukcnn.results.intervals import Interval, fold_interval
from leukcnn.results.metrics import confusion_matrix, metric_by_name
from leukcnn.results.results import Results
from leukcnn.results.run_figures import interval_of_runs


@dataclass(frozen=True)
class Measured:
    """A metric as it was measured.

    Attributes:
        values: (J,) fractions, one for each run, or for each fold of each run; J >= 1.
        interval: Their 95 % interval.
    """

    values: list[float]
    interval: Interval

    @property
    def spread(self) -> Spread:
        """Mean and standard deviation over runs or folds; one value has no standard deviation."""
        return mean_and_sd(self.values)


def measured_by_run(results: Results, row: str, metric: str, *, of_class: int = 0) -> Measured | None:
    """Returns a metric of each whole run on its test pictures, those of all its folds together.

    The interval is that of `leukcnn.results.run_figures.interval_of_runs`.

    Args:
        results: The experiment under a split.
        row: Row or control.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        of_class: Position of the class that counts as positive, where the metric is of one class.

    Returns:
        None where no run is finished.
    """
    runs = results.runs(row)
    if not runs:
        return None
    # One figure under two names, which is to have one interval.
    metric = "accuracy" if metric == "weighted_recall" else metric
    n_classes, function = len(runs[0].class_names), metric_by_name(metric)
    matrices = [confusion_matrix(run.label, run.predicted, n_classes=n_classes) for run in runs]
    values = [float(function(matrix, positive=of_class)) for matrix in matrices]
    return Measured(values, interval_of_runs(metric, results, row, values, of_class=of_class))


def measured_under(results: Results, row: str, metric: str) -> Measured | None:
    """Returns a metric as its split has it: by fold in cross-validation, else by run.

    Args:
        results: The experiment under a split.
        row: Row or control.
        metric: A key of `leukcnn.results.metrics.MULTICLASS_METRICS`.

    Returns:
        None where nothing is finished.
    """
    values = results.by_fold[row].get(metric, [])
    if results.split_kind not in spec.KFOLD_KINDS or len(values) < 2:
        return measured_by_run(results, row, metric)
    return Measured(values, fold_interval(values, test_share=_test_share(results)))


def _test_share(results: Results) -> float:
    """Returns n_test / n_train; what is kept apart for validation isn't trained on."""
    split = results.setup(results.paper.row_ids[0]).split
    return 1 / ((results.n_folds - 1) * (1 - split.validation_fraction))
