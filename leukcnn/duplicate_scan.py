"""Search for images that occur twice in the data, within a dataset and between datasets."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from leukcnn.arrays import stored_arrays, write_quickly
from leukcnn.counting import Counting, uncounted
from leukcnn.datasets import (
    UNLABELLED,
    ImageIndex,
    Report,
    duplicate_pairs,
    in_order,
)
from leukcnn.datasets.copies import COMPARED, COPIES_FORMAT, measured_copies
from leukcnn.datasets.duplicates import named_copies
from leukcnn.datasets.headers import counted
from leukcnn.datasets.index import group_names
from leukcnn.datasets.many import join
from leukcnn.errors import StoreError
from leukcnn.files import locked, remove_drafts, replace_file
from leukcnn.image_cache import Kept, nothing_kept, prepared_images
from leukcnn.paths import PAIR_COLUMNS
from leukcnn.spec import Paper, Preprocessing
from leukcnn.splits import declared_relatives, related_datasets

_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class DuplicateScan:
    """Images of an index that are identical or nearly identical.

    Attributes:
        index: The images.
        identical: (P, 2) int64, pairs of byte-identical images, see `duplicate_pairs`.
        near: (Q, 2) int64, other pairs of nearly identical images, also mirrored, turned or cropped ones, see
            `copy_pairs`.
        distances: (Q,) float64, 1 minus the correlation of the details of each near pair, see
            `measured_copies`.
        named: (R, 2) int64, other pairs that are copies by their names, see `named_copies`.
        not_searched: What the folders hold and the search leaves out, for the reader.
    """

    index: ImageIndex
    identical: np.ndarray
    near: np.ndarray
    distances: np.ndarray = field(default_factory=lambda: np.empty(0))
    named: np.ndarray = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    not_searched: tuple[str, ...] = ()

    @property
    def pairs(self) -> np.ndarray:
        """(P + Q, 2) int64, all pairs, in the form that `leave_one_dataset_out` takes."""
        return np.concatenate([self.identical, self.near])

    def rows(self) -> Iterator[dict[str, object]]:
        """Yields each pair with its kind, distance, and what its two images are; keys are `PAIR_COLUMNS`."""
        index, groups = self.index, group_names(self.index)
        classes = {UNLABELLED: "", **dict(enumerate(index.class_names))}
        kinds = (
            ("identical", self.identical, np.zeros(len(self.identical))),
            ("nearly identical", self.near, self.distances),
            ("by name", self.named, np.full(len(self.named), np.nan)),
        )
        for kind, pairs, distances in kinds:
            for (one, other), distance in zip(pairs.tolist(), distances.tolist(), strict=True):
                row: dict[str, object] = {
                    "kind": kind,
                    "distance": "" if np.isnan(distance) else f"{distance:.4f}",
                }
                for side, place in (("a", one), ("b", other)):
                    row |= {
                        f"dataset_{side}": index.dataset[place],
                        f"image_{side}": index.ids[place],
                        f"class_{side}": classes[int(index.labels[place])],
                        f"group_{side}": index.group[place],
                    }
                row["same_class"] = _same(row["class_a"], row["class_b"])
                subjects = (groups[place] if index.group[place] else "" for place in (one, other))
                yield {**row, "same_subject": _same(*subjects)}

    def write(self, path: Path) -> None:
        """Writes all pairs into a CSV file, in one step.

        Raises:
            StoreError: The file can't be written.
        """
        with replace_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, PAIR_COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows(self.rows())

    def lines(self) -> list[str]:
        """Returns the duplicates by pair of datasets, with some examples, as lines of plain text."""
        names, numbers = np.unique(self.index.dataset, return_inverse=True)
        datasets = names[0] if len(names) == 1 else counted(len(names), "datasets")
        lines = [
            f"duplicates among {counted(len(self.index), 'images')} of {datasets}: "
            f"{counted(len(self.identical), 'byte-identical pairs')}, {counted(len(self.near), 'near ones')}"
            + (f", {counted(len(self.named), 'others')} by their names" if len(self.named) else ""),
            *(f"  not searched: {what}" for what in self.not_searched),
        ]
        places = np.sort(numbers[self.pairs], axis=1)
        for place in np.unique(places, axis=0):
            there = (places == place).all(axis=1)
            one, other = names[place].tolist()
            lines += self._lines_of(one, other, there[: len(self.identical)], there[len(self.identical) :])
        if len(names) > 1:
            declared, related = declared_relatives(self.index), related_datasets(self.index, self.pairs)
            lines.append(f"datasets that are declared to share cells: {self._listed(declared)}")
            lines.append(f"datasets that a strict split treats as related: {self._listed(related)}")
        return lines

    def _listed(self, relatives: Mapping[str, Sequence[str]]) -> str:
        listed = [f"{name} ({', '.join(others)})" for name, others in relatives.items() if others]
        searched = f" among the images searched, of {', '.join(relatives)}" if self.not_searched else ""
        return "; ".join(listed) or f"none{searched}"

    def _lines_of(self, one: str, other: str, identical: np.ndarray, near: np.ndarray) -> Iterator[str]:
        """Yields the lines of two datasets, or of one. The masks, (P,) and (Q,) bool, select their pairs."""
        where = f"within {one}" if one == other else f"between {one} and {other}"
        labels = self.index.labels[self.pairs[np.concatenate([identical, near])]]
        differing = np.count_nonzero((labels[:, 0] != labels[:, 1]) & (labels != UNLABELLED).all(axis=1))
        doubt = f", {differing:,} of them in two classes" if differing else ""
        yield f"  {where}: {identical.sum():,} identical, {near.sum():,} near{doubt}"
        for sign, pairs in (("=", self.identical[identical]), ("~", self.near[near])):
            for first, second in self.index.ids[pairs[:_EXAMPLES]]:
                yield f"    {first} {sign} {second}"
            if len(pairs) > _EXAMPLES:
                yield f"    and {len(pairs) - _EXAMPLES:,} more"


def _same(one: object, other: object) -> str:
    """Returns "yes" or "no"; "" if one of two names isn't known."""
    return "" if "" in (one, other) else "yes" if one == other else "no"


def scan_duplicates(
    index: ImageIndex,
    preprocessing: Preprocessing = COMPARED,
    *,
    folder: Path | None = None,
    workers: int | None = None,
    on_note: Callable[[str], None] = lambda note: None,
    counting: Counting = uncounted,
    kept: Kept = nothing_kept,
) -> DuplicateScan:
    """Searches an index for byte-identical and for nearly identical images.

    Args:
        index: The images; it may be empty.
        preprocessing: Size at which images are compared.
        folder: Folder of the caches, see `prepared_images`.
        workers: Number of threads; the number of usable processors if None.
        on_note: Called with a text for each kind of conversion, only when a new cache is written.
        counting: Shows how many images are decoded and compared.
        kept: As for `prepared_images`.

    Raises:
        DataError: Some images can't be decoded or are too small.
        StoreError: The cache can't be written.
    """
    identical = duplicate_pairs(index)
    if not len(index):
        return DuplicateScan(index, identical, near=identical)
    named = named_copies(index)
    images = prepared_images(
        index, preprocessing, folder=folder, threads=workers, on_note=on_note, counting=counting, kept=kept
    )
    near, distances = _cached_copies(images, workers=workers, counting=counting)
    first, second = index.sha256[near].T
    differ = first != second
    found = {*map(tuple, identical.tolist()), *map(tuple, near.tolist())}
    others = [pair for pair in named.tolist() if tuple(pair) not in found]
    return DuplicateScan(
        index,
        identical,
        near=near[differ],
        distances=distances[differ],
        named=np.array(others, dtype=np.int64).reshape(-1, 2),
    )


def _cached_copies(
    images: np.ndarray, *, workers: int | None, counting: Counting
) -> tuple[np.ndarray, np.ndarray]:
    """Returns `measured_copies` of prepared images, from the cache next to theirs if it has been made.

    The search takes minutes for thousands of images, and every run, `check` and profile needs it.
    """
    assert isinstance(images, np.memmap)
    decoded = Path(str(images.filename))
    path = decoded.parents[1] / "copies" / f"{decoded.stem}-{COPIES_FORMAT}.npz"
    with suppress(StoreError), stored_arrays(path) as stored:
        return stored["pairs"], stored["distances"]
    pairs, distances = measured_copies(images, workers=workers, counting=counting)
    with locked(decoded.parents[1] / "locks" / f"{path.stem}.lock"):
        remove_drafts(path)
        write_quickly(path, pairs=pairs, distances=distances)
    return pairs, distances


def scan_reports(
    reports: Sequence[Report],
    *,
    paper: Paper | None = None,
    folder: Path | None = None,
    counting: Counting = uncounted,
    kept: Kept = nothing_kept,
) -> DuplicateScan:
    """Searches the sound images of datasets for duplicates, also of those that have faults.

    Args:
        reports: What `verify` found; only one unless the paper uses several datasets.
        paper: Paper whose classes are used. None compares all images of one dataset.
        folder: Folder of the caches, see `prepared_images`.
        counting: As for `scan_duplicates`.
        kept: As for `scan_duplicates`: what `verify` decoded.

    Returns:
        The duplicates; `not_searched` names the images that were left out.

    Raises:
        DataError: An image changed in the meantime.
        StoreError: The cache can't be written.
    """
    # Experiments use the catalog's order, and the cache's key depends on the order.
    order = in_order(report.card.key for report in reports)
    ordered = sorted(reports, key=lambda report: order.index(report.card.key))
    left_out = [
        f"{report.card.key}: {counted(faulty, 'images')} with faults, see above"
        for report in ordered
        if (faulty := report.images_here - len(report.index))
    ]
    if paper is None or not paper.class_of:
        index = ordered[0].index
    else:
        sound = [report.index for report in ordered if len(report.index)]
        index = join(sound, class_names=paper.classes, class_of=paper.class_of) if sound else ordered[0].index
        left_out += index.notes
    return replace(
        scan_duplicates(index, folder=folder, counting=counting, kept=kept), not_searched=tuple(left_out)
    )
