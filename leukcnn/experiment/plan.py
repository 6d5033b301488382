"""From what a user asks for to the trials that it takes: splits, identities, what the data allow."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card, duplicate_pairs, pairs_between
from leukcnn.datasets.manifest import manifest
from leukcnn.duplicate_scan import scan_duplicates
from leukcnn.errors import DataError
from leukcnn.experiment.request import Request
from leukcnn.fields import replace_at, to_plain
from leukcnn.files import digest
from leukcnn.models.published import holds_base_alone, is_published, needs_published_top
from leukcnn.outputs.build import kind_of
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.runs import trial_name
from leukcnn.splits import related_datasets
from leukcnn.splits.partition import Fold, Parts, partition
from leukcnn.trials import PROBE, epoch_entries


@dataclass(frozen=True)
class Plan:
    """The trials of a request.

    Attributes:
        trials: Those that train a network.
        controls: Those that don't, on the same splits.
        identities: Name of a trial or control -> what it is.
        parts: Name of a trial or control -> who trains and who is predicted.
        probe: The probe that tells datasets apart; None where there is one dataset, or no table asks for it.
        masked: Mask ("" for none) -> trials and controls of the main split under it, those of this request
            included; empty where the paper has no table of masks.
        related: Dataset -> datasets that share pictures or cells with it.
        missing: Row, or kind of split beside the main one, that the data don't allow -> why.
        reason: Why there are no trials at all; "" where there are.
    """

    trials: list[PlannedTrial]
    controls: list[PlannedTrial]
    identities: dict[str, dict[str, Any]]
    parts: dict[str, Parts]
    probe: PlannedTrial | None = None
    masked: dict[str, list[PlannedTrial]] = field(default_factory=dict)
    related: dict[str, tuple[str, ...]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    reason: str = ""


def data_digest(index: ImageIndex) -> str:
    """Returns the hash of what the pictures are: ids, content and labels, never where they lie."""
    lines = sorted(
        f"{id} {sha} {label}" for id, sha, label in zip(index.ids, index.sha256, index.labels, strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def plan(request: Request, index: ImageIndex) -> Plan:
    """Returns all trials and controls of a request, and who trains and who is predicted in each.

    Raises:
        DataError: There are too few pictures or classes for the paper's own split.
    """
    pairs = _copies(request, index)
    planned = _plan(request, index, pairs)
    if any(kind_of(table).every_mask for table in request.paper.tables):
        main = request.splits(request.paper.row_ids[0])[0]
        for mask in ("", *spec.MASKS):
            # What was trained with other parts blanked stands beside this request's own.
            other = _plan(replace(request, mask=mask or None, split=main), index, pairs)
            planned.masked[mask] = [*other.trials, *other.controls]
    return planned


def _copies(request: Request, index: ImageIndex) -> np.ndarray:
    """Returns (P, 2) positions of byte-identical pictures and, where a split asks for them, of near ones."""
    if not _kinds(request) & {*spec.COPY_PROOF_KINDS}:
        return duplicate_pairs(index)
    # Whole pictures, whatever --mask says: copies are copies.
    return scan_duplicates(index, replace(request.control_preprocessing, mask="")).pairs


def _kinds(request: Request) -> set[str]:
    return {kind for row in request.paper.row_ids for kind in request.splits(row)}


def _plan(request: Request, index: ImageIndex, pairs: np.ndarray) -> Plan:
    paper, planner = request.paper, _Planner(request, index, pairs)
    impossible: dict[str, DataError] = {}
    for row in paper.row_ids:
        setup = request.setup(row)
        for run in range(request.n_runs):
            for kind in request.splits(row):
                try:
                    planner.add_row(row, replace_at(setup, "split.kind", kind), run=run)
                except DataError as error:
                    impossible.setdefault(row if kind == request.splits(row)[0] else kind, error)
    needed = request.rows_to_train or paper.row_ids
    if impossible.keys() >= set(needed):
        raise impossible[needed[0]]
    planner.plan.missing.update({what: error.found for what, error in impossible.items()})
    several = len(np.unique(index.dataset)) > 1
    if several and any(kind_of(table).probe for table in paper.tables):
        planner.add_probe()
    return planner.plan


class _Planner:
    """Collects the trials of a request."""

    def __init__(self, request: Request, index: ImageIndex, pairs: np.ndarray):
        self.request, self.index = request, index
        self.pictures = data_digest(index)
        self.pairs = pairs
        strict = _kinds(request) & {*spec.LODOCV_KINDS[1:]}
        related = related_datasets(index, pairs) if strict else {}
        self.plan = Plan([], [], {}, {}, related=related)
        self._folds: dict[str, list[Fold]] = {}
        self._controlled: set[tuple[str, int]] = set()

    def add_row(self, row: str, setup: spec.Setup, *, run: int) -> None:
        """Adds a row's trials of one run under one split, and the controls if they aren't there yet.

        Raises:
            DataError: There are too few pictures, classes or datasets.
        """
        request, kind, seed = self.request, setup.split.kind, self.request.seed + run
        folds = self._partition(setup.split, seed=seed)
        controlled = (kind, run) in self._controlled
        for fold in folds:
            identity = trial_identity(
                request, row, setup, seed=seed, fold=fold.number, pictures=self.pictures
            ) | self._left_out(fold)
            if source := request.paper.source(row):
                identity["features_of"] = self._name(source, run, kind, fold)
            self._add(self.plan.trials, row, identity, fold, run=run, kind=kind)
            # The controls rest on the same splits; so those of the first row stand for all.
            for control in () if controlled else request.paper.controls:
                identity = {
                    "paper": request.paper.key,
                    "control": control,
                    "preprocessing": to_plain(request.control_preprocessing),
                    "split": to_plain(setup.split),
                    "seed": seed,
                    "fold": fold.number,
                    "data": self.pictures,
                } | self._left_out(fold)
                self._add(self.plan.controls, control, identity, fold, run=run, kind=kind)
        self._controlled.add((kind, run))

    def add_probe(self) -> None:
        """Adds the probe that tells datasets by their pictures' borders."""
        identity = {
            "paper": self.request.paper.key,
            "probe": PROBE,
            "preprocessing": to_plain(self.request.control_preprocessing),
            "seed": self.request.seed,
            "data": self.pictures,
        }
        name = trial_name(identity)
        self.plan.identities[name] = identity
        probe = PlannedTrial(PROBE, run=0, fold=-1, seed=self.request.seed, name=name, split="probe")
        self.plan = replace(self.plan, probe=probe)

    def _partition(self, split: spec.Split, *, seed: int) -> list[Fold]:
        key = digest([to_plain(split), seed])
        if key not in self._folds:
            self._folds[key] = partition(split, self.index, seed=seed, pairs=self.pairs)
        return self._folds[key]

    def _left_out(self, fold: Fold) -> dict[str, list[str]]:
        """Returns what the identity says of the datasets of a trial, where some are tested by themselves."""
        if not fold.tested:
            return {}
        learnt_from = np.unique(self.index.dataset[fold.parts.train]).tolist()
        return {"tested": list(fold.tested), "learnt_from": learnt_from}

    def _name(self, row: str, run: int, kind: str, fold: Fold) -> str:
        """Returns the name of another row's trial that learnt from the same pictures; "" where none did."""
        for trial in self.plan.trials:
            same = np.array_equal(self.plan.parts[trial.name].train, fold.parts.train)
            if same and (trial.row, trial.run, trial.split) == (row, run, kind):
                return trial.name
        return ""

    def _add(
        self, planned: list[PlannedTrial], row: str, identity: dict, fold: Fold, *, run: int, kind: str
    ) -> None:
        name, seed = trial_name(identity), self.request.seed + run
        planned.append(
            PlannedTrial(row, run=run, fold=fold.number, seed=seed, name=name, split=kind, tested=fold.tested)
        )
        self.plan.identities[name], self.plan.parts[name] = identity, fold.parts


def trial_identity(
    request: Request, row: str, setup: spec.Setup, *, seed: int, fold: int, pictures: str
) -> dict[str, Any]:
    """Returns what a trial is, as plain values; its hash names the trial's folder.

    Args:
        request: Paper and profile.
        row: Id of the row.
        setup: What the trial does, the split included.
        seed: Its root seed.
        fold: The fold tested, -1 where the split has none.
        pictures: `data_digest` of the pictures.
    """
    setup = replace_at(setup, "model", _by_content(setup.model))
    if setup.features:
        beside = tuple(_by_content(model) for model in setup.features.beside)
        setup = replace_at(setup, "features.beside", beside)
    return {
        "paper": request.paper.key,
        "row": row,
        "profile": request.profile,
        "setup": to_plain(setup),
        "seed": seed,
        "fold": fold,
        "data": pictures,
        "backend": keras.backend.backend(),
    }


def _by_content(model: spec.Model) -> spec.Model:
    """Returns a network whose weights file is named by what it holds, not by where it lies."""
    weights = model.arguments.get("weights")
    if weights in (None, "imagenet"):
        return model
    state = Path(weights).stat()
    content = _content(weights, state.st_size, state.st_mtime_ns)
    return replace_at(model, "arguments.weights", f"sha256:{content}")


@cache
def _content(path: str, size: int, changed: int) -> str:
    """Returns the SHA-256 of a file, read once as long as size and time of change stay the same."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_record(
    request: Request, index: ImageIndex, planned: Plan, *, lacking: Mapping[str, str] | None = None
) -> ExperimentRecord:
    """Returns the record of an experiment: what was asked for, and what the data at hand allow.

    Args:
        request: What was asked for.
        index: The pictures.
        planned: Its trials.
        lacking: Row that can't be trained here -> why.
    """
    parts = {part.key: part for part in card(request.paper.datasets[0]).parts}
    final = parts.get("final")
    first = planned.trials[0] if planned.trials else None
    return ExperimentRecord(
        paper=request.paper.key,
        profile=request.profile,
        split=request.splits(request.paper.row_ids[0])[0],
        seed=request.seed,
        runs=request.n_runs,
        backend=keras.backend.backend(),
        assumed=to_plain(request.assumed),
        changes=to_plain(request.changes),
        trials=planned.trials,
        controls=planned.controls,
        probe=planned.probe,
        masked=planned.masked,
        counts=_counts(request, index, planned.parts[first.name], first) if first else {},
        datasets={
            str(name): _by_class(index, np.flatnonzero(index.dataset == name))
            for name in np.unique(index.dataset)
        },
        related={name: list(others) for name, others in planned.related.items()},
        missing={
            name: f"the data hold no {parts[part].title}"
            for name, part in (("external", "preliminary"), ("final", "final"))
            if part in parts and part not in index.part
        }
        | ({} if planned.reason == "" else {"test": planned.reason})
        | planned.missing
        | dict(lacking or {}),
        final_total=0
        if final is None
        else int(np.count_nonzero(index.part == "final"))
        if index.drawn
        else final.total,
        not_comparable=_not_comparable(request, index),
        identical_pairs=_identical_pairs(index, planned, request.paper.row_ids[0]),
        data_notes=list(index.notes),
    )


def _by_class(index: ImageIndex, rows: np.ndarray) -> dict[str, int]:
    labels = index.labels[rows]
    counts = np.bincount(labels[labels >= 0], minlength=len(index.class_names))
    return dict(zip(index.class_names, counts.tolist(), strict=True))


def _counts(
    request: Request, index: ImageIndex, parts: Parts, trial: PlannedTrial
) -> dict[str, dict[str, dict[str, int]]]:
    train, validation = epoch_entries(index, request.setup(trial.row), parts, seed=trial.seed)
    return {
        "train": {"before": _by_class(index, parts.train), "after": _by_class(index, train.rows)},
        "validation": {
            "before": _by_class(index, parts.validation),
            "after": _by_class(index, validation.rows),
        },
        "test": {"before": _by_class(index, parts.predicted["test"])},
    }


def _identical_pairs(index: ImageIndex, planned: Plan, row: str) -> int:
    """Counts pairs of identical pictures of which one is tested and one learnt from, in any fold of a run."""
    first = [trial for trial in planned.trials if (trial.row, trial.run) == (row, 0)]
    folds = [planned.parts[trial.name] for trial in first if trial.split == first[0].split]
    learnt_from = [np.concatenate([parts.train, parts.validation]) for parts in folds]
    return sum(
        any(
            pairs_between(pair[None], rows, parts.predicted["test"])
            for rows, parts in zip(learnt_from, folds, strict=True)
        )
        for pair in duplicate_pairs(index)
    )


def _not_comparable(request: Request, index: ImageIndex) -> str:
    paper = request.paper
    reasons = [paper.profile(request.profile).not_comparable]
    reasons += ["drawn data"] if index.drawn else _departures(request, index)
    absent = set(index.class_names) - {index.class_names[label] for label in index.labels if label >= 0}
    if absent:
        reasons.append(f"no picture of {' and '.join(sorted(absent))}")
    if request.setup(paper.row_ids[0]).split.kind != paper.rows[0].setup.split.kind:
        reasons.append("another split than the paper's")
    if request.mask:
        reasons.append(f"pictures with their {request.mask} blanked")
    if request.assumed:
        reasons.append(f"other assumptions: {', '.join(sorted(request.assumed))}")
    setups = [request.setup(row) for row in request.rows_to_train]
    models = [model for s in setups for model in s.models]
    started = {model.arguments["weights"] for model in models if "weights" in model.arguments}
    if None in started and "imagenet" in _published_weights(paper, request.rows_to_train):
        reasons.append("fine-tuned networks start from random weights")
    elif not all(is_published(file) for file in started - {None, "imagenet"}):
        reasons.append("fine-tuned networks start from weights of the user's own")
    if any(needs_published_top(m) and holds_base_alone(str(m.arguments.get("weights"))) for m in models):
        reasons.append("dense layers that should be the published ones start from random weights")
    if request.precision not in (None, "float32"):
        reasons.append(f"precision {request.precision}")
    return "; ".join(reason for reason in reasons if reason)


def _published_weights(paper: spec.Paper, rows: tuple[str, ...]) -> set[str | None]:
    """Returns what the networks of some rows start from in the paper."""
    return {model.arguments.get("weights") for row in rows for model in paper.row(row).setup.models}


def _departures(request: Request, index: ImageIndex) -> list[str]:
    """Returns how the pictures at hand depart from those that the paper learns from and tests on."""
    paper, reasons = request.paper, []
    published = here = unknown = 0
    for name in paper.datasets:
        used = card(name).parts[0]
        published += sum(n for class_name, n in used.pictures.items() if _used(paper, class_name))
        digests = {entry.sha256 for entry in manifest(name).values()}
        rows = (index.dataset == name) & (index.part == used.key) & (index.labels >= 0)
        listed = digests and card(name).manifest_whole
        genuine = np.isin(index.sha256[rows], list(digests)) if listed else np.ones(rows.sum(), dtype=bool)
        here += int(genuine.sum())
        unknown += int((~genuine).sum())
    if here != published:
        reasons.append(f"it rests on {here:,} of {published:,} published pictures")
    if unknown:
        reasons.append(f"{unknown:,} pictures are no published files")
    if others := sorted(set(np.unique(index.dataset).tolist()) - set(paper.datasets)):
        reasons.append(f"datasets that the paper doesn't use: {', '.join(others)}")
    return reasons


def _used(paper: spec.Paper, class_name: str) -> bool:
    return not paper.class_of or class_name in paper.class_of
