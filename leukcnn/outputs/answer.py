"""The answer of a run: its main result, with what it has to be compared with, from the store alone.

`Answer.lines` says it in at most twelve lines. `Answer.to_json` has the same and all values that it rests on,
in the form of `summary.schema.json`, which is next to this module.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.datasets import card
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.outputs.metric_lines import Line, Place, TableContent
from leukcnn.outputs.metric_verdicts import verdict_of
from leukcnn.outputs.summary import summary_of
from leukcnn.outputs.titles import table_lines, trial_title
from leukcnn.results.comparisons import COMPARED_SUBSETS, Comparison, compare
from leukcnn.results.results import Results

SCHEMA, VERSION = "leukcnn-summary", 1
SCHEMA_FILE = Path(__file__).with_name("summary.schema.json")
"""The JSON Schema of `Answer.to_json`."""

_MORE_METRICS = ("accuracy", "macro_f1")
_OF_ONE_CLASS = ("sensitivity", "specificity")
_LOWER_IS_BETTER = ("error_rate", "log_loss", "brier_score", "calibration_error")


@dataclass(frozen=True)
class Score:
    """A metric of a network or control on a tested dataset.

    Attributes:
        row: Id of the row, or key of the control.
        label: Its name.
        control: Whether it is a control.
        dataset: Key of the tested dataset, several joined by "+"; "" for all together.
        subset: "test", or "external" for the authors' set of other subjects.
        metric: A key of `leukcnn.spec.METRICS`.
        value: The mean over runs or folds; None if nothing was measured or it is undefined. Percentages are
            fractions.
        std: Standard deviation over runs or folds; None for one value.
        low: Lower bound of the 95 % interval; None if there is none.
        high: Upper bound.
        unit: What the interval is over, such as "subjects"; "" if there is none.
        images: Number of tested images of a run.
        published: The paper's value, in the unit of `value`; None if it prints none.
        verdict: What is known of the two; "" without a published value.
        why: Why nothing was measured; "" if something was.
    """

    row: str
    label: str
    control: bool
    dataset: str
    subset: str
    metric: str
    value: float | None
    std: float | None
    low: float | None
    high: float | None
    unit: str
    images: int
    published: float | None
    verdict: str
    why: str


@dataclass(frozen=True)
class Against:
    """A network and a control on the same images: the difference of their accuracies.

    Attributes:
        row: Id of the row.
        dataset: As in `Score`.
        subset: As in `Score`.
        control: Key of the control.
        best: Whether no other control has a higher accuracy on these images.
        comparison: The comparison.
    """

    row: str
    dataset: str
    subset: str
    control: str
    best: bool
    comparison: Comparison

    @property
    def words(self) -> str:
        """The comparison in words: "no better than ..."."""
        return self.comparison.words(CONTROLS[self.control].sees)

    def to_json(self) -> dict[str, Any]:
        """Returns plain values; differences are fractions, not points."""
        one = self.comparison
        return {
            **{name: getattr(self, name) for name in ("row", "dataset", "subset", "control", "best")},
            "accuracy": one.accuracy,
            "control_accuracy": one.other_accuracy,
            "difference": one.difference,
            "low": _number(one.test.low),
            "high": _number(one.test.high),
            "p": _number(one.test.p_value),
            "images": one.n,
            "verdict": one.verdict,
            "words": self.words,
        }


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer of a run.

    Attributes:
        results: The run under the split that the answer is about.
        metric: The paper's main metric.
        scores: The main metric, then others, of every row and control on every tested dataset.
        against: Every trained row against every control on the same images.
    """

    results: Results
    metric: str
    scores: tuple[Score, ...]
    against: tuple[Against, ...]

    def lines(self, folder: Path | None = None) -> list[str]:
        """Returns the answer in at most twelve lines of plain text.

        Args:
            folder: The experiment's folder; the last lines then say where the model and the report are.
        """
        # The words need this module.
        from leukcnn.outputs.answer_words import lines_of

        return lines_of(self, folder)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def of(self, row: str, *, subset: str = "test", metric: str = "") -> list[Score]:
        """Returns the measured scores of a row or control, one for each tested dataset.

        Args:
            row: Row or control.
            subset: As in `Score`.
            metric: As in `Score`; "" for the main one.
        """
        wanted = (row, subset, metric or self.metric)
        return [one for one in self._measured if (one.row, one.subset, one.metric) == wanted]

    def mean(self, row: str) -> float:
        """Returns the mean of a row's main metric over the tested datasets."""
        return float(np.mean([one.value for one in self.of(row) if one.value is not None]))

    @cached_property
    def networks(self) -> list[str]:
        """The rows with values, the best first; those that lack a tested dataset are last."""
        return self._ranked(control=False)

    @cached_property
    def controls(self) -> list[str]:
        """The controls with values, the best first."""
        return self._ranked(control=True)

    @property
    def best_against(self) -> list[Against]:
        """The best network on the test set against the best control on each tested dataset."""
        best = self.networks[:1]
        chosen = (one for one in self.against if one.best and one.subset == "test" and one.row in best)
        # Of equal controls, the first one.
        return [*{one.dataset: one for one in reversed([*chosen])}.values()][::-1]

    @cached_property
    def untrained(self) -> dict[str, str]:
        """Row of this run without any result -> why."""
        results = self.results
        why = {row: results.why_missing(row, "test") for row in self._planned}
        return {row: reason for row, reason in why.items() if not results.has_values(row)}

    @cached_property
    def diverged(self) -> list[str]:
        """Title of each trial whose training diverged, and how."""
        every = [one for of_row in self.results.diverged.values() for one in of_row]
        runs = self.results.record.runs
        return [f"{trial_title(self.results.paper, trial, runs=runs)}: {why}" for trial, why in every]

    @property
    def comparable(self) -> bool:
        """Whether some value may be compared with the paper's."""
        tested = self.results.tested or ("",)
        return not all(self.results.why_not_comparable(dataset) for dataset in tested)

    @cached_property
    def tested_groups(self) -> tuple[int, int, str]:
        """Number of tested images and of their known groups, and what the groups are, such as "subjects"."""
        results, tested = self.results, self.results.tested or ("",)
        for row in (*self.networks, *self.controls):
            runs = [one for dataset in tested for one in results.runs(row, dataset=dataset)[:1]]
            images = {image for one in runs for image in one.image.tolist()}
            groups = {group for one in runs for group in one.group.tolist() if group}
            are = {card(name).groups_are for name in results.record.datasets}
            return (
                len(images),
                len(groups),
                are.pop() if len(are) == 1 else "groups (subjects, slides, fields)",
            )
        return 0, 0, ""

    def to_json(self) -> dict[str, Any]:
        """Returns the answer as plain JSON values, without NaN; `SCHEMA_FILE` describes them."""
        results, record = self.results, self.results.record
        images, groups, groups_are = self.tested_groups
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "lines": self.lines(),
            "paper": {name: getattr(results.paper, name) for name in ("key", "title", "task")},
            "run": {
                "profile": record.profile,
                "split": results.split_kind,
                "seed": record.seed,
                "runs": record.runs,
                "folds": results.n_folds,
                "assumed": record.assumed,
                "changes": record.changes,
            },
            "data": {
                "datasets": record.datasets,
                "tested_images": images,
                "tested_groups": groups,
                "groups_are": groups_are,
                "synthetic": is_synthetic(results),
                "comparable": self.comparable,
                "not_comparable": record.not_comparable,
                "not_comparable_on": {name: results.why_not_comparable_on(name) for name in results.tested},
            },
            "metric": {
                "name": self.metric,
                "title": spec.METRICS[self.metric].title,
                "percent": spec.METRICS[self.metric].percent,
                "lower_is_better": self.metric in _LOWER_IS_BETTER,
            },
            "best_network": self.networks[0] if self.networks else None,
            "best_control": self.controls[0] if self.controls else None,
            "scores": [asdict(one) for one in self.scores],
            "comparisons": [one.to_json() for one in self.against],
            "leaks": self._leaks(),
            "untrained": self.untrained,
            "diverged": self.diverged,
            "damaged": [planned.name for planned in results.damaged],
        }

    def _leaks(self) -> dict[str, Any]:
        record = self.results.record
        return {
            "separated_pairs": {kind: pairs._asdict() for kind, pairs in record.separated_pairs.items()},
            "pairs_in_two_classes": record.pairs_in_two_classes,
            "unknown_subjects": {kind: one._asdict() for kind, one in record.unknown_subjects.items()},
            "overlaps": [
                {
                    "subset": shared.subset,
                    "total": shared.total,
                    "copies": len(shared.copies),
                    "of_subjects": len(shared.of_subjects),
                    "subjects": len(shared.subjects),
                }
                for shared in record.overlaps
            ],
        }

    @property
    def _measured(self) -> Iterator[Score]:
        return (one for one in self.scores if one.value is not None)

    @property
    def _planned(self) -> list[str]:
        """The rows that this run would train, and those that it can't."""
        record, paper = self.results.record, self.results.paper
        profile = paper.profile(record.profile)
        kind = self.results.split_kind
        planned = {trial.row for trial in record.trials if trial.split == kind} | {*record.missing}
        return [row for row in paper.row_ids if row in planned and not profile.leaves_out(row)]

    def _ranked(self, *, control: bool) -> list[str]:
        rows = dict.fromkeys(
            one.row
            for one in self._measured
            if (one.control, one.metric, one.subset) == (control, self.metric, "test")
        )
        sign = -1 if self.metric in _LOWER_IS_BETTER else 1
        return sorted(rows, key=lambda row: (len(self.of(row)), sign * self.mean(row)), reverse=True)


def answer_of(results: Results) -> Answer:
    """Returns the answer of an experiment.

    The split is that of the first table that prints the main metric, or the run's main one if no trial has
    that split.
    """
    asked = summary_of(results.paper)
    kinds = {trial.split for trial in (*results.record.trials, *results.record.controls)}
    if asked.split not in kinds:
        asked = replace(asked, split="")
    # Without a positive class, a metric of one class means its averages over the classes.
    shown, metric = results.under(asked.split), next(iter(TableContent(results, asked).metrics), "accuracy")
    others = [*_MORE_METRICS, *(_OF_ONE_CLASS if results.paper.positive_class else ())]
    scores = [
        _score(content, content.line(place, name), dataset)
        for name in dict.fromkeys((metric, *others))
        for content, place, dataset in _places(results, replace(asked, metrics=(name,)))
        if name == metric or content.measured(place, name)
    ]
    return Answer(shown, metric, tuple(scores), tuple(_against(shown)))


def is_synthetic(results: Results) -> bool:
    """Returns whether the images of an experiment are synthetic."""
    return "synthetic data" in results.record.not_comparable.split("; ")


def _places(results: Results, asked: spec.Table) -> Iterator[tuple[TableContent, Place, str]]:
    """Yields the places of all scores of a metric: contents, place in them, and the tested dataset."""
    shown = results.under(asked.split)
    contents: list[tuple[TableContent, str, str]] = []
    if len(shown.tasks) > 1:
        # Each dataset has networks of its own.
        for task in shown.tasks:
            published = tuple(replace(p, dataset="") for p in asked.published if p.dataset == task)
            own = TableContent(results.task(task), replace(asked, published=published))
            contents.append((own, "", task))
    else:
        content, printed = TableContent(results, asked), {p.dataset for p in asked.published}
        (alone,) = printed if len(printed) == 1 else ("",)
        contents = [(content, dataset, dataset) for dataset in shown.tested or (alone,)]
    rows = [row for row, _ in table_lines(results)]
    for subset, (content, place, dataset), row in product(COMPARED_SUBSETS, contents, rows):
        at = Place(row, place, subset, asked.split)
        if subset == "test" or content.measured(at, asked.metrics[0]):
            yield content, at, dataset


def _score(content: TableContent, line: Line, dataset: str) -> Score:
    found, printed, row = line.found, line.printed, line.place.row
    interval = found.interval if found and found.interval.defined else None
    mean, std = found.spread if found else (None, None)
    return Score(
        row=row,
        label=dict(table_lines(content.results))[row],
        control=row in CONTROLS,
        dataset=dataset,
        subset=line.place.subset,
        metric=line.metric,
        value=_number(mean),
        std=_number(std),
        low=_number(interval.low) if interval else None,
        high=_number(interval.high) if interval else None,
        unit=interval.unit if interval else "",
        images=found.n if found else 0,
        published=printed.fraction if printed else None,
        verdict=verdict_of(content, line) if printed else "",
        why=line.why,
    )


def _against(results: Results) -> Iterator[Against]:
    paper = results.paper
    for row, dataset, subset in product(paper.row_ids, results.tested or ("",), COMPARED_SUBSETS):
        found = {
            control: comparison
            for control in paper.controls
            if (comparison := compare(results, row, control, dataset=dataset, subset=subset))
        }
        highest = max((one.other_accuracy for one in found.values()), default=0)
        for control, comparison in found.items():
            best = comparison.other_accuracy == highest
            yield Against(row, dataset, subset, control, best, comparison)


def _number(value: float | None) -> float | None:
    """Returns a finite number, or None: JSON has no NaN."""
    return value if value is not None and math.isfinite(value) else None
