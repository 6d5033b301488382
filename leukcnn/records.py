"""What a command asked for and what data it found, kept so that its tables can be drawn without the data."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leukcnn.errors import StoreError
from leukcnn.runs import STORE_VERSION, read_json, write_json


@dataclass(frozen=True)
class PlannedTrial:
    """One trial of an experiment.

    Attributes:
        row: Id of the paper's row, or key of the control.
        run: Number of the repetition, from 0.
        fold: The fold that is tested, -1 where the split has none.
        seed: Root seed of the trial.
        name: Name of its folder in the store.
    """

    row: str
    run: int
    fold: int
    seed: int
    name: str


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment: what was asked for and what data were there.

    Attributes:
        paper: Key of the paper.
        profile: Name of the profile.
        split: Kind of the split.
        seed: Root seed.
        runs: Repetitions with other seeds.
        backend: Keras' backend.
        assumed: Assumptions overridden by name.
        changes: Other fields changed, by path.
        trials: All trials, finished or not.
        controls: The controls, on the same splits, finished or not.
        counts: Pictures of the first trial by set ("train", "validation", "test"), "before" or "after"
            augmentation, and class name.
        datasets: Pictures that were found by dataset and class of the paper.
        missing: What the data lack: set ("external", "final") -> why.
        final_total: Number of pictures of the whole final phase; 0 where the paper has none.
        not_comparable: Why the figures can't be held against the paper's; "" where they can.
        identical_pairs: Pairs of byte-identical pictures of which one is tested and one was learnt from.
        data_notes: What was found in the data's folder.
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
    counts: dict[str, dict[str, dict[str, int]]]
    datasets: dict[str, dict[str, int]]
    missing: dict[str, str]
    final_total: int
    not_comparable: str
    identical_pairs: int = 0
    data_notes: list[str] = field(default_factory=list)

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
            if values.pop("store_version") != STORE_VERSION:
                raise KeyError("store_version")
            for kind in ("trials", "controls"):
                values[kind] = [PlannedTrial(**trial) for trial in values[kind]]
            return ExperimentRecord(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{folder} was written by another version of leukcnn ({error}).",
                expected=f"a store of version {STORE_VERSION}",
                remedy="choose another --out, or install the version that wrote it",
            ) from error


def relative(path: Path) -> str:
    """Returns a path as seen from the working folder where it lies below it."""
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown
