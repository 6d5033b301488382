"""Records of experiments: what a command asked for and which data it found.

With a record and the store, tables can be built without the data.
"""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from leukcnn.errors import StoreError
from leukcnn.files import read_json, write_json
from leukcnn.runs import STORE_VERSION


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
        not_comparable: Why the values can't be compared with the paper's; "" if they can.
        separated_pairs: Kind of split -> number of pairs of identical and of nearly identical images with one
            image in the test images and the other in the training or validation images of the same fold, in
            the first row's first run. Kinds that separate none are left out.
        overlaps: What the authors' test sets share with the images that trials learned from.
        data_notes: Remarks on the data's folder.
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
    overlaps: list[Overlap] = field(default_factory=list)
    data_notes: list[str] = field(default_factory=list)
    masked: dict[str, list[PlannedTrial]] = field(default_factory=dict)

    @property
    def main_reason(self) -> str:
        """The first reason why the values can't be compared with the paper's; "" if they can."""
        return self.not_comparable.split(";")[0]

    def save(self, folder: Path) -> None:
        """Writes the record into an experiment's folder.

        Raises:
            StoreError: The folder can't be written to.
        """
        write_json(folder / "experiment.json", {"store_version": STORE_VERSION, **asdict(self)})

    @staticmethod
    def load(folder: Path) -> "ExperimentRecord":
        """Reads a record.

        Raises:
            StoreError: The folder has no record, or another version of leukcnn wrote it.
        """
        values = read_json(folder / "experiment.json")
        try:
            if (version := values.pop("store_version")) != STORE_VERSION:
                raise KeyError(f"store version {version}")
            for kind in ("trials", "controls"):
                values[kind] = [_planned(trial) for trial in values[kind]]
            values["masked"] = {mask: list(map(_planned, own)) for mask, own in values["masked"].items()}
            values["separated_pairs"] = {
                kind: SeparatedPairs(*numbers) for kind, numbers in values["separated_pairs"].items()
            }
            values["overlaps"] = [Overlap(**overlap) for overlap in values["overlaps"]]
            values["probe"] = values["probe"] and _planned(values["probe"])
            return ExperimentRecord(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{folder} was written by another version of leukcnn ({error.args[0]}).",
                expected=f"a store of version {STORE_VERSION}",
                remedy="choose another --out, or install the version that wrote it",
            ) from error


def _planned(values: dict[str, Any]) -> PlannedTrial:
    return PlannedTrial(**{**values, "tested": tuple(values["tested"])})


def relative(path: Path) -> str:
    """Returns a path relative to the working folder if it is inside that folder, else the path itself."""
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown
