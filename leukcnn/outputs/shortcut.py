"""The table of what a border alone tells, which gives the datasets away."""

from collections.abc import Iterator

import numpy as np

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.evaluation.shortcuts import implied_accuracy
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import classes_here, dataset_title, framed, not_measured, table_lines, why_no_runs
from leukcnn.rendering.tables import Cell, Column, Table
from leukcnn.results.intervals import wilson_interval
from leukcnn.results.measure import Measured, measure, measure_run
from leukcnn.results.results import Results
from leukcnn.runs import Predictions

_PROBE = f"{control_label('border').removeprefix('Random forest, ')}, fitted to datasets"
_ALL = "all together"
_WHICH, _LEUKAEMIA = "Which dataset? Accuracy", "Leukaemia? Accuracy"


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns how well an image's border tells the datasets apart, and what follows for leukaemia.

    An image whose dataset is told can be given that dataset's majority class, without a look at its cells.
    What that achieves stands beside the figures of the table's rows under each split.
    """
    probe, leukaemia = results.probe, _leukaemia_rows(results, table)
    if probe:
        rows = [*_probe_rows(results, probe), *leukaemia]
        for position, dataset in enumerate(probe.class_names):
            if len(own := probe.select(probe.label == position)):
                cells, title = _cells(measure_run(own, "accuracy")), dataset_title(results, dataset)
                rows.append(("Which dataset? Recall", _PROBE, title, *cells))
    else:
        why = "it is not finished" if results.record.probe else "none is planned; it takes two datasets"
        rows = [(_WHICH, _PROBE, _ALL, *not_measured(why, 4)), *leukaemia]
    figures = (Column("Images", "integer"), Column("Measured", "percent"))
    interval = Column("95 % interval", "interval")
    columns = ("Question", "Answered by", "Dataset or split", *figures, interval, "State")
    here = [key for key, counts in results.record.datasets.items() if any(counts.values())]
    single = [key for key in here if len(classes_here(results, key)) == 1]
    notes = (
        f"Of the {len(here)} datasets at hand, those of one class alone: {len(single)}. Whoever tells them "
        "apart, by stain, camera or magnification, knows the class of their images without seeing a cell.",
        "Where a network learns from some images of a dataset and is tested on others, as in k-fold "
        "cross-validation, the accuracy of the named dataset's majority class can be had without a cell, and "
        "a network's figure up to there shows nothing of leukaemia. LODOCV tests a dataset that was not "
        "trained on: there the knowledge helps only as far as it looks like others of its class.",
        "What is fitted to datasets is a random forest, cross-validated. 95 % interval: of one run Wilson's "
        "over its images or, where the split keeps known groups of them whole, the percentile bootstrap's "
        "over groups; of a mean recall the bootstrap's; of several runs, where one more would lie.",
    )
    return framed(results, table, columns, rows, notes=notes)


def _probe_rows(results: Results, probe: Predictions) -> Iterator[tuple[Cell, ...]]:
    """Yields how well the border tells the datasets apart, and the leukaemia accuracy that this brings."""
    n, images = len(probe), np.bincount(probe.label, minlength=len(probe.class_names))
    yield (_WHICH, _PROBE, _ALL, *_cells(measure_run(probe, "accuracy")))
    recall = measure_run(probe, "macro_recall")
    yield ("Which dataset? Mean recall over datasets", _PROBE, _ALL, *_cells(recall))
    largest = dataset_title(results, probe.class_names[images.argmax()])
    yield (_WHICH, "Always the largest dataset", largest, *(n, images.max() / n, None, "measured"))
    who = f"{_PROBE}: majority class of the dataset that it names"
    known, classes = _with_known_class(results, probe)
    cells = not_measured("no run that tests these images is finished", 4)
    if n := len(known):
        share = implied_accuracy(known.label, known.predicted, classes)
        cells = _cells(Measured([share], wilson_interval(round(share * n), n), n))
    yield (_LEUKAEMIA, who, _ALL, *cells)


def _leukaemia_rows(results: Results, table: spec.Table) -> Iterator[tuple[Cell, ...]]:
    """Yields the accuracy of the table's rows, and of the border fitted to leukaemia, under each split."""
    kinds = {planned.split for planned in results.record.trials if planned.row in table.rows}
    lines = [line for line in table_lines(results, table.rows) if line[0] in (*table.rows, "border")]
    kinds = kinds & {table.split} if table.split else kinds - {"lodocv_single_class"}
    for kind in sorted(kinds, key=spec.SPLIT_KINDS.index):
        shown = results.under(kind)
        for row, label in lines:
            found = measure(shown, row, "accuracy", over="runs")
            cells = _cells(found) if found else not_measured(why_no_runs(shown, row), 4)
            yield (_LEUKAEMIA, label, spec.SPLITS[kind].title, *cells)


def _cells(found: Measured) -> tuple[Cell, ...]:
    interval = found.interval
    return found.n, found.spread[0], (interval.low, interval.high) if interval.defined else None, "measured"


def _with_known_class(results: Results, probe: Predictions) -> tuple[Predictions, np.ndarray]:
    """Returns the images of the probe whose class of the paper is known, and their classes.

    A dataset's only class is its images' class. Of mixed datasets an image's class is known once a control
    has tested it; without one such image, a dataset has no majority class, and who is taken for it drops
    out.
    """
    held = [classes_here(results, dataset) for dataset in probe.class_names]
    only = [results.paper.classes.index(names[0]) if len(names) == 1 else -1 for names in held]
    tested = {}
    for kind in dict.fromkeys(planned.split for planned in results.record.controls):
        for run in results.under(kind).runs("majority"):
            tested.update(zip(run.image.tolist(), run.label.tolist(), strict=True))
    found = zip(probe.image.tolist(), probe.label.tolist(), strict=True)
    classes = np.array([tested.get(image, only[dataset]) for image, dataset in found])
    known = classes >= 0
    known &= np.isin(probe.predicted, probe.label[known])
    return probe.select(known), classes[known]


KIND = TableKind(build=build, every_split=True, probe=True)
