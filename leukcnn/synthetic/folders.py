"""Synthetic datasets: folders with the names and layout of the real ones, full of synthetic cells and smears.

With them everything runs without the real images. Their figures say that the programme works, and nothing
of leukaemia.
"""

import csv
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TypeVar

import cv2
import numpy as np

from leukcnn.datasets.catalog import card
from leukcnn.datasets.walk import SYNTHETIC_MARKER
from leukcnn.errors import ArgumentError, DataError
from leukcnn.seeding import generator
from leukcnn.spec import Paper
from leukcnn.synthetic.drawing import draw_cell
from leukcnn.synthetic.leukocytes import FORMS
from leukcnn.synthetic.smears import draw_smear

# Part of the folder's name: raise it when the same seed comes to draw other cells.
_VERSION = 1
_FOLDS = 3
# Enough for five folds and a look at each form; as many more as makes the large datasets the larger.
_FEWEST_SMEARS, _MOST_SMEARS, _PUBLISHED_A_SMEAR = 6, 24, 8
# A network has to learn from this dataset alone.
_SMEARS = {"taleghani": {"benign": 40, "early": 60, "pre": 60, "pro": 50}}

_T = TypeVar("_T")


@dataclass(frozen=True)
class SyntheticCounts:
    """How many cells and subjects a synthetic C-NMC 2019 has.

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
    image_size: int = 450


def write(name: str, root: str | Path, *, seed: int, counts: SyntheticCounts = SyntheticCounts()) -> Path:
    """Draws a dataset below a folder, or finds it there again.

    A kill leaves nothing half done.

    Args:
        name: Key of a dataset that can be drawn with the real one's layout.
        root: Where synthetic datasets lie; each gets a folder named after dataset, seed and counts.
        seed: Root seed.
        counts: How many cells and subjects.

    Returns:
        The dataset's folder, with the real one's layout.

    Raises:
        DataError: The dataset can't be drawn, or the folder can't be written to.
    """
    if name not in _DRAWERS:
        raise DataError(
            f"There are no synthetic images for {name!r}.",
            expected=", ".join(_DRAWERS),
            remedy="pass --data with the real dataset",
        )
    numbers = "-".join(str(value) for value in asdict(counts).values())
    folder = Path(root) / f"{name}-v{_VERSION}-seed{seed}-{numbers}"
    _draw_once(
        folder,
        lambda draft: _DRAWERS[name](draft, seed, counts),
        dataset=name,
        seed=seed,
        counts=asdict(counts),
    )
    return folder


def write_many(
    names: Sequence[str],
    root: str | Path,
    *,
    seed: int,
    counts: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
) -> Path:
    """Draws several datasets below a folder of their own, or finds them there again.

    A dataset of blood smears has the folder `<dataset>/<class>` for each class of its first part, with about
    an eighth of the published number of images, at least 6 and at most 24. C-NMC 2019 has its own layout,
    as `write` draws it, and so has Taleghani's, of whose four classes 40 to 60 images each are drawn.

    Args:
        names: Keys of datasets in the catalog; their order doesn't matter.
        root: Where synthetic datasets lie; these get a folder named after seed, names and counts.
        seed: Root seed.
        counts: Dataset -> class -> how many images are drawn of which others than those are wanted; of
            C-NMC 2019 the training cells.

    Returns:
        The folder that holds the datasets' folders.

    Raises:
        ArgumentError: No dataset is named, a count is no whole number above 0, or the seed is no whole number
            >= 0.
        DataError: A dataset is unknown or has a class of which nothing can be drawn, or the folder can't be
            written to.
    """
    if not names:
        raise ArgumentError("No dataset is to be drawn.", expected="at least one key of the catalog")
    for name, wanted in counts.items():
        if not all(isinstance(count, int) and count > 0 for count in wanted.values()):
            raise ArgumentError(
                f"{dict(wanted)} images of {name!r} are to be drawn.", expected="whole numbers above 0"
            )
    drawn = {
        name: asdict(SyntheticCounts(**counts.get(name, {})))
        if name in _DRAWERS
        else dict(counts.get(name) or smear_counts(name))
        for name in sorted(set(names))
    }
    digest = hashlib.sha256(json.dumps(drawn).encode()).hexdigest()[:12]
    folder = Path(root) / f"smears-v{_VERSION}-seed{seed}-{digest}"

    def draw(draft: Path) -> None:
        smears = {name: numbers for name, numbers in drawn.items() if name not in _DRAWERS}
        for name in drawn.keys() - smears:
            _DRAWERS[name](draft / name, seed, SyntheticCounts(**drawn[name]))
        _draw_smears(draft, seed, smears)
        # A dataset's folder that is taken elsewhere still says that it is drawn.
        for name, numbers in drawn.items():
            _mark(draft / name, dataset=name, seed=seed, counts=numbers)

    _draw_once(folder, draw, datasets=list(drawn), seed=seed, counts=drawn)
    return folder


def write_for(paper: Paper, names: Sequence[str], root: str | Path, *, seed: int) -> Path:
    """Draws datasets as a paper wants them, or finds them there again.

    Args:
        paper: Says how many images are drawn.
        names: Keys of datasets in the catalog, the paper's own as a rule.
        root: Where synthetic datasets lie.
        seed: Root seed.

    Returns:
        The folder that holds them.

    Raises:
        ArgumentError, DataError: As `write_many`.
    """
    if not paper.class_of and names[0] in _DRAWERS:
        counts = SyntheticCounts(**paper.synthetic_images.get(names[0], {}))
        return write(names[0], root, seed=seed, counts=counts)
    return write_many(names, root, seed=seed, counts=paper.synthetic_images)


def smear_counts(name: str) -> dict[str, int]:
    """Returns how many images of each class are drawn for a dataset of blood smears.

    Raises:
        DataError: The dataset is unknown or has a class of which nothing can be drawn.
    """
    if source := card(name).made_from:
        raise DataError(
            f"Nothing can be drawn for {name!r}, whose images are made from those of {source!r}.",
            expected="a dataset of images as they were taken",
            remedy=f"take {source!r}, or pass --data with the real one",
        )
    if name in _SMEARS:
        return dict(_SMEARS[name])
    published = {label: count for label, count in card(name).subsets[0].images.items() if count}
    if unknown := [label for label in published if label not in FORMS]:
        raise DataError(
            f"Nothing can be drawn for the classes {', '.join(map(repr, unknown))} of {name!r}.",
            expected=f"a dataset with classes out of {', '.join(FORMS)}",
            remedy="leave the dataset out, or pass --data with the real one",
        )
    return {
        label: min(max(round(count / _PUBLISHED_A_SMEAR), _FEWEST_SMEARS), _MOST_SMEARS)
        for label, count in published.items()
    }


def _draw_once(folder: Path, draw: Callable[[Path], None], **description: object) -> None:
    """Fills a folder unless it is there; drawn beside its place and renamed, so it is whole or absent.

    Args:
        folder: Where the synthetic images shall lie.
        draw: Draws into the folder it is given, which is empty.
        **description: What the file that marks a finished folder says of it.

    Raises:
        DataError: The folder can't be written to.
    """
    if (folder / SYNTHETIC_MARKER).exists():
        return
    prefix = f".draft-{folder.name}-"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent, prefix)
        draft = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    except OSError as error:
        raise _not_writable(folder, error) from error
    try:
        draw(draft)
        _mark(draft, **description)
        try:
            draft.replace(folder)
        except OSError:
            # Another process was faster; it drew the same images.
            if not (folder / SYNTHETIC_MARKER).exists():
                raise
    except OSError as error:
        raise _not_writable(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _mark(folder: Path, **description: object) -> None:
    (folder / SYNTHETIC_MARKER).write_text(json.dumps(description | {"version": _VERSION}, indent=1))


def _not_writable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"The synthetic images can't be written to {folder}: {error}",
        expected="a folder that this user can write to, with some 500 MB of space",
        remedy="name another folder with the environment variable LEUKCNN_CACHE",
    )


def _remove_abandoned(root: Path, prefix: str) -> None:
    """Removes what killed processes left; drawing takes seconds, so an hour old is abandoned."""
    for draft in root.glob(f"{prefix}*"):
        if time.time() - draft.stat().st_mtime > 3600:
            shutil.rmtree(draft, ignore_errors=True)


def _draw_cnmc2019(folder: Path, seed: int, counts: SyntheticCounts) -> None:
    preliminary, labels = _preliminary_cells(counts, seed)
    cells = [*_training_cells(counts), *preliminary, *_final_cells(counts, seed)]
    archive = folder / "C-NMC_Leukemia"
    for path in {(archive / cell.path).parent for cell in cells}:
        path.mkdir(parents=True)

    def draw(cell: _Cell) -> None:
        image = draw_cell(
            malignant=cell.malignant,
            subject=cell.subject,
            seed=seed,
            cell=cell.number,
            image_size=cell.image_size,
        )
        _write(archive / cell.path, image)

    _draw_all(draw, cells)
    if labels:
        with (archive / "validation_data" / "C-NMC_test_prelim_phase_data_labels.csv").open(
            "w", newline=""
        ) as file:
            writer = csv.writer(file)
            writer.writerow(["Patient_ID", "new_names", "labels"])
            writer.writerows(labels)


def _draw_smears(folder: Path, seed: int, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Draws as many images of each dataset and class, each in its place, see `_smear_path`."""
    smears = [
        (name, label, number)
        for name, numbers in counts.items()
        for label, count in numbers.items()
        for number in range(1, count + 1)
    ]
    for path in {_smear_path(*smear).parent for smear in smears}:
        (folder / path).mkdir(parents=True)

    def draw(smear: tuple[str, str, int]) -> None:
        name, label, number = smear
        image = draw_smear(class_name=label, dataset=name, seed=seed, image=number)
        _write(folder / _smear_path(*smear), image)

    _draw_all(draw, smears)


def _smear_path(name: str, label: str, number: int) -> PurePath:
    """Returns where an image lies: a folder for each class, but Taleghani's has its authors' layout."""
    if name != "taleghani":
        return PurePath(name, label, f"{name}_{label}_{number}.bmp")
    stage = label.title()
    prefix = "WBC" if label == "benign" else "WBC-Malignant"
    return PurePath(name, "Original", stage, f"{prefix}-{stage}-{number:03}.jpg")


def _draw_all(draw: Callable[[_T], None], images: Sequence[_T]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, images))


def _write(path: Path, image: np.ndarray) -> None:
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(encoded.tobytes())


def _cells_of(malignant: bool, subjects: list[str], count: int) -> Iterator[tuple[str, int, str]]:
    """Yields subject, number and the dataset's own name of each cell; the subjects take turns."""
    kind = "all" if malignant else "hem"
    for i in range(count):
        subject, number = subjects[i % len(subjects)], i // len(subjects)
        # Up to three cells come from one field of view, as in the real names.
        yield subject, number, f"UID_{subject}_{number // 3 + 1}_{number % 3 + 1}_{kind}.bmp"


def _subjects(malignant: bool, first: int, count: int) -> list[str]:
    return [f"{'' if malignant else 'H'}{number}" for number in range(first, first + count)]


def _training_cells(counts: SyntheticCounts) -> Iterator[_Cell]:
    for malignant, cells, subjects in (
        (True, counts.malignant, counts.malignant_subjects),
        (False, counts.healthy, counts.healthy_subjects),
    ):
        names = _subjects(malignant, 1, subjects)
        for subject, number, name in _cells_of(malignant, names, cells):
            fold = names.index(subject) % _FOLDS
            place = f"training_data/fold_{fold}/{'all' if malignant else 'hem'}"
            yield _Cell(f"{place}/{name}", malignant, subject, number)


def _preliminary_cells(counts: SyntheticCounts, seed: int) -> tuple[list[_Cell], list[tuple[str, str, int]]]:
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


def _final_cells(counts: SyntheticCounts, seed: int) -> Iterator[_Cell]:
    classes = generator(seed, "synthetic", "final").permutation(np.arange(counts.final) % 2)
    for number, malignant in enumerate(classes, start=1):
        path = f"testing_data/C-NMC_test_final_phase_data/{number}.bmp"
        yield _Cell(path, bool(malignant), f"final {number % 5}", number, image_size=600)


_DRAWERS: dict[str, Callable[[Path, int, SyntheticCounts], None]] = {"cnmc2019": _draw_cnmc2019}
