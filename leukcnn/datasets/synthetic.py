"""Drawn datasets: folders with the names, layout and sizes of the real ones, full of drawn cells.

With them everything runs without the real pictures. Their figures say that the programme works, and nothing
of leukaemia.
"""

import csv
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from leukcnn.datasets.drawing import draw_cell
from leukcnn.datasets.scan import DRAWN_MARKER
from leukcnn.errors import DataError
from leukcnn.seeding import generator

# Part of the folder's name: raise it when the same seed comes to draw other cells.
_VERSION = 1
_FOLDS = 3


@dataclass(frozen=True)
class DrawnCounts:
    """How many cells and subjects a drawn C-NMC 2019 has.

    Attributes:
        malignant: Malignant training cells.
        healthy: Healthy training cells.
        malignant_subjects: Subjects of the malignant training cells, parted among the three folds.
        healthy_subjects: Subjects of the healthy training cells.
        preliminary: Cells of each class in the preliminary phase.
        preliminary_subjects: Subjects of each class in that phase, none of them in the training data.
        final: Cells of the final phase, half of each class; the real one has 2,586.
    """

    malignant: int = 320
    healthy: int = 160
    malignant_subjects: int = 24
    healthy_subjects: int = 18
    preliminary: int = 100
    preliminary_subjects: int = 10
    final: int = 20


@dataclass(frozen=True)
class _Cell:
    path: str
    malignant: bool
    subject: str
    number: int
    side: int = 450


def write(name: str, root: str | Path, *, seed: int, counts: DrawnCounts = DrawnCounts()) -> Path:
    """Draws a dataset below a folder, or finds it there again.

    It is drawn beside its place and renamed, so that a kill leaves nothing half done.

    Args:
        name: Key of a dataset that can be drawn.
        root: Where drawn datasets lie; each gets a folder named after dataset, seed and counts.
        seed: Root seed.
        counts: How many cells and subjects.

    Returns:
        The dataset's folder, with the real one's layout.

    Raises:
        DataError: The dataset can't be drawn, or the folder can't be written to.
    """
    if name not in _DRAWERS:
        raise DataError(
            f"There are no drawn pictures for {name!r}.",
            expected=", ".join(_DRAWERS),
            remedy="pass --data with the real dataset",
        )
    numbers = "-".join(str(value) for value in asdict(counts).values())
    folder = Path(root) / f"{name}-v{_VERSION}-seed{seed}-{numbers}"
    if (folder / DRAWN_MARKER).exists():
        return folder
    prefix = f".draft-{folder.name}-"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent, prefix)
        draft = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    except OSError as error:
        raise _not_writable(folder, error) from error
    try:
        _DRAWERS[name](draft, seed, counts)
        marker = {"dataset": name, "seed": seed, "version": _VERSION, "counts": asdict(counts)}
        (draft / DRAWN_MARKER).write_text(json.dumps(marker, indent=1))
        try:
            draft.replace(folder)
        except OSError:
            # Another process was faster; it drew the same cells.
            if not (folder / DRAWN_MARKER).exists():
                raise
    except OSError as error:
        raise _not_writable(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _not_writable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"The drawn cells can't be written to {folder}: {error}",
        expected="a folder that this user can write to, with some 500 MB of space",
        remedy="name another folder with the environment variable LEUKCNN_CACHE",
    )


def _remove_abandoned(root: Path, prefix: str) -> None:
    """Removes what killed processes left; drawing takes seconds, so an hour old is abandoned."""
    for draft in root.glob(f"{prefix}*"):
        if time.time() - draft.stat().st_mtime > 3600:
            shutil.rmtree(draft, ignore_errors=True)


def _draw_cnmc2019(folder: Path, seed: int, counts: DrawnCounts) -> None:
    preliminary, labels = _preliminary_cells(counts, seed)
    cells = [*_training_cells(counts), *preliminary, *_final_cells(counts, seed)]
    archive = folder / "C-NMC_Leukemia"
    for path in {(archive / cell.path).parent for cell in cells}:
        path.mkdir(parents=True)

    def draw(cell: _Cell) -> None:
        picture = draw_cell(
            malignant=cell.malignant, subject=cell.subject, seed=seed, cell=cell.number, side=cell.side
        )
        encoded = cv2.imencode(".bmp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
        (archive / cell.path).write_bytes(encoded.tobytes())

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, cells))
    if labels:
        with (archive / "validation_data" / "C-NMC_test_prelim_phase_data_labels.csv").open(
            "w", newline=""
        ) as file:
            writer = csv.writer(file)
            writer.writerow(["Patient_ID", "new_names", "labels"])
            writer.writerows(labels)


def _cells_of(malignant: bool, subjects: list[str], count: int) -> Iterator[tuple[str, int, str]]:
    """Yields subject, number and the dataset's own name of each cell; the subjects take turns."""
    kind = "all" if malignant else "hem"
    for i in range(count):
        subject, number = subjects[i % len(subjects)], i // len(subjects)
        # Up to three cells come from one field of view, as in the real names.
        yield subject, number, f"UID_{subject}_{number // 3 + 1}_{number % 3 + 1}_{kind}.bmp"


def _subjects(malignant: bool, first: int, count: int) -> list[str]:
    return [f"{'' if malignant else 'H'}{number}" for number in range(first, first + count)]


def _training_cells(counts: DrawnCounts) -> Iterator[_Cell]:
    for malignant, cells, subjects in (
        (True, counts.malignant, counts.malignant_subjects),
        (False, counts.healthy, counts.healthy_subjects),
    ):
        names = _subjects(malignant, 1, subjects)
        for subject, number, name in _cells_of(malignant, names, cells):
            fold = names.index(subject) % _FOLDS
            place = f"training_data/fold_{fold}/{'all' if malignant else 'hem'}"
            yield _Cell(f"{place}/{name}", malignant, subject, number)


def _preliminary_cells(counts: DrawnCounts, seed: int) -> tuple[list[_Cell], list[tuple[str, str, int]]]:
    drawn = []
    for malignant, first in ((True, counts.malignant_subjects), (False, counts.healthy_subjects)):
        names = _subjects(malignant, first + 1, counts.preliminary_subjects)
        drawn += [(malignant, *cell) for cell in _cells_of(malignant, names, counts.preliminary)]
    order = generator(seed, "synthetic", "preliminary").permutation(len(drawn))
    cells, labels = [], []
    for new_name, i in enumerate(order, start=1):
        malignant, subject, number, name = drawn[i]
        path = f"validation_data/C-NMC_test_prelim_phase_data/{new_name}.bmp"
        cells.append(_Cell(path, malignant, subject, number))
        labels.append((name, f"{new_name}.bmp", int(malignant)))
    return cells, labels


def _final_cells(counts: DrawnCounts, seed: int) -> Iterator[_Cell]:
    classes = generator(seed, "synthetic", "final").permutation(np.arange(counts.final) % 2)
    for number, malignant in enumerate(classes, start=1):
        path = f"testing_data/C-NMC_test_final_phase_data/{number}.bmp"
        yield _Cell(path, bool(malignant), f"final {number % 5}", number, side=600)


_DRAWERS: dict[str, Callable[[Path, int, DrawnCounts], None]] = {"cnmc2019": _draw_cnmc2019}
