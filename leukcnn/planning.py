"""From what a user asks for to the trials that it takes: splits, identities, what the data allow."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card, duplicate_pairs, joined_groups, pairs_between
from leukcnn.datasets.manifest import manifest
from leukcnn.errors import DataError
from leukcnn.evaluation.controls import CONTROLS
from leukcnn.fields import replace_at, to_plain
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.request import Request
from leukcnn.runs import trial_name
from leukcnn.seeding import generator
from leukcnn.splits import holdout, predefined_folds, stratified_kfold
from leukcnn.trials import Parts, epoch_entries

# In the names of the weights that Keras publishes.
_KERAS_FILE = "_weights_tf_dim_ordering_tf_kernels"


@dataclass(frozen=True)
class Plan:
    """The trials of a request.

    Attributes:
        trials: Those that train a network.
        controls: Those that don't, on the same splits.
        identities: Name of a trial or control -> what it is.
        parts: Name of a trial or control -> who trains and who is predicted.
        reason: Why there are none; "" where there are.
    """

    trials: list[PlannedTrial]
    controls: list[PlannedTrial]
    identities: dict[str, dict[str, Any]]
    parts: dict[str, Parts]
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
        DataError: There are too few pictures or classes for the split.
    """
    trials, controls, identities, parts = [], [], {}, {}
    pictures = data_digest(index)

    def add(planned: list[PlannedTrial], row: str, run: int, fold: int, identity: dict, split: Parts) -> None:
        name = trial_name(identity)
        planned.append(PlannedTrial(row=row, run=run, fold=fold, seed=request.seed + run, name=name))
        identities[name], parts[name] = identity, split

    for row in request.paper.row_ids:
        setup = request.setup(row)
        for run in range(request.runs):
            seed = request.seed + run
            for fold, split in _splits(setup.split, index, seed=seed):
                identity = trial_identity(request, row, setup, seed=seed, fold=fold, pictures=pictures)
                add(trials, row, run, fold, identity, split)
    # The controls rest on the same splits; so the first row's stand for all.
    for trial in [trial for trial in trials if trial.row == request.paper.row_ids[0]]:
        for control in CONTROLS:
            identity = {
                "paper": request.paper.key,
                "control": control,
                "preprocessing": to_plain(request.control_preprocessing),
                "split": to_plain(request.setup(trial.row).split),
                "seed": trial.seed,
                "fold": trial.fold,
                "data": pictures,
            }
            add(controls, control, trial.run, trial.fold, identity, parts[trial.name])
    return Plan(trials, controls, identities, parts)


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
    weights = setup.model.arguments.get("weights")
    if weights not in (None, "imagenet"):
        # What a file holds says what the trial is, not where it lies.
        digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
        setup = replace_at(setup, "model.arguments.weights", f"sha256:{digest}")
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


def _splits(split: spec.Split, index: ImageIndex, *, seed: int) -> list[tuple[int, Parts]]:
    """Returns each fold's number, -1 where there are none, and its parts."""
    training = index.labels >= 0
    if split.has_validation:
        training &= index.part == "training"
    rows = _limited(np.flatnonzero(training), index, split.limit_per_class, seed=seed)
    labels, ids = index.labels[rows], index.ids[rows]
    groups = joined_groups(index)[rows]
    if not split.has_validation:
        grouped = groups if split.kind == "grouped_kfold" else None
        pairs = stratified_kfold(labels, n_splits=split.n_splits, seed=seed, groups=grouped, ids=ids)
        nobody = np.empty(0, dtype=np.int64)
        return [
            (fold, Parts(train=rows[train], validation=nobody, predicted={"test": rows[test]}))
            for fold, (train, test) in enumerate(pairs)
        ]
    predicted = {
        name: np.flatnonzero(index.part == part)
        for name, part in (("external", "preliminary"), ("final", "final"))
    }
    predicted = {name: positions for name, positions in predicted.items() if len(positions)}
    if split.kind == "fold":
        folds = index.fold[rows]
        if (folds < 0).any():
            raise DataError(
                f"{np.count_nonzero(folds < 0)} training pictures have no fold.",
                expected="the challenge's own folds fold_0, fold_1, fold_2",
                remedy="take --split cell or --split subject",
            )
        found = predefined_folds(folds, labels, groups=groups, seed=seed)
        numbers = np.unique(folds).tolist()
    else:
        grouped = groups if split.kind == "subject" else None
        found = [holdout(labels, fractions=split.fractions, seed=seed, groups=grouped, ids=ids)]
        numbers = [-1]
    return [
        (
            number,
            Parts(
                train=rows[s.train],
                validation=rows[s.validation],
                predicted={"test": rows[s.test], **predicted},
            ),
        )
        for number, s in zip(numbers, found, strict=True)
    ]


def make_record(request: Request, index: ImageIndex, planned: Plan) -> ExperimentRecord:
    """Returns the record of an experiment: what was asked for, and what the data at hand allow."""
    parts = {part.key: part for part in card(request.paper.datasets[0]).parts}
    final = parts.get("final")
    first = planned.trials[0] if planned.trials else None
    return ExperimentRecord(
        paper=request.paper.key,
        profile=request.profile,
        split=request.setup(request.paper.row_ids[0]).split.kind,
        seed=request.seed,
        runs=request.runs,
        backend=keras.backend.backend(),
        assumed=to_plain(request.assumed),
        changes=to_plain(request.changes),
        trials=planned.trials,
        controls=planned.controls,
        counts=_counts(request, index, planned.parts[first.name], first) if first else {},
        datasets={
            str(name): _by_class(index, np.flatnonzero(index.dataset == name))
            for name in np.unique(index.dataset)
        },
        missing={
            name: f"the data hold no {parts[part].title}"
            for name, part in (("external", "preliminary"), ("final", "final"))
            if part in parts and part not in index.part
        }
        | ({} if planned.reason == "" else {"test": planned.reason}),
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
    folds = [planned.parts[trial.name] for trial in planned.trials if (trial.row, trial.run) == (row, 0)]
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
    if request.assumed:
        reasons.append(f"other assumptions: {', '.join(sorted(request.assumed))}")
    started = {request.setup(row).model.arguments.get("weights") for row in request.rows_to_train}
    if request.weights == "none":
        reasons.append("fine-tuned networks start from random weights")
    elif any(_KERAS_FILE not in Path(file).name for file in started - {None, "imagenet"}):
        reasons.append("fine-tuned networks start from weights of the user's own")
    if request.precision not in (None, "float32"):
        reasons.append(f"precision {request.precision}")
    return "; ".join(reason for reason in reasons if reason)


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


def _limited(rows: np.ndarray, index: ImageIndex, limit: int | None, *, seed: int) -> np.ndarray:
    if limit is None:
        return rows
    kept = []
    for label in np.unique(index.labels[rows]):
        of_class = np.array(sorted(rows[index.labels[rows] == label], key=lambda row: index.ids[row]))
        kept.append(generator(seed, "limit", int(label)).permutation(of_class)[:limit])
    return np.sort(np.concatenate(kept))
