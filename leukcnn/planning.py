"""From what a user asks for to the trials that it takes: options, splits, identities."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card, duplicate_pairs, joined_groups, pairs_between
from leukcnn.datasets.manifest import manifest
from leukcnn.errors import DataError, SpecError
from leukcnn.fields import to_plain
from leukcnn.records import ExperimentRecord, PlannedTrial
from leukcnn.runs import trial_name
from leukcnn.seeding import generator
from leukcnn.splits import holdout, predefined_folds
from leukcnn.trials import Parts, epoch_entries

SYNTHETIC = "synthetic"

# Table kinds that rest on trained networks.
_TRAINED = ("scores", "confusion", "external", "subjects", "leaderboard")
_TRAINED_FIGURES = ("history", "confusion")


@dataclass(frozen=True)
class Request:
    """What a user asks for, as the options of `leukcnn reproduce` name it.

    Attributes:
        paper: The paper.
        data: Folder of the data, or "synthetic".
        out: Folder of the runs.
        profile: Name of the profile.
        only: Id of one row, table or figure; None for all.
        seed: Root seed.
        runs: Repetitions with other seeds.
        split: Kind of split, None for the paper's own.
        assumed: Assumptions overridden by name.
        deterministic: Whether the same command must give the same bytes; None for the profile's own choice.
        precision: Keras' dtype policy, None for the profile's own.
        devices: As `leukcnn.distribution.find_devices` takes it.
        workers: Threads that prepare batches.
        tensorboard: Whether to write TensorBoard's logs.
    """

    paper: spec.Paper
    data: str
    out: Path = Path("runs")
    profile: str = "paper"
    only: str | None = None
    seed: int = 0
    runs: int = 1
    split: str | None = None
    assumed: Mapping[str, Any] = field(default_factory=dict)
    deterministic: bool | None = None
    precision: str | None = None
    devices: str | None = None
    workers: int = 2
    tensorboard: bool = False

    def __post_init__(self):
        paper = self.paper
        known = (*paper.row_ids, *(t.id for t in paper.tables), *(f.id for f in paper.figures))
        if self.only not in (None, *known):
            raise SpecError(
                f"--only got {self.only!r}.", expected=f"a row, table or figure: {', '.join(known)}"
            )
        if self.runs < 1:
            raise SpecError(f"--runs got {self.runs}.", expected="a whole number of at least 1")
        for row in paper.row_ids:
            self.setup(row)

    @property
    def changes(self) -> dict[str, Any]:
        """Fields that options change, by path."""
        chosen = {
            "split.kind": self.split,
            "training.deterministic": self.deterministic,
            "training.precision": self.precision,
        }
        return {path: value for path, value in chosen.items() if value is not None}

    def setup(self, row: str) -> spec.Setup:
        """Returns what a row's trials do."""
        return self.paper.setup(row, profile=self.profile, assumed=self.assumed, changes=self.changes)

    @property
    def rows_to_train(self) -> tuple[str, ...]:
        """Rows that this request needs trained."""
        if self.only in self.paper.row_ids:
            return (self.only,)
        for item in (*self.paper.tables, *self.paper.figures):
            if item.id == self.only:
                if item.kind not in (*_TRAINED, *_TRAINED_FIGURES):
                    return ()
                return getattr(item, "rows", ()) or self.paper.row_ids
        return self.paper.row_ids


def data_digest(index: ImageIndex) -> str:
    """Returns the hash of what the pictures are: ids, content and labels, never where they lie."""
    lines = sorted(
        f"{id} {sha} {label}" for id, sha, label in zip(index.ids, index.sha256, index.labels, strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def plan(request: Request, index: ImageIndex) -> tuple[list[PlannedTrial], dict[str, Parts]]:
    """Returns all trials of a request, and by trial's name who trains and who is predicted.

    Raises:
        DataError: There are too few pictures for the split.
    """
    planned, parts = [], {}
    pictures = data_digest(index)
    for row in request.paper.row_ids:
        setup = request.setup(row)
        for run in range(request.runs):
            seed = request.seed + run
            for fold, split in _splits(setup.split, index, seed=seed):
                identity = trial_identity(request, row, setup, seed=seed, fold=fold, pictures=pictures)
                name = trial_name(identity)
                planned.append(PlannedTrial(row=row, run=run, fold=fold, seed=seed, name=name))
                parts[name] = split
    return planned, parts


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
    rows = np.flatnonzero((index.part == "training") & (index.labels >= 0))
    rows = _limited(rows, index, split.limit_per_class, seed=seed)
    labels, ids = index.labels[rows], index.ids[rows]
    predicted = {
        name: np.flatnonzero(index.part == part)
        for name, part in (("external", "preliminary"), ("final", "final"))
    }
    predicted = {name: positions for name, positions in predicted.items() if len(positions)}
    groups = joined_groups(index)[rows]
    if split.kind == "fold":
        folds = index.fold[rows]
        if (folds < 0).any():
            raise DataError(
                f"{np.count_nonzero(folds < 0)} training pictures have no fold.",
                expected="the challenge's own folders fold_0, fold_1, fold_2",
                remedy="take --split cell or --split subject",
            )
        found = predefined_folds(folds, labels, groups=groups, seed=seed)
        numbers = np.unique(folds).tolist()
    else:
        found = [
            holdout(
                labels,
                fractions=split.fractions,
                seed=seed,
                groups=groups if split.kind == "subject" else None,
                ids=ids,
            )
        ]
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


def _limited(rows: np.ndarray, index: ImageIndex, limit: int | None, *, seed: int) -> np.ndarray:
    if limit is None:
        return rows
    kept = []
    for label in np.unique(index.labels[rows]):
        of_class = np.array(sorted(rows[index.labels[rows] == label], key=lambda row: index.ids[row]))
        kept.append(generator(seed, "limit", int(label)).permutation(of_class)[:limit])
    return np.sort(np.concatenate(kept))


def make_record(
    request: Request, index: ImageIndex, planned: list[PlannedTrial], parts: dict[str, Parts]
) -> ExperimentRecord:
    """Returns the record of an experiment: what was asked for, and what the data at hand allow."""
    dataset = card(request.paper.dataset)
    first = planned[0]
    return ExperimentRecord(
        paper=request.paper.key,
        profile=request.profile,
        split=request.setup(first.row).split.kind,
        seed=request.seed,
        runs=request.runs,
        backend=keras.backend.backend(),
        assumed=to_plain(request.assumed),
        changes=to_plain(request.changes),
        trials=planned,
        counts=_counts(request, index, parts[first.name], first),
        missing={
            name: f"the data hold no {dataset.part(part).title}"
            for name, part in (("external", "preliminary"), ("final", "final"))
            if part not in index.part
        },
        final_total=(
            int(np.count_nonzero(index.part == "final")) if index.drawn else dataset.part("final").total
        ),
        not_comparable=_not_comparable(request, index),
        identical_pairs=_identical_pairs(index, parts[first.name]),
        data_notes=list(index.notes),
    )


def _counts(
    request: Request, index: ImageIndex, parts: Parts, trial: PlannedTrial
) -> dict[str, dict[str, dict[str, int]]]:
    def by_class(rows: np.ndarray) -> dict[str, int]:
        counts = np.bincount(index.labels[rows], minlength=len(index.class_names))
        return dict(zip(index.class_names, counts.tolist(), strict=True))

    train, validation = epoch_entries(index, request.setup(trial.row), parts, seed=trial.seed)
    return {
        "train": {"before": by_class(parts.train), "after": by_class(train.rows)},
        "validation": {"before": by_class(parts.validation), "after": by_class(validation.rows)},
        "test": {"before": by_class(parts.predicted["test"])},
    }


def _identical_pairs(index: ImageIndex, parts: Parts) -> int:
    learnt_from = np.concatenate([parts.train, parts.validation])
    return pairs_between(duplicate_pairs(index), learnt_from, parts.predicted["test"])


def _not_comparable(request: Request, index: ImageIndex) -> str:
    reasons = [request.paper.profile(request.profile).not_comparable]
    if index.drawn:
        reasons.append("drawn data")
    else:
        published = card(request.paper.dataset).part("training").total
        known = {entry.sha256 for entry in manifest(request.paper.dataset).values()}
        training = index.sha256[index.part == "training"]
        genuine = sum(sha256 in known for sha256 in training)
        if genuine != published:
            reasons.append(f"it rests on {genuine:,} of {published:,} published training cells")
        if genuine != len(training):
            reasons.append(f"{len(training) - genuine:,} training cells are no published files")
    if request.setup(request.paper.row_ids[0]).split.kind != request.paper.rows[0].setup.split.kind:
        reasons.append("another split than the paper's")
    if request.assumed:
        reasons.append(f"other assumptions: {', '.join(sorted(request.assumed))}")
    if request.precision not in (None, "float32"):
        reasons.append(f"precision {request.precision}")
    return "; ".join(reason for reason in reasons if reason)
