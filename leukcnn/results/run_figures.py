"""What the runs of a row gave on a tested dataset, with an interval."""

from collections.abc import Sequence
from dataclasses import replace

from leukcnn import spec
from leukcnn.results.intervals import Interval, interval_for, run_interval
from leukcnn.results.results import Results


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
