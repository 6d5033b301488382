"""What stands under a table of metrics: what its figures and intervals rest on, and what it leaves out."""

from collections.abc import Mapping, Sequence

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.outputs.metric_columns import NO_INTERVAL, in_whole_percent
from leukcnn.outputs.metric_lines import Asked, Line
from leukcnn.results.intervals import Interval
from leukcnn.results.measure import is_over_folds
from leukcnn.results.metrics import PROPORTIONS
from leukcnn.results.results import Results

_F1_SCORES = ("f1", "macro_f1", "weighted_f1")


def notes_of(asked: Asked) -> list[str]:
    """Returns the notes of a table of metrics."""
    axes, table = asked.table.axes, asked.table
    left_out = not_trained(asked.left_out)
    if "final" in asked.values("set"):
        return []
    if table.figures == "percent":
        return [*_on_other_subjects(asked), *_by_set(asked), *left_out, *_on_sets(asked)]
    if "class" in axes:
        return [*_by_figure(asked), *left_out, *_on_printed(asked)]
    if "split" in axes or "mask" in axes:
        return [*_as_the_split_has_them(asked), *left_out, *_on_splits(asked), *_on_masks(asked)]
    if "classes" in table.show:
        return [*(left_out if asked.lines else []), *_on_single_classes(asked)]
    if is_over_folds(asked.shown, table.over):
        return [*_described(asked), *left_out, *_on_folds(asked)]
    return [*left_out, *_on_runs(asked), *_on_splits_beside(asked), *_on_copies(asked), *_on_printed(asked)]


def not_trained(reasons: Mapping[str, str]) -> list[str]:
    """Returns notes that name the rows of which a table shows nothing, a note a reason.

    Args:
        reasons: Label of the row -> why it was not trained; "" where it was not asked for.
    """
    labels: dict[str, list[str]] = {}
    for label, reason in reasons.items():
        labels.setdefault(reason, []).append(label)
    return [
        f"Not trained in this run{f' ({reason})' if reason else ''}: {', '.join(named)}."
        for reason, named in labels.items()
    ]


def _described(asked: Asked) -> list[str]:
    every = [line.found.interval.describe() for line in asked.lines if line.found]
    return [f"{said}." for said in dict.fromkeys(every)]


def _by_set(asked: Asked) -> list[str]:
    """Returns how the intervals of each row on each set came about, where they differ by metric."""
    by_place: dict[tuple, list[Line]] = {}
    for line in asked.lines:
        if line.found:
            by_place.setdefault(line.place, []).append(line)
    notes = {}
    for lines in by_place.values():
        first, *others = [line.found.interval for line in lines]
        said, shares = first.describe(), [line.metric in PROPORTIONS for line in lines[1:]]
        differs = [one for one, share in zip(others, shares, strict=True) if not share]
        if differs and differs[0].method != first.method:
            apart = {line.metric for line in lines[1:] if line.metric not in PROPORTIONS}
            name = "F1-scores" if apart <= {*_F1_SCORES} else "metrics that are no proportions"
            said += f"; {name}: {differs[0].describe()}"
        notes[f"Intervals: {said}."] = None
    return list(notes)


def _by_figure(asked: Asked) -> list[str]:
    """Returns which figures each way to an interval is of, and why some have none."""
    methods: dict[str, tuple[Interval, dict[str, None]]] = {}
    without = {}
    for line in asked.lines:
        if line.found is None:
            continue
        interval, name = line.found.interval, asked.class_name(line.place, line.metric)
        if not interval.defined:
            if not asked.results.record.not_comparable and line.printed:
                without[f"{NO_INTERVAL.capitalize()}: {interval.reason}."] = None
            continue
        figure = spec.METRICS[asked.base(line.metric)].title
        figure += " of a class" if line.place.of_class is not None else ""
        figure += f" ({name})" if line.metric != asked.base(line.metric) else ""
        methods.setdefault(interval.method, (interval, {}))[1][figure] = None
    notes = []
    for interval, figures in methods.values():
        # Of Wilson's, each figure has its own number of pictures.
        wilson = interval.method == "wilson"
        said = "95 % Wilson interval over its pictures" if wilson else interval.describe()
        notes.append(f"{', '.join(figures)}: {said}.")
    return [*notes, *without]


def _as_the_split_has_them(asked: Asked) -> list[str]:
    methods = dict.fromkeys(line.found.interval.describe() for line in asked.lines if line.found)
    if not methods:
        return []
    return [
        "Mean and sd (n - 1) over runs, in k-fold over folds. Intervals, as the split has them: "
        f"{'; '.join(methods)}."
    ]


def _on_runs(asked: Asked) -> list[str]:
    """Says what mean, sd and interval rest on."""
    shown = asked.shown
    runs, printed = shown.record.runs, shown.paper.runs
    if runs > 1:
        varies = "; a published mean varies less" if printed > 1 else ""
        return [
            f"Mean and sd (n - 1) over {runs} runs with other seeds, {printed} in the paper. 95 % interval: "
            f"where one more run would lie (Student's t prediction){varies}."
        ]
    of_folds = f" of {shown.n_folds} folds, whose pictures count together" if shown.tasks else ""
    published = f"; the paper has {printed} runs" if printed > 1 else ""
    one_run = f"One run{of_folds}, so there is no sd{published}. 95 % interval: "
    averages = "kappa, F1-scores and averages over classes"
    others = averages if _has_averages(asked) else "kappa and F1-scores"
    over_pictures = f"Wilson's over the run's pictures, of {others} the percentile bootstrap's."
    if shown.split_kind not in spec.GROUPED_KINDS:
        return [one_run + over_pictures]
    over_groups = "the percentile bootstrap's over groups of pictures; where not every picture's is known, "
    return [one_run + over_groups + over_pictures]


def _has_averages(asked: Asked) -> bool:
    return any(metric.startswith("macro_") for metric in asked.metrics)


def _on_splits_beside(asked: Asked) -> list[str]:
    notes, beside = [], asked.beside
    here = {planned.split for planned in asked.results.record.trials}
    if beside and here and beside.split_kind not in here:
        notes.append(f"Nothing was run under {spec.SPLITS[beside.split_kind].title} here (--split).")
    for results in (asked.shown, beside):
        if results and results.split_kind in ("lodocv_strict", "lodocv_single_class"):
            notes += _removed(results, asked.values("dataset"))
    return notes


def _removed(results: Results, datasets: Sequence[str]) -> list[str]:
    """Says which datasets strict LODOCV keeps out of what is learnt from, where it tests any."""
    removed = []
    for dataset in [dataset for dataset in datasets if dataset in results.tested]:
        relatives = ", ".join(card(other).name for other in results.record.related.get(dataset, ()))
        removed.append(f"for {card(dataset).name}: {relatives or 'none'}")
    if not removed:
        return []
    return [
        "Strict LODOCV does not learn from datasets that share pictures or cells with the tested one, "
        f"{'; '.join(removed)}."
    ]


def _on_copies(asked: Asked) -> list[str]:
    """Says how many copies the split parts."""
    n, family = asked.results.record.identical_pairs, spec.SPLITS[asked.shown.split_kind].family
    if not n:
        return []
    if asked.table.figures == "percent":
        word = "cell" if "cells" in asked.table.show else "picture"
        return [
            f"{n} pairs of byte-identical {word}s have one {word} in the test set and one in the training or "
            "validation set."
        ]
    where = "fold" if family == "kfold" and is_over_folds(asked.shown, asked.table.over) else "set"
    return [
        f"{n} pairs of byte-identical pictures have one in a test {where} and one in what was learnt from."
    ]


def _on_printed(asked: Asked) -> list[str]:
    """Says what averages, printed figures and controls stand for."""
    notes = []
    if "class" in asked.table.axes:
        decimals = "two decimals" if asked.report else ""
    else:
        decimals = "no decimals" if in_whole_percent(asked) else ""
        if _has_averages(asked):
            notes.append(
                "Macro: the mean over the classes, each counting alike. Weighted: each counts by its "
                "pictures, and so the weighted recall is always the accuracy."
            )
        if any(printed.metric.startswith("macro_") for printed in asked.table.published):
            notes.append("Which of the two averages the paper prints isn't said.")
    if decimals:
        notes.append(
            f"Printed figures have {decimals}: 'within' says that some figure that rounds to the printed one "
            "lies in the interval."
        )
    if "class" not in asked.table.axes:
        setups = [asked.shown.setup(row) for row in asked.shown.paper.row_ids]
        if any(setup.preprocessing.threshold != "none" for setup in setups):
            notes.append("Controls see whole pictures; networks see what thresholding leaves of them.")
        if "within" in asked.values("set"):
            notes.append("Test 'within': the dataset that is left out is cross-validated in itself.")
    return notes


def _on_folds(asked: Asked) -> list[str]:
    notes = ["Mean and sd (n - 1) over the folds."]
    if {"precision", "recall"} & {printed.metric for printed in asked.table.published}:
        notes[0] += (
            " The paper doesn't say how it averages precision and recall over the classes: the printed "
            "figure stands beside both ways."
        )
    if asked.table.kappa_words:
        notes.append(
            "Kappa in words: Landis and Koch (1977); in brackets the word that the paper has for it."
        )
    return [*notes, *_on_copies(asked)]


def _on_sets(asked: Asked) -> list[str]:
    notes = []
    if "balanced" in asked.values("set"):
        notes.append("Balanced: so many cells of the larger class are left out, drawn by the seed.")
    return [*notes, *(_on_copies(asked) if "test" in asked.values("set") else [])]


# What the difference to other subjects means under each split.
_OTHER_SUBJECTS = {
    "cell": "The test set shares its subjects with the training set, as published; the preliminary phase has "
    "none of them. What is lost from one to the other is what a split by cell hides.",
    "subject": "Neither the test set nor the preliminary phase shares a subject with the training set.",
    "fold": "The test folds are the challenge's own, by subject but for identical cells; the preliminary "
    "phase has other subjects again, and the first fold's networks predict it.",
}


def _on_other_subjects(asked: Asked) -> list[str]:
    if asked.values("set") != ("external",) or asked.shown.split_kind not in _OTHER_SUBJECTS:
        return []
    return [_OTHER_SUBJECTS[asked.shown.split_kind]]


def _on_splits(asked: Asked) -> list[str]:
    missing = asked.results.record.missing
    return [
        f"{spec.SPLITS[kind].title} is left out: {missing[kind]}."
        for kind in asked.results.paper.splits
        if "split" in asked.table.axes and kind in missing
    ]


def _on_masks(asked: Asked) -> list[str]:
    if "mask" not in asked.table.axes:
        return []
    return [
        "Trained and tested with that part of every picture black. Border: a frame along its edges; cells: "
        "what stands out by its stain; background: all but the cells.",
        "The outline of what is blanked stays visible: with the cells blanked, their number, size and shape "
        "can still be seen, and so they can with the background blanked.",
    ]


def _on_single_classes(asked: Asked) -> list[str]:
    return [
        "Nothing is learnt from the tested dataset or from those that share pictures or cells with it.",
        "95 % interval of one run: the percentile bootstrap's over groups of pictures; where not every "
        "picture's is known, Wilson's over the pictures. Of several runs: where one more would lie.",
    ]
