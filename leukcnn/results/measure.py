"""One figure with its interval: what a row's runs, or its folds, gave. Every table's figures come from here.

The unit that a bootstrap draws again is the one that the split keeps whole (`leukcnn.spec.SPLITS`): images
where it parts them at random whatever their groups; subjects, or other groups of images, where it keeps
those apart. The external set's subjects are known to no network, whatever the split. Where the group of any
image is unknown, images stand for themselves.
"""

from dataclasses import dataclass

from leukcnn import spec
from leukcnn.errors import ArgumentError
from leukcnn.results.intervals import Bootstrap, Interval, fold_interval, interval_for, run_interval
from leukcnn.results.metrics import METRICS, confusion_matrix
from leukcnn.results.probabilities import PROBABILITY_METRICS
from leukcnn.results.results import Results
from leukcnn.results.verdicts import Spread, mean_and_std
from leukcnn.runs import Predictions
from leukcnn.spec.splits import IMAGES, SUBJECTS


@dataclass(frozen=True)
class Measured:
    """A metric as it was measured.

    Attributes:
        values: (J,) one for each run, or for each fold of each run; J >= 1. Shares are fractions.
        interval: Their 95 % interval.
        n: Images of the first run.
    """

    values: list[float]
    interval: Interval
    n: int

    @property
    def spread(self) -> Spread:
        """Mean and standard deviation (n - 1) over runs or folds; one value has no standard deviation."""
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
    """Returns a metric of a row on a set of images; None where no run is finished.

    Over runs, all folds of a run count together; the interval says where one more run would lie or, of one
    run alone, is that over its images or groups of them. Over folds, it is the corrected one of their mean.

    Args:
        results: The experiment under a split.
        row: Row or control.
        metric: A key of `leukcnn.results.metrics.METRICS`.
        dataset: Key of the tested dataset, or several joined by "+"; "" for all together.
        subset: Name of the set: "test", "balanced", "external", "within".
        of_class: Position of the class that counts as positive; the paper's positive one if None.
        over: "runs", "folds", or "auto": folds of the test set in k-fold cross-validation of more than two
            classes, else runs. Where there is one fold only, a run stands for it.

    Raises:
        ArgumentError: The images are of several tasks, the metric is of one class and none is named, or
            folds are asked for where the set or the split has none of about one size.
    """
    if len(results.tasks) > 1:
        if not dataset:
            # A figure of all together would mix what has nothing to do with each other.
            each = f"{', '.join(results.tasks)} are cross-validated each by itself."
            raise ArgumentError(each, expected="one of them", remedy="name the dataset")
        if dataset not in results.tasks:
            return None
        results, dataset = results.task(dataset), ""
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
    return Measured(values, fold_interval(values, test_share=test_share(results, row)), len(runs[0]))


def test_share(results: Results, row: str) -> float:
    """Returns how many images a fold tests for each one that its network is trained on, by the design.

    What is kept apart for validation isn't trained on. A control's folds are those of the paper's first row.
    """
    paper = results.paper
    split = results.setup(row if row in paper.row_ids else paper.row_ids[0]).split
    kept_apart = (
        spec.AUTHORS_VALIDATION_FRACTION if results.split_kind == "fold" else split.validation_fraction
    )
    return 1 / ((results.n_folds - 1) * (1 - kept_apart))


def measure_run(run: Predictions, metric: str, *, positive: int = 0, unit: str = IMAGES) -> Measured:
    """Returns a metric of one run's predictions, all of them labelled; a bootstrap draws the unit again."""
    said = run.probabilities if metric in PROBABILITY_METRICS else run.predicted
    groups, draws = None if unit == IMAGES else run.group, Bootstrap(unit=unit)
    of = {"n_classes": len(run.class_names), "positive": positive, "bootstrap": draws}
    interval = interval_for(metric, run.label, said, groups, **of)
    return Measured([_value(metric, run, positive)], interval, len(run))


def _value(metric: str, run: Predictions, positive: int) -> float:
    if metric in PROBABILITY_METRICS:
        return float(METRICS[metric](run.label, run.probabilities, positive=positive))
    matrix = confusion_matrix(run.label, run.predicted, n_classes=len(run.class_names))
    return float(METRICS[metric](matrix, positive=positive))


def unit_of(results: Results, subset: str = "test") -> str:
    """Returns what a bootstrap draws again where the group of every image is known."""
    return SUBJECTS if subset == "external" else spec.SPLITS[results.split_kind].unit


def _positive(results: Results, metric: str, of_class: int | None) -> int:
    if of_class is not None or results.paper.positive_class:
        return results.positive if of_class is None else of_class
    if spec.METRICS[metric].of_class:
        raise ArgumentError(
            f"{metric} is of one class, and {results.paper.key} has no positive one.",
            expected="the class that counts as positive, or an average over the classes",
            remedy="show a macro average, or give the table the axis 'class'",
        )
    return 0


def is_over_folds(results: Results, over: str = "auto", *, subset: str = "test") -> bool:
    """Returns whether a figure is the mean over folds, as `measure` takes `over`.

    Raises:
        ArgumentError: Folds are asked for where the set or the split has none of about one size.
    """
    if over == "folds" and (why := why_no_folds(results, subset)):
        raise ArgumentError(f"Folds are asked for: {why}.", remedy="take the mean over runs")
    in_folds = results.split_kind in spec.KFOLD_KINDS and not results.paper.positive_class
    return in_folds and subset == "test" if over == "auto" else over == "folds"


def why_no_folds(results: Results, subset: str = "test") -> str:
    """Returns why a set has no folds over which a mean could be taken; "" where it has."""
    if results.split_kind not in spec.FOLDED_KINDS:
        return f"{spec.SPLITS[results.split_kind].title} has no folds of about one size"
    return "" if subset == "test" else "only the test set is in folds"
