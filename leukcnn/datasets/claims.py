"""Which folders of images could be a dataset's: by their names, by those above them and by file names."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath

from leukcnn.datasets.cards import ANY_FOLDER, DatasetCard, Layout
from leukcnn.datasets.walk import Tree

SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Names of folders that hold one part of a dataset that somebody has split; in lower case."""

# Number of a folder's file names that are compared with a pattern.
_COMPARED = 200
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
        rank: How sure it is; of two datasets' claims the higher one counts. The names of folders come before
            those of files, a deeper folder's name before an upper one's, and what was only passed comes last.
    """

    folder: Path
    layout: Layout
    words: Mapping[str, str | None]
    base: Path
    rank: tuple[int, int]

    @property
    def sure(self) -> bool:
        """Whether the dataset is known here by a name, and not only because this folder was passed."""
        return self.rank[0] > _PASSED

    def part(self, dataset: DatasetCard) -> tuple[str, ...]:
        """Returns the part of the dataset that the folder holds: subset, fold and class; "" if not named."""
        folder = self.words.get("folder") or ""
        class_name = self.layout.class_name or dataset.class_words.get(folder, folder)
        return (self.layout.subset, self.words.get("fold") or "", class_name)


def fits(layout: Layout, folder: PurePath) -> tuple[dict[str, str | None], int] | None:
    """Compares the end of a folder's path with a layout; case, spaces, hyphens and underscores don't matter.

    Returns:
        The words of the layout's named groups, in lower case with single spaces, and the number of folders
        that the layout has; None if it doesn't fit.
    """
    where = _pattern(layout.folder).search(folder.as_posix())
    if where is None:
        return None
    words = {key: word and re.sub(r"[-_ ]+", " ", word.lower()) for key, word in where.groupdict().items()}
    levels = 0 if layout.folder == ANY_FOLDER else where["all_of_it"].count("/") + 1
    return words, levels


def is_named(dataset: DatasetCard, folder: PurePath) -> bool:
    """Returns whether a folder has one of the names of the dataset's own folder."""
    parts = tuple(map(_plain, folder.parts[-2:]))
    return any(parts[-len(name) :] == name for name in _names(dataset.folder_names))


def claims_of(dataset: DatasetCard, tree: Tree, *, passed: bool = False) -> list[Claim]:
    """Returns the folders of images below a root that could be a dataset's, each with one claim at most.

    Args:
        dataset: The dataset.
        tree: The folders below the root.
        passed: Whether the root was passed as this dataset's folder. Then every folder counts that fits a
            layout; otherwise only those by whose names, or whose files' names, the dataset is known.
    """
    anchors = set(_anchors(tree, [folder for folder in tree.folders if is_named(dataset, folder)]))
    near_root = set(_anchors(tree, [tree.root])) if passed else set()
    found: dict[Path, Claim] = {}
    for folder in tree.holding_images:
        claims = list(_claims_on(dataset, tree, folder, anchors, near_root))
        if claims and (passed or max(claims, key=_sureness).sure):
            # Of equally sure layouts the first one in the card counts.
            found[folder] = max(claims, key=_sureness)
    _add_companions(dataset, tree, found)
    return list(found.values())


def _sureness(claim: Claim) -> int:
    return claim.rank[0]


def _claims_on(
    dataset: DatasetCard, tree: Tree, folder: Path, anchors: Set[Path], near_root: Set[Path]
) -> Iterator[Claim]:
    named = max((len(f.parts) for f in (folder, *folder.parents) if is_named(dataset, f)), default=0)
    for layout in dataset.layouts:
        claim = _claim(layout, tree, folder, (_PASSED, 0))
        if claim is None:
            continue
        anywhere = layout.deepest is None
        begins = {folder, folder.parent} if layout.deepest else {folder}
        known = bool(layout.shown_by) and _named_like(layout.shown_by, tree.folders[folder].images)
        if known and anywhere and layout.folder != ANY_FOLDER and not layout.any_name:
            yield replace(claim, rank=(_BY_FOLDERS, max(named, len(claim.base.parts) + 1)))
        elif named and (anywhere or begins & anchors):
            yield replace(claim, rank=(_BY_FOLDERS, named))
        elif known:
            yield replace(claim, rank=(_BY_FILES, 0))
        elif near_root and (anywhere or begins & near_root):
            yield claim


def _add_companions(dataset: DatasetCard, tree: Tree, found: dict[Path, Claim]) -> None:
    """Adds folders that fit a layout and are next to one that is known, e.g. phase2 next to fold_0."""
    sure = {(claim.base, claim.layout.any_name): claim.rank for claim in found.values() if claim.sure}
    for folder in tree.holding_images:
        if sure and (folder not in found or not found[folder].sure):
            for layout in dataset.layouts:
                claim = _claim(layout, tree, folder, (_PASSED, 0))
                if claim and layout.folder != ANY_FOLDER and (claim.base, layout.any_name) in sure:
                    found[folder] = replace(claim, rank=sure[claim.base, layout.any_name])
                    break


def _claim(layout: Layout, tree: Tree, folder: Path, rank: tuple[int, int]) -> Claim | None:
    fitting = fits(layout, folder)
    if fitting is None or not _some_are_images(layout, tree.folders[folder].images):
        return None
    words, levels = fitting
    base = folder.parents[levels - 1] if levels else folder
    if base.name.lower() in SPLITS and base != tree.root:
        base = base.parent
    return Claim(folder, layout, words, base, rank)


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
    holding = {path for folder in tree.holding_images for path in (folder, *folder.parents)}
    for top in tops:
        folder: Path | None = top
        while folder is not None and folder in tree.folders:
            yield folder
            here = tree.folders[folder]
            inner = [folder / name for name in here.folders if folder / name in holding]
            yield from (path for path in inner if path.name.lower() in SPLITS)
            folder = inner[0] if len(inner) == 1 and not here.images else None


@cache
def _pattern(folder: str) -> re.Pattern[str]:
    loose = re.sub(r"\[[^\]]*\]|[-_ ]+", lambda m: m[0] if m[0][0] == "[" else "[-_ ]*", _escaped(folder))
    return re.compile(rf"(?:^|/)(?P<all_of_it>{loose})$", re.IGNORECASE)


def _escaped(folder: str) -> str:
    return folder.replace(r"\[", r"\x5b").replace(r"\]", r"\x5d")


@cache
def _names(folder_names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(_plain, name.split("/"))) for name in folder_names)


@cache
def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())
