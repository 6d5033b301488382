"""The lines of a run's answer: plain sentences, at most twelve."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.answer import Against, Answer, Score, is_synthetic
from leukcnn.outputs.model_links import links_of
from leukcnn.outputs.titles import NOT_COMPARABLE, dataset_title
from leukcnn.records import relative
from leukcnn.results.results import NOT_TRAINED
from leukcnn.results.verdicts import AGREES, DIFFERS, SMALL, UNDECIDED

_LONGEST = 300
_BORDER, _NO_CELL = "border", "which shows no whole cell"
_VERDICTS = {AGREES: "agree", SMALL: "agree (small difference)", DIFFERS: "differ", UNDECIDED: UNDECIDED}


def lines_of(answer: Answer, folder: Path | None = None) -> list[str]:
    """Returns the lines of `Answer.lines`."""
    found = [*_on_data(answer), *_on_networks(answer), *on_controls(answer)]
    found += [*_on_published(answer), *_on_leaks(answer), *_on_what_is_missing(answer)]
    return [_shortened(line) for line in found] + ([] if folder is None else [*_places(answer, folder)])


def _on_data(answer: Answer) -> Iterator[str]:
    """Yields the task with its data, and why the values can't be compared with the paper's."""
    results, record = answer.results, answer.results.record
    classes: Counter[str] = Counter()
    for counts in record.datasets.values():
        classes.update(counts)
    images = ", ".join(f"{name} {n:,}" for name, n in classes.items())
    names = [*record.datasets]
    # The study of an own folder has its name.
    alone = bool(results.paper.folders) and names == [results.paper.key]
    of = "" if alone else f" of {card(names[0]).name}" if len(names) == 1 else f" of {len(names)} datasets"
    synthetic = " synthetic" if is_synthetic(results) else ""
    tested, groups, groups_are = answer.tested_groups
    known = f" of {groups:,} {groups_are}" if 0 < groups < tested else ""
    folds = f", {results.n_folds} folds" if results.n_folds > 1 and not results.tested else ""
    runs = f", {record.runs} runs" if record.runs > 1 else ""
    split = f"{spec.SPLITS[results.split_kind].title}{folds}{runs}"
    how_many = "all images" if tested == classes.total() else f"{tested:,} images"
    where = f"; {how_many}{known} tested" if tested else ""
    data = f"{classes.total():,}{synthetic} images ({images}){of}{where}"
    yield f"{results.paper.key}, {results.paper.task}: {data}; {split}."
    if results.paper.prints_values and not answer.comparable:
        reasons = [results.why_not_comparable(dataset) for dataset in results.tested or ("",)]
        first, *others = reasons[0].split("; ")
        more = f", and {len(others)} more reasons" if len(others) > 1 else "".join(f"; {o}" for o in others)
        yield f"{NOT_COMPARABLE}: {first}{more}."


def _on_networks(answer: Answer) -> Iterator[str]:
    if not answer.networks:
        if answer.controls:
            yield "No network has been trained: the controls say what can be had without one."
        else:
            missing = answer.results.record.missing.get("test", "no trial of this split is finished")
            yield f"Nothing has been measured: {missing}."
        return
    best, n = answer.networks[0], len(answer.networks)
    choice = f"; the best of {n} on these test images, which flatters it" if n > 1 else ""
    line = f"Best network: {_label(answer, best)}, {_scores(answer, best)}{choice}."
    if external := answer.of(best, subset="external"):
        scores = "; ".join(_with_interval(answer, one) for one in external)
        line += f" On the external set, other subjects: {scores}."
    yield line


def on_controls(answer: Answer) -> Iterator[str]:
    """Yields the best control, the difference to it, and what the border alone reaches."""
    if not answer.controls:
        yield "No control has been run: what the border or the colour alone would reach isn't known."
    else:
        best, n = answer.controls[0], len(answer.controls)
        no_cell = f", {_NO_CELL}," if best == _BORDER else ""
        choice = f"; the best of {n}" if n > 1 else ""
        yield f"Best control: {CONTROLS[best].sees} alone{no_cell or ','} {_scores(answer, best)}{choice}."
        yield from _difference(answer, answer.best_against)
    if border := _on_border(answer):
        yield border


def _on_border(answer: Answer) -> str:
    """Returns what the border reaches, where that isn't the best control, and whether it names the dataset.

    It is the control that proves a shortcut: it holds no whole cell, from which a class could be known.
    """
    parts, probe = [], answer.results.probe
    if _BORDER in answer.controls[1:]:
        parts.append(f"reaches {_brief(answer, _BORDER)}")
        against = answer.border_against
        weaker = [one for one in against if one.comparison.verdict in ("no better", "worse")]
        if len(against) > 1 and weaker:
            parts[0] += f" ({_label(answer, weaker[0].row)} is no better on {len(weaker)} of {len(against)})"
        elif weaker:
            parts[0] += f": even {_label(answer, weaker[0].row)} is {weaker[0].comparison.words('that')}"
    if probe is not None:
        right, n = (probe.predicted == probe.label).mean(), len(probe.class_names)
        parts.append(
            f"says which of {n} datasets an image is from for {100 * right:.1f} % of {len(probe):,} images"
        )
    if not parts:
        return ""
    return f"The border alone, {_NO_CELL}, {' and '.join(parts)}."


def _difference(answer: Answer, against: Sequence[Against]) -> Iterator[str]:
    if not answer.networks:
        return
    label = _label(answer, answer.networks[0])
    if not against:
        yield f"{label} and the controls have not been tested on the same images."
    elif len(against) == 1:
        yield f"In accuracy, {label} is {against[0].words}."
    else:
        counts = Counter(one.comparison.verdict for one in against)
        words = ", ".join(f"{verdict} on {n}" for verdict, n in counts.items())
        worst = min(against, key=lambda one: one.comparison.difference)
        yield (
            f"In accuracy, {label} against the best control of each of {len(against)} datasets: {words}; "
            f"on {dataset_title(answer.results, worst.dataset)} {worst.words}."
        )


def _on_published(answer: Answer) -> Iterator[str]:
    compared = [one for one in answer.scores if one.published is not None and one.value is not None]
    if not compared:
        return
    best = [one for one in compared if one.row in answer.networks[:1] and one.metric == answer.metric]
    parts = []
    if len(best) == 1 and best[0].published is not None:
        verdict = best[0].verdict if answer.comparable else "not comparable"
        parts.append(f"{_value(answer, best[0].published)} for the best network: {verdict}")
    verdicts = [one.verdict for one in compared if one.metric == answer.metric]
    counts = Counter(one.removesuffix(" (unverified images)") for one in verdicts)
    of = [f"{counts[verdict]} {words}" for verdict, words in _VERDICTS.items() if counts[verdict]]
    if answer.comparable and len(verdicts) > 1 and of:
        parts.append(f"of {len(verdicts)} values, {', '.join(of)}")
    if parts:
        yield f"Published: {'; '.join(parts)}."


def _on_leaks(answer: Answer) -> Iterator[str]:
    record, kind = answer.results.record, answer.results.split_kind
    if not record.trials and not record.controls:
        return
    applied = [row for row in answer.networks if row in record.seen]
    found = [_on_seen(answer, row) for row in applied] or ["no copy of a training image is tested"]
    if kind in record.separated_pairs:
        pairs = record.separated_pairs[kind]
        found = [
            *(found if applied else ()),
            f"{pairs.identical:,} identical and {pairs.near:,} nearly identical pairs have one image in the "
            f"test set and the other in training or validation{' of the controls' if applied else ''}",
        ]
    found += dict.fromkeys(shared.describe() for shared in record.overlaps if shared.subset == "external")
    if record.pairs_in_two_classes:
        found.append(f"{record.pairs_in_two_classes:,} pairs of copies have two classes")
    if kind in record.unknown_subjects:
        unknown = record.unknown_subjects[kind]
        found.append(f"the subject of {unknown.images:,} of {unknown.total:,} images isn't known")
    tested, groups, groups_are = answer.tested_groups
    if kind not in (*spec.GROUPED_KINDS, *spec.LODOCV_KINDS) and 0 < groups < tested:
        found.append(f"this split doesn't keep {groups_are} together")
    yield f"Leaks: {'; '.join(found)}."


def _on_seen(answer: Answer, row: str) -> str:
    """Returns what is known of the tested images among those that an applied network learned from."""
    seen, label = answer.results.record.seen[row], _label(answer, row)
    if seen is None:
        return f"whether {label} learned from tested images isn't known"
    if seen:
        return f"{label} learned from {seen:,} of these images: its values are no test"
    return f"none of these files is among those that {label} learned from"


def _on_what_is_missing(answer: Answer) -> Iterator[str]:
    parts = []
    # Where only controls were asked for, an earlier line says so.
    if answer.untrained and (answer.networks or {*answer.untrained.values()} != {NOT_TRAINED}):
        n, every = len(answer.untrained), len({*answer.untrained, *answer.networks})
        names = f" ({', '.join(answer.untrained)})" if n <= 3 else ""
        reasons = [why for why, _ in Counter(answer.untrained.values()).most_common()]
        why = "not trained in this run" if reasons[0] == NOT_TRAINED else reasons[0]
        parts.append(f"{n} of {every} networks{names}: {why}{', or other reasons' * (len(reasons) > 1)}")
    if n := len(answer.diverged):
        parts.append(f"{n} training{'s' * (n > 1)} diverged")
    if n := len(answer.results.damaged):
        parts.append(f"{n} stored trial{'s are' if n > 1 else ' is'} damaged and left out")
    if parts:
        yield f"Without a result: {'; '.join(parts)}."


def _places(answer: Answer, folder: Path) -> Iterator[str]:
    """Yields where the best network's model, the report and the tables are."""
    links = links_of(answer.results, answer.networks[0]) if answer.networks else {}
    models = [folder / "models" / name for name in links if (folder / "models" / name).exists()]
    if models:
        more = f" and {len(models) - 1} more" if len(models) > 1 else ""
        yield f"Model: {relative(models[0])}{more}"
    if (folder / "report.html").exists():
        yield f"Report: {relative(folder / 'report.html')}"
    yield f"Tables, figures and summary.json: {relative(folder)}"


def _scores(answer: Answer, row: str) -> str:
    """Returns a row's score with its interval, or its mean and the lowest and highest of several datasets."""
    scores, title = answer.of(row), spec.METRICS[answer.metric].title.lower()
    if len(scores) == 1:
        return f"{title} {_with_interval(answer, scores[0])}"
    ordered = sorted(scores, key=lambda one: one.value or 0.0)
    low, high = (
        f"{_with_interval(answer, one)} on {dataset_title(answer.results, one.dataset)}"
        for one in (ordered[0], ordered[-1])
    )
    mean = _value(answer, answer.mean(row))
    return f"mean {title} {mean} over {len(scores)} datasets, from {low} to {high}"


def _brief(answer: Answer, row: str) -> str:
    """Returns a row's score with its interval, or its mean over several datasets."""
    scores = answer.of(row)
    if len(scores) == 1:
        return _with_interval(answer, scores[0])
    return f"{_value(answer, answer.mean(row))} on average of {len(scores)} datasets"


def _with_interval(answer: Answer, score: Score) -> str:
    value = _value(answer, score.value or 0.0)
    if score.low is None or score.high is None:
        return f"{value} (no interval)"
    unit = " %" if spec.METRICS[answer.metric].percent else ""
    low, high = (_value(answer, bound).removesuffix(unit) for bound in (score.low, score.high))
    return f"{value} (95 % {low} to {high})"


def _value(answer: Answer, value: float) -> str:
    return f"{100 * value:.1f} %" if spec.METRICS[answer.metric].percent else f"{value:.3f}"


def _label(answer: Answer, row: str) -> str:
    return next(one.label for one in answer.scores if one.row == row)


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 4].rstrip()} ..."
