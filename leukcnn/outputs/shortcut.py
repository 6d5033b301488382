"""The table of the shortcut: how well an image's border alone identifies its dataset, and so its class."""

from collections.abc import Iterator

import numpy as np

from leukcnn import spec
from leukcnn.evaluation.controls import control_label
from leukcnn.evaluation.shortcuts import implied_accuracy
from leukcnn.outputs.kind import Kept, TableKind
from leukcnn.outputs.titles import (
    classes_here,
    dataset_title,
    make_table,
    not_measured,
    table_lines,
    why_no_runs,
)
from leukcnn.rendering.formats import Cell
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.intervals import wilson_interval
from leukcnn.results.measure import Measured, measure, measure_run
from leukcnn.results.results import Results
from leukcnn.trial_files import Predictions

_PROBE = f"{control_label('border').removeprefix('Random forest, ')}, fitted to datasets"
_ALL = "all together"
_WHICH, _LEUKAEMIA, _CLASS = "Which dataset? Accuracy", "Leukaemia? Accuracy", "Which class? Accuracy"


def build(table: spec.Table, results: Results, kept: Kept) -> Table:
    """Returns how well an image's border distinguishes the datasets, and what follows for leukaemia.

    If the dataset of an image is known, its majority class can be predicted without looking at a cell. The
    table shows the accuracy of this prediction next to the results of its rows under each split.
    """
    probe, leukaemia = results.probe, _leukaemia_rows(results, table)
    if probe:
        rows = [*_probe_rows(results, probe), *leukaemia]
        for position, dataset in enumerate(probe.class_names):
            if len(own := probe.select(probe.label == position)):
                cells, title = _cells(measure_run(own, "accuracy")), dataset_title(results, dataset)
                rows.append(("Which dataset? Recall", _PROBE, title, *cells))
    else:
        why = "it is not finished" if results.record.probe else "not planned; it needs two datasets"
        rows = [(_WHICH, _PROBE, _ALL, *not_measured(why, 4)), *leukaemia]
    values = (Column("Images", "integer"), Column("Measured", "percent"), Column("95 % interval", "interval"))
    columns = ("Question", "Answered by", "Dataset or split", *values, "State")
    here = [key for key, counts in results.record.datasets.items() if any(counts.values())]
    single = [key for key in here if len(classes_here(results, key)) == 1]
    what = "leukaemia" if _question(results) == _LEUKAEMIA else "the classes"
    notes = (
        f"Datasets of this run with images of one class only: {len(single)} of {len(here)}. A network that "
        "distinguishes them by stain, camera or magnification knows the class without looking at a cell.",
        "In k-fold cross-validation, a network trains on some images of a dataset and is tested on others. "
        "Predicting the majority class of an image's dataset then needs no look at a cell. An accuracy that "
        f"isn't above that of this shortcut is no evidence that a network recognises {what}. LODOCV tests "
        "a dataset that was not trained on: there the shortcut helps only if that dataset looks like others "
        "of its class.",
        "The classifier of datasets is a cross-validated random forest. 95 % interval with one run: Wilson's "
        "interval over the images. For a mean recall, and if the split keeps groups together and all groups "
        "are known: jackknife t on the logit scale. With several runs: Student's t interval of their mean.",
    )
    return make_table(results, table, columns, rows, notes=notes)


def _probe_rows(results: Results, probe: Predictions) -> Iterator[tuple[Cell, ...]]:
    """Yields how well the border distinguishes the datasets, and the leukaemia accuracy that follows."""
    n, images = len(probe), np.bincount(probe.label, minlength=len(probe.class_names))
    yield (_WHICH, _PROBE, _ALL, *_cells(measure_run(probe, "accuracy")))
    recall = measure_run(probe, "macro_recall")
    yield ("Which dataset? Mean recall over datasets", _PROBE, _ALL, *_cells(recall))
    largest = dataset_title(results, probe.class_names[images.argmax()])
    yield (_WHICH, "Always the largest dataset", largest, *(n, images.max() / n, None, "measured"))
    method = f"{_PROBE}: majority class of the predicted dataset"
    known, classes = _with_known_class(results, probe)
    cells = not_measured("no finished run tests these images", 4)
    if n := len(known):
        accuracy = implied_accuracy(known.label, known.predicted, classes)
        cells = _cells(Measured([accuracy], wilson_interval(round(accuracy * n), n), n))
    yield (_question(results), method, _ALL, *cells)


def _leukaemia_rows(results: Results, table: spec.Table) -> Iterator[tuple[Cell, ...]]:
    """Yields the accuracy of the table's rows and of the border, fitted to leukaemia, under each split."""
    kinds = {planned.split for planned in results.record.trials if planned.row in table.rows}
    lines = [line for line in table_lines(results, table.rows) if line[0] in (*table.rows, "border")]
    kinds = kinds & {table.split} if table.split else kinds - {"lodocv_single_class"}
    for kind in sorted(kinds, key=spec.SPLIT_KINDS.index):
        shown = results.under(kind)
        for row, label in lines:
            found = measure(shown, row, "accuracy", over="runs")
            cells = _cells(found) if found else not_measured(why_no_runs(shown, row), 4)
            yield (_question(results), label, spec.SPLITS[kind].title, *cells)


def _question(results: Results) -> str:
    """Returns what the classes answer; those of a user's own folders may be any."""
    return _CLASS if results.paper.folders else _LEUKAEMIA


def _cells(found: Measured) -> tuple[Cell, ...]:
    interval = found.interval
    return found.n, found.spread[0], (interval.low, interval.high) if interval.defined else None, "measured"


def _with_known_class(results: Results, probe: Predictions) -> tuple[Predictions, np.ndarray]:
    """Returns the predictions of the probe for images whose class is known, and these classes.

    In a dataset of one class, the class of every image is known. In other datasets it is known for images
    that a control has tested. A dataset without such an image has no majority class; images that are
    predicted to be of it are left out.
    """
    present = [classes_here(results, dataset) for dataset in probe.class_names]
    only = [results.paper.classes.index(names[0]) if len(names) == 1 else -1 for names in present]
    tested: dict[str, int] = {}
    for kind in dict.fromkeys(planned.split for planned in results.record.controls):
        for run in results.under(kind).runs("majority"):
            tested.update(zip(run.image.tolist(), run.label.tolist(), strict=True))
    found = zip(probe.image.tolist(), probe.label.tolist(), strict=True)
    classes = np.array([tested.get(image, only[dataset]) for image, dataset in found])
    known = classes >= 0
    known &= np.isin(probe.predicted, probe.label[known])
    return probe.select(known), classes[known]


KIND = TableKind(build=build, every_split=True, probe=True)
