"""The notes under a table of metrics: how its values and intervals were made, and what it leaves out."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.controls import against_controls
from leukcnn.outputs.metric_lines import FINAL, SUBSET_TITLES, Line, TableContent
from leukcnn.outputs.metric_verdicts import NO_INTERVAL, verdict_notes
from leukcnn.outputs.titles import not_trained
from leukcnn.results.comparisons import Comparison
from leukcnn.results.intervals import Interval
from leukcnn.results.probabilities import PROBABILITY_METRICS
from leukcnn.spec.metrics import CALIBRATION, RANKING
from leukcnn.spec.splits import SUBJECTS

# What a difference between the test set and other subjects means under each split.
_OTHER_SUBJECTS = {
    "cell": "As published, the test set shares its subjects with the training set. The preliminary phase has "
    "other subjects. The drop from the test set to the preliminary phase is what a split by cell hides.",
    "subject": "Neither the test set nor the preliminary phase shares a subject with the training set.",
    "fold": "The test folds are the challenge's own: by subject, except for identical cells. The preliminary "
    "phase has other subjects; the networks of the first fold predict it.",
}
_MASKS = (
    "Networks are trained and tested on images with the named region black. Border: a frame along the "
    "edges; cells: regions of the stain's hue and saturation; background: everything else.",
    "The outline of a blanked region stays visible. With the cells or the background blanked, the number, "
    "size and shape of the cells can still be seen.",
)
_SINGLE_CLASSES = (
    "Networks train on neither the tested dataset nor those that share images or cells with it.",
    "95 % interval with one run: jackknife t on the logit scale, over groups of images. If the group of any "
    "image is unknown: Wilson's interval over the images. With several runs: Student's t interval of their "
    "mean.",
)
_BALANCED = (
    "Balanced: the mean over all test sets in which cells of the larger class are left out at random until "
    "both classes are equal. Accuracy, sensitivity and specificity are exact; precision and F1-scores are "
    "those of the mean counts.",
)
_FOLDS = (
    "Mean and std (n - 1) over the folds{runs}. The interval contains the error of training on other images, "
    "and it corrects for the overlap of the training sets."
)
_EQUAL = "A value without ± is the same in all {over}, which says nothing about its spread."
_BOTH_WAYS = (
    " The paper doesn't say how it averages precision and recall over the classes; the printed value is "
    "shown next to both averages."
)
_KAPPA = "Kappa in words: Landis and Koch (1977); the paper's own word in brackets."


def notes_of(content: TableContent) -> list[str]:
    """Returns the notes of a table of metrics."""
    on_values = [*_notes_of(content), *_on_equal_values(content), *verdict_notes(content)]
    return [*on_values, *_on_probabilities(content), *_against_controls(content)]


def _against_controls(content: TableContent) -> list[str]:
    """Says of each row at each place whether it is better than the best control there."""
    titled: list[tuple[str, str, Comparison]] = []
    for place, (control, comparison) in content.against_controls().items():
        axes = [axis for axis in ("dataset", "subset", "split", "mask") if len(content.values[axis]) > 1]
        on = [content.title(place, axis) + " blanked" * (axis == "mask") for axis in axes]
        title = ", ".join([content.labels[place.row], *on])
        titled.append((title, CONTROLS[control].sees, comparison))
    return against_controls(titled)


def _on_probabilities(content: TableContent) -> list[str]:
    """Explains metrics of probabilities, and names the rows that have none."""
    shown = {*content.metrics}
    svms = [label for row, label in content.without_probabilities.items() if row in content.trained]
    threshold = any(name.endswith("sensitivity_at_95_specificity") for name in shown)
    ranking = any(name.removeprefix("macro_") in RANKING for name in shown)
    results = content.shown
    pooled = results.split_kind in spec.FOLDED_KINDS and results.n_folds > 1 and not content.over_folds
    without = [i.reason for line, i in _intervals(content) if line.metric in PROBABILITY_METRICS]
    notes: dict[str, object] = {
        # Over folds, the methods of the intervals say it.
        **{f"{NO_INTERVAL.capitalize()}: {why}.": why and not content.over_folds for why in without},
        "Sensitivity at 95 % specificity: its threshold is chosen on the tested images themselves, which is "
        "optimistic.": threshold,
        "The folds' networks may differ in their probabilities; AUROC, average precision and sensitivity at "
        "95 % specificity rank the images of all folds together.": pooled and ranking,
        "The calibration error is above 0 by chance where there are few images.": "calibration_error"
        in shown,
        f"Support vector machines rank the images, but have no probabilities: {'; '.join(svms)}.": svms
        and not shown.isdisjoint(CALIBRATION),
    }
    return [text for text, holds in notes.items() if holds]


def _on_equal_values(content: TableContent) -> list[str]:
    """Says why values of several runs or folds have no standard deviation, if the table shows any."""
    if content.table.values_as == "percent" or "measured" not in content.table.show:
        return []
    several = [line.found for line in content.lines if line.found and len(line.found.values) > 1]
    over = "folds" if content.over_folds else "runs or folds"
    return [_EQUAL.format(over=over)] if any(found.spread[1] is None for found in several) else []


def _notes_of(content: TableContent) -> list[str]:
    axes, table, subsets = content.table.axes, content.table, content.values["subset"]
    left_out = not_trained(content.results, content.left_out)
    copies = [*_on_copies(content), *_on_unknown_subjects(content)]
    # Each value has its own number of undefined resamples: with it, the notes would repeat the method.
    described = dict.fromkeys(replace(one, n_undefined=0).describe() for _, one in _intervals(content))
    if subsets == (FINAL,):
        return left_out
    if table.values_as == "percent":
        apart = subsets == ("external",) and not content.shown.overlap()
        others = _OTHER_SUBJECTS.get(content.shown.split_kind) if apart else None
        notes = [*([others] if others else []), *_methods(content), *left_out]
        return [*notes, *(_BALANCED if "balanced" in subsets else ()), *(copies if "test" in subsets else ())]
    if "class" in axes:
        return [*_by_class(content), *left_out, *copies, *_on_printed(content)]
    if "split" in axes or "mask" in axes:
        over = "folds" if content.over == "folds" else "runs"
        if content.over == "auto":
            over = "runs, in cross-validation over folds"
        mean = f"Mean and std (n - 1) over {over}. Intervals, depending on the split: "
        notes = [*([f"{mean}{'; '.join(described)}."] if described else []), *left_out]
        missing = content.results.record.missing
        for kind in [kind for kind in content.results.paper.splits if "split" in axes and kind in missing]:
            notes.append(f"{spec.SPLITS[kind].title} is left out: {missing[kind]}.")
        return [*notes, *copies, *(_MASKS if "mask" in axes else ())]
    if "classes" in table.show:
        return [*(left_out if content.lines else []), *_SINGLE_CLASSES]
    about = [*_on_compared_split(content), *copies, *_on_printed(content)]
    if content.over_folds:
        notes = [*(f"{method[0].upper()}{method[1:]}." for method in described), *left_out]
        return [*notes, _on_folds(content), *([_KAPPA] if table.kappa_words else []), *about]
    return [*left_out, _on_runs(content), *about]


def _intervals(content: TableContent) -> list[tuple[Line, Interval]]:
    """Returns the lines with measured values, each with its interval."""
    return [(line, line.found.interval) for line in content.lines if line.found]


def _methods(content: TableContent) -> list[str]:
    """Returns the methods of the intervals, and why some values have none; each note once."""
    methods = _by_metric(content)
    if len(methods) == 1:
        methods = [f"Intervals: {methods[0].partition(': ')[2]}"]
    reasons = dict.fromkeys(i.reason for _, i in _intervals(content) if not i.defined)
    return [*methods, *(f"{NO_INTERVAL.capitalize()}: {reason}." for reason in reasons)]


def _by_class(content: TableContent) -> list[str]:
    """Returns the methods of the intervals with their metrics, and why some values have no interval."""
    titled: list[tuple[str, Interval]] = []
    without: dict[str, None] = {}
    for line, interval in _intervals(content):
        name, base = content.class_and_metric(line.place, line.metric)
        if interval.defined:
            title = spec.METRICS[base].title + (" of a class" if line.place.of_class is not None else "")
            titled.append((title + (f" ({name})" if line.metric != base else ""), interval))
        elif line.printed and not content.why_not_comparable(line):
            without[f"{NO_INTERVAL.capitalize()}: {interval.reason}."] = None
    return [*_by_method(titled), *without]


def _by_method(titled: Sequence[tuple[str, Interval]]) -> list[str]:
    """Returns a note for each method and unit of intervals, with the titles of the values that have it."""
    by_method: dict[tuple[str, str], list[tuple[str, Interval]]] = {}
    for title, interval in titled:
        by_method.setdefault((interval.method, interval.unit), []).append((title, interval))
    notes = []
    for (method, _), group in by_method.items():
        titles, (first, *others) = dict.fromkeys(title for title, _ in group), [i for _, i in group]
        numbers = sorted({interval.n_units for _, interval in group})
        number = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else ""
        if first.unit == "images" and (number or method == "wilson"):
            # Each of Wilson's intervals has its own number of images.
            number = "its"
        if any(other.n_undefined != first.n_undefined for other in others):
            first = replace(first, n_undefined=0)
        notes.append(f"{', '.join(titles)}: {first.describe(number=number)}.")
    return notes


def _on_folds(content: TableContent) -> str:
    """Says what the mean over folds is, and which average over classes is compared with the printed one."""
    runs, paper = content.shown.record.runs, content.shown.paper
    published = {printed.metric for printed in content.table.published}
    averaged = not paper.positive_class and {"precision", "recall"} & published
    return _FOLDS.format(runs=f" of {runs} runs" * (runs > 1)) + (_BOTH_WAYS if averaged else "")


def _on_runs(content: TableContent) -> str:
    """Says what the mean, standard deviation and interval are over."""
    shown = content.shown
    runs, printed = shown.record.runs, shown.paper.runs
    if runs > 1:
        return (
            f"Mean and std (n - 1) over {runs} runs with different seeds; {printed} in the paper. "
            "95 % interval: Student's t interval of the mean over the runs, on the logit scale (log scale "
            "for losses). It contains the error of training, and that of the test images only if each run "
            "has others."
        )
    of_folds = f" of {shown.n_folds} folds, whose images are pooled" if shown.tasks else ""
    published = f"; the paper has {printed} runs" if printed > 1 else ""
    first = f"One run{of_folds}, so there is no std{published}."
    if "external" in content.values["subset"] or not PROBABILITY_METRICS.keys().isdisjoint(content.metrics):
        return " ".join([first, *_by_metric(content)])
    unit = spec.SPLITS[shown.split_kind].unit
    by_group = f"jackknife t on the logit scale over {unit}. If that of any image is unknown: "
    others = "kappa, F1-scores and averages over classes" if _has_averages(content) else "kappa and F1-scores"
    return (
        f"{first} 95 % interval: "
        f"{by_group if shown.split_kind in spec.GROUPED_KINDS else ''}Wilson's interval over the images; for "
        f"{others}, percentile bootstrap over the images."
    )


def _by_metric(content: TableContent) -> list[str]:
    """Returns the methods of the intervals with their metrics, and their subsets if there are several."""
    several = len(content.values["subset"]) > 1
    titled: list[tuple[str, Interval]] = []
    extreme: list[tuple[str, Interval]] = []
    for line, interval in _intervals(content):
        if interval.defined:
            subset = f" ({SUBSET_TITLES[line.place.subset]})" if several else ""
            value = line.found.spread[0] if line.found else math.nan
            at_limit = interval.method == "wilson" and value in (0, 1)
            (extreme if at_limit else titled).append((spec.METRICS[line.metric].title + subset, interval))
    # Values of 0 or 1 have Wilson's interval also where others of their metric have another one.
    methods = {title: interval.method for title, interval in titled}
    for title, interval in extreme:
        differs = methods.get(title, "wilson") != "wilson"
        titled.append((title + " of 0 or 100 %" * differs, interval))
    return _by_method(titled)


def _has_averages(content: TableContent) -> bool:
    return any(metric.startswith("macro_") for metric in content.metrics)


def _on_compared_split(content: TableContent) -> Iterator[str]:
    """Yields notes: whether the compared split wasn't run, and what strict LODOCV doesn't train on."""
    compared, here = content.compared, {planned.split for planned in content.results.record.trials}
    if compared and here and compared.split_kind not in here:
        kind = compared.split_kind
        yield f"No trial was run under {spec.SPLITS[kind].title}; --split {kind} runs it."
    strict = ("lodocv_strict", "lodocv_single_class")
    for results in [one for one in (content.shown, compared) if one and one.split_kind in strict]:
        removed = []
        for dataset in [dataset for dataset in content.values["dataset"] if dataset in results.tested]:
            relatives = ", ".join(card(other).name for other in results.record.related.get(dataset, ()))
            removed.append(f"for {card(dataset).name}: {relatives or 'none'}")
        if removed:
            shared = "datasets that share images or cells with the tested one"
            yield f"Strict LODOCV does not train on {shared} ({'; '.join(removed)})."


def _on_copies(content: TableContent) -> list[str]:
    """Says how many pairs of identical and of nearly identical images each shown split separates."""
    separated, notes = content.results.record.separated_pairs, []
    by_split = "split" in content.table.axes
    kinds = content.results.paper.splits if by_split else [content.shown.split_kind]
    for kind in (kind for kind in kinds if kind in separated):
        folds = kind in spec.KFOLD_KINDS and (by_split or content.over_folds)
        word, where = "image", f"a test {'fold' if folds else 'set'}"
        if content.table.values_as == "percent":
            word, where = "cell" if "cells" in content.table.show else "image", "the test set"
        alike = (
            f"byte-identical {word}s",
            f"nearly identical {word}s (re-encoded, mirrored, turned or cropped copies, or one field taken "
            "twice)",
        )
        title = spec.SPLITS[kind].title
        under = f"{title[0].upper()}{title[1:]}: " if by_split else ""
        for n, which in zip(separated[kind], alike, strict=True):
            pairs, have = ("1 pair", "has") if n == 1 else (f"{n} pairs", "have")
            note = (
                f"{under}{pairs} of {which} {have} one {word} in {where} and the other in the training or "
                f"validation {word}s."
            )
            notes += [note] if n else []
    return notes


def _on_unknown_subjects(content: TableContent) -> Iterator[str]:
    """Says how many images of each shown split are of unknown subject, and what they count as."""
    record, by_split = content.results.record, "split" in content.table.axes
    kinds = content.results.paper.splits if by_split else [content.shown.split_kind]
    for kind in (kind for kind in kinds if kind in record.unknown_subjects):
        n, total, choice = record.unknown_subjects[kind]
        title, by_subject = spec.SPLITS[kind].title, spec.SPLITS[kind].unit == SUBJECTS
        under = f"{title[0].upper()}{title[1:]}: the" if by_split else "The"
        word, of = ("subject", "") if by_subject else ("group", " (subject or field)")
        meaning = f"those of a dataset count as one {word}"
        if choice == "each":
            meaning = (
                f"each counts as a {word} of its own, with its copies; if some of them are of one {word}, "
                "the values are too good"
            )
        yield f"{under} {word}{of} of {n:,} of {total:,} images is unknown: {meaning}."


def _on_printed(content: TableContent) -> list[str]:
    """Explains averages, printed values, and the images that controls see."""
    in_report, setups = "class" in content.table.axes, map(content.shown.setup, content.shown.paper.row_ids)
    thresholded = any(setup.preprocessing.threshold != "none" for setup in setups)
    decimals = {
        f"Printed values have {'two' if in_report else 'no'} decimals: every value that rounds to the "
        "printed one counts as published.": bool(content.report) or content.in_whole_percent
    }
    within = "within" in content.values["subset"]
    rules = {
        "Macro: the mean over the classes. Weighted: the mean weighted by the number of images of each "
        "class; the weighted recall equals the accuracy.": _has_averages(content),
        "The paper doesn't say which of the two averages it prints.": any(
            printed.metric.startswith("macro_") for printed in content.table.published
        ),
        **decimals,
        "Controls see whole images; networks see what thresholding leaves of them.": thresholded,
        "Test 'within': cross-validation within the dataset that is otherwise left out.": within,
    }
    return [text for text, holds in (decimals if in_report else rules).items() if holds]
