"""Plans the trials of a study: their splits, their identities and what the data allow."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.argument_types import user_path
from leukcnn.counting import Counting, uncounted
from leukcnn.datasets import ImageIndex, duplicate_pairs
from leukcnn.datasets.copies import COMPARED
from leukcnn.datasets.duplicates import named_copies
from leukcnn.duplicate_scan import scan_duplicates
from leukcnn.errors import DataError
from leukcnn.experiment.leaks import copies_of_others, overlaps, separated_pairs, unknown_subjects
from leukcnn.experiment.study import Study
from leukcnn.fields import replace_at, to_plain
from leukcnn.files import digest, file_sha256
from leukcnn.models import fingerprint
from leukcnn.outputs.build import kind_of
from leukcnn.records import Overlap, PlannedTrial, SeparatedPairs, UnknownSubjects
from leukcnn.runs import trial_name
from leukcnn.splits import Fold, SplitRows, partition, related_datasets
from leukcnn.trials import PROBE


@dataclass(frozen=True)
class Plan:
    """The trials of a study.

    Attributes:
        trials: Trials of the paper's rows. A trial that serves two kinds of split is listed under both, with
            the same name.
        controls: Trials of the controls, on the same splits.
        identities: Name of a trial, control or probe -> its specification.
        split_rows: Name of a trial or control -> images for training, validation and prediction.
        probe: The probe that distinguishes datasets; None if there is one dataset or no table shows it.
        masked: Mask ("" for none) -> trials and controls of the main split with that mask, including those
            of this study; empty if the paper has no table of masks.
        related: Dataset -> datasets that share images or cells with it.
        missing: Row, or kind of split other than the main one, that the data don't allow -> why.
        overlaps: What the authors' test sets share with the images that trials learn from, masked ones too.
        separated: Kind of split -> pairs of copies that a fold separates, in the first row's first run.
        unknown_subjects: Kind of split by subject -> its images of unknown subject.
        copies: Number of images that are copies of others here, without published files, and of all images.
        near_in_two_classes: Number of pairs of nearly identical images that have different classes.
        pairs: (P, 2) int64, positions of identical or nearly identical images, the lower first.
        reason: Why there are no trials at all; "" if there are some.
    """

    trials: list[PlannedTrial]
    controls: list[PlannedTrial]
    identities: dict[str, dict[str, Any]]
    split_rows: dict[str, SplitRows]
    probe: PlannedTrial | None = None
    masked: dict[str, list[PlannedTrial]] = field(default_factory=dict)
    related: dict[str, tuple[str, ...]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    overlaps: list[Overlap] = field(default_factory=list)
    separated: dict[str, SeparatedPairs] = field(default_factory=dict)
    unknown_subjects: dict[str, UnknownSubjects] = field(default_factory=dict)
    copies: tuple[int, int] = (0, 0)
    near_in_two_classes: int = 0
    pairs: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    reason: str = ""


def data_digest(index: ImageIndex) -> str:
    """Returns a hash of the images' ids, contents, labels and given splits, whatever their order."""
    lines = sorted(
        f"{id} {sha} {label} {given}".rstrip()
        for id, sha, label, given in zip(index.ids, index.sha256, index.labels, index.given, strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def plan(study: Study, index: ImageIndex, *, counting: Counting = uncounted) -> Plan:
    """Returns all trials and controls of a study, with their images for training and prediction.

    There are none if the images have one class, or if they are too few and nothing is to be trained.

    Raises:
        DataError: There are too few images or classes for the paper's own split.
    """
    held = np.unique(index.labels[index.labels >= 0])
    if len(held) < 2:
        absent = [name for label, name in enumerate(index.class_names) if label not in held]
        return _nothing(f"the data hold no image of {' and '.join(absent)}")
    try:
        pairs = _copies(study, index, counting)
        planned = _plan(study, index, pairs)
        split_rows = dict(planned.split_rows)
        for mask, other in study.masked.items():
            of_mask = _plan(other, index, pairs)
            planned.masked[mask] = [*of_mask.trials, *of_mask.controls]
            split_rows |= of_mask.split_rows
    except DataError:
        if study.trained or study.controls_only:
            raise
        return _nothing("the data hold too few images")
    every = [*planned.trials, *planned.controls, *(t for of in planned.masked.values() for t in of)]
    labels, row = index.labels[pairs], study.rows[0]
    return replace(
        planned,
        overlaps=overlaps(every, split_rows, index, pairs),
        separated=separated_pairs(planned.trials, split_rows, index, pairs, row=row.id),
        unknown_subjects=unknown_subjects(
            planned.trials, split_rows, index, pairs, row=row.id, choice=row.setup.split.unknown_subjects
        ),
        copies=(copies_of_others(index, pairs), len(index)),
        pairs=pairs,
        near_in_two_classes=int(((labels[:, 0] != labels[:, 1]) & (labels >= 0).all(axis=1)).sum()),
    )


def _nothing(reason: str) -> Plan:
    return Plan([], [], {}, {}, reason=reason)


def _copies(study: Study, index: ImageIndex, counting: Counting) -> np.ndarray:
    """Returns (P, 2) positions of identical and of nearly identical images, and of copies by their names.

    An index without files, from a manifest, has identical images only, unless a split needs the others.
    """
    if study.split_kinds & {*spec.COPY_PROOF_KINDS} or all(Path(path).is_file() for path in index.paths[:1]):
        pairs = scan_duplicates(index, COMPARED, counting=counting).pairs
    else:
        pairs = duplicate_pairs(index)
    named = named_copies(index)
    return np.unique(np.concatenate([pairs, named]), axis=0) if len(named) else pairs


def _plan(study: Study, index: ImageIndex, pairs: np.ndarray) -> Plan:
    planner = _Planner(study, index, pairs)
    impossible: dict[str, DataError] = {}
    for row in study.rows:
        for run in range(study.runs):
            for kind in row.splits:
                try:
                    planner.add_row(row.id, kind, run=run)
                except DataError as error:
                    impossible.setdefault(row.id if kind == row.splits[0] else kind, error)
    needed = study.trained or study.paper.row_ids
    if impossible.keys() >= set(needed):
        raise impossible[needed[0]]
    planner.plan.missing.update({what: error.reason for what, error in impossible.items()})
    several = len(np.unique(index.dataset)) > 1
    if several and any(kind_of(table).probe for table in study.paper.tables):
        planner.add_probe()
    return planner.plan


class _Planner:
    """Collects the trials of a study."""

    def __init__(self, study: Study, index: ImageIndex, pairs: np.ndarray):
        self.study, self.index = study, index
        self.images = data_digest(index)
        self.pairs = pairs
        strict = study.split_kinds & {*spec.LODOCV_KINDS[1:]}
        related = related_datasets(index, pairs) if strict else {}
        self.plan = Plan([], [], {}, {}, related=related)
        self._folds: dict[str, list[Fold]] = {}
        self._controlled: set[tuple[str, int]] = set()

    def add_row(self, row: str, kind: str, *, run: int) -> None:
        """Adds a row's trials of one run under one kind of split, and the controls unless they were added.

        Raises:
            DataError: There are too few images, classes or datasets.
        """
        study, setup, seed = self.study, self.study.row(row).under(kind), self.study.seed + run
        folds = self._partition(setup.split, seed=seed)
        same = [self._as_published(setup, fold, seed=seed) for fold in folds]
        for fold, (own, number) in zip(folds, same, strict=True):
            identity = trial_identity(study, row, own, seed=seed, fold=number, images=self.images)
            if source := study.row(row).source:
                identity["features_of"] = self._name(source, run, kind, fold)
            self._add(self.plan.trials, row, identity, fold, run=run, kind=kind)
        # All rows have the same splits, so the controls are needed for one row only.
        if (kind, run) in self._controlled:
            return
        self._controlled.add((kind, run))
        for fold, (own, number) in zip(folds, same, strict=True):
            for control in study.paper.controls:
                identity = self._untrained(seed) | {
                    "control": control,
                    "split": _split_identity(own.split),
                    "fold": number,
                }
                self._add(self.plan.controls, control, identity, fold, run=run, kind=kind)

    def add_probe(self) -> None:
        """Adds the probe that distinguishes datasets by the borders of their images."""
        seed = self.study.seed
        identity = self._untrained(seed) | {"probe": PROBE}
        name = trial_name(identity)
        self.plan.identities[name] = identity
        probe = PlannedTrial(PROBE, run=0, fold=-1, seed=seed, name=name, split="probe")
        self.plan = replace(self.plan, probe=probe)

    def _untrained(self, seed: int) -> dict[str, Any]:
        """Returns the fields that the identities of controls and probe have in common."""
        return {
            "paper": self.study.paper.key,
            "preprocessing": to_plain(self.study.whole),
            "seed": seed,
            "data": self.images,
        }

    def _partition(self, split: spec.Split, *, seed: int) -> list[Fold]:
        key = digest([to_plain(split), seed])
        if key not in self._folds:
            self._folds[key] = partition(split, self.index, seed=seed, pairs=self.pairs)
        return self._folds[key]

    def _as_published(self, setup: spec.Setup, fold: Fold, *, seed: int) -> tuple[spec.Setup, int]:
        """Returns the setup and the number of a fold for its trial's identity.

        Where a strict split leaves nothing out, they are those of the split that isn't strict: both train the
        same network on the same images, so one trial serves both, whichever runs first.
        """
        if setup.split.kind == "lodocv_strict":
            published = replace_at(setup, "split.kind", "lodocv")
            for other in self._partition(published.split, seed=seed):
                same_rows = np.array_equal(other.split_rows.train, fold.split_rows.train)
                if other.tested == fold.tested and same_rows:
                    return published, other.number
        return setup, fold.number

    def _left_out(self, fold: Fold) -> dict[str, list[str]]:
        """Returns the identity's fields on datasets; empty if all datasets are tested together."""
        if not fold.tested:
            return {}
        trained_on = np.unique(self.index.dataset[fold.split_rows.train]).tolist()
        return {"tested": list(fold.tested), "trained_on": trained_on}

    def _name(self, row: str, run: int, kind: str, fold: Fold) -> str:
        """Returns the name of another row's trial with the same training images; "" if there is none."""
        for trial in self.plan.trials:
            same = np.array_equal(self.plan.split_rows[trial.name].train, fold.split_rows.train)
            if same and (trial.row, trial.run, trial.split) == (row, run, kind):
                return trial.name
        return ""

    def _add(
        self, planned: list[PlannedTrial], row: str, identity: dict, fold: Fold, *, run: int, kind: str
    ) -> None:
        identity = identity | self._left_out(fold)
        name, seed = trial_name(identity), self.study.seed + run
        planned.append(
            PlannedTrial(row, run=run, fold=fold.number, seed=seed, name=name, split=kind, tested=fold.tested)
        )
        self.plan.identities[name], self.plan.split_rows[name] = identity, fold.split_rows


def trial_identity(
    study: Study, row: str, setup: spec.Setup, *, seed: int, fold: int, images: str
) -> dict[str, Any]:
    """Returns a trial's specification as plain values; its hash is the name of the trial's folder.

    Args:
        study: Paper and profile.
        row: Id of the row.
        setup: What the trial does, including the split.
        seed: Its root seed.
        fold: The tested fold, -1 if the split has no folds.
        images: `data_digest` of the images.
    """
    setup = replace_at(setup, "model", _by_content(setup.model))
    if setup.trained:
        setup = replace_at(setup, "trained.file", _content_of(setup.trained.file))
    if setup.features:
        extra_models = tuple(_by_content(model) for model in setup.features.extra_models)
        setup = replace_at(setup, "features.extra_models", extra_models)
    identity = {
        "paper": study.paper.key,
        "row": row,
        "profile": study.profile.name,
        "setup": _setup_identity(setup),
        "seed": seed,
        "fold": fold,
        "data": images,
        "backend": keras.backend.backend(),
    }
    # The code of a user's own builder may change under the same name.
    own = {model.name: fingerprint(model.name) for model in setup.models}
    own = {name: code for name, code in own.items() if code is not None}
    return identity | ({"builder": own} if own else {})


def _setup_identity(setup: spec.Setup) -> dict[str, Any]:
    """Returns a setup as plain values, without choices that are newer than stored trials, unless made."""
    plain = to_plain(setup) | {"split": _split_identity(setup.split)}
    if setup.trained:
        return {name: plain[name] for name in ("trained", "split")}
    del plain["trained"]
    if setup.preprocessing.region == "image":
        del plain["preprocessing"]["region"]
    if setup.features and not setup.features.augmented:
        del plain["features"]["augmented"]
    augmentation = setup.augmentation
    # Features for a support vector machine are augmented on the host in any case.
    if setup.features or augmentation.computed_on == "host" or not augmentation.makes_variants:
        del plain["augmentation"]["computed_on"]
    return plain


def _split_identity(split: spec.Split) -> dict[str, Any]:
    """Returns a split as plain values, without the choices that its kind doesn't make.

    The datasets that are trained on are in the identity by name, see `_left_out`.
    """
    plain = to_plain(split)
    del plain["performance_sets"], plain["train_on_performance_sets"]
    if split.kind != "kfold" or split.stratified:
        del plain["stratified"]
    if split.kind not in spec.SUBJECT_KINDS:
        del plain["unknown_subjects"]
    return plain


def _by_content(model: spec.Model) -> spec.Model:
    """Returns the network with its weights file named by the file's hash instead of its path."""
    weights = model.arguments.get("weights")
    if weights in (None, "imagenet"):
        return model
    return replace_at(model, "arguments.weights", _content_of(weights))


def _content_of(file: str) -> str:
    """Returns the name of a file in identities, which is that of its content, wherever it is."""
    state = user_path(file).stat()
    return f"sha256:{_content(file, state.st_size, state.st_mtime_ns)}"


@cache
def _content(path: str, size: int, changed: int) -> str:
    """Returns the SHA-256 of a file, which is read again only if its size or modification time changes."""
    return file_sha256(user_path(path))
