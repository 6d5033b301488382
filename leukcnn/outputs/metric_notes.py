"""What stands under a table of metrics: what its figures and intervals rest on, and what it leaves out."""

from collections.abc import Iterator

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.outputs.metric_columns import NO_INTERVAL, in_whole_percent
from leukcnn.outputs.metric_lines import FINAL, Asked, Line
from leukcnn.outputs.titles import not_trained
from leukcnn.results.measure import is_over_folds
from leukcnn.results.metrics import PROPORTIONS
from leukcnn.results.results import Results

_F1_SCORES = ("f1", "macro_f1", "weighted_f1")
# What the difference to other subjects means under each split.
_OTHER_SUBJECTS = {
    "cell": "The test set shares its subjects with the training set, as published; the preliminary phase has "
    "none of them. What is lost from one to the other is what a split by cell hides.",
    "subject": "Neither the test set nor the preliminary phase shares a subject with the training set.",
    "fold": "The test folds are the challenge's own, by subject but for identical cells; the preliminary "
    "phase has other subjects again, and the first fold's networks predict it.",
}
_MASKS = (
    "Trained and tested with that part of every picture black. Border: a frame along its edges; cells: what "
    "stands out by its stain; background: all but the cells.",
    "The outline of what is blanked stays visible: with the cells blanked, their number, size and shape can "
    "still be seen, and so they can with the background blanked.",
)
_SINGLE_CLASSES = (
    "Nothing is learnt from the tested dataset or from those that share pictures or cells with it.",
    "95 % interval of one run: the percentile bootstrap's over groups of pictures; where not every picture's "
    "is known, Wilson's over the pictures. Of several runs: where one more would lie.",
)


def notes_of(asked: Asked) -> list[str]:
    """Returns the notes of a table of metrics."""
    axes, table, sets = asked.table.axes, asked.table, asked.values["set"]
    left_out = not_trained(asked.results, asked.left_out)
    if FINAL in sets:
        return []
    if table.figures == "percent":
        others = sets == ("external",) and asked.shown.split_kind in _OTHER_SUBJECTS
        notes = [_OTHER_SUBJECTS[asked.shown.split_kind]] if others else []
        notes += [*_by_set(asked), *left_out]
        if "balanced" in sets:
            notes.append("Balanced: so many cells of the larger class are left out, drawn by the seed.")
        return [*notes, *(_on_copies(asked) if "test" in sets else [])]
    if "class" in axes:
        return [*_by_figure(asked), *left_out, *_on_printed(asked)]
    if "split" in axes or "mask" in axes:
        masks = _MASKS if "mask" in axes else ()
        return [*_as_the_split_has_them(asked), *left_out, *_on_splits(asked), *masks]
    if "classes" in table.show:
        return [*(left_out if asked.lines else []), *_SINGLE_CLASSES]
    if is_over_folds(asked.shown, table.over):
        return [*(f"{said}." for said in _described(asked)), *left_out, *_on_folds(asked)]
    return [*left_out, _on_runs(asked), *_on_splits_beside(asked), *_on_copies(asked), *_on_printed(asked)]


def _described(asked: Asked) -> dict[str, None]:
    """Returns the ways in which the lines' intervals came about."""
    return dict.fromkeys(line.found.interval.describe() for line in asked.lines if line.found)


def _by_set(asked: Asked) -> dict[str, None]:
    """Returns how the intervals of each row on each set came about, where they differ by metric."""
    by_place: dict[tuple, list[Line]] = {}
    for line in asked.lines:
        if line.found:
            by_place.setdefault(line.place, []).append(line)
    notes = {}
    for first, *others in by_place.values():
        said, interval = first.found.interval.describe(), first.found.interval
        apart = {line.metric: line.found.interval for line in others if line.metric not in PROPORTIONS}
        differs = next(iter(apart.values()), interval)
        if differs.method != interval.method:
            name = "F1-scores" if {*apart} <= {*_F1_SCORES} else "metrics that are no proportions"
            said += f"; {name}: {differs.describe()}"
        notes[f"Intervals: {said}."] = None
    return notes


def _by_figure(asked: Asked) -> list[str]:
    """Returns which figures each way to an interval is of, and why some have none."""
    figures: dict[str, dict[str, None]] = {}
    said, without = {}, {}
    for line in [line for line in asked.lines if line.found]:
        interval, (name, base) = line.found.interval, asked.class_and_metric(line.place, line.metric)
        if not interval.defined:
            if line.printed and not asked.results.record.not_comparable:
                without[f"{NO_INTERVAL.capitalize()}: {interval.reason}."] = None
            continue
        figure = spec.METRICS[base].title + (" of a class" if line.place.of_class is not None else "")
        figure += f" ({name})" if line.metric != base else ""
        # Of Wilson's, each figure has its own number of pictures.
        wilson = interval.method == "wilson"
        said.setdefault(
            interval.method, "95 % Wilson interval over its pictures" if wilson else interval.describe()
        )
        figures.setdefault(interval.method, {})[figure] = None
    return [*(f"{', '.join(of)}: {said[method]}." for method, of in figures.items()), *without]


def _as_the_split_has_them(asked: Asked) -> Iterator[str]:
    if methods := _described(asked):
        yield (
            "Mean and sd (n - 1) over runs, in k-fold over folds. Intervals, as the split has them: "
            f"{'; '.join(methods)}."
        )


def _on_runs(asked: Asked) -> str:
    """Says what mean, sd and interval rest on."""
    shown = asked.shown
    runs, printed = shown.record.runs, shown.paper.runs
    if runs > 1:
        varies = "; a published mean varies less" if printed > 1 else ""
        return (
            f"Mean and sd (n - 1) over {runs} runs with other seeds, {printed} in the paper. 95 % interval: "
            f"where one more run would lie (Student's t prediction){varies}."
        )
    of_folds = f" of {shown.n_folds} folds, whose pictures count together" if shown.tasks else ""
    published = f"; the paper has {printed} runs" if printed > 1 else ""
    over_groups = "the percentile bootstrap's over groups of pictures; where not every picture's is known, "
    others = "kappa, F1-scores and averages over classes" if _has_averages(asked) else "kappa and F1-scores"
    return (
        f"One run{of_folds}, so there is no sd{published}. 95 % interval: "
        f"{over_groups if shown.split_kind in spec.GROUPED_KINDS else ''}Wilson's over the run's pictures, "
        f"of {others} the percentile bootstrap's."
    )


def _has_averages(asked: Asked) -> bool:
    return any(metric.startswith("macro_") for metric in asked.metrics)


def _on_splits_beside(asked: Asked) -> Iterator[str]:
    beside, here = asked.beside, {planned.split for planned in asked.results.record.trials}
    if beside and here and beside.split_kind not in here:
        yield f"Nothing was run under {spec.SPLITS[beside.split_kind].title} here (--split)."
    for results in (asked.shown, beside):
        if results and results.split_kind in ("lodocv_strict", "lodocv_single_class"):
            yield from _removed(asked, results)


def _removed(asked: Asked, results: Results) -> Iterator[str]:
    """Says which datasets strict LODOCV keeps out of what is learnt from, where it tests any."""
    removed = []
    for dataset in [dataset for dataset in asked.values["dataset"] if dataset in results.tested]:
        relatives = ", ".join(card(other).name for other in results.record.related.get(dataset, ()))
        removed.append(f"for {card(dataset).name}: {relatives or 'none'}")
    if removed:
        yield (
            "Strict LODOCV does not learn from datasets that share pictures or cells with the tested one, "
            f"{'; '.join(removed)}."
        )


def _on_copies(asked: Asked) -> Iterator[str]:
    """Says how many copies the split parts."""
    n, in_folds = asked.results.record.identical_pairs, asked.shown.split_kind in spec.KFOLD_KINDS
    if n and asked.table.figures == "percent":
        word = "cell" if "cells" in asked.table.show else "picture"
        yield (
            f"{n} pairs of byte-identical {word}s have one {word} in the test set and one in the training or "
            "validation set."
        )
    elif n:
        where = "fold" if in_folds and is_over_folds(asked.shown, asked.table.over) else "set"
        yield (
            f"{n} pairs of byte-identical pictures have one in a test {where} and one in what was learnt "
            "from."
        )


def _on_printed(asked: Asked) -> list[str]:
    """Says what averages, printed figures and controls stand for."""
    by_class = "class" in asked.table.axes
    setups = [asked.shown.setup(row) for row in asked.shown.paper.row_ids]
    decimals = "two" if by_class and asked.report else "no"
    rules = (
        (
            not by_class and _has_averages(asked),
            "Macro: the mean over the classes, each counting alike. Weighted: each counts by its pictures, "
            "and so the weighted recall is always the accuracy.",
        ),
        (
            not by_class and any(printed.metric.startswith("macro_") for printed in asked.table.published),
            "Which of the two averages the paper prints isn't said.",
        ),
        (
            asked.report if by_class else in_whole_percent(asked),
            f"Printed figures have {decimals} decimals: 'within' says that some figure that rounds to the "
            "printed one lies in the interval.",
        ),
        (
            not by_class and any(setup.preprocessing.threshold != "none" for setup in setups),
            "Controls see whole pictures; networks see what thresholding leaves of them.",
        ),
        (
            not by_class and "within" in asked.values["set"],
            "Test 'within': the dataset that is left out is cross-validated in itself.",
        ),
    )
    return [text for holds, text in rules if holds]


def _on_folds(asked: Asked) -> list[str]:
    mean = "Mean and sd (n - 1) over the folds."
    if {"precision", "recall"} & {printed.metric for printed in asked.table.published}:
        mean += (
            " The paper doesn't say how it averages precision and recall over the classes: the printed "
            "figure stands beside both ways."
        )
    words = "Kappa in words: Landis and Koch (1977); in brackets the word that the paper has for it."
    return [mean, *([words] if asked.table.kappa_words else []), *_on_copies(asked)]


def _on_splits(asked: Asked) -> list[str]:
    missing, splits = asked.results.record.missing, spec.SPLITS
    kinds = [kind for kind in asked.results.paper.splits if "split" in asked.table.axes and kind in missing]
    return [f"{splits[kind].title} is left out: {missing[kind]}." for kind in kinds]
