"""Verdicts of a table of metrics: what is known of each published value, and the notes under the table."""

from collections.abc import Sequence
from dataclasses import replace

from leukcnn import spec
from leukcnn.outputs.metric_lines import Line, TableContent
from leukcnn.results.measure import fold_size_ratio
from leukcnn.results.metrics import kappa_word
from leukcnn.results.verdicts import (
    AGREES,
    BASES,
    DIFFERS,
    SMALL,
    UNDECIDED,
    Comparison,
    PublishedScore,
    compare,
    holm,
    why_no_verdict,
)

NO_INTERVAL = "no interval"
# Metric -> the metrics whose denominator, the positive images, gives that of precision.
_RECALLS = ("sensitivity", "recall")


def comparison_of(content: TableContent, line: Line) -> Comparison | None:
    """Returns the comparison of a line's measured value with the published one; None if there is none."""
    if line.printed is None or line.found is None or _why_none(content, line):
        return None
    found = line.found
    return compare(_score(content, line), found.values, found.interval, n=found.n)


def detectable_of(content: TableContent, line: Line) -> float | None:
    """Returns the smallest difference that would be found with 80 % power in a line; None if none would."""
    compared, limits = comparison_of(content, line), spec.METRICS.get(line.metric)
    least = None if compared is None else compared.detectable
    if least is None or limits is None or least > limits.limits[1] - limits.limits[0]:
        return None
    return least


def verdict_of(content: TableContent, line: Line) -> str:
    """Returns a line's verdict in words, or why there is none."""
    printed, found = line.printed, line.found
    if line.size is not None and printed:
        # Sizes have no error.
        equal = round(line.size - printed.value) == 0
        return "equal" if equal else _not_comparable(content, line) or DIFFERS
    compared = comparison_of(content, line)
    words = compared.verdict(content.results.record.margin / 100) if compared else _why_none(content, line)
    if compared and content.unverified(line):
        words += " (unverified images)"
    if content.table.kappa_words and line.metric == "kappa" and found:
        kappa = found.spread[0]
        words += f"; {kappa_word(kappa)} ({kappa_word(kappa, scale=content.table.kappa_words)})"
    if "class" in content.table.axes and found and not found.interval.defined:
        # A note under the table gives the reason.
        words = words.replace(found.interval.describe(), NO_INTERVAL)
    return words


def verdict_notes(content: TableContent) -> list[str]:
    """Returns notes on the verdicts of a table: how they are found, how many there are, and their power."""
    every = (comparison_of(content, line) for line in content.lines)
    compared = [one for one in every if one is not None]
    if not compared or "verdict" not in content.table.show:
        return []
    margin = content.results.record.margin / 100
    bases = [words for basis, words in BASES.items() if any(one.basis == basis for one in compared)]
    return [
        f"Verdict: '{DIFFERS}' if the 95 % interval of the difference excludes 0; '{AGREES}' if its 90 % "
        f"interval is within {_margin(content, margin)} (two one-sided tests at 5 %); '{SMALL}' if both; "
        f'else "{UNDECIDED}". Error of the published value: {"; or ".join(bases)}.',
        f"{_counted(compared, margin)} {_power(content)}",
    ]


def _margin(content: TableContent, margin: float) -> str:
    percent = {spec.METRICS[line.metric].percent for line in content.lines if line.found}
    units = [f"{100 * margin:g} points"] if True in percent else []
    return " or ".join([*units, *([f"{margin:g}"] if False in percent else [])])


def _counted(compared: Sequence[Comparison], margin: float) -> str:
    """Returns how many verdicts there are of each sort, and what Holm's correction leaves."""
    words = [one.verdict(margin) for one in compared]
    kept = holm([one.p_value for one in compared])
    n, left = len(words), sum(keep and word == DIFFERS for keep, word in zip(kept, words, strict=True))
    differ, alike = words.count(DIFFERS), words.count(AGREES) + words.count(SMALL)
    parts = [
        f"{count} {verb}"
        for count, verb in (
            (alike, "agrees" if alike == 1 else "agree"),
            (differ, f"{'differs' if differ == 1 else 'differ'} ({left} after Holm's correction)"),
            (words.count(UNDECIDED), UNDECIDED),
        )
        if count
    ]
    return f"{n} verdict{'s' * (n != 1)}: {', '.join(parts)}."


def _power(content: TableContent) -> str:
    """Returns the range of the smallest differences that could have been found."""
    by_unit: dict[bool, list[float]] = {}
    for line in content.lines:
        if (least := detectable_of(content, line)) is not None:
            by_unit.setdefault(spec.METRICS[line.metric].percent, []).append(least)
    ranges = []
    for percent, found in sorted(by_unit.items(), reverse=True):
        ends = [f"{100 * one:.1f}" if percent else f"{one:.3f}" for one in (min(found), max(found))]
        unit = " points" if percent else " (metrics that aren't in percent)" if len(by_unit) > 1 else ""
        ranges.append(" to ".join(dict.fromkeys(ends)) + unit)
    if not ranges:
        return "No difference could have been found with 80 % power."
    return (
        f"Smallest difference that would be found with 80 % power: {', '.join(ranges)}; by line in the CSV."
    )


def _not_comparable(content: TableContent, line: Line) -> str:
    why = content.why_not_comparable(line)
    if why and content.table.values_as == "percent":
        return f"not comparable: {why.split(';')[0]}"
    return "not comparable" if why else ""


def _why_none(content: TableContent, line: Line) -> str:
    found = line.found
    return why_no_verdict(
        line.printed.fraction if line.printed else None,
        found.spread[0] if found else line.size,
        found.interval if found else None,
        not_comparable=_not_comparable(content, line),
        not_measured=line.why,
    )


def _score(content: TableContent, line: Line) -> PublishedScore:
    """Returns a line's published value with what is known of the test that gave it."""
    printed, table, results = line.printed, content.table, content.shown
    assert printed is not None
    source, unit = printed.source, 100 if spec.METRICS[line.metric].percent else 1
    if source is None:
        # A line of scikit-learn's report, which has two decimals and the number of images.
        trials, images = _of_report(content, line)
        return PublishedScore(printed.fraction, trials=trials, images=images, rounding=0.005)
    rounding = 0.5 / 10 ** table.decimals(source) / unit
    if table.values_as == "hundredths":
        rounding = max(rounding, 0.005)
    sample, std = table.sample(source), source.std
    over_folds = content.over_folds and std is not None
    score = PublishedScore(
        printed.fraction,
        std=None if std is None else std / unit,
        runs=results.paper.runs,
        folds=results.n_folds if over_folds else 1,
        rounding=rounding,
    )
    if sample is not None:
        in_fractions = std is not None and sample.std_unit == "fraction"
        score = score._replace(
            std=std if in_fractions else score.std,
            runs=sample.runs,
            folds=sample.folds,
            images=sample.n,
            trials=_trials(content, line, source, sample),
        )
    if score.folds > 1:
        row = line.place.row
        score = score._replace(test_train_ratio=fold_size_ratio(results, row, n_folds=score.folds))
    return score


def _trials(
    content: TableContent, line: Line, published: spec.Published, sample: spec.Sample
) -> float | None:
    """Returns the number of images that a published proportion is of; None if it isn't known."""
    if line.metric in ("accuracy", "error_rate", "weighted_recall"):
        return sample.n
    if not content.results.paper.positive_class or not sample.sizes:
        return None
    positives = sample.sizes[content.results.positive]
    if line.metric in _RECALLS:
        return positives
    if line.metric == "specificity":
        return sample.n - positives
    if line.metric != "precision" or not published.value:
        return None
    # The hits, from the printed recall, divided by the precision are the images predicted as positive.
    recalls = [replace(published, metric=name) for name in _RECALLS]
    same = [(one.row, one.metric, one.dataset, one.subset) for one in recalls]
    printed = [p for p in content.table.published if (p.row, p.metric, p.dataset, p.subset) in same]
    return positives * printed[0].value / published.value if printed else None


def _of_report(content: TableContent, line: Line) -> tuple[float | None, float | None]:
    """Returns denominator and number of images of a line of scikit-learn's report, as printed."""
    support, _ = content.support(line)
    if not support:
        return None, None
    if line.metric in ("recall", "sensitivity", "accuracy", "weighted_recall"):
        return support, support
    name, _ = content.class_and_metric(line.place, line.metric)
    recall, value = content.report.get((line.place.row, name, "recall")), line.printed and line.printed.value
    known = line.metric == "precision" and recall and value
    return (support * recall / value if known and recall and value else None), support
