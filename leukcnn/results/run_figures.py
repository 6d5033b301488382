"""What the runs of a row gave on a tested dataset: an interval for it, or why there is nothing."""

from collections.abc import Sequence
from dataclasses import replace

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.results.intervals import Interval, interval_for, run_interval
from leukcnn.results.results import Results

SPLIT_TITLES = {
    "cell": "split by cell",
    "random": "random split",
    "subject": "split by subject",
    "grouped": "grouped split",
    "fold": "the makers' folds",
    "kfold": "k-fold",
    "grouped_kfold": "grouped k-fold",
    "lodocv": "LODOCV",
    "lodocv_strict": "strict LODOCV",
    "lodocv_single_class": "strict LODOCV of single classes",
}
"""What tables call the kinds of split."""


def dataset_title(results: Results, dataset: str) -> str:
    """Returns what tables call a tested dataset, or several joined by "+"; "" stands for all together."""
    if not dataset:
        return "all together"
    names = {key: card(key).name for key in dataset.split("+")}
    absent = [name for key, name in names.items() if key not in results.paper.datasets]
    which = "" if len(absent) == len(names) else f": {', '.join(absent)}"
    return " + ".join(names.values()) + (f" (not in the paper{which})" if absent else "")


def interval_of_runs(
    metric: str,
    results: Results,
    row: str,
    values: Sequence[float],
    *,
    dataset: str = "",
    part: str = "test",
    of_class: int | None = None,
) -> Interval:
    """Returns where one more run would lie or, of one run alone, the interval over what it tested.

    That is pictures or, where the split keeps groups of them whole and all groups are known, groups.

    Args:
        metric: A key of `leukcnn.results.metrics.METRICS`.
        results: The experiment under a split.
        row: Row or control.
        values: (J,) the metric in each run, J >= 1.
        dataset: Key of the tested dataset; "" for all together.
        part: Name of the set.
        of_class: Position of the class that counts as positive; the paper's positive one if None.
    """
    if len(values) == 1:
        (run,) = results.runs(row, dataset=dataset, part=part)
        interval = interval_for(
            metric,
            run.label,
            run.predicted,
            run.group if results.split_kind in spec.GROUPED_KINDS else None,
            n_classes=len(run.class_names),
            positive=results.positive if of_class is None else of_class,
        )
        if interval.unit != "subjects":
            return interval
        # A group may be a subject, a field of view or near-duplicates.
        reason = interval.reason.replace("subjects", "groups of pictures")
        return replace(interval, unit="groups of pictures", reason=reason)
    if metric != "kappa":
        return run_interval(values)
    # `run_interval` cuts off at 0 and 1, and kappa reaches down to -1: (kappa + 1) / 2 stays in between.
    moved = run_interval([(value + 1) / 2 for value in values])
    return replace(moved, low=2 * moved.low - 1, high=2 * moved.high - 1)


def why_no_runs(results: Results, row: str, *, dataset: str = "", part: str = "test") -> str:
    """Returns why a row has no figures on a tested dataset."""
    if row in results.record.missing:
        return results.record.missing[row]
    here = [key for key in dataset.split("+") if any(results.record.datasets.get(key, {}).values())]
    if dataset and not here:
        return f"the data lack {' and '.join(card(key).name for key in dataset.split('+'))}"
    if dataset and dataset not in results.tested:
        return f"not tested by {SPLIT_TITLES[results.split_kind]} here"
    if dataset in results.tasks:
        results = results.task(dataset)
    if part == "within" and results.predictions[row]:
        return "this row has no cross-validation within a dataset"
    return results.why_missing(row, part)
