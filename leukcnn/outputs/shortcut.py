"""The table of what a border alone tells, which gives the datasets away."""

from collections.abc import Iterator

import numpy as np

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.evaluation.shortcuts import implied_accuracy
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import dataset_title, framed, table_lines, why_no_runs
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.intervals import Interval, wilson_interval
from leukcnn.results.measure import interval_of, measure, value_of
from leukcnn.results.results import Results
from leukcnn.runs import Predictions

_PROBE = f"{control_label('border').removeprefix('Random forest, ')}, fitted to datasets"
_ALL = "all together"
_LEUKAEMIA = "Leukaemia? Accuracy"


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns how well a picture's border tells the datasets apart, and what follows for leukaemia.

    A picture whose dataset is told can be given that dataset's majority class, without a look at its cells.
    What that achieves stands beside the figures of the table's rows under each split.
    """
    probe = results.probe
    if probe:
        rows = [*_probe_rows(results, probe), *_leukaemia_rows(results, table), *_recall_rows(results, probe)]
    else:
        reason = "it is not finished" if results.record.probe else "none is planned; it takes two datasets"
        rows = [
            _missing("Which dataset? Accuracy", _PROBE, _ALL, reason),
            *_leukaemia_rows(results, table),
        ]
    columns = (
        "Question",
        "Answered by",
        "Dataset or split",
        Column("Pictures", "integer"),
        Column("Measured", "percent"),
        Column("95 % interval", "interval"),
        "State",
    )
    return framed(results, table, columns, rows, notes=_shortcut_notes(results))


def _shortcut_notes(results: Results) -> tuple[str, ...]:
    here = [key for key, counts in results.record.datasets.items() if any(counts.values())]
    single = [key for key in here if len(_classes_of(results, key)) == 1]
    return (
        f"Of the {len(here)} datasets at hand, those of one class alone: {len(single)}. Whoever tells them "
        "apart, by stain, camera or magnification, knows the class of their pictures without seeing a cell.",
        "Where a network learns from some pictures of a dataset and is tested on others, as in k-fold "
        "cross-validation, the accuracy of the named dataset's majority class can be had without a cell, and "
        "a network's figure up to there shows nothing of leukaemia. LODOCV tests a dataset that was not "
        "learnt from: there the knowledge helps only as far as it looks like others of its class.",
        "What is fitted to datasets is a random forest, cross-validated. 95 % interval: of one run Wilson's "
        "over its pictures or, where the split keeps known groups of them whole, the percentile bootstrap's "
        "over groups; of a mean recall the bootstrap's; of several runs, where one more would lie.",
    )


def _probe_rows(results: Results, probe: Predictions) -> Iterator[tuple[Cell, ...]]:
    """Yields how well the border tells the datasets apart, and the leukaemia accuracy that this brings."""
    n, n_datasets = len(probe), len(probe.class_names)
    right = int((probe.predicted == probe.label).sum())
    yield _measured("Which dataset? Accuracy", _PROBE, _ALL, n, right / n, wilson_interval(right, n))
    recall, interval = value_of("macro_recall", probe), interval_of("macro_recall", probe)
    yield _measured("Which dataset? Mean recall over datasets", _PROBE, _ALL, n, recall, interval)
    pictures = np.bincount(probe.label, minlength=n_datasets)
    largest = dataset_title(results, probe.class_names[pictures.argmax()])
    yield _measured("Which dataset? Accuracy", "Always the largest dataset", largest, n, pictures.max() / n)
    who = f"{_PROBE}: majority class of the dataset that it names"
    known, classes = _with_known_class(results, probe)
    if len(known):
        share = implied_accuracy(known.label, known.predicted, classes)
        interval = wilson_interval(round(share * len(known)), len(known))
        yield _measured(_LEUKAEMIA, who, _ALL, len(known), share, interval)
    else:
        yield _missing(_LEUKAEMIA, who, _ALL, "no run that tests these pictures is finished")


def _recall_rows(results: Results, probe: Predictions) -> Iterator[tuple[Cell, ...]]:
    """Yields the share of each dataset's pictures whose dataset the border tells."""
    for position, dataset in enumerate(probe.class_names):
        said = probe.predicted[probe.label == position]
        right, title = int((said == position).sum()), dataset_title(results, dataset)
        if len(said):
            interval = wilson_interval(right, len(said))
            yield _measured("Which dataset? Recall", _PROBE, title, len(said), right / len(said), interval)


def _leukaemia_rows(results: Results, table: spec.Table) -> Iterator[tuple[Cell, ...]]:
    """Yields the accuracy of the table's rows, and of the border fitted to leukaemia, under each split."""
    kinds = {planned.split for planned in results.record.trials if planned.row in table.rows}
    lines = [
        (row, label) for row, label in table_lines(results, table.rows) if row in (*table.rows, "border")
    ]
    for kind in sorted(kinds - {"lodocv_single_class"}, key=spec.SPLIT_KINDS.index):
        shown, title = results.under(kind), spec.SPLITS[kind].title
        for row, label in lines:
            found = measure(shown, row, "accuracy", over="runs")
            if found is None:
                yield _missing(_LEUKAEMIA, label, title, why_no_runs(shown, row))
            else:
                yield _measured(_LEUKAEMIA, label, title, found.n, found.spread[0], found.interval)


def _measured(
    question: str, who: str, where: str, n: int, value: float, interval: Interval | None = None
) -> tuple[Cell, ...]:
    return question, who, where, n, float(value), _bounds(interval), "measured"


def _missing(question: str, who: str, where: str, reason: str) -> tuple[Cell, ...]:
    return question, who, where, None, None, None, f"not measured: {reason}"


def _bounds(interval: Interval | None) -> tuple[float, float] | None:
    return (interval.low, interval.high) if interval and interval.defined else None


def _classes_of(results: Results, dataset: str) -> list[str]:
    """Returns the classes of which a dataset has pictures here."""
    return [name for name, count in results.record.datasets.get(dataset, {}).items() if count]


def _with_known_class(results: Results, probe: Predictions) -> tuple[Predictions, np.ndarray]:
    """Returns the pictures of the probe whose class of the paper is known, and their classes.

    A dataset's only class is its pictures' class. Of mixed datasets a picture's class is known once a run has
    tested it; without one such picture, a dataset has no majority class, and who is taken for it drops out.
    """
    only = np.full(len(probe.class_names), -1)
    for position, dataset in enumerate(probe.class_names):
        if len(held := _classes_of(results, dataset)) == 1:
            only[position] = results.paper.classes.index(held[0])
    tested = _classes_by_picture(results)
    found = zip(probe.image.tolist(), only[probe.label].tolist(), strict=True)
    classes = np.array([tested.get(image, of_dataset) for image, of_dataset in found])
    known = classes >= 0
    known &= np.isin(probe.predicted, probe.label[known])
    return probe.select(known), classes[known]


def _classes_by_picture(results: Results) -> dict[str, int]:
    """Returns the class of each picture that a finished run of a control tests, under any split."""
    found = {}
    for kind in dict.fromkeys(planned.split for planned in results.record.controls):
        for run in results.under(kind).runs("majority"):
            found.update(zip(run.image.tolist(), run.label.tolist(), strict=True))
    return found


KIND = TableKind(build=build, every_split=True, probe=True)
