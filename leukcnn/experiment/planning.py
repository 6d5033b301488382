"""The plan of a run for people and for job arrays, and one trial of it run alone."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from leukcnn.callbacks import resume_epoch
from leukcnn.experiment.plan import Plan
from leukcnn.experiment.prepare import Prepared, wanted_controls, wanted_trials
from leukcnn.experiment.runner import Outcome, Runner
from leukcnn.experiment.study import Study
from leukcnn.outputs.titles import trial_title
from leukcnn.records import PlannedTrial
from leukcnn.runs import Store

FINISHED, DIVERGED, BEGUN, WAITING = "finished", "diverged", "begun", "waiting"
"""States of a planned trial. One that has begun has a saved epoch; another process may work on it."""


@dataclass(frozen=True)
class Entry:
    """A trial, control or probe of a plan.

    Attributes:
        name: Name of its folder in the store, for `--trial`.
        kind: "trial", "control" or "probe".
        row: Id of the paper's row, or key of the control.
        title: What it is, in words.
        split: Kind of its split.
        fold: The fold that is tested; -1 if the split has no folds.
        run: Number of the repetition, from 0.
        seed: Its root seed.
        tested: Keys of the datasets that it tests; empty if all are tested together.
        state: "finished", "diverged", "begun" or "waiting".
        needs: Name of the trial whose network computes its features; "" if it needs none.
    """

    name: str
    kind: str
    row: str
    title: str
    split: str
    fold: int
    run: int
    seed: int
    tested: tuple[str, ...]
    state: str
    needs: str


@dataclass(frozen=True)
class Listing:
    """The plan of a run.

    Attributes:
        paper: Key of the paper.
        profile: Name of the profile.
        seed: Root seed.
        runs: Number of repetitions.
        images: Number of images.
        reason: Why there are no trials; "" if there are some.
        trials: Controls, probe and trials, each once, in the order in which a run computes them.
    """

    paper: str
    profile: str
    seed: int
    runs: int
    images: int
    reason: str
    trials: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the plan as plain values: see `leukcnn plan` in the reference."""
        return {**vars(self), "trials": [entry_values(entry) for entry in self.trials]}

    def lines(self) -> list[str]:
        """Returns the plan as lines: name, state, kind, split, title and what is needed of each trial."""
        state, split = (
            max((len(getattr(one, name)) for one in self.trials), default=0) for name in ("state", "split")
        )
        lines = [
            f"{entry.name}  {entry.state:{state}}  {entry.kind:7}  {entry.split:{split}}  {entry.title}"
            + (f" (needs {entry.needs})" if entry.needs else "")
            for entry in self.trials
        ]
        counted = Counter(entry.state for entry in self.trials)
        states = ", ".join(f"{n:,} {state}" for state, n in sorted(counted.items()))
        return [*lines, f"Trials and controls: {states or self.reason or 'none'}."]


def entry_values(entry: Entry) -> dict[str, Any]:
    """Returns an entry as plain values."""
    values = {**vars(entry), "tested": list(entry.tested)}
    return values | {"finished": entry.state == FINISHED, "needs": [entry.needs] if entry.needs else []}


def listing(study: Study, store: Store, planned: Plan, *, images: int) -> Listing:
    """Returns the plan of a study, with the state of each trial in the store.

    Args:
        study: The paper with the options applied.
        store: The store, which may not exist yet.
        planned: The plan.
        images: Number of images.
    """
    wanted = wanted_trials(study, planned)
    controls = wanted_controls(study, planned, wanted)
    probes = [planned.probe] if planned.probe and (study.trained or study.controls_only) else []
    kinds = (("control", controls), ("probe", probes), ("trial", wanted))
    # A trial may serve two kinds of split; its first entry represents both.
    entries = {one.name: (kind, one) for kind, of_kind in reversed(kinds) for one in reversed(of_kind)}
    return Listing(
        paper=study.paper.key,
        profile=study.profile.name,
        seed=study.seed,
        runs=study.runs,
        images=images,
        reason=planned.reason,
        trials=tuple(_entry(study, store, planned, kind, one) for kind, one in reversed(entries.values())),
    )


def _entry(study: Study, store: Store, planned: Plan, kind: str, trial: PlannedTrial) -> Entry:
    probe = "Datasets by the borders of their images"
    return Entry(
        name=trial.name,
        kind=kind,
        row=trial.row,
        title=probe if kind == "probe" else trial_title(study.paper, trial, runs=study.runs),
        split=trial.split,
        fold=trial.fold,
        run=trial.run,
        seed=trial.seed,
        tested=trial.tested,
        state=_state(store, trial.name),
        needs=planned.identities[trial.name].get("features_of", ""),
    )


def _state(store: Store, name: str) -> str:
    folder = store.root / "trials" / name
    if os.path.lexists(folder / "done.json"):
        return FINISHED
    if (folder / "diverged.json").exists():
        return DIVERGED
    return BEGUN if (folder / "state.npz").exists() and resume_epoch(folder / "state.npz") else WAITING


@dataclass(frozen=True)
class Ended:
    """What `--trial` has done.

    Attributes:
        entry: The trial, with its state afterwards.
        outcome: What prevented a result, if something did.
        was_finished: Whether it was finished before.
        listing: The whole plan afterwards.
    """

    entry: Entry
    outcome: Outcome
    was_finished: bool
    listing: Listing

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain values."""
        return {
            "trial": entry_values(self.entry),
            "diverged": self.outcome.diverged,
            "fault": self.outcome.fault,
            "finished": self._finished,
            "planned": len(self.listing.trials),
        }

    def line(self) -> str:
        """Returns it as a sentence."""
        what = "was finished already" if self.was_finished else self.entry.state
        return (
            f"{self.entry.title} ({self.entry.name}): {what}. Trials and controls of this run: "
            f"{self._finished:,} of {len(self.listing.trials):,} finished."
        )

    @property
    def _finished(self) -> int:
        return sum(entry.state == FINISHED for entry in self.listing.trials)


def run_one(prepared: Prepared, name: str) -> Ended:
    """Runs one trial, control or the probe of a plan.

    Args:
        prepared: The run.
        name: Name of the trial, which `prepare` has found in the plan.

    Raises:
        StoreError: It is damaged, or another process works on it.
    """
    study, session, planned = prepared.study, prepared.session, prepared.planned
    store, images = session.store, len(session.index)
    entry = _found(listing(study, store, planned, images=images), name)
    was_finished = store.finished_trial(name) is not None
    if name in store.damaged:
        raise store.damage(name)
    outcome = Outcome()
    if not was_finished:
        outcome = _run(prepared, entry)
    after = listing(study, store, planned, images=images)
    return Ended(_found(after, name), outcome, was_finished, after)


def _run(prepared: Prepared, entry: Entry) -> Outcome:
    planned = prepared.planned
    probes = [planned.probe] if planned.probe else []
    every = (*prepared.to_do, *prepared.wanted, *planned.controls, *probes)
    trial = next(one for one in every if one.name == entry.name)
    runner = Runner(prepared.study, prepared.session, planned, [trial])
    if entry.kind == "control":
        runner.control(trial)
        return Outcome()
    if entry.kind == "probe":
        runner.probe(trial)
        return Outcome()
    if trial.row in prepared.record.missing and trial not in prepared.to_do:
        return Outcome(fault=f"{entry.title} is left out: {prepared.record.missing[trial.row]}.")
    return runner.trial(trial)


def _found(plan: Listing, name: str) -> Entry:
    return next(entry for entry in plan.trials if entry.name == name)
