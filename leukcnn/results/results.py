"""Results of an experiment: its finished trials and controls, and their predictions."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from leukcnn import spec
from leukcnn.records import ExperimentRecord, Overlap, PlannedTrial, why_diverged
from leukcnn.runs import Store, Trial
from leukcnn.trial_files import Predictions

_Value = TypeVar("_Value")

NOT_TRAINED = "this row has not been trained"
"""Why a row without any trial has no values."""


@dataclass(frozen=True)
class Results:
    """The finished trials of an experiment under one of its splits.

    Attributes:
        paper: The paper.
        record: The experiment's record.
        store: The store with the trials.
        split: Kind of split; "" for the main one.
    """

    paper: spec.Paper
    record: ExperimentRecord
    store: Store
    split: str = ""

    def under(self, split: str) -> "Results":
        """Returns the same experiment's results under another split; "" for the main one."""
        split = "" if split == self.record.split else split
        if split == self.split:
            return self
        return self.once(("split", split), lambda: replace(self, split=split))

    def masked(self, mask: str) -> "Results | None":
        """Returns the main split's results with a region of the images blanked.

        Trials with other masks than the experiment's own are read from the store if they are finished there.

        Args:
            mask: Name of the mask; "" for none.

        Returns:
            The results; None if the experiment's record lists no trials with that mask.
        """
        if mask not in self.record.masked:
            return None

        def make() -> Results:
            record = replace(self.record, trials=self.record.masked[mask], controls=[])
            return replace(self, record=record, split="")

        return self.once(("mask", mask), make)

    def once(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Returns what `make` returned when it was first called for a key.

        Many tables, notes and charts ask for the same values, each of which takes a look at all predictions.

        Args:
            key: Names the function and its arguments.
            make: Computes the value from these results alone.
        """
        if key not in self._made:
            self._made[key] = make()
        value: _Value = self._made[key]
        return value

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        """What `once` returned."""
        return {}

    @property
    def tasks(self) -> tuple[str, ...]:
        """The items of `tested` that are split separately; empty if none are."""
        return self.tested if self.split_kind not in spec.LODOCV_KINDS else ()

    def task(self, tested: str) -> "Results":
        """Returns the results of one of `tasks` alone."""

        def own(planned: list[PlannedTrial]) -> list[PlannedTrial]:
            return [trial for trial in planned if "+".join(trial.tested) == tested]

        def make() -> Results:
            masked = {mask: own(planned) for mask, planned in self.record.masked.items()}
            trials, controls = own(self.record.trials), own(self.record.controls)
            # Here "" is the task. One that isn't tested has no values, so only other tasks have reasons.
            on = {
                kind: {"": of.get(tested, "" if len(of) > 1 else of.get("", ""))}
                for kind, of in self.record.not_comparable_on.items()
            }
            record = replace(
                self.record, trials=trials, controls=controls, masked=masked, not_comparable_on=on
            )
            return replace(self, record=record)

        return self.once(("task", tested), make)

    def testing(self, dataset: str) -> "Results":
        """Returns the results of the trials that a value on a dataset rests on.

        They are those of its task, or those that leave it out; all if they test all datasets together.

        Args:
            dataset: One of `tested`; "" for all datasets together.
        """
        if dataset in self.tasks:
            return self.task(dataset) if len(self.tasks) > 1 else self
        if not dataset or self.split_kind not in spec.LODOCV_KINDS:
            return self

        def own(planned: list[PlannedTrial]) -> list[PlannedTrial]:
            return [p for p in planned if p.split != self.split_kind or dataset in p.tested]

        def make() -> Results:
            record = replace(self.record, trials=own(self.record.trials), controls=own(self.record.controls))
            return self if record == self.record else replace(self, record=record)

        return self.once(("testing", dataset), make)

    @property
    def split_kind(self) -> str:
        """Kind of split of these results."""
        return self.split or self.record.split

    @property
    def positive(self) -> int:
        """Position of the positive class."""
        return self.paper.classes.index(self.paper.positive_class)

    def setup(self, row: str) -> spec.Setup:
        """Returns the setup of a row in this experiment, with its profile and changes."""
        record = self.record
        return self.paper.setup(row, profile=record.profile, assumed=record.assumed, changes=record.changes)

    @cached_property
    def _planned(self) -> list[PlannedTrial]:
        return [p for p in (*self.record.trials, *self.record.controls) if p.split == self.split_kind]

    @cached_property
    def damaged(self) -> list[PlannedTrial]:
        """The experiment's trials whose files are damaged; no value contains them."""
        every = {planned.name: planned for planned in self.record.every_trial}
        for name in every:
            self.store.finished_trial(name)
        return [planned for name, planned in every.items() if name in self.store.damaged]

    @cached_property
    def trials(self) -> dict[str, list[tuple[int, int, Trial]]]:
        """Row or control -> (run, seed, finished trial) of all its runs and folds."""
        found: dict[str, list[tuple[int, int, Trial]]] = {
            row: [] for row in (*self.paper.row_ids, *self.paper.controls)
        }
        for planned in self._planned:
            trial = self.store.finished_trial(planned.name)
            if trial is not None:
                found[planned.row].append((planned.run, planned.seed, trial))
        return found

    @cached_property
    def fewer_runs(self) -> dict[str, int]:
        """Row or control -> number of runs in its values, if further runs of it aren't finished.

        Where datasets are tested separately, it is the lowest of the numbers of those that have values. Runs
        that lack damaged trials only don't count as unfinished.
        """
        done = {trial.path.name for trials in self.trials.values() for _, _, trial in trials}
        kept = done | {*self.store.damaged}
        found: dict[str, int] = {}
        for own in map(self.testing, self.tested or ("",)):
            unfinished = {planned.row for planned in own._planned if planned.name not in kept}
            for row in unfinished:
                if n := len(own.complete_runs[row]):
                    found[row] = min(n, found.get(row, n))
        return found

    def overlap(self, row: str = "", subset: str = "external") -> Overlap | None:
        """Returns what a subset shares with the images that the first trial of a row or control learned from.

        Args:
            row: Row or control; "" for the first one of which the subset shares anything.
            subset: "external" or "final".
        """
        firsts: dict[str, str] = {}
        for planned in self._planned:
            firsts.setdefault(planned.row, planned.name)
        names = {firsts[row]} if row in firsts else set() if row else {*firsts.values()}
        shared = (one for one in self.record.overlaps if one.subset == subset)
        return next((one for one in shared if names.intersection(one.trials)), None)

    @cached_property
    def diverged(self) -> dict[str, list[tuple[PlannedTrial, str]]]:
        """Row -> its trials whose training diverged, with when and how."""
        found: dict[str, list[tuple[PlannedTrial, str]]] = {}
        for planned in self._planned:
            if why := why_diverged(self.store.root / "trials" / planned.name):
                found.setdefault(planned.row, []).append((planned, why))
        return found

    def has_values(self, row: str) -> bool:
        """Returns whether a run of a row or control is complete, on one of `tested` at least."""
        return any(self.testing(dataset).complete_runs[row] for dataset in self.tested or ("",))

    @cached_property
    def complete_runs(self) -> dict[str, list[tuple[int, list[Trial]]]]:
        """Row or control -> (seed, trial of each fold) of each run whose folds are all finished."""
        found: dict[str, list[tuple[int, list[Trial]]]] = {row: [] for row in self.trials}
        wanted = Counter(planned.row for planned in self._planned if planned.run == 0)
        for row, trials in self.trials.items():
            of_runs: dict[int, list[tuple[int, Trial]]] = {}
            for run, seed, trial in trials:
                of_runs.setdefault(run, []).append((seed, trial))
            for _, of_run in sorted(of_runs.items()):
                if len(of_run) == wanted[row]:
                    found[row].append((of_run[0][0], [trial for _, trial in of_run]))
        return found

    @cached_property
    def _whole_runs(self) -> dict[str, list[tuple[int, list[Predictions]]]]:
        """Row or control -> (seed, predictions of each fold) of each run whose folds are all finished."""
        every = self.complete_runs.items()
        return {row: [(seed, [*map(self._unshared, trials)]) for seed, trials in runs] for row, runs in every}

    def _unshared(self, trial: Trial) -> Predictions:
        """Returns a trial's main predictions without external images that it shares with what it learned."""
        predictions = main_predictions(trial)
        for shared in self.record.overlaps:
            # The final set has no values: its predictions are for the leaderboard, which takes all of them.
            if shared.subset == "external" and trial.path.name in shared.trials:
                left_out = (predictions.subset == shared.subset) & np.isin(predictions.image, shared.images)
                predictions = predictions.select(~left_out)
        return predictions

    @cached_property
    def predictions(self) -> dict[str, list[tuple[int, Predictions]]]:
        """Row or control -> (seed, predictions of all folds) of each run whose folds are all finished."""
        every = self._whole_runs.items()
        return {row: [(seed, Predictions.join(folds)) for seed, folds in runs] for row, runs in every}

    @cached_property
    def tested(self) -> tuple[str, ...]:
        """Keys of the datasets that are tested separately; empty if all images are tested together.

        Datasets that are split together are one item, with their keys joined by "+".
        """
        if self.split_kind not in spec.LODOCV_KINDS:
            return tuple(dict.fromkeys("+".join(p.tested) for p in self._planned if p.tested))
        return tuple(dict.fromkeys(dataset for planned in self._planned for dataset in planned.tested))

    def why_not_comparable(self, dataset: str = "") -> str:
        """Returns why values on a dataset can't be compared with the paper's; "" if they can.

        Args:
            dataset: One of `tested`; "" for all datasets together.
        """
        return "; ".join(filter(None, (self.record.not_comparable, self.why_not_comparable_on(dataset))))

    def why_not_comparable_on(self, dataset: str = "") -> str:
        """Returns what `why_not_comparable` does, without the reasons that apply to the whole run."""
        every = self.record.not_comparable_on
        # Together, the images are the same under every split, also under one that wasn't run.
        on = every.get(self.split_kind) or next(iter(every.values()), {})
        return on.get(dataset if self.split_kind in every else "", on.get("", ""))

    def datasets_of(self, dataset: str = "") -> list[str]:
        """Returns the keys of the datasets here whose images values on a dataset rest on.

        They are its own if datasets are cross-validated separately; else those of all: they are trained on.

        Args:
            dataset: As in `why_not_comparable`.
        """
        own = "+".join([dataset] if dataset else self.tasks).split("+") if self.tasks else None
        return [name for name in self.record.published_images if own is None or name in own]

    def runs(self, row: str, *, dataset: str = "", subset: str = "test") -> list[Predictions]:
        """Returns the predictions of each complete run on a subset; see `runs_by_seed`."""
        return [*self.runs_by_seed(row, dataset=dataset, subset=subset).values()]

    def runs_by_seed(self, row: str, *, dataset: str = "", subset: str = "test") -> dict[int, Predictions]:
        """Returns the predictions of each complete run on a subset of the images, by the run's seed.

        Images without a label are left out, except in the final phase, where no image has one. Each fold's
        network predicts the external set; only the predictions of the first fold are returned, without the
        images that its network learned from, or whose copies or subjects it learned from (`overlap`).

        Args:
            row: Row or control.
            dataset: Key of the dataset, or several joined by "+"; "" for all.
            subset: Name of the subset; "balanced" is the whole test set, whose classes `measure` gives the
                same weight.
        """
        # A run can be complete on one dataset while folds that test another one are missing.
        if (own := self.testing(dataset)) is not self:
            return own.runs_by_seed(row, dataset=dataset, subset=subset)
        return self.once(("runs", row, dataset, subset), lambda: self._runs_by_seed(row, dataset, subset))

    def _runs_by_seed(self, row: str, dataset: str, subset: str) -> dict[int, Predictions]:
        chosen = {}
        joined = (predictions for _, predictions in self.predictions[row])
        for (seed, folds), every in zip(self._whole_runs[row], joined, strict=True):
            predictions = folds[0] if subset in ("external", "final") else every
            of_subset = _of_subset(
                predictions, dataset=dataset, subset="test" if subset == "balanced" else subset
            )
            if subset in ("external", "final"):
                _, first = np.unique(of_subset.image, return_index=True)
                of_subset = of_subset.select(first)
            if len(of_subset):
                chosen[seed] = of_subset
        return chosen

    def folds(self, row: str, *, dataset: str = "", subset: str = "test") -> list[Predictions]:
        """Returns the predictions of each fold on a subset of the images, run by run; args as in `runs`."""
        if (own := self.testing(dataset)) is not self:
            return own.folds(row, dataset=dataset, subset=subset)

        def make() -> list[Predictions]:
            every = [fold for _, folds in self._whole_runs[row] for fold in folds]
            chosen = [_of_subset(fold, dataset=dataset, subset=subset) for fold in every]
            return [fold for fold in chosen if len(fold)]

        return self.once(("folds", row, dataset, subset), make)

    @cached_property
    def probe(self) -> Predictions | None:
        """The probe's predictions of each image's dataset; its classes are datasets. None if not finished."""
        trial = self.record.probe and self.store.finished_trial(self.record.probe.name)
        return trial.predictions() if trial else None

    @cached_property
    def n_folds(self) -> int:
        """Number of folds of a run; 1 if the split has no folds."""
        return len({planned.fold for planned in self._planned}) or 1

    def why_diverged(self, row: str) -> str:
        """Returns how a training of a row, or one that its features need, diverged; "" if none did."""
        source = self.paper.feature_source(row) if row in self.paper.row_ids else ""
        for trained, whose in ((row, "its training"), (source, "the training that its features need")):
            for _, why in self.diverged.get(trained, [])[:1]:
                return f"{whose} diverged ({why})"
        return ""

    def why_missing(self, row: str, subset: str) -> str:
        """Returns why a row has no values on a subset; "" if it has values."""
        for key in (row, subset, self.split_kind):
            if key in self.record.missing:
                return self.record.missing[key]
        if not self.complete_runs[row]:
            if any(planned.row == row and planned.name in self.store.damaged for planned in self._planned):
                return "its stored files are damaged"
            if self.has_values(row):
                return "this row has not been trained for every tested dataset"
            return self.why_diverged(row) or NOT_TRAINED
        if self.runs(row, subset=subset):
            return ""
        shared = self.overlap(row, subset)
        return f"{shared.describe()}: no others have a label" if shared else "these images have no labels"


def main_predictions(trial: Trial) -> Predictions:
    """Returns a trial's predictions with the checkpoint that its row is evaluated with."""
    predictions = trial.predictions()
    return predictions.select(predictions.checkpoint == trial.result["checkpoint"])


def _of_subset(predictions: Predictions, *, dataset: str, subset: str) -> Predictions:
    """Returns the predictions on a subset, of all datasets or some; unlabelled ones only if it is "final"."""
    wanted = predictions.subset == subset
    if subset != "final":
        wanted &= predictions.label >= 0
    if dataset:
        wanted &= np.isin(predictions.dataset, dataset.split("+"))
    return predictions.select(wanted)
