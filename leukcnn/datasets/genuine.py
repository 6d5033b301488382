"""How many of a dataset's images are the published ones: known by SHA-256, unverified, or others."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.image_paths import UNLABELLED, place
from leukcnn.datasets.index import ImageIndex
from leukcnn.datasets.manifest import Published, manifest
from leukcnn.datasets.name_patterns import originals

__all__ = ["Genuine", "genuineness"]

WHY_NOT_COUNTED = "other bytes, copies, or more than were published"
"""Why an image doesn't count as published, in messages."""
_EXPLAINED = "unverified, and more than were published"
VERIFIED, UNVERIFIED, DIFFERENT = "verified", "unverified", "different"


@dataclass(frozen=True)
class Genuine:
    """How many images of a dataset, or of one of its subsets, are the published ones.

    Attributes:
        published: Number of published images.
        verified: Number of images with the SHA-256, and the class if that is known, of a published one; each
            published image counts once.
        unverified: Number of images that no manifest lists, but that may be published ones: at most as many
            of each class as were published.
        foreign: Number of images that don't count as published: they have another content than the published
            image, or are copies of another image here, or no manifest lists them and there are more of their
            class than were published.
        excess: How many of the foreign images no manifest lists: there are more of their class than were
            published, and nobody knows which of them are.
    """

    published: int
    verified: int = 0
    unverified: int = 0
    foreign: int = 0
    excess: int = 0

    @property
    def here(self) -> int:
        """Number of images that count as published, verified or not."""
        return self.verified + self.unverified

    @property
    def state(self) -> str:
        """What is known of the images.

        - "verified": all published images are here by SHA-256, and no others.
        - "unverified": no manifest lists some of them, whether or not their number is the published one.
        - "different": published images are missing, or there are images with another content, or copies.
        """
        if self.foreign > self.excess:
            return DIFFERENT
        if self.unverified or self.excess:
            return UNVERIFIED
        return VERIFIED if self.here == self.published else DIFFERENT

    def describe(self, what: str = "") -> str:
        """Returns the numbers in words, e.g. "260 of 260 cells, verified by SHA-256".

        Args:
            what: What the images are, "cells"; may be empty.
        """
        words = f"{self.here:,} of {self.published:,}{' ' * bool(what)}{what}"
        if self.verified and self.unverified:
            words += f", {self.verified:,} verified by SHA-256, {self.unverified:,} unverified"
        elif self.here:
            words += ", verified by SHA-256" if self.verified else ", unverified (no manifest lists them)"
        why = _EXPLAINED if self.excess == self.foreign else WHY_NOT_COUNTED
        return f"{words}; {self.not_counted} ({why})" if self.foreign else words

    @property
    def not_counted(self) -> str:
        """Says how many images don't count as published; "" if all do."""
        if not self.foreign:
            return ""
        doesnt = "image doesn't" if self.foreign == 1 else "images don't"
        return f"{self.foreign:,} {doesnt} count as published"

    def __add__(self, other: "Genuine") -> "Genuine":
        return Genuine(
            self.published + other.published,
            self.verified + other.verified,
            self.unverified + other.unverified,
            self.foreign + other.foreign,
            self.excess + other.excess,
        )


def genuineness(
    dataset: DatasetCard, index: ImageIndex, *, subset: str = "", class_of: Mapping[str, str] | None = None
) -> Genuine:
    """Counts the published images of a dataset in an index. Other datasets in the index are ignored.

    An image is verified if the shipped manifest lists its SHA-256, in this subset and in its class. If the
    manifest lists all images, all others are foreign. If there is no manifest, or it lists some images only,
    an image that it doesn't list is unverified, unless it has the name of a listed one, is a copy of another,
    also an augmented one by its name, or its class has more such images than there can be: then none of them
    counts, since any of them may be another source's.

    Args:
        dataset: The dataset.
        index: The images, not synthetic ones.
        subset: Key of a subset; "" for the first one.
        class_of: Class of the index for each class of the dataset, as for `load_many`; images of other
            classes don't count. None if the index has the dataset's own classes.

    Returns:
        The numbers.
    """
    used = dataset.subset(subset) if subset else dataset.subsets[0]
    renamed = class_of or {name: name for name in (*dataset.classes, "")}
    published: Counter[str] = Counter()
    for name, n in used.images.items():
        if name in renamed:
            published[renamed[name]] += n
    rows = np.flatnonzero((index.dataset == dataset.key) & (index.subset == used.key))
    if class_of:
        rows = rows[index.labels[rows] != UNLABELLED]
    names = np.array([*index.class_names, ""])[index.labels[rows]].tolist()
    digests, ids = index.sha256[rows].tolist(), index.ids[rows].tolist()
    paths = [index.paths[row] for row in rows.tolist()]
    augmented = originals(paths, ids, index.labels[rows], index.dataset[rows]) >= 0

    listed = manifest(dataset.key)
    free = _free(dataset, listed, digests=set(digests), subset=used.key, class_of=renamed)
    known = {file.sha256 for file in listed.values()}
    all_listed = listed and dataset.manifest_whole
    verified: Counter[str] = Counter()
    others: dict[str, set[str]] = defaultdict(set)
    foreign = 0
    for digest, name, identity, made in zip(digests, names, ids, augmented, strict=True):
        matching = _matching(free[digest], name)
        if matching is not None:
            free[digest][matching] -= 1
            verified[name] += 1
            continue
        # Another content under a listed name, or a copy.
        changed = (
            identity.removeprefix(f"{dataset.key}/") in listed or digest in known or digest in others[name]
        )
        if all_listed or changed or made:
            foreign += 1
        else:
            others[name].add(digest)
    unverified = excess = 0
    for name, contents in others.items():
        if len(contents) <= published[name] - verified[name]:
            unverified += len(contents)
        else:
            excess += len(contents)
    return Genuine(sum(published.values()), sum(verified.values()), unverified, foreign + excess, excess)


def _free(
    dataset: DatasetCard,
    listed: Mapping[str, Published],
    *,
    digests: set[str],
    subset: str,
    class_of: Mapping[str, str],
) -> dict[str, Counter[str]]:
    """Returns SHA-256 -> class in the index -> number of published images; the class is "" if unknown.

    Only images of the subset and the classes of `class_of` are counted, and only contents in `digests`.
    """
    free: dict[str, Counter[str]] = defaultdict(Counter)
    for identity, file in listed.items():
        if file.sha256 not in digests:
            continue
        path = PurePosixPath(identity)
        image = place(dataset, path, depth=len(path.parts) - 1)
        if image is None or image.subset == subset:
            label = UNLABELLED if image is None else image.label
            name = "" if label == UNLABELLED else dataset.classes[label]
            if name in ("", *class_of):
                free[file.sha256][class_of.get(name, "")] += 1
    return free


def _matching(free: Mapping[str, int], name: str) -> str | None:
    """Returns the class of a published image that an image of class `name` may be; None if there is none."""
    wanted: Iterable[str] = free if name == "" else (name, "")
    return next((one for one in wanted if free.get(one)), None)
