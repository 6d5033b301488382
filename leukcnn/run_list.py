"""The runs in a folder and their trials, as `leukcnn list` shows them: from the store, without Keras."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from leukcnn import papers, spec
from leukcnn.errors import LeukCNNError, StoreError
from leukcnn.fields import did_you_mean_folder
from leukcnn.outputs.summary import summary_of
from leukcnn.records import ExperimentRecord, PlannedTrial, why_diverged
from leukcnn.rendering.tables import Column, Table
from leukcnn.results.measure import mean_value
from leukcnn.results.results import Results
from leukcnn.runs import Store
from leukcnn.spec.metrics import METRICS
from leukcnn.start import find_paper, stored_paper

__all__ = ["RUNS_FORMAT", "ListedRun", "ListedTrial", "list_runs", "run_table", "to_json", "trial_table"]

RUNS_FORMAT = "leukcnn runs 1"
"""The form of the JSON text, with its version."""

STATES = ("finished", "interrupted", "diverged", "damaged", "not started")
"""States of a trial. One that is being trained counts as interrupted."""


@dataclass(frozen=True)
class ListedTrial:
    """A trial of a run.

    Attributes:
        row: Id of the row, or key of the control.
        split: Kind of split.
        run: Number of the repetition, from 0.
        fold: The tested fold; -1 if there are none.
        seed: Its root seed.
        state: One of `STATES`.
        bytes: Size of its files.
        name: Name of its folder.
    """

    row: str
    split: str
    run: int
    fold: int
    seed: int
    state: str
    bytes: int
    name: str


@dataclass(frozen=True)
class ListedRun:
    """A run: one experiment of a paper.

    Attributes:
        paper: Key of the paper.
        name: Name of the experiment's folder.
        written: When its record was written, in UTC, as ISO 8601 writes it.
        profile: Name of the profile; "" if the record can't be read, as in the fields that follow.
        split: Kind of the main split.
        seed: Root seed.
        trials: State -> number of trials that train a network or fit one on features.
        best_row: The row with the best value of the main metric, "" if no row has one.
        metric: The paper's main metric.
        value: Its mean over folds or runs; a percentage is a fraction.
        bytes: Size of the experiment's folder and of its trials, which other runs may share.
        faults: Why it can't be read, or its paper can't.
        of_trials: Its trials and controls.
    """

    paper: str
    name: str
    written: str
    profile: str = ""
    split: str = ""
    seed: int = 0
    trials: dict[str, int] = field(default_factory=dict)
    best_row: str = ""
    metric: str = ""
    value: float | None = None
    bytes: int = 0
    faults: tuple[str, ...] = ()
    of_trials: tuple[ListedTrial, ...] = ()


def list_runs(out: Path) -> list[ListedRun]:
    """Returns the runs of all papers in a folder of runs, by paper, the oldest first.

    Args:
        out: The folder, as --out of `leukcnn reproduce`.

    Raises:
        StoreError: It holds no runs.
    """
    records = sorted(
        out.glob("*/experiments/*/experiment.json"), key=lambda path: (path.parts[-4], _date(path))
    )
    if not records:
        raise StoreError(
            f"There are no runs in {out}." if out.exists() else f"There is no folder {out}.",
            expected="a folder that `leukcnn reproduce` or `leukcnn evaluate` wrote to",
            remedy=(did_you_mean_folder(out) if not out.exists() else "") or "name it with --out",
        )
    stores = {path.parents[2].name: Store(out, path.parents[2].name) for path in records}
    return [_Listing(path.parent, stores[path.parents[2].name]).run() for path in records]


class _Listing:
    """Reads one run."""

    def __init__(self, folder: Path, store: Store):
        self.folder, self.store = folder, store

    def run(self) -> ListedRun:
        """Returns the run, with its faults if it can't be read."""
        key, name = self.store.root.name, self.folder.name
        written = _date(self.folder / "experiment.json")
        try:
            record = ExperimentRecord.load(self.folder)
        except StoreError as error:
            return ListedRun(key, name, written, bytes=_size(self.folder), faults=(error.reason,))
        every = {trial.name: trial for trial in reversed(record.every_trial)}
        of_trials = tuple(map(self._trial, reversed(every.values())))
        states = {trial.name: trial.state for trial in of_trials}
        networks = {trial.name for trial in record.trials}
        counts = Counter(states[name] for name in networks)
        best_row, metric, value, faults = self._best(record)
        return ListedRun(
            key,
            name,
            written,
            record.profile,
            record.split,
            record.seed,
            trials={state: counts[state] for state in STATES},
            best_row=best_row,
            metric=metric,
            value=value,
            bytes=_size(self.folder) + sum(trial.bytes for trial in of_trials),
            faults=faults,
            of_trials=of_trials,
        )

    def _trial(self, planned: PlannedTrial) -> ListedTrial:
        folder = self.store.root / "trials" / planned.name
        return ListedTrial(
            planned.row,
            planned.split,
            planned.run,
            planned.fold,
            planned.seed,
            self._state(planned.name, folder),
            _size(folder),
            planned.name,
        )

    def _state(self, name: str, folder: Path) -> str:
        if self.store.finished_trial(name) is not None:
            return "finished"
        if name in self.store.damaged:
            return "damaged"
        if why_diverged(folder):
            return "diverged"
        return "interrupted" if (folder / "state.npz").exists() else "not started"

    def _best(self, record: ExperimentRecord) -> tuple[str, str, float | None, tuple[str, ...]]:
        """Returns the best row, the main metric, its value, and why there is none."""
        try:
            paper = self._paper
            metric = summary_of(paper).metrics[0]
            if metric not in METRICS or (METRICS[metric].of_class and not paper.positive_class):
                metric = "accuracy"
            results = Results(paper, record, self.store)
            values = {
                row: value for row in paper.row_ids if (value := mean_value(results, row, metric)) is not None
            }
        except LeukCNNError as error:
            return "", "", None, (error.reason,)
        except KeyError as error:
            return "", "", None, (f"the paper has changed since and lacks {error}",)
        if not values:
            return "", metric, None, ()
        # A loss is the better the lower it is.
        best = (min if METRICS[metric].limits[1] > 1 else max)(values, key=values.__getitem__)
        return best, metric, values[best], ()

    @cached_property
    def _paper(self) -> spec.Paper:
        key = self.store.root.name
        return find_paper(key) if key in papers.list_papers() else stored_paper(self.folder)


def _date(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def run_table(runs: list[ListedRun]) -> Table:
    """Returns the runs as a table, a line each."""
    columns = [
        *map(Column, ("Paper", "Run", "Written (UTC)", "Profile", "Split")),
        *(Column("Seed", "integer"), Column("Trained"), Column("Not finished")),
        *(
            Column("Best network"),
            Column("Metric"),
            Column("Value", "quantity"),
            Column("Size (MB)", "integer"),
        ),
    ]
    rows = []
    for run in runs:
        title, percent = _title_of(run.metric)
        finished, planned = run.trials.get("finished", 0), sum(run.trials.values())
        others = [f"{n} {state}" for state, n in run.trials.items() if n and state in STATES[1:4]]
        rows.append(
            (
                *(run.paper, run.name, run.written[:16].replace("T", " "), run.profile, run.split),
                *(run.seed, f"{finished} of {planned}", ", ".join(others), run.best_row),
                *(title + " (%)" * percent if run.value is not None else "",),
                *(None if run.value is None else run.value * (100 if percent else 1),),
                *(round(run.bytes / 1e6),),
            )
        )
    notes = [f"{run.name}: {fault}" for run in runs for fault in run.faults]
    return Table("runs", "Runs", columns, rows, notes)


def trial_table(runs: list[ListedRun]) -> Table:
    """Returns the trials of all runs as a table, a line each."""
    columns = [
        *map(Column, ("Paper", "Run", "Row", "Split")),
        *(Column("Repetition", "integer"), Column("Fold", "integer"), Column("Seed", "integer")),
        *(Column("State"), Column("Size (MB)", "integer"), Column("Folder")),
    ]
    rows = [
        (
            *(run.paper, run.name, trial.row, trial.split, trial.run, max(trial.fold, 0), trial.seed),
            *(trial.state, round(trial.bytes / 1e6), trial.name),
        )
        for run in runs
        for trial in run.of_trials
    ]
    return Table("trials", "Trials and controls", columns, rows)


def to_json(runs: list[ListedRun], *, trials: bool = False) -> dict[str, Any]:
    """Returns the runs as JSON values.

    Args:
        runs: The runs.
        trials: Whether to list their trials too.
    """
    plain = [asdict(run) for run in runs]
    for run in plain:
        of_trials = run.pop("of_trials")
        if trials:
            run["of_trials"] = list(of_trials)
    return {"format": RUNS_FORMAT, "runs": plain}


def _title_of(metric: str) -> tuple[str, bool]:
    known = METRICS.get(metric)
    return (known.title, known.percent) if known else (metric, False)


def __dir__() -> list[str]:
    return sorted(__all__)
