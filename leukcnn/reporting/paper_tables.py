"""A paper's tables, published beside measured, from an experiment's record and the store alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leukcnn import spec
from leukcnn.datasets import DatasetCard, card
from leukcnn.evaluation.metrics import METRICS, BinaryScores, GroupAccuracy, accuracy_per_group, binary_scores
from leukcnn.evaluation.statistics import Interval, interval_for, run_interval, wilson_interval
from leukcnn.records import ExperimentRecord
from leukcnn.reporting.comparison import METRIC_TITLES, comparison_columns, comparison_rows
from leukcnn.reporting.tables import Cell, Column, Table
from leukcnn.runs import Predictions, Store, Trial
from leukcnn.splits import balanced_subset
from leukcnn.trials import MAIN_CHECKPOINT


@dataclass(frozen=True)
class Scores:
    """Figures of one row on one test set.

    Attributes:
        values: Metric -> fraction; the mean where there are several runs.
        intervals: Metric -> 95 % interval.
        method: How the intervals came about, in words.
        runs: The figures of each run.
    """

    values: dict[str, float]
    intervals: dict[str, Interval]
    method: str
    runs: list[BinaryScores]


@dataclass(frozen=True)
class Results:
    """The finished trials of an experiment.

    Attributes:
        paper: The paper.
        record: What was asked for.
        store: Where the trials lie.
    """

    paper: spec.Paper
    record: ExperimentRecord
    store: Store

    @property
    def card(self) -> DatasetCard:
        """The paper's dataset."""
        return card(self.paper.dataset)

    @property
    def positive(self) -> int:
        """Position of the positive class."""
        return self.card.classes.index(self.card.positive_class)

    @cached_property
    def trials(self) -> dict[str, list[tuple[int, int, Trial]]]:
        """Row -> (run, seed, finished trial) of all its runs and folds."""
        found = {row: [] for row in self.paper.row_ids}
        for planned in self.record.trials:
            trial = self.store.finished_trial(planned.name)
            if trial is not None:
                found[planned.row].append((planned.run, planned.seed, trial))
        return found

    @cached_property
    def predictions(self) -> dict[str, list[tuple[int, Predictions]]]:
        """Row -> (seed, predictions of all folds) of each run whose folds are all finished."""
        found = {}
        for row, trials in self.trials.items():
            wanted = len([p for p in self.record.trials if p.row == row and p.run == 0])
            found[row] = []
            for run in range(self.record.runs):
                of_run = [(seed, trial.predictions()) for number, seed, trial in trials if number == run]
                if len(of_run) == wanted:
                    joined = Predictions.join([predictions for _, predictions in of_run])
                    main = joined.select(joined.checkpoint == MAIN_CHECKPOINT)
                    found[row].append((of_run[0][0], main))
        return found

    def part(self, row: str, part: str) -> list[Predictions]:
        """Returns each run's predictions of a set; "balanced" is the test set with equal classes.

        Pictures without a label count in the final phase alone, where there are no others. A network of each
        fold has predicted the external set; only the first fold's counts.
        """
        chosen = []
        for seed, predictions in self.predictions[row]:
            of_part = predictions.select(predictions.part == ("test" if part == "balanced" else part))
            if part != "final":
                of_part = of_part.select(of_part.label >= 0)
            if part == "balanced" and len(of_part):
                of_part = of_part.select(balanced_subset(of_part.label, seed=seed, ids=of_part.image))
            if part in ("external", "final"):
                _, first = np.unique(of_part.image, return_index=True)
                of_part = of_part.select(first)
            if len(of_part):
                chosen.append(of_part)
        return chosen

    def scores(self, row: str, part: str) -> Scores | None:
        """Returns the figures of a row on a set, or None where they aren't measured."""
        runs = self.part(row, part)
        if not runs:
            return None
        scores = [binary_scores(p.label, p.predicted, positive=self.positive) for p in runs]
        if len(runs) > 1:
            values = {name: [getattr(s, name) for s in scores] for name in METRICS}
            intervals = {name: run_interval(v) for name, v in values.items()}
            means = {name: float(np.mean(v)) for name, v in values.items()}
            return Scores(means, intervals, intervals["accuracy"].describe(), scores)
        # On a split by cell the subjects are the same everywhere: a cell is what was drawn at random.
        by_subject = part == "external" or self.record.split != "cell"
        (p,) = runs
        intervals = {
            name: interval_for(
                name, p.label, p.predicted, p.group if by_subject else None, positive=self.positive
            )
            for name in METRICS
        }
        method = intervals["accuracy"].describe()
        if intervals["f1"].method != intervals["accuracy"].method:
            method += f"; F1-scores: {intervals['f1'].describe()}"
        return Scores({name: getattr(scores[0], name) for name in METRICS}, intervals, method, scores)

    def why_missing(self, row: str, part: str) -> str:
        """Returns why a row has no figures on a set."""
        if part in self.record.missing:
            return self.record.missing[part]
        if not self.predictions[row]:
            return "this row has not been trained"
        return "" if self.part(row, part) else "these pictures have no labels"


def paper_tables(results: Results, *, only: str | None = None) -> list[Table]:
    """Returns the paper's tables and those that stand beside them.

    Args:
        results: The experiment.
        only: Id of the one table to return; None or the id of a row for all.
    """
    wanted = [table for table in results.paper.tables if only in (None, table.id, *results.paper.row_ids)]
    return [_BUILDERS[table.kind](results, table) for table in wanted]


def _finish(
    results: Results, table: spec.Table, columns, rows, *, notes: tuple[str, ...] = (), measured: bool = True
) -> Table:
    title = f"{table.where}: {table.title}" if table.where else table.title
    marks = ()
    if measured:
        notes = (*notes, "The assumptions that it rests on stand in the table 'assumptions'.")
        if results.record.not_comparable:
            marks = (f"NOT COMPARABLE WITH THE PAPER: {results.record.not_comparable}",)
    return Table(table.id, title, columns, rows, notes=(*notes, *table.notes), marks=marks)


def assumption_table(results: Results) -> Table:
    """Returns the assumptions with the values of this experiment, and what is amiss in the paper."""
    paper, record = results.paper, results.record
    rows = []
    for assumption in paper.assumptions:
        value = paper.assumed_value(assumption.name, profile=record.profile, assumed=record.assumed)
        changed = "yes" if assumption.name in record.assumed else "no"
        rows.append((assumption.name, value, changed, assumption.reason, assumption.where))
    columns = ["Assumption", "Value", "Overridden", "Reason", "Where"]
    notes = ("Override with --assume NAME=VALUE.", *(f"{f.where}: {f.text}" for f in paper.findings))
    return Table(
        "assumptions", "Assumptions, where the paper leaves a detail open", columns, rows, notes=notes
    )


def _counts(results: Results, table: spec.Table) -> Table:
    names = [results.card.positive_class, *(set(results.card.classes) - {results.card.positive_class})]
    rows = []
    for part, printed in zip(("train", "validation", "test"), table.reference, strict=True):
        cells: list[Cell] = [printed[0]]
        for i, (stage, name) in enumerate((s, n) for s in ("before", "after") for n in names):
            cells += [printed[1 + i], results.record.counts[part].get(stage, {}).get(name)]
        rows.append(tuple(cells))
    columns = ["Set"]
    for heading in table.columns[1:]:
        columns += [Column(f"{heading}, published", "integer"), Column(f"{heading}, here", "integer")]
    notes = (f"Split by {results.record.split}; augmentation tops both classes up, the originals stay.",)
    return _finish(results, table, columns, rows, notes=notes)


_TEST_SETS = {"test": "full", "balanced": "balanced"}


def _scores(results: Results, table: spec.Table) -> Table:
    rows, methods = [], {}
    for row in results.paper.rows:
        for part, shown in _TEST_SETS.items():
            scores = results.scores(row.id, part)
            printed = {name: table.value(row.id, name) for name in METRICS}
            n = len(results.part(row.id, part)[0]) if scores else None
            rows += comparison_rows(
                {k: None if v is None else v / 100 for k, v in printed.items()},
                scores.values if scores else None,
                scores.intervals if scores else {},
                leading=(row.label, shown, n),
                not_comparable=results.record.not_comparable.split(";")[0],
                not_measured=results.why_missing(row.id, part),
            )
            if scores:
                methods[f"Intervals: {scores.method}."] = None
    columns = comparison_columns("Network", "Test set", Column("Cells", "integer"))
    notes = [*methods, "Balanced: so many cells of the larger class are left out, drawn by the seed."]
    if results.record.identical_pairs:
        notes.append(
            f"{results.record.identical_pairs} pairs of byte-identical cells have one cell in the test set "
            "and one in the training or validation set."
        )
    return _finish(results, table, columns, rows, notes=tuple(notes))


def _confusion(results: Results, table: spec.Table) -> Table:
    rows = []
    for row in results.paper.rows:
        for part in ("test", "balanced", "external"):
            for number, predictions in enumerate(results.part(row.id, part), start=1):
                s = binary_scores(predictions.label, predictions.predicted, positive=results.positive)
                rows.append((row.label, part, number, s.tp, s.fn, s.fp, s.tn))
    titles = ("Run", "True positives", "False negatives", "False positives", "True negatives")
    columns = ["Network", "Set", *(Column(title, "integer") for title in titles)]
    return _finish(results, table, columns, rows, notes=(f"Positive: {results.card.positive_class}.",))


def _external(results: Results, table: spec.Table) -> Table:
    rows, methods = [], {}
    for row in results.paper.rows:
        full, balanced = results.scores(row.id, "test"), results.scores(row.id, "balanced")
        outside = results.scores(row.id, "external")
        reason = results.why_missing(row.id, "external")
        if reason:
            rows.append((row.label, "all", *[None] * 6, f"not measured: {reason}"))
            continue
        for name, title in METRIC_TITLES.items():
            interval, value = outside.intervals[name], outside.values[name]
            rows.append(
                (
                    row.label,
                    title,
                    full.values[name],
                    balanced.values[name],
                    value,
                    (interval.low, interval.high) if interval.defined else None,
                    value - full.values[name],
                    value - balanced.values[name],
                    "measured",
                )
            )
        methods[f"Intervals: {outside.method}."] = None
    columns = [
        "Network",
        "Metric",
        Column("Full test set", "percent"),
        Column("Balanced test set", "percent"),
        Column("Other subjects", "percent"),
        Column("95 % interval", "interval"),
        Column("Less full (points)", "points"),
        Column("Less balanced (points)", "points"),
        "State",
    ]
    return _finish(results, table, columns, rows, notes=(_SUBJECTS_TESTED[results.record.split], *methods))


# What the difference to other subjects means under each split.
_SUBJECTS_TESTED = {
    "cell": "The test set shares its subjects with the training set, as published; the preliminary phase has "
    "none of them. What is lost from one to the other is what a split by cell hides.",
    "subject": "Neither the test set nor the preliminary phase shares a subject with the training set.",
    "fold": "The test folds are the challenge's own, by subject but for identical cells; the preliminary "
    "phase has other subjects again, and the first fold's networks predict it.",
}


def _subjects(results: Results, table: spec.Table) -> Table:
    by_subject: dict[tuple[str, str], dict[str, GroupAccuracy]] = {}
    for row in results.paper.row_ids:
        for part in ("test", "external"):
            for predictions in results.part(row, part)[:1]:
                for group in accuracy_per_group(predictions.label, predictions.predicted, predictions.group):
                    by_subject.setdefault((part, group.group), {})[row] = group
    rows = []
    for (part, subject), figures in by_subject.items():
        cells: list[Cell] = [part, subject or "unknown", next(iter(figures.values())).n]
        for row in results.paper.row_ids:
            group = figures.get(row)
            interval = wilson_interval(group.correct, group.n) if group else None
            cells += [group and group.accuracy, interval and (interval.low, interval.high)]
        rows.append(tuple(cells))
    columns = ["Set", "Subject", Column("Cells", "integer")]
    for row in results.paper.rows:
        columns += [Column(row.label, "percent"), Column(f"{row.label}, 95 % interval", "interval")]
    notes = ["Intervals: Wilson, over each subject's cells."]
    if results.record.runs > 1:
        notes.append("Of the first run.")
    return _finish(results, table, columns, rows, notes=tuple(notes))


def _leaderboard(results: Results, table: spec.Table) -> Table:
    rows = []
    for printed in table.published:
        final = results.part(printed.row, "final")
        reason = results.why_missing(printed.row, "final") or "the final phase's labels are not public"
        state = f"not measured: {reason}"
        if final and len(final[0]) == results.record.final_total:
            state += f"; challenge/{printed.row}.zip holds the predictions"
            state += "" if results.record.not_comparable else " for the leaderboard"
        rows.append((results.paper.row(printed.row).label, printed.value / 100, state))
    columns = ["Network", Column("Published weighted F1-score", "percent"), "Measured"]
    return _finish(results, table, columns, rows)


def _reference(results: Results, table: spec.Table) -> Table:
    columns = [
        Column(title, "number") if isinstance(table.reference[0][i], float) else Column(title)
        for i, title in enumerate(table.columns)
    ]
    rows = [tuple(str(cell) if isinstance(cell, int) else cell for cell in row) for row in table.reference]
    if not table.measured:
        notes = ("As printed in the paper; nothing in it is measured here.",)
        return _finish(results, table, columns, rows, notes=notes, measured=False)
    measured = {}
    for first, row, metric in table.measured:
        scores = results.scores(row, "balanced")
        measured[first] = 100 * scores.values[metric] if scores else None
    rows = [(*row, measured.get(row[0])) for row in rows]
    columns.append(Column("Measured here (%), balanced test set", "number"))
    return _finish(results, table, columns, rows, notes=("The other rows are as printed in the paper.",))


_BUILDERS: Mapping[str, Callable[[Results, spec.Table], Table]] = {
    "counts": _counts,
    "scores": _scores,
    "confusion": _confusion,
    "external": _external,
    "subjects": _subjects,
    "leaderboard": _leaderboard,
    "reference": _reference,
}
