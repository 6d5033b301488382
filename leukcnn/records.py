"""What a command asked for and what data it found, kept so that its tables can be drawn without the data."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leukcnn.errors import StoreError
from leukcnn.files import read_json, write_json
from leukcnn.runs import STORE_VERSION


@dataclass(frozen=True)
class PlannedTrial:
    """One trial of an experiment.

    Attributes:
        row: Id of the paper's row, or key of the control.
        run: Number of the repetition, from 0.
        fold: The fold that is tested, -1 where the split has none.
        seed: Root seed of the trial.
        name: Name of its folder in the store.
        split: Kind of its split.
        tested: Keys of the datasets that it tests; empty where all are tested together.
    """

    row: str
    run: int
    fold: int
    seed: int
    name: str
    split: str
    tested: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment: what was asked for and what data were there.

    Attributes:
        paper: Key of the paper.
        profile: Name of the profile.
        split: Kind of the main split.
        seed: Root seed.
        runs: Repetitions with other seeds.
        backend: Keras' backend.
        assumed: Assumptions overridden by name.
        changes: Other fields changed, by path.
        trials: All trials, finished or not.
        controls: The controls, on the same splits, finished or not.
        probe: The classifier that tells datasets by their images' borders; None where there is one dataset.
        counts: Images of the first trial by set ("train", "validation", "test"), "before" or "after"
            augmentation, and class name.
        datasets: Images that were found by dataset and class of the paper.
        related: Dataset -> datasets that share images or cells with it, by declaration or as found.
        missing: What isn't there: set ("external", "final"), or row, -> why.
        final_total: Number of images of the whole final phase; 0 where the paper has none.
        not_comparable: Why the figures can't be held against the paper's; "" where they can.
        identical_pairs: Pairs of byte-identical images of which one is tested and one was trained on.
        data_notes: What was found in the data's folder.
        masked: Mask ("" for none) -> trials and controls of the main split with that part of the images
            blanked, finished or not; empty where the paper has no table of masks.
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
    identical_pairs: int = 0
    data_notes: list[str] = field(default_factory=list)
    masked: dict[str, list[PlannedTrial]] = field(default_factory=dict)

    @property
    def main_reason(self) -> str:
        """The first reason why the figures can't be held against the paper's; "" where they can."""
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
            StoreError: It isn't there or was written by another version of leukcnn.
        """
        values = read_json(folder / "experiment.json")
        try:
            if (version := values.pop("store_version")) != STORE_VERSION:
                raise KeyError(f"store version {version}")
            for kind in ("trials", "controls"):
                values[kind] = [_planned(trial) for trial in values[kind]]
            values["masked"] = {mask: list(map(_planned, of)) for mask, of in values["masked"].items()}
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
    """Returns a path as seen from the working folder where it lies below it."""
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown
