"""What `verify` reports about a folder."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from leukcnn.datasets.cards import DatasetCard, Subset
from leukcnn.datasets.genuine import genuineness
from leukcnn.datasets.headers import counted, printable
from leukcnn.datasets.index import ImageIndex
from leukcnn.datasets.walk import natural

FAULTS = {
    "unreadable": "a folder or file that can't be read, or a file that isn't a regular one",
    "unusable name": "a name that isn't UTF-8 text or has control characters",
    "empty": "a file of 0 bytes",
    "undecodable": "a file that isn't an image, or a damaged image",
    "truncated": "an image whose end is missing",
    "too large": "an image with more pixels or bytes than are read",
    "wrong size": "an image of another size than published",
    "misnamed": "a name or place that doesn't fit the content",
    "unknown": "an image that isn't in the manifest",
    "changed": "a published name with other content (SHA-256), unless its pixels are the published ones",
    "duplicate": "a copy of another image that isn't a copy in the published dataset",
    "too many": "more images of a class than were published, where no manifest lists the published ones",
    "two classes": "an image that is byte-identical to one of another class, other than as published",
}


class Fault(NamedTuple):
    """One thing wrong with one file.

    Attributes:
        path: The file, relative to the dataset's folder.
        kind: A key of `FAULTS`.
        detail: What was found and what was expected.
    """

    path: str
    kind: str
    detail: str


class Count(NamedTuple):
    """The number of sound images (those that can be decoded, each id once) of one subject.

    Attributes:
        subset: Subset of the dataset.
        fold: The authors' fold, -1 where there is none.
        class_name: Class, "" without a label.
        subject: Subject or other group, "" where unknown.
        images: Number of images.
    """

    subset: str
    fold: int
    class_name: str
    subject: str
    images: int


class Comparison(NamedTuple):
    """How many of a folder's images are published ones.

    Attributes:
        images: Images in the folder, in the dataset's layout.
        verified: Images with the SHA-256 of a published image; two files aren't the same one.
        saved_again: Others with the pixels of a published image.
        copies: Further copies of published images.
        augmented: Augmented copies of other images here, by their names; see `name_patterns`.
        changed: Images with a published name and other content.
        unlisted: Others that can be read and aren't in the manifest.
    """

    images: int
    verified: int
    saved_again: int
    copies: int
    augmented: int
    changed: int
    unlisted: int

    def line(self) -> str:
        """Returns the numbers as a line of plain text."""
        unread = self.images - sum(self[1:])
        others = {
            "saved again with the published pixels": self.saved_again,
            f"further {'copy' if self.copies == 1 else 'copies'}": self.copies,
            f"augmented {'copy' if self.augmented == 1 else 'copies'}": self.augmented,
            "changed": self.changed,
            "not in the manifest": self.unlisted,
            "unreadable": unread,
        }
        shown = [f"{n:,} {what}" for what, n in others.items() if n]
        return ", ".join([f"{self.verified:,} of {self.images:,} verified by SHA-256", *shown])


@dataclass(frozen=True)
class Report:
    """What `verify` found in a folder.

    Attributes:
        card: The dataset.
        folder: The dataset's folder.
        synthetic: Whether the images are synthetic.
        index: The sound images: those that can be decoded and used, each id once.
        images_here: Number of image files in the dataset's layout, sound or not.
        compared: How many of them are published images; None if there is no manifest or they are synthetic.
        counts: Number of sound images by subset, fold, class and subject; see `Count`.
        faults: Everything that is wrong, sorted by path.
        known_duplicates: Pairs of ids of images that are byte-identical in the published dataset too.
        joined_subjects: Subjects or other groups that share a byte-identical image and count as one.
        notes: Other remarks.
    """

    card: DatasetCard
    folder: Path
    synthetic: bool
    index: ImageIndex
    images_here: int
    compared: Comparison | None
    counts: tuple[Count, ...]
    faults: tuple[Fault, ...]
    known_duplicates: tuple[tuple[str, str], ...]
    joined_subjects: tuple[str, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    @property
    def ok(self) -> bool:
        """Whether there are no faults. Missing images aren't faults."""
        return not self.faults

    def images(self, **where: str | int) -> int:
        """Returns the number of sound images.

        Args:
            **where: Fields of `Count` and the values that they must have, e.g. `subset="training", fold=0`.
        """
        return sum(
            count.images
            for count in self.counts
            if all(getattr(count, key) == value for key, value in where.items())
        )

    def lines(self) -> list[str]:
        """Returns the report as lines of plain text."""
        return [
            f"{self.card.name} in {printable(str(self.folder))}",
            *self._subset_lines(),
            *([self.compared.line()] if self.compared else []),
            *(f"note: {note}" for note in self.notes),
            *self._duplicate_lines(),
            *self._fault_lines(),
        ]

    def _subset_lines(self) -> Iterable[str]:
        for subset in self.card.subsets:
            here = self.images(subset=subset.key)
            of = self._of(subset.total, here)
            shown = f"{here:,}{of} {self.card.images_are}" if of else counted(here, self.card.images_are)
            if not of and subset.total and not self.synthetic:
                genuine = genuineness(self.card, self.index, subset=subset.key)
                shown += f", published: {genuine.describe(self.card.images_are)}"
            yield f"{subset.key}: {shown}"
            for class_name in (*self.card.classes, ""):
                rows = [c for c in self.counts if (c.subset, c.class_name) == (subset.key, class_name)]
                if rows:
                    yield from self._class_lines(subset, class_name, rows)

    def _class_lines(self, subset: Subset, class_name: str, rows: Sequence[Count]) -> Iterable[str]:
        subjects: Counter[str] = Counter()
        folds: Counter[int] = Counter()
        for row in rows:
            subjects[row.subject or "unknown"] += row.images
            folds[row.fold] += row.images
        known = len(subjects.keys() - {"unknown"})
        here = subjects.total()
        line = f"  {class_name or 'unlabelled'}: {here:,}{self._of(subset.images.get(class_name), here)}"
        if known or subset.subjects:
            line += (
                f", {counted(known, self.card.groups_are)}{self._of(subset.subjects.get(class_name), known)}"
            )
        yield line
        if known and subset.subjects:
            each = sorted(subjects.items(), key=lambda item: natural(item[0]))
            yield "    by subject: " + ", ".join(f"{name} {n:,}" for name, n in each)
        if folds.keys() != {-1}:
            yield "    by fold: " + ", ".join(f"fold {fold} {folds[fold]:,}" for fold in sorted(folds))

    def _of(self, published: int | None, here: int) -> str:
        if self.synthetic or not published or here > published or self._holds_others():
            return ""
        return f" of {published:,}"

    def _holds_others(self) -> bool:
        """Returns whether there are augmented copies, or no published image, as a manifest of all shows."""
        found = self.compared
        if found and found.augmented:
            return True
        others = found.changed + found.unlisted if found and self.card.manifest_whole else 0
        return bool(others) and others == self.images_here

    def _duplicate_lines(self) -> Iterable[str]:
        if self.known_duplicates:
            pairs = counted(len(self.known_duplicates), "byte-identical pairs")
            yield f"known duplicates: {pairs}, as published"
            yield from (f"  {one} = {other}" for one, other in self.known_duplicates)
        if self.joined_subjects:
            yield f"{self.card.groups_are} that share an image and count as one: " + ", ".join(
                self.joined_subjects
            )

    def _fault_lines(self) -> Iterable[str]:
        if self.ok:
            yield "no faults"
            return
        kinds = Counter(fault.kind for fault in self.faults)
        yield f"{counted(len(self.faults), 'faults')}: " + ", ".join(
            f"{kinds[kind]:,} {kind}" for kind in FAULTS if kind in kinds
        )
        yield from (f"  {fault.kind}: {fault.path}: {fault.detail}" for fault in self.faults)
