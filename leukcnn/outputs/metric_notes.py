"""The notes under a table of metrics: how its values and intervals were made, and what it leaves out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.outputs.metric_lines import FINAL, Asked, Line, Place
from leukcnn.outputs.titles import not_trained
from leukcnn.results.intervals import Interval
from leukcnn.results.metrics import PROPORTIONS
from leukcnn.results.probabilities import PROBABILITY_METRICS

NO_INTERVAL = "no interval"
_F1_SCORES = {"f1", "macro_f1", "weighted_f1"}
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
    "95 % interval of one run: the percentile bootstrap's over groups of images, or Wilson's over the images "
    "if the group of any image is unknown. Of several runs: where one more run would fall.",
)
_BALANCED = (
    "Balanced: equally many cells of both classes; those of the larger one are sampled by the seed.",
)
_FOLDS = "Mean and std (n - 1) over the folds."
_BOTH_WAYS = (
    " The paper doesn't say how it averages precision and recall over the classes; the printed value is "
    "shown next to both averages."
)
_KAPPA = "Kappa in words: Landis and Koch (1977); the paper's own word in brackets."


def notes_of(asked: Asked) -> list[str]:
    """Returns the notes of a table of metrics."""
    axes, table, subsets = asked.table.axes, asked.table, asked.values["subset"]
    left_out, copies = not_trained(asked.results, asked.left_out), _on_copies(asked)
    described = dict.fromkeys(line.found.interval.describe() for line in asked.lines if line.found)
    if subsets == (FINAL,):
        return []
    if table.values_as == "percent":
        others = _OTHER_SUBJECTS.get(asked.shown.split_kind) if subsets == ("external",) else None
        notes = [*([others] if others else []), *_by_subset(asked), *left_out]
        return [*notes, *(_BALANCED if "balanced" in subsets else ()), *(copies if "test" in subsets else ())]
    if "class" in axes:
        return [*_by_class(asked), *left_out, *_on_printed(asked)]
    if "split" in axes or "mask" in axes:
        over = "folds" if asked.over == "folds" else "runs"
        if asked.over == "auto" and not asked.results.paper.positive_class:
            over = "runs, in k-fold cross-validation over folds"
        mean = f"Mean and std (n - 1) over {over}. Intervals, depending on the split: "
        notes = [*([f"{mean}{'; '.join(described)}."] if described else []), *left_out]
        missing = asked.results.record.missing
        for kind in [kind for kind in asked.results.paper.splits if "split" in axes and kind in missing]:
            notes.append(f"{spec.SPLITS[kind].title} is left out: {missing[kind]}.")
        return [*notes, *(_MASKS if "mask" in axes else ())]
    if "classes" in table.show:
        return [*(left_out if asked.lines else []), *_SINGLE_CLASSES]
    if asked.over_folds:
        averaged = {"precision", "recall"} & {printed.metric for printed in table.published}
        folds = _FOLDS + (_BOTH_WAYS if averaged else "")
        notes = [*(f"{method}." for method in described), *left_out, folds]
        return [*notes, *([_KAPPA] if table.kappa_words else []), *copies]
    return [*left_out, _on_runs(asked), *_on_compared_split(asked), *copies, *_on_printed(asked)]


def _intervals(asked: Asked) -> list[tuple[Line, Interval]]:
    """Returns the lines with measured values, each with its interval."""
    return [(line, line.found.interval) for line in asked.lines if line.found]


def _by_subset(asked: Asked) -> list[str]:
    """Returns the methods of the intervals for each row and subset, each note once."""
    by_place: dict[Place, list[tuple[Line, Interval]]] = {}
    for line, interval in _intervals(asked):
        by_place.setdefault(line.place, []).append((line, interval))
    notes: dict[str, None] = {}
    for (_, interval), *others in by_place.values():
        no_proportions = {line.metric: other for line, other in others if line.metric not in PROPORTIONS}
        differs, methods = next(iter(no_proportions.values()), interval), interval.describe()
        if differs.method != interval.method:
            only_f1 = no_proportions.keys() <= _F1_SCORES
            metrics = "F1-scores" if only_f1 else "metrics that aren't proportions"
            methods += f"; {metrics}: {differs.describe()}"
        notes[f"Intervals: {methods}."] = None
    return list(notes)


def _by_class(asked: Asked) -> list[str]:
    """Returns the methods of the intervals with their metrics, and why some values have no interval."""
    titled: list[tuple[str, Interval]] = []
    without: dict[str, None] = {}
    for line, interval in _intervals(asked):
        name, base = asked.class_and_metric(line.place, line.metric)
        if interval.defined:
            title = spec.METRICS[base].title + (" of a class" if line.place.of_class is not None else "")
            titled.append((title + (f" ({name})" if line.metric != base else ""), interval))
        elif line.printed and not asked.results.record.not_comparable:
            without[f"{NO_INTERVAL.capitalize()}: {interval.reason}."] = None
    return [*_by_method(titled), *without]


def _by_method(titled: Sequence[tuple[str, Interval]]) -> list[str]:
    """Returns a note for each method and unit of intervals, with the titles of its values."""
    by_method: dict[tuple[str, str], list[tuple[str, Interval]]] = {}
    for title, interval in titled:
        by_method.setdefault((interval.method, interval.unit), []).append((title, interval))
    notes = []
    for (method, _), group in by_method.items():
        titles, (first, *others) = dict.fromkeys(title for title, _ in group), [i for _, i in group]
        # Wilson's intervals have a number of images each; others may share theirs.
        own = method == "wilson" or any(other.n_units != first.n_units for other in others)
        if any(other.n_undefined != first.n_undefined for other in others):
            first = replace(first, n_undefined=0)
        notes.append(f"{', '.join(titles)}: {first.describe(own_units=own)}.")
    return notes


def _on_runs(asked: Asked) -> str:
    """Says what the mean, standard deviation and interval are over."""
    shown = asked.shown
    runs, printed = shown.record.runs, shown.paper.runs
    if runs > 1:
        varies = "; a published mean varies less" if printed > 1 else ""
        return (
            f"Mean and std (n - 1) over {runs} runs with different seeds; {printed} in the paper. "
            f"95 % interval: where one more run would fall (Student's t prediction){varies}."
        )
    of_folds = f" of {shown.n_folds} folds, whose images are pooled" if shown.tasks else ""
    published = f"; the paper has {printed} runs" if printed > 1 else ""
    first = f"One run{of_folds}, so there is no std{published}."
    if "external" in asked.values["subset"] or not PROBABILITY_METRICS.keys().isdisjoint(asked.metrics):
        return " ".join([first, *_by_metric(asked)])
    over_groups = "the percentile bootstrap's over groups of images. If the group of any image is unknown: "
    others = "kappa, F1-scores and averages over classes" if _has_averages(asked) else "kappa and F1-scores"
    return (
        f"{first} 95 % interval: "
        f"{over_groups if shown.split_kind in spec.GROUPED_KINDS else ''}Wilson's over the run's images; "
        f"for {others}, the percentile bootstrap's."
    )


def _by_metric(asked: Asked) -> list[str]:
    """Returns the methods of the intervals with their metrics, and their subsets if there are several."""
    several, titled = len(asked.values["subset"]) > 1, []
    for line, interval in _intervals(asked):
        if interval.defined:
            subset = f" ({line.place.subset})" if several else ""
            titled.append((spec.METRICS[line.metric].title + subset, interval))
    return _by_method(titled)


def _has_averages(asked: Asked) -> bool:
    return any(metric.startswith("macro_") for metric in asked.metrics)


def _on_compared_split(asked: Asked) -> Iterator[str]:
    """Says if the compared split wasn't run, and which datasets strict LODOCV doesn't train on."""
    compared, here = asked.compared, {planned.split for planned in asked.results.record.trials}
    if compared and here and compared.split_kind not in here:
        yield f"Nothing was run under {spec.SPLITS[compared.split_kind].title} here (--split)."
    strict = ("lodocv_strict", "lodocv_single_class")
    for results in [one for one in (asked.shown, compared) if one and one.split_kind in strict]:
        removed = []
        for dataset in [dataset for dataset in asked.values["dataset"] if dataset in results.tested]:
            relatives = ", ".join(card(other).name for other in results.record.related.get(dataset, ()))
            removed.append(f"for {card(dataset).name}: {relatives or 'none'}")
        if removed:
            shared = "datasets that share images or cells with the tested one"
            yield f"Strict LODOCV does not train on {shared} ({'; '.join(removed)})."


def _on_copies(asked: Asked) -> list[str]:
    """Says how many pairs of identical images the split separates."""
    n, kfold = asked.results.record.identical_pairs, asked.shown.split_kind in spec.KFOLD_KINDS
    where = "fold" if kfold and asked.over_folds else "set"
    separated = f"images have one image in a test {where} and the other in what was trained on"
    if asked.table.values_as == "percent":
        word = "cell" if "cells" in asked.table.show else "image"
        separated = f"{word}s have one {word} in the test set and the other in the training or validation set"
    return [f"{n} pairs of byte-identical {separated}."] if n else []


def _on_printed(asked: Asked) -> list[str]:
    """Explains averages, printed values, and the images that controls see."""
    in_report, setups = "class" in asked.table.axes, map(asked.shown.setup, asked.shown.paper.row_ids)
    thresholded = any(setup.preprocessing.threshold != "none" for setup in setups)
    decimals = {
        f"Printed values have {'two' if in_report else 'no'} decimals. 'within': a value that rounds to the "
        "printed one is in the interval.": bool(asked.report) or asked.in_whole_percent
    }
    within = "within" in asked.values["subset"]
    rules = {
        "Macro: the mean over the classes. Weighted: the mean weighted by the number of images of each "
        "class; the weighted recall equals the accuracy.": _has_averages(asked),
        "The paper doesn't say which of the two averages it prints.": any(
            printed.metric.startswith("macro_") for printed in asked.table.published
        ),
        **decimals,
        "Controls see whole images; networks see what thresholding leaves of them.": thresholded,
        "Test 'within': cross-validation within the dataset that is otherwise left out.": within,
    }
    return [text for text, holds in (decimals if in_report else rules).items() if holds]
