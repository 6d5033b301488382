"""Writes synthetic datasets: folders with the names and layout of the real ones."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TypeVar

import cv2
import numpy as np

from leukcnn.datasets.catalog import card
from leukcnn.errors import ArgumentError, DataError
from leukcnn.seeding import generator
from leukcnn.spec import Paper
from leukcnn.synthetic.drawing import draw_cell
from leukcnn.synthetic.leukocytes import FORMS
from leukcnn.synthetic.smears import draw_smear
from leukcnn.synthetic.whole_folders import mark, write_once
from leukcnn.threads import in_threads

# Part of the name of the folder: raise it when the same seed gives other files.
_VERSION = 2
_FOLDS = 3
# Enough for five folds and for all forms of a class; large datasets get more.
_FEWEST_SMEARS, _MOST_SMEARS, _PUBLISHED_PER_SMEAR = 6, 24, 8
# Enough to train a network on this dataset alone.
_SMEARS = {"taleghani": {"benign": 40, "early": 60, "pre": 60, "pro": 50}}
# Dataset -> class -> the folders of its kinds of cell: name of the image in the folder, what it shows.
_KINDS: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "aml_lmu": {
        "AML": (("MYO/MYO_{:04}.tiff", "AML"),),
        "other cells": (
            ("NGS/NGS_{:04}.tiff", "neutrophil"),
            ("LYT/LYT_{:04}.tiff", "lymphocyte"),
            ("MON/MON_{:04}.tiff", "monocyte"),
        ),
    },
    "pbc": {
        "healthy": (
            ("neutrophil/SNE_{:06}.jpg", "neutrophil"),
            ("lymphocyte/LY_{:06}.jpg", "lymphocyte"),
            ("monocyte/MO_{:06}.jpg", "monocyte"),
        )
    },
}

_T = TypeVar("_T")


@dataclass(frozen=True)
class SyntheticCounts:
    """How many cells and subjects a synthetic C-NMC 2019 has.

    Attributes:
        malignant: Malignant training cells.
        healthy: Healthy training cells.
        malignant_subjects: Subjects of the malignant training cells, each in one of the three folds.
        healthy_subjects: Subjects of the healthy training cells.
        preliminary: Cells of each class in the preliminary phase.
        preliminary_subjects: Subjects of each class in that phase, none of them in the training data.
        final: Cells of the final phase, half of each class; the real phase has 2,586.
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


def write(
    name: str,
    root: str | Path,
    *,
    seed: int,
    counts: SyntheticCounts = SyntheticCounts(),
    on_note: Callable[[str], None] = lambda note: None,
) -> Path:
    """Writes a synthetic dataset below a folder, unless it is there already.

    An interrupted call leaves no incomplete dataset. A dataset whose files were changed is made again.

    Args:
        name: Key of the dataset: "cnmc2019". For the others, see `write_many`.
        root: Folder of synthetic datasets; each gets a folder named after dataset, seed and counts.
        seed: Root seed.
        counts: Numbers of cells and subjects.
        on_note: Called with a sentence if the dataset is made again.

    Returns:
        The dataset's folder, which has the layout of the real dataset.

    Raises:
        DataError: The dataset has no synthetic version, or the folder can't be written to.
    """
    if name not in _WRITERS:
        raise DataError(
            f"There are no synthetic images for {name!r}.",
            expected=", ".join(_WRITERS),
            remedy="pass --data with the real dataset",
        )
    numbers = "-".join(str(value) for value in asdict(counts).values())
    folder = Path(root) / f"{name}-v{_VERSION}-seed{seed}-{numbers}"
    write_once(
        folder,
        lambda draft: _WRITERS[name](draft, seed, counts),
        on_note,
        dataset=name,
        seed=seed,
        counts=asdict(counts),
        version=_VERSION,
    )
    return folder


def write_many(
    names: Sequence[str],
    root: str | Path,
    *,
    seed: int,
    counts: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    on_note: Callable[[str], None] = lambda note: None,
) -> Path:
    """Writes several synthetic datasets below a folder of their own, unless they are there already.

    If any file of them was changed, all are made again.

    A dataset of blood smears has the folder `<dataset>/<class>` for each class of its first subset, with
    about an eighth of the published number of images, at least 6 and at most 24. C-NMC 2019 has its own
    layout, see `write`, and so have Taleghani's, with 40 to 60 images of each of its four classes,
    AML-Cytomorphology_LMU and PBC.

    Args:
        names: Keys of datasets in the catalog; their order doesn't matter.
        root: Folder of synthetic datasets; these get a folder named after the seed and a hash of names and
            counts.
        seed: Root seed.
        counts: Dataset -> class -> number of images, for datasets that get other numbers. For C-NMC 2019,
            field of `SyntheticCounts` -> number.
        on_note: Called with a sentence if the datasets are made again.

    Returns:
        The folder that contains the datasets' folders.

    Raises:
        ArgumentError: No dataset is named, a count isn't a whole number above 0, or the seed isn't a whole
            number >= 0.
        DataError: A dataset is unknown or has a class without synthetic images, or the folder can't be
            written to.
    """
    if not names:
        raise ArgumentError("No dataset is named.", expected="at least one key of the catalog")
    for name, wanted in counts.items():
        if not all(isinstance(count, int) and count > 0 for count in wanted.values()):
            raise ArgumentError(
                f"The numbers of images of {name!r} are {dict(wanted)}.", expected="whole numbers above 0"
            )
    chosen = {
        name: asdict(SyntheticCounts(**counts.get(name, {})))
        if name in _WRITERS
        else dict(counts.get(name) or smear_counts(name))
        for name in sorted(set(names))
    }
    key = hashlib.sha256(json.dumps(chosen).encode()).hexdigest()[:12]
    folder = Path(root) / f"smears-v{_VERSION}-seed{seed}-{key}"

    def fill(draft: Path) -> None:
        smears = {name: numbers for name, numbers in chosen.items() if name not in _WRITERS}
        for name in chosen.keys() - smears:
            _WRITERS[name](draft / name, seed, SyntheticCounts(**chosen[name]))
        _write_smears(draft, seed, smears)
        # Each dataset's own folder is marked too, so that a copy of it is recognised as synthetic.
        for name, numbers in chosen.items():
            mark(draft / name, dataset=name, seed=seed, counts=numbers, version=_VERSION)

    write_once(folder, fill, on_note, datasets=list(chosen), seed=seed, counts=chosen, version=_VERSION)
    return folder


def write_for(
    paper: Paper,
    names: Sequence[str],
    root: str | Path,
    *,
    seed: int,
    on_note: Callable[[str], None] = lambda note: None,
) -> Path:
    """Writes synthetic datasets for a paper, unless they are there already.

    Args:
        paper: The paper; it sets the numbers of images.
        names: Keys of datasets in the catalog, usually the paper's own.
        root: Folder of synthetic datasets.
        seed: Root seed.
        on_note: Called with a sentence if the datasets are made again.

    Returns:
        The folder to load them from: that of `write` for C-NMC 2019 alone, otherwise that of `write_many`.

    Raises:
        ArgumentError, DataError: As in `write_many`.
    """
    if not paper.class_of and names[0] in _WRITERS:
        counts = SyntheticCounts(**paper.synthetic_images.get(names[0], {}))
        return write(names[0], root, seed=seed, counts=counts, on_note=on_note)
    return write_many(names, root, seed=seed, counts=paper.synthetic_images, on_note=on_note)


def smear_counts(name: str) -> dict[str, int]:
    """Returns the number of synthetic images of each class of a dataset of blood smears.

    Raises:
        DataError: The dataset is unknown or has a class without synthetic images.
    """
    if source := card(name).made_from:
        raise DataError(
            f"There are no synthetic images for {name!r}: its images are made from those of {source!r}.",
            expected="a dataset of original images",
            remedy=f"name {source!r}, or pass --data with the real dataset",
        )
    if name in _SMEARS:
        return dict(_SMEARS[name])
    published = {label: count for label, count in card(name).subsets[0].images.items() if count}
    if unknown := [label for label in published if label not in FORMS and label not in _KINDS.get(name, {})]:
        raise DataError(
            f"There are no synthetic images for the classes {', '.join(map(repr, unknown))} of {name!r}.",
            expected=f"a dataset with classes among {', '.join(FORMS)}",
            remedy="leave the dataset out, or pass --data with the real one",
        )
    return {
        label: min(max(round(count / _PUBLISHED_PER_SMEAR), _FEWEST_SMEARS), _MOST_SMEARS)
        for label, count in published.items()
    }


def _write_cnmc2019(folder: Path, seed: int, counts: SyntheticCounts) -> None:
    preliminary, labels = _preliminary_cells(counts, seed)
    cells = [*_training_cells(counts), *preliminary, *_final_cells(counts, seed)]
    archive = folder / "C-NMC_Leukemia"
    for path in {(archive / cell.path).parent for cell in cells}:
        path.mkdir(parents=True)

    def write_cell(cell: _Cell) -> None:
        image = draw_cell(
            malignant=cell.malignant,
            subject=cell.subject,
            seed=seed,
            cell=cell.number,
            image_size=cell.image_size,
        )
        _write(archive / cell.path, image)

    _in_parallel(write_cell, cells)
    if labels:
        with (archive / "validation_data" / "C-NMC_test_prelim_phase_data_labels.csv").open(
            "w", newline=""
        ) as file:
            writer = csv.writer(file)
            writer.writerow(["Patient_ID", "new_names", "labels"])
            writer.writerows(labels)


def _write_smears(folder: Path, seed: int, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Writes smears to the paths that `_smear_path` gives; `counts` maps dataset -> class -> number."""
    smears = [
        (name, label, number)
        for name, numbers in counts.items()
        for label, count in numbers.items()
        for number in range(1, count + 1)
    ]
    for path in {_smear_path(*smear).parent for smear in smears}:
        (folder / path).mkdir(parents=True)

    def write_image(smear: tuple[str, str, int]) -> None:
        name, label, number = smear
        shown = _kind(name, label, number)[1] if name in _KINDS else label
        image = draw_smear(class_name=shown, dataset=name, seed=seed, image=number)
        _write(folder / _smear_path(*smear), image)

    _in_parallel(write_image, smears)


def _smear_path(name: str, label: str, number: int) -> PurePath:
    """Returns the path of an image: a folder for each class, or the authors' layout where that differs."""
    if name in _KINDS:
        return PurePath(name, _kind(name, label, number)[0].format(number))
    if name != "taleghani":
        return PurePath(name, label, f"{name}_{label}_{number}.bmp")
    stage = label.title()
    prefix = "WBC" if label == "benign" else "WBC-Malignant"
    return PurePath(name, "Original", stage, f"{prefix}-{stage}-{number:03}.jpg")


def _kind(name: str, label: str, number: int) -> tuple[str, str]:
    """Returns the entry of `_KINDS` for an image; the kinds of a class take turns."""
    kinds = _KINDS[name][label]
    return kinds[number % len(kinds)]


def _in_parallel(work: Callable[[_T], None], items: Sequence[_T]) -> None:
    for _ in in_threads(work, items):
        pass


def _write(path: Path, image: np.ndarray) -> None:
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(encoded.tobytes())


def _cells_of(malignant: bool, subjects: list[str], count: int) -> Iterator[tuple[str, int, str]]:
    """Yields the subject, the number and the dataset's own name of each cell; the subjects take turns."""
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
    sources = []
    for malignant, first in ((True, counts.malignant_subjects), (False, counts.healthy_subjects)):
        names = _subjects(malignant, first + 1, counts.preliminary_subjects)
        sources += [(malignant, *cell) for cell in _cells_of(malignant, names, counts.preliminary)]
    order = generator(seed, "synthetic", "preliminary").permutation(len(sources))
    cells, labels = [], []
    for new_name, i in enumerate(order, start=1):
        malignant, subject, number, name = sources[i]
        path = f"validation_data/C-NMC_test_prelim_phase_data/{new_name}.bmp"
        cells.append(_Cell(path, malignant, subject, number))
        labels.append((name, f"{new_name}.bmp", int(malignant)))
    return cells, labels


def _final_cells(counts: SyntheticCounts, seed: int) -> Iterator[_Cell]:
    classes = generator(seed, "synthetic", "final").permutation(np.arange(counts.final) % 2)
    for number, malignant in enumerate(classes, start=1):
        path = f"testing_data/C-NMC_test_final_phase_data/{number}.bmp"
        yield _Cell(path, bool(malignant), f"final {number % 5}", number, image_size=600)


_WRITERS: dict[str, Callable[[Path, int, SyntheticCounts], None]] = {"cnmc2019": _write_cnmc2019}
