"""Find the folder of a dataset, however deep it is below the folder that a user names.

`load`, `load_many`, `present`, `verify` and the command line use `find`, so that they agree about a folder.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path, PurePath
from typing import TypedDict

from leukcnn.argument_types import user_path
from leukcnn.datasets.cards import ANY_NAME, DatasetCard
from leukcnn.datasets.catalog import CATALOG
from leukcnn.datasets.claims import Claim, claims_of, is_named
from leukcnn.datasets.class_words import GivenClasses, given_classes, with_classes
from leukcnn.datasets.headers import printable
from leukcnn.datasets.manifest import manifest, of_published_size
from leukcnn.datasets.masks import masks_with_ending
from leukcnn.datasets.walk import Tree, list_tree, listed, read_content
from leukcnn.errors import DataError

__all__ = [
    "Advice",
    "Place",
    "Search",
    "existing_folder",
    "find",
    "how_to_get",
    "search",
    "with_given_classes",
]


class Advice(TypedDict):
    """The keyword arguments of an error that say what was expected and what to do."""

    expected: str
    remedy: str


@dataclass(frozen=True)
class Search:
    """What a folder that a user named holds.

    Attributes:
        tree: Its folders.
        claims: Key of each dataset in the catalog -> the folders that are surely its.
    """

    tree: Tree
    claims: Mapping[str, Sequence[Claim]]

    @cached_property
    def datasets(self) -> dict[Path, str]:
        """Each folder of images that surely is a dataset's -> key of that dataset."""
        return {folder: key for folder, (key, _) in _surest(self.claims).items()}

    @property
    def limit(self) -> str:
        """A sentence on a search that ended early, "" if it didn't."""
        if not self.tree.cut:
            return ""
        return (
            f"The search ended {self.tree.cut}, so images that are deeper weren't seen: pass a folder closer "
            "to them."
        )


@dataclass(frozen=True)
class Place:
    """Where a dataset is.

    Attributes:
        card: The dataset.
        folder: Its own folder.
        claims: The folders of its images, each with the layout that fits.
        others: Folder of images that is another dataset's -> key of that dataset.
        search: What the folder that the user named holds.
    """

    card: DatasetCard
    folder: Path
    claims: tuple[Claim, ...]
    others: Mapping[Path, str]
    search: Search

    @property
    def tree(self) -> Tree:
        """The folders of the search."""
        return self.search.tree

    @cached_property
    def unclaimed(self) -> list[Path]:
        """Folders of images in the dataset's own folder that fit no layout and are no other dataset's."""
        return [f for f in self._free if self._is_own(f)]

    @cached_property
    def next_to(self) -> list[Path]:
        """Such folders next to the dataset's own one, unless its name sets it apart from what is there.

        If only the folder that was passed shows the dataset, they are all such folders in that one.
        """
        if is_named(self.card, self.folder):
            return []
        above = self.folder if self.folder == self.tree.root else self.folder.parent
        if not any(claim.sure for claim in self.claims):
            above = self.tree.root
        return [f for f in self._free if f.is_relative_to(above) and not self._is_own(f)]

    @cached_property
    def known_by_content(self) -> bool:
        """Whether one of the images that fit no layout has the SHA-256 of a published one."""
        return bool(_published_among(self, self.unclaimed))

    @cached_property
    def _free(self) -> list[Path]:
        claimed = {claim.folder for claim in self.claims}
        return [f for f in self.tree.holding_images if f not in claimed and f not in self.others]

    def _is_own(self, folder: Path) -> bool:
        if not folder.is_relative_to(self.folder):
            return False
        bases = {claim.base for claim in self.claims}
        if not bases or self.folder in bases or is_named(self.card, self.folder):
            return True
        # Parts of the dataset, such as training_data and validation_data, may be among other things.
        return any(folder.is_relative_to(base) for base in bases)


def how_to_get(dataset: DatasetCard) -> Advice:
    """Returns the expected layouts and how to get the data, as keyword arguments of an error."""
    return {
        "expected": f"the images of {dataset.name} in one of these layouts:\n{dataset.layout_help()}",
        "remedy": f"{dataset.how_to_get}. Licence: {dataset.licence}. "
        "Or use synthetic images: --data synthetic",
    }


def with_given_classes(dataset: DatasetCard, classes: GivenClasses) -> DatasetCard:
    """Returns a card with the class words of a user, see `load`."""
    given = given_classes(classes)
    words = with_classes(dataset.class_words, given, dataset.classes)
    return replace(dataset, class_words=words) if given else dataset


def existing_folder(root: str | Path, advice: Advice) -> Path:
    """Returns the absolute path of a folder.

    Raises:
        DataError: There is no such folder; the message ends with the advice.
    """
    # `resolve` would replace the name of a link by that of its target. `normpath` only removes "..".
    folder = Path(os.path.normpath(user_path(root).absolute()))
    if not folder.is_dir():
        state = "is a file, not a folder" if folder.exists() else "doesn't exist"
        raise DataError(f"The data folder {folder} {state}.", **advice)
    return folder


def search(root: str | Path, advice: Advice) -> Search:
    """Lists the folders below a root, and finds those that are surely a dataset's.

    Raises:
        DataError: There is no such folder; the message ends with the advice.
    """
    tree = list_tree(existing_folder(root, advice))
    return Search(tree, {key: claims_of(dataset, tree) for key, dataset in CATALOG.items()})


def find(cards: Sequence[DatasetCard], searched: Search) -> dict[str, Place]:
    """Finds datasets in a folder that was searched.

    A dataset is known by the name of its own folder, by the authors' own names of folders and files, or, if
    it is the only one that is looked for, by the folder that was passed, or else by published files in it,
    whatever their names. Folders with the names of classes are common, so that alone they don't show which
    dataset they are.

    Args:
        cards: The datasets.
        searched: The folder.

    Returns:
        The place of each dataset that is there, by key, in their order. A folder named after a dataset
        counts as its place even if its content fits no layout.

    Raises:
        DataError: A dataset is there twice, or a folder could be that of two of the datasets.
    """
    tree, places = searched.tree, {}
    for dataset in cards:
        # The card may have other class words than the catalog's.
        own = claims_of(dataset, tree)
        others = _surest(searched.claims, except_for=dataset.key)
        place = _place(dataset, searched, own, others)
        if place is None and len(cards) == 1:
            place = _place(dataset, searched, claims_of(dataset, tree, passed=True), others)
            # Other things next to the only folder that fits don't hide it.
            deep = claims_of(dataset, tree, passed=True, deep=True)
            place = place or _place(dataset, searched, deep, others)
            place = place or _by_content(dataset, searched, {path: key for path, (key, _) in others.items()})
        if place:
            places[dataset.key] = _with_published_next_to(place) if len(cards) == 1 else place
    _refuse_shared(places)
    return places


def _surest(sure: Mapping[str, Iterable[Claim]], *, except_for: str = "") -> dict[Path, tuple[str, Claim]]:
    """Returns the surest claim on each folder, with its dataset."""
    best: dict[Path, tuple[str, Claim]] = {}
    for key, claims in sure.items():
        for claim in claims:
            if key != except_for and (claim.folder not in best or claim.rank > best[claim.folder][1].rank):
                best[claim.folder] = key, claim
    return best


def _place(
    dataset: DatasetCard, searched: Search, claims: Iterable[Claim], others: Mapping[Path, tuple[str, Claim]]
) -> Place | None:
    tree = searched.tree
    own = [
        claim for claim in claims if claim.folder not in others or claim.rank >= others[claim.folder][1].rank
    ]
    foreign = {folder: key for folder, (key, _) in others.items() if folder not in {c.folder for c in own}}
    if not own:
        named = _named_folder(dataset, tree, foreign)
        return Place(dataset, named, (), foreign, searched) if named else None
    candidates = _candidates(dataset, tree, own)
    if len(candidates) > 1:
        folders = [_without_others(candidate, candidates) for candidate in candidates]
        counts = [_count(dataset, tree, of_one) for _, of_one in candidates]
        shown = [f"{folder} ({n:,} images)" for folder, n in zip(folders, counts, strict=True)]
        raise DataError(
            f"{tree.root} holds {dataset.name} {len(candidates)} times:\n{listed(shown)}",
            expected="one copy of the dataset below the folder that is passed",
            remedy=f"pass one of these folders as --data, e.g. --data {printable(str(folders[0]))!r}",
        )
    return Place(dataset, candidates[0][0], tuple(own), foreign, searched)


def _named_folder(dataset: DatasetCard, tree: Tree, foreign: Mapping[Path, str]) -> Path | None:
    """Returns a folder named after a dataset whose images aren't all other datasets', or None."""
    for folder in tree.folders:
        if is_named(dataset, folder):
            inside = [path for path in tree.holding_images if path.is_relative_to(folder)]
            if not inside or any(path not in foreign for path in inside):
                return folder
    return None


def _by_content(dataset: DatasetCard, searched: Search, foreign: Mapping[Path, str]) -> Place | None:
    """Returns the lowest folder with all files that may be published ones, if one of them is; else None."""
    whole = Place(dataset, searched.tree.root, (), foreign, searched)
    alike = _published_among(whole, whole.unclaimed)
    return replace(whole, folder=Path(os.path.commonpath(alike))) if alike else None


def _with_published_next_to(place: Place) -> Place:
    """Returns a place whose folder also holds the published files, under any names, that are next to it."""
    alike = _published_among(place, place.next_to)
    return replace(place, folder=Path(os.path.commonpath([place.folder, *alike]))) if alike else place


def _published_among(place: Place, folders: Sequence[Path]) -> set[Path]:
    """Returns those of some folders with files as long as published ones; none if no file is published."""
    dataset = place.card
    images = [folder / name for folder in folders for name in place.tree.folders[folder].images]
    alike = of_published_size(dataset.key, images)
    published = {file.sha256 for file in manifest(dataset.key).values()}
    if any(read_content(path)[0] in published for path in alike):
        return {path.parent for path in alike}
    return set()


def _candidates(dataset: DatasetCard, tree: Tree, claims: Sequence[Claim]) -> list[tuple[Path, list[Claim]]]:
    """Divides the folders of a dataset into its copies: each copy's own folder and its folders of images."""
    together = Path(os.path.commonpath([_top(dataset, tree, claim) for claim in claims]))
    groups: dict[Path, list[Claim]] = defaultdict(list)
    for claim in claims:
        inner = claim.folder.relative_to(together).parts
        groups[together / inner[0] if inner else together].append(claim)
    pairs = combinations(claims, 2)
    if len(groups) == 1 or not any(_are_copies(dataset, tree, *pair) for pair in pairs):
        return [(together, [*claims])]
    return [one for group in groups.values() for one in _candidates(dataset, tree, group)]


def _count(dataset: DatasetCard, tree: Tree, claims: Sequence[Claim]) -> int:
    """Returns the number of images in some folders, without the masks."""
    paths = [claim.folder / name for claim in claims for name in tree.folders[claim.folder].images]
    return len(paths) - len(masks_with_ending(paths, dataset.mask_extension))


def _without_others(candidate: tuple[Path, list[Claim]], every: Sequence[tuple[Path, list[Claim]]]) -> Path:
    """Returns the folder of one copy; if another copy is in it, too, the lowest one with all its images."""
    folder, claims = candidate
    if any(other.is_relative_to(folder) for other, _ in every if other != folder):
        return Path(os.path.commonpath([claim.folder for claim in claims]))
    return folder


def _top(dataset: DatasetCard, tree: Tree, claim: Claim) -> Path:
    """Returns the folder named after the dataset that a folder of images is in, or the one it begins in."""
    above = [f for f in (claim.folder, *claim.folder.parents) if f.is_relative_to(tree.root)]
    named = (folder for folder in above if is_named(dataset, folder))
    return next(named, claim.base if claim.base in above else tree.root)


def _are_copies(dataset: DatasetCard, tree: Tree, one: Claim, other: Claim) -> bool:
    """Returns whether two folders at different places hold the same part of a dataset."""
    if one.base == other.base or one.layout.subset != other.layout.subset:
        return False
    if one.layout.stem == other.layout.stem != ANY_NAME:
        names, more = (
            {PurePath(name).stem.lower() for name in tree.folders[claim.folder].images}
            for claim in (one, other)
        )
        return 2 * len(names & more) > min(len(names), len(more))
    return one.content(dataset) == other.content(dataset)


def _refuse_shared(places: Mapping[str, Place]) -> None:
    claimed: dict[Path, list[str]] = defaultdict(list)
    for key, place in places.items():
        for claim in place.claims:
            claimed[claim.folder].append(key)
    shared = [f"{folder}: {' or '.join(keys)}" for folder, keys in claimed.items() if len(keys) > 1]
    if shared:
        raise DataError(
            f"Folders that could belong to more than one dataset, {len(shared):,} of them:\n{listed(shared)}",
            expected="folders that are named after their datasets",
            remedy="put each dataset into a folder named after it; `leukcnn datasets NAME` shows the names",
        )
