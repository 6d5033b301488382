"""What stands under a table of metrics: what its figures and intervals rest on, and what it leaves out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.outputs.metric_lines import FINAL, Asked, Line
from leukcnn.outputs.titles import not_trained
from leukcnn.results.intervals import Interval
from leukcnn.results.metrics import PROPORTIONS
from leukcnn.results.probabilities import PROBABILITY_METRICS

NO_INTERVAL = "no interval"
_F1_SCORES = {"f1", "macro_f1", "weighted_f1"}
# What the difference to other subjects means under each split.
_OTHER_SUBJECTS = {
    "cell": "The test set shares its subjects with the training set, as published; the preliminary phase has "
    "none of them. What is lost from one to the other is what a split by cell hides.",
    "subject": "Neither the test set nor the preliminary phase shares a subject with the training set.",
    "fold": "The test folds are the challenge's own, by subject but for identical cells; the preliminary "
    "phase has other subjects again, and the first fold's networks predict it.",
}
_MASKS = (
    "Trained and tested with that part of every image black. Border: a frame along its edges; cells: what "
    "stands out by its stain; background: all but the cells.",
    "The outline of what is blanked stays visible: with the cells blanked, their number, size and shape can "
    "still be seen, and so they can with the background blanked.",
)
_SINGLE_CLASSES = (
    "Nothing is trained on the tested dataset or from those that share images or cells with it.",
    "95 % interval of one run: the percentile bootstrap's over groups of images; where not every image's "
    "is known, Wilson's over the images. Of several runs: where one more would lie.",
)
_FOLDS = "Mean and std (n - 1) over the folds."
_BOTH_WAYS = (
    " The paper doesn't say how it averages precision and recall over the classes: the printed figure stands "
    "beside both ways."
)
_KAPPA = "Kappa in words: Landis and Koch (1977); in brackets the word that the paper has for it."


def notes_of(asked: Asked) -> list[str]:
    """Returns the notes of a table of metrics."""
    axes, table, sets = asked.table.axes, asked.table, asked.values["subset"]
    left_out, copies = not_trained(asked.results, asked.left_out), _on_copies(asked)
    described = dict.fromkeys(line.found.interval.describe() for line in asked.lines if line.found)
    if sets == (FINAL,):
        return []
    if table.values_as == "percent":
        others = _OTHER_SUBJECTS.get(asked.shown.split_kind) if sets == ("external",) else None
        balanced = "Balanced: so many cells of the larger class are left out, drawn by the seed."
        notes = [*([others] if others else []), *_by_set(asked), *left_out]
        return [*notes, *([balanced] if "balanced" in sets else []), *(copies if "test" in sets else [])]
    if "class" in axes:
        return [*_by_figure(asked), *left_out, *_on_printed(asked)]
    if "split" in axes or "mask" in axes:
        in_folds = asked.over == "auto" and not asked.results.paper.positive_class
        over = "folds" if asked.over == "folds" else "runs" + (", in k-fold over folds" if in_folds else "")
        mean = f"Mean and std (n - 1) over {over}. Intervals, as the split has them: "
        notes = [*([f"{mean}{'; '.join(described)}."] if described else []), *left_out]
        missing = asked.results.record.missing
        for kind in [kind for kind in asked.results.paper.splits if "split" in axes and kind in missing]:
            notes.append(f"{spec.SPLITS[kind].title} is left out: {missing[kind]}.")
        return [*notes, *(_MASKS if "mask" in axes else ())]
    if "classes" in table.show:
        return [*(left_out if asked.lines else []), *_SINGLE_CLASSES]
    if asked.over_folds:
        averaged = {"precision", "recall"} & {printed.metric for printed in table.published}
        notes = [*(f"{said}." for said in described), *left_out, _FOLDS + (_BOTH_WAYS if averaged else "")]
        return [*notes, *([_KAPPA] if table.kappa_words else []), *copies]
    return [*left_out, _on_runs(asked), *_on_splits_beside(asked), *copies, *_on_printed(asked)]


def _by_set(asked: Asked) -> dict[str, None]:
    """Returns how the intervals of each row on each set came about, where they differ by metric."""
    by_place: dict[tuple, list[Line]] = {}
    for line in [line for line in asked.lines if line.found]:
        by_place.setdefault(line.place, []).append(line)
    notes = {}
    for first, *others in by_place.values():
        interval = first.found.interval
        apart = {line.metric: line.found.interval for line in others if line.metric not in PROPORTIONS}
        differs, said = next(iter(apart.values()), interval), interval.describe()
        if differs.method != interval.method:
            name = "F1-scores" if apart.keys() <= _F1_SCORES else "metrics that are no proportions"
            said += f"; {name}: {differs.describe()}"
        notes[f"Intervals: {said}."] = None
    return notes


def _by_figure(asked: Asked) -> list[str]:
    """Returns which figures each way to an interval is of, and why some have none."""
    titled, without = [], {}
    for line in [line for line in asked.lines if line.found]:
        interval, (name, base) = line.found.interval, asked.class_and_metric(line.place, line.metric)
        if interval.defined:
            figure = spec.METRICS[base].title + (" of a class" if line.place.of_class is not None else "")
            titled.append((figure + (f" ({name})" if line.metric != base else ""), interval))
        elif line.printed and not asked.results.record.not_comparable:
            without[f"{NO_INTERVAL.capitalize()}: {interval.reason}."] = None
    return [*_by_way(titled), *without]


def _by_way(titled: Sequence[tuple[str, Interval]]) -> list[str]:
    """Returns a note for each way to an interval: the titles of its figures, and the numbers they share."""
    by_way: dict[tuple[str, str], list[tuple[str, Interval]]] = {}
    for title, interval in titled:
        by_way.setdefault((interval.method, interval.unit), []).append((title, interval))
    notes = []
    for (method, _), of_way in by_way.items():
        titles, (first, *others) = dict.fromkeys(title for title, _ in of_way), [i for _, i in of_way]
        # Of Wilson's, each figure has its own number of them.
        own = method == "wilson" or any(other.n_units != first.n_units for other in others)
        if any(other.n_undefined != first.n_undefined for other in others):
            first = replace(first, n_undefined=0)
        notes.append(f"{', '.join(titles)}: {first.describe(own_units=own)}.")
    return notes


def _on_runs(asked: Asked) -> str:
    """Says what mean, sd and interval rest on."""
    shown = asked.shown
    runs, printed = shown.record.runs, shown.paper.runs
    if runs > 1:
        varies = "; a published mean varies less" if printed > 1 else ""
        return (
            f"Mean and std (n - 1) over {runs} runs with other seeds, {printed} in the paper. 95 % interval: "
            f"where one more run would lie (Student's t prediction){varies}."
        )
    of_folds = f" of {shown.n_folds} folds, whose images count together" if shown.tasks else ""
    published = f"; the paper has {printed} runs" if printed > 1 else ""
    first = f"One run{of_folds}, so there is no std{published}."
    if "external" in asked.values["subset"] or not PROBABILITY_METRICS.keys().isdisjoint(asked.metrics):
        return " ".join([first, *_by_metric(asked)])
    over_groups = "the percentile bootstrap's over groups of images; where not every image's is known, "
    others = "kappa, F1-scores and averages over classes" if _has_averages(asked) else "kappa and F1-scores"
    return (
        f"{first} 95 % interval: "
        f"{over_groups if shown.split_kind in spec.GROUPED_KINDS else ''}Wilson's over the run's images, "
        f"of {others} the percentile bootstrap's."
    )


def _by_metric(asked: Asked) -> list[str]:
    """Returns which metrics each way to an interval is of, set by set where there are several."""
    several, titled = len(asked.values["subset"]) > 1, []
    for line in [line for line in asked.lines if line.found and line.found.interval.defined]:
        of_set = f" ({line.place.subset})" if several else ""
        titled.append((spec.METRICS[line.metric].title + of_set, line.found.interval))
    return _by_way(titled)


def _has_averages(asked: Asked) -> bool:
    return any(metric.startswith("macro_") for metric in asked.metrics)


def _on_splits_beside(asked: Asked) -> Iterator[str]:
    """Says what wasn't run, and what strict LODOCV keeps out of what is trained on, where it tests any."""
    beside, here = asked.compared, {planned.split for planned in asked.results.record.trials}
    if beside and here and beside.split_kind not in here:
        yield f"Nothing was run under {spec.SPLITS[beside.split_kind].title} here (--split)."
    strict = ("lodocv_strict", "lodocv_single_class")
    for results in [one for one in (asked.shown, beside) if one and one.split_kind in strict]:
        removed = []
        for dataset in [dataset for dataset in asked.values["dataset"] if dataset in results.tested]:
            relatives = ", ".join(card(other).name for other in results.record.related.get(dataset, ()))
            removed.append(f"for {card(dataset).name}: {relatives or 'none'}")
        if removed:
            shared = "datasets that share images or cells with the tested one"
            yield f"Strict LODOCV does not learn from {shared}, {'; '.join(removed)}."


def _on_copies(asked: Asked) -> list[str]:
    """Says how many copies the split parts."""
    n, kfold = asked.results.record.identical_pairs, asked.shown.split_kind in spec.KFOLD_KINDS
    where = "fold" if kfold and asked.over_folds else "set"
    parted = f"images have one in a test {where} and one in what was trained on"
    if asked.table.values_as == "percent":
        word = "cell" if "cells" in asked.table.show else "image"
        parted = f"{word}s have one {word} in the test set and one in the training or validation set"
    return [f"{n} pairs of byte-identical {parted}."] if n else []


def _on_printed(asked: Asked) -> list[str]:
    """Says what averages, printed figures and controls stand for."""
    in_report, setups = "class" in asked.table.axes, map(asked.shown.setup, asked.shown.paper.row_ids)
    thresholded = any(setup.preprocessing.threshold != "none" for setup in setups)
    decimals = {
        f"Printed figures have {'two' if in_report else 'no'} decimals: 'within' says that some figure that "
        "rounds to the printed one lies in the interval.": asked.report or asked.in_whole_percent
    }
    within = "within" in asked.values["subset"]
    rules = {
        "Macro: the mean over the classes, each counting alike. Weighted: each counts by its images, and "
        "so the weighted recall is always the accuracy.": _has_averages(asked),
        "Which of the two averages the paper prints isn't said.": any(
            printed.metric.startswith("macro_") for printed in asked.table.published
        ),
        **decimals,
        "Controls see whole images; networks see what thresholding leaves of them.": thresholded,
        "Test 'within': the dataset that is left out is cross-validated in itself.": within,
    }
    return [text for text, holds in (decimals if in_report else rules).items() if holds]
