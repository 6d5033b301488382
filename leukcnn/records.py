"""Records of experiments: what a command asked for and which data it found.

With a record and the store, tables can be built without the data. The list of an experiment's files, with
their SHA-256, is kept next to it.
"""

import contextlib
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from leukcnn.datasets import Genuine
from leukcnn.errors import SpecError, StoreError
from leukcnn.fields import did_you_mean_folder
from leukcnn.files import read_json, read_sealed_json, stored_sha256, write_sealed_json
from leukcnn.runs import STORE_VERSION
from leukcnn.spec import Paper
from leukcnn.spec.checks import check_types
from leukcnn.spec.metrics import MARGIN
from leukcnn.trial_files import check_hashes

# The record in an experiment's folder, and the list of the folder's files with their SHA-256.
_RECORD, _WRITTEN = "experiment.json", "written.json"


@dataclass(frozen=True)
class PlannedTrial:
    """One trial of an experiment.

    Attributes:
        row: Id of the paper's row, or key of the control.
        run: Number of the repetition, from 0.
        fold: The fold that is tested; -1 if the split has no folds.
        seed: Root seed of the trial.
        name: Name of its folder in the store.
        split: Kind of its split.
        tested: Keys of the datasets that it tests; empty if all are tested together.
    """

    row: str
    run: int
    fold: int
    seed: int
    name: str
    split: str
    tested: tuple[str, ...] = ()


@dataclass(frozen=True)
class Overlap:
    """What a set that the authors keep for testing shares with the images that some trials learned from.

    Those are their training and validation images. Predictions of shared images are stored and left out of
    the values.

    Attributes:
        subset: "external" or "final".
        total: Number of its images.
        copies: Ids of its images with an identical or nearly identical training or validation image.
        of_subjects: Ids of its other images whose subject has training or validation images.
        subjects: Names of those subjects; subjects that share an image are one.
        trials: Names of the trials and controls.
    """

    subset: str
    total: int
    copies: list[str]
    of_subjects: list[str]
    subjects: list[str]
    trials: list[str]

    @property
    def images(self) -> list[str]:
        """Ids of all shared images."""
        return [*self.copies, *self.of_subjects]

    def describe(self) -> str:
        """Returns what is shared, in words."""
        shared = []
        if n := len(self.copies):
            shared.append(f"{n:,} {'is a copy' if n == 1 else 'are copies'} (identical or nearly so)")
        if n := len(self.of_subjects):
            subjects = f"{len(self.subjects):,} subject{'s' if len(self.subjects) > 1 else ''}"
            shared.append(f"{n:,} {'shows' if n == 1 else 'show'} {subjects}")
        return (
            f"of the {self.total:,} images of the {self.subset} set, {' and '.join(shared)} of the training "
            "and validation images"
        )


class SeparatedPairs(NamedTuple):
    """Number of pairs of copies with one tested image and one training or validation image."""

    identical: int
    near: int


class UnknownSubjects(NamedTuple):
    """Number of images of unknown subject in a split by subject, that of all its images, and the choice.

    The choice is "each" if each of them is a group of its own, "one-group" if those of a dataset are one.
    """

    images: int
    total: int
    choice: str


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment: what a command asked for and which data it found.

    Attributes:
        paper: Key of the paper.
        profile: Name of the profile.
        split: Kind of the main split.
        seed: Root seed.
        runs: Number of runs with different seeds.
        backend: Keras' backend.
        assumed: Name of an assumption -> the value that replaced it.
        changes: Path of another changed field -> its value.
        trials: All trials, finished or not.
        controls: The trials of the controls, on the same splits, finished or not.
        probe: The classifier that recognises datasets by the borders of their images; None if there is one
            dataset.
        counts: Split of the first trial ("train", "validation", "test") -> "before" or "after" augmentation
            -> class -> number of images.
        datasets: Dataset -> class of the paper -> number of images found.
        related: Dataset -> datasets that share images or cells with it, as declared or as found.
        missing: Subset ("test", "external", "final"), row or kind of split without results -> why.
        final_total: Number of images of the whole final phase; 0 if the paper has none.
        not_comparable: Why no value can be compared with the paper's; "" if some can.
        not_comparable_on: Kind of split -> tested dataset -> why values on it can't be compared with the
            paper's; "" if `not_comparable` is the only reason. Datasets that are cross-validated together are
            one, joined by "+"; "" is all datasets together. Empty if no split keeps datasets apart.
        margin: Points within which a published and a measured value agree, see `leukcnn.spec.metrics.MARGIN`.
        published_images: Dataset -> how many of its images here are published ones; empty for synthetic ones.
        separated_pairs: Kind of split -> number of pairs of identical and of nearly identical images with one
            image in the test images and the other in the training or validation images of the same fold, in
            the first row's first run. Kinds that separate none are left out.
        unknown_subjects: Kind of split by subject -> its images of unknown subject, and what they count as.
        overlaps: What the authors' test sets share with the images that trials learned from.
        data_notes: Remarks on the data's folder.
        pairs_in_two_classes: Number of pairs of copies that have two classes.
        seen: Row that is only applied -> number of images that its network learned from; None if unknown.
        masked: Mask ("" for none) -> trials and controls of the main split with that region of the images
            blanked, finished or not; empty if the paper has no table of masks.
    """

    paper: str
    profile: str
    split: str
    seed: int
    runs: int
    backend: str
    assumed: dict[str, Any]
    changes: dict[str, Any]
    trials: list[PlannedTrial]
    controls: list[PlannedTrial]
    probe: PlannedTrial | None
    counts: dict[str, dict[str, dict[str, int]]]
    datasets: dict[str, dict[str, int]]
    related: dict[str, list[str]]
    missing: dict[str, str]
    final_total: int
    not_comparable: str
    separated_pairs: dict[str, SeparatedPairs] = field(default_factory=dict)
    unknown_subjects: dict[str, UnknownSubjects] = field(default_factory=dict)
    overlaps: list[Overlap] = field(default_factory=list)
    data_notes: list[str] = field(default_factory=list)
    masked: dict[str, list[PlannedTrial]] = field(default_factory=dict)
    not_comparable_on: dict[str, dict[str, str]] = field(default_factory=dict)
    published_images: dict[str, Genuine] = field(default_factory=dict)
    margin: float = MARGIN
    pairs_in_two_classes: int = 0
    seen: dict[str, int | None] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Writes the record into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        write_sealed_json(folder / _RECORD, {"store_version": STORE_VERSION, **asdict(self)})

    @property
    def every_trial(self) -> list[PlannedTrial]:
        """All trials and controls, the probe, and those of other masks."""
        probes = [self.probe] if self.probe else []
        return [*self.trials, *self.controls, *probes, *(one for of in self.masked.values() for one in of)]

    @staticmethod
    def load(folder: Path) -> "ExperimentRecord":
        """Reads a record.

        Raises:
            StoreError: The folder has no record, it was changed, or another version of leukcnn wrote it.
        """
        path = folder / _RECORD
        version = read_json(path).get("store_version")
        if version != STORE_VERSION:
            what = "no store version" if version is None else f"store version {version!r:.80}"
            raise _of_another_version(folder, what)
        values = read_sealed_json(path)
        del values["store_version"]
        try:
            for kind in ("trials", "controls"):
                values[kind] = [_planned(trial) for trial in values[kind]]
            values["masked"] = {mask: list(map(_planned, own)) for mask, own in values["masked"].items()}
            values["separated_pairs"] = {
                kind: SeparatedPairs(*numbers) for kind, numbers in values["separated_pairs"].items()
            }
            values["unknown_subjects"] = {
                kind: UnknownSubjects(*unknown)
                for kind, unknown in values.get("unknown_subjects", {}).items()
            }
            values["overlaps"] = [Overlap(**overlap) for overlap in values["overlaps"]]
            # Records of earlier versions don't have them.
            counted = values.get("published_images", {})
            values["published_images"] = {name: Genuine(**numbers) for name, numbers in counted.items()}
            for images in values["published_images"].values():
                check_types(images)
            values["probe"] = values["probe"] and _planned(values["probe"])
            record = ExperimentRecord(**values)
            check_types(record)
            return record
        except (KeyError, TypeError, AttributeError) as error:
            raise _of_another_version(folder, str(error.args[0])) from error
        except SpecError as error:
            raise StoreError(
                f"{path} can't be used: {error.reason}",
                expected=error.expected,
                remedy=f"remove {folder.name} and run `leukcnn reproduce` again; finished trials are kept",
            ) from error


def _planned(values: dict[str, Any]) -> PlannedTrial:
    trial = PlannedTrial(**{**values, "tested": tuple(values["tested"])})
    check_types(trial)
    if not re.fullmatch(r"\w+", trial.name):
        raise SpecError(f"A trial's name is {trial.name!r:.80}.", expected="the name of a folder")
    return trial


def _of_another_version(folder: Path, what: str) -> StoreError:
    return StoreError(
        f"{folder} was written by another version of leukcnn ({what}).",
        expected=f"a store of version {STORE_VERSION}",
        remedy="choose another --out, or install the version that wrote it",
    )


def note_files(folder: Path, paths: Iterable[Path], *, again: Collection[str] = ()) -> None:
    """Adds files below an experiment's folder, with their SHA-256, to its list of files.

    Args:
        folder: The experiment's folder.
        paths: The files.
        again: Names of folders in the experiment's folder whose files were all written again. Of their files,
            the list keeps only those in `paths`.

    Raises:
        StoreError: The folder can't be written to, or the list can't be read.
    """
    new = {path.relative_to(folder).as_posix(): stored_sha256(path) for path in paths}
    noted = _noted(folder)
    kept = {name: digest for name, digest in noted.items() if name.partition("/")[0] not in again}
    if kept | new != noted:
        write_sealed_json(folder / _WRITTEN, kept | new)


def changed_files(folder: Path) -> dict[Path, str]:
    """Returns the files of an experiment's list that were changed or removed: path -> what is wrong.

    Raises:
        StoreError: The list can't be read.
    """
    faults = {}
    for name, expected in _noted(folder).items():
        if what := _changed(folder / name, expected):
            faults[folder / name] = what
    return faults


def check_noted(path: Path, folder: Path) -> None:
    """Checks that a file is unchanged if it is in the list of an experiment's files.

    A list that can't be read is no fault of the file; `note_files` and `changed_files` report it.

    Raises:
        StoreError: The file is missing or changed.
    """
    noted: dict[str, str] = {}
    with contextlib.suppress(StoreError):
        noted = _noted(folder)
    expected = noted.get(path.relative_to(folder).as_posix())
    if expected is not None and (what := _changed(path, expected)):
        raise StoreError(f"{path}: {what}", expected="the file as leukcnn wrote it")


def _changed(path: Path, expected: str) -> str:
    """Returns what is wrong with a file; "" if it has its SHA-256."""
    if not path.is_file():
        return "missing"
    return "" if stored_sha256(path) == expected else "changed since it was written"


def _noted(folder: Path) -> dict[str, str]:
    """Returns the list of an experiment's files: path in its folder -> SHA-256."""
    path = folder / _WRITTEN
    if not path.exists():
        return {}
    try:
        noted = read_sealed_json(path)
        check_hashes(noted)
        if outside := [name for name in noted if name.startswith("/") or ".." in name.split("/")]:
            raise ValueError(f"{outside[0]!r:.80} is outside the folder")
    except (StoreError, ValueError) as error:
        raise StoreError(
            error.reason if isinstance(error, StoreError) else f"{path} can't be read: {error}",
            expected="the list of the experiment's files as leukcnn wrote it",
            remedy="remove it and run `leukcnn reproduce` with the same arguments; finished trials are kept",
        ) from error
    return noted


def only_experiment(folder: Path, paper: Paper | None) -> tuple[Path, str, list[str]]:
    """Finds the only experiment in a place that can be read; the place may be its folder.

    Returns:
        Its folder, the key of its paper, and messages about the experiments that can't be read.

    Raises:
        StoreError: There is none, there are several, or none can be read.
    """
    depths = ("", "experiments/*/", "*/experiments/*/")
    found = sorted(path.parent for depth in depths for path in folder.glob(f"{depth}experiment.json"))
    found = [one for one in found if paper is None or len(found) == 1 or one.parents[1].name == paper.key]
    if not found:
        raise StoreError(
            f"There are no runs in {folder.absolute()}."
            if folder.exists()
            else f"There is no folder {folder}.",
            expected="the folder of an experiment, or a folder that `reproduce` wrote to",
            remedy=(did_you_mean_folder(folder) if not folder.exists() else "") or "check the path",
        )
    papers_of, unreadable = {}, []
    for one in found:
        try:
            papers_of[one] = ExperimentRecord.load(one).paper
        except StoreError as error:
            if len(found) == 1:
                raise
            unreadable.append(str(error))
    if not papers_of:
        raise StoreError(f"None of the {len(found)} runs in {folder} can be read:\n" + "\n".join(unreadable))
    if len(papers_of) > 1:
        names = "\n".join(f"  {one.relative_to(folder)}" for one in papers_of)
        raise StoreError(
            f"{folder} holds {len(papers_of)} runs:\n{names}",
            expected="one run",
            remedy="pass the folder of one",
        )
    ((one, key),) = papers_of.items()
    if not (one.absolute().parents[1] / "trials").is_dir():
        raise StoreError(
            f"{one} is outside the folder that it was written to: its trials aren't there.",
            expected="<out>/<paper>/experiments/<name>, with <out>/<paper>/trials",
            remedy="move or copy the whole --out folder",
        )
    return one, key, unreadable


def relative(path: Path) -> str:
    """Returns a path relative to the working folder if it is inside that folder, else the path itself."""
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown


def why_diverged(trial: Path) -> str:
    """Returns when and how the training of a trial in a folder diverged; "" if it didn't."""
    path = trial / "diverged.json"
    try:
        return str(read_sealed_json(path).get("why")) if path.exists() else ""
    except StoreError:
        # Other trials are shown nevertheless, and this one isn't trained in silence.
        return f"{path} is damaged; remove the trial's folder to train it again"


def note_divergence(trial: Path, why: str) -> None:
    """Writes that the training of a trial diverged, so that it isn't repeated."""
    write_sealed_json(trial / "diverged.json", {"why": why})
