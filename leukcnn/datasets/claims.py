"""Which folders of images could be a dataset's: by their names, by those above them and by file names."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath

from leukcnn.datasets.cards import ANY_FOLDER, DatasetCard, Layout
from leukcnn.datasets.class_words import class_of, split_of
from leukcnn.datasets.walk import Tree

# Number of a folder's file names that are compared with a pattern.
_COMPARED = 200
# Folders that a layout's pattern may have.
_MOST_LEVELS = 3
_PASSED, _BY_FILES, _BY_FOLDERS = range(3)


@dataclass(frozen=True)
class Claim:
    """A layout of a dataset that fits a folder of images.

    Attributes:
        folder: The folder that holds the images.
        layout: The layout.
        words: The words in the folder's path; see `fits`.
        base: The folder that the layout begins in: that of the class folders, for example. Parts of a split
            dataset, `train` and `test`, begin in the folder above them.
        split: Name of the folder of a split that the folder is in, or is, in lower case; "" if there is none.
        rank: How sure it is; of two datasets' claims the higher one counts. The names of folders come before
            those of files, a deeper folder's name before an upper one's, and what was only passed comes last.
    """

    folder: Path
    layout: Layout
    words: Mapping[str, str | None]
    base: Path
    split: str
    rank: tuple[int, int]

    @property
    def sure(self) -> bool:
        """Whether the dataset is known here by a name, and not only because this folder was passed."""
        return self.rank[0] > _PASSED

    def content(self, dataset: DatasetCard) -> tuple[str, ...]:
        """Returns what the folder holds of the dataset: subset, fold and class; "" if not named."""
        folder = self.words.get("folder") or ""
        class_name = self.layout.class_name or class_of(folder, dataset.class_words) or folder
        return (self.layout.subset, self.words.get("fold") or "", class_name)


def fits(dataset: DatasetCard, layout: Layout, folder: PurePath) -> tuple[dict[str, str | None], int] | None:
    """Compares the end of a folder's path with a layout; case, spaces, hyphens and underscores don't matter.

    Args:
        dataset: The dataset.
        layout: One of its layouts.
        folder: The folder.

    Returns:
        The words of the layout's named groups, in lower case with single spaces, and the number of folders
        that the layout has; None if it doesn't fit.
    """
    where = _pattern(layout.folder).search("/".join(folder.parts[-_MOST_LEVELS:]))
    if where is None:
        return None
    words = {key: word and re.sub(r"[-_ ]+", " ", word.lower()) for key, word in where.groupdict().items()}
    word = words.get("folder")
    if word and not layout.class_name and not class_of(word, dataset.class_words):
        return None
    levels = 0 if layout.folder == ANY_FOLDER else where["all_of_it"].count("/") + 1
    return words, levels


def is_named(dataset: DatasetCard, folder: PurePath) -> bool:
    """Returns whether a folder has one of the names of the dataset's own folder."""
    parts, names = folder.parts[-2:], _names(dataset.folder_names)
    return _plain(folder.name) in names or "/".join(map(_plain, parts)) in names


def claims_of(dataset: DatasetCard, tree: Tree, *, passed: bool = False, deep: bool = False) -> list[Claim]:
    """Returns the folders of images below a root that could be a dataset's, each with one claim at most.

    Args:
        dataset: The dataset.
        tree: The folders below the root.
        passed: Whether the root was passed as this dataset's folder. Then every folder counts that fits a
            layout; otherwise only those by whose names, or whose files' names, the dataset is known.
        deep: Whether class folders also count anywhere below the root, next to other things, if two classes
            of the dataset or more are side by side.
    """
    depths = _named_depths(dataset, tree)
    anchors = set(_anchors(tree, [folder for folder, depth in depths.items() if depth == len(folder.parts)]))
    near_root = set(_anchors(tree, [tree.root])) if passed else set()
    if deep:
        near_root |= _side_by_side(dataset, tree)
    found: dict[Path, Claim] = {}
    for folder in tree.holding_images:
        claims = list(_claims_on(dataset, tree, folder, depths[folder], (anchors, near_root)))
        if claims:
            # Of equally sure layouts the first one in the card counts.
            found[folder] = max(claims, key=_sureness)
    if any(claim.sure for claim in found.values()):
        _add_companions(dataset, tree, found)
    return list(found.values())


def _sureness(claim: Claim) -> int:
    return claim.rank[0]


def _named_depths(dataset: DatasetCard, tree: Tree) -> dict[Path, int]:
    """Returns the depth of the deepest folder named after a dataset that each one is in, or is; 0 if none."""
    above = [len(path.parts) for path in tree.root.parents if is_named(dataset, path)]
    depths = {tree.root.parent: max(above, default=0)}
    for folder in tree.folders:
        depths[folder] = len(folder.parts) if is_named(dataset, folder) else depths[folder.parent]
    return depths


def _claims_on(
    dataset: DatasetCard, tree: Tree, folder: Path, named: int, tops: tuple[Set[Path], Set[Path]]
) -> Iterator[Claim]:
    """Yields the claims of layouts on a folder.

    Args:
        dataset: The dataset.
        tree: The folders.
        folder: The folder.
        named: Depth of the folder with the dataset's name that it is in, 0 if there is none.
        tops: Folders in which layouts may begin that don't show the dataset: those with its name and the only
            ones with images in them, and the root and those in it, if it was passed as this dataset's.
    """
    anchors, near_root = tops
    for layout in dataset.layouts:
        if not (named or near_root or layout.shown_by):
            continue
        claim = _claim(dataset, layout, tree, folder, (_PASSED, 0))
        if claim is None:
            continue
        anywhere = layout.deepest is None
        begins = {folder, claim.base}
        known = bool(layout.shown_by) and _named_like(layout.shown_by, tree.folders[folder].images)
        if known and anywhere and layout.folder != ANY_FOLDER and not layout.any_name:
            yield replace(claim, rank=(_BY_FOLDERS, max(named, len(claim.base.parts) + 1)))
        elif named and (anywhere or begins & anchors):
            yield replace(claim, rank=(_BY_FOLDERS, named))
        elif known:
            yield replace(claim, rank=(_BY_FILES, 0))
        elif ({claim.base, claim.base.parent} if anywhere else begins) & near_root:
            yield claim


def _add_companions(dataset: DatasetCard, tree: Tree, found: dict[Path, Claim]) -> None:
    """Adds folders that fit a layout and are next to one that is known, e.g. phase2 next to fold_0."""
    sure = {(claim.base, claim.layout.any_name): claim.rank for claim in found.values() if claim.sure}
    for folder in tree.holding_images:
        if folder not in found or not found[folder].sure:
            for layout in dataset.layouts:
                claim = _claim(dataset, layout, tree, folder, (_PASSED, 0))
                if claim and layout.folder != ANY_FOLDER and (claim.base, layout.any_name) in sure:
                    found[folder] = replace(claim, rank=sure[claim.base, layout.any_name])
                    break


def _claim(
    dataset: DatasetCard, layout: Layout, tree: Tree, folder: Path, rank: tuple[int, int]
) -> Claim | None:
    if not _some_are_images(layout, tree.folders[folder].images):
        return None
    inner, split = folder, ""
    fitting = fits(dataset, layout, folder)
    if fitting is None and split_of(folder.name):
        # The parts of a split are in each class folder.
        inner, split = folder.parent, folder.name.lower()
        fitting = fits(dataset, layout, inner)
    if fitting is None:
        return None
    words, levels = fitting
    base = inner.parents[levels - 1] if levels else inner
    if split_of(base.name) and base != tree.root and not layout.identity:
        base, split = base.parent, base.name.lower()
    return Claim(folder, layout, words, base, split, rank)


def _some_are_images(layout: Layout, names: Sequence[str]) -> bool:
    if layout.extensions:
        names = [name for name in names if PurePath(name).suffix.lower() in layout.extensions]
    return bool(names) and (not layout.names_only or _named_like(rf"{layout.stem}\.\w+", names))


def _named_like(pattern: str, names: Sequence[str]) -> bool:
    """Returns whether at least half of some names match a pattern."""
    some = names[:_COMPARED]
    like = sum(bool(re.fullmatch(pattern, name, re.IGNORECASE)) for name in some)
    return bool(like) and 2 * like >= len(some)


def _anchors(tree: Tree, tops: Sequence[Path]) -> Iterator[Path]:
    """Yields folders and those below them in which a dataset's class folders may begin.

    These are the only folders with images in an anchor, as an archive leaves them, and parts of a split.
    """
    for top in tops:
        folder: Path | None = top
        while folder is not None and folder in tree.folders:
            yield folder
            here = tree.folders[folder]
            inner = [folder / name for name in here.folders if folder / name in tree.above_images]
            yield from (path for path in inner if split_of(path.name))
            folder = inner[0] if len(inner) == 1 and not here.images else None


def _side_by_side(dataset: DatasetCard, tree: Tree) -> set[Path]:
    """Returns the folders in which folders of two classes of the dataset or more are."""
    classes: dict[Path, set[tuple[str, ...]]] = defaultdict(set)
    for folder in tree.holding_images:
        for layout in dataset.layouts:
            claim = _claim(dataset, layout, tree, folder, (_PASSED, 0))
            if claim and claim.words.get("folder"):
                classes[claim.base].add(claim.content(dataset))
    return {base for base, held in classes.items() if len({content[-1] for content in held}) > 1}


@cache
def _pattern(folder: str) -> re.Pattern[str]:
    loose = re.sub(r"\[[^\]]*\]|[-_ ]+", lambda m: m[0] if m[0][0] == "[" else "[-_ ]*", _escaped(folder))
    return re.compile(rf"(?:^|/)(?P<all_of_it>{loose})$", re.IGNORECASE)


def _escaped(folder: str) -> str:
    return folder.replace(r"\[", r"\x5b").replace(r"\]", r"\x5d")


@cache
def _names(folder_names: tuple[str, ...]) -> frozenset[str]:
    return frozenset("/".join(map(_plain, name.split("/"))) for name in folder_names)


@cache
def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())
