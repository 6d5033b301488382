"""Say what a folder holds that isn't read as a dataset's images, and why nothing was found in it."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.class_words import class_of, may_be, normalised, split_of
from leukcnn.datasets.finder import Place, Search, how_to_get
from leukcnn.datasets.headers import EXTENSIONS, counted, printable, unread_images
from leukcnn.datasets.walk import Tree, listed
from leukcnn.errors import DataError

OUTSIDE = "images outside the layout"
MASK = "masks of the images"
OTHER_ENDING = "image files with other endings or none"
OTHER_DATASET = "images of another dataset"
NEXT_TO = "images next to the dataset's folder"

_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tar", ".tgz")
_SHOWN = 8


def left_out_notes(
    place: Place, strays: Sequence[Path], left_out: Mapping[str, Sequence[Path]]
) -> Iterator[str]:
    """Yields a line for each kind of files that aren't read: their number, and the first names."""
    kinds = {OUTSIDE: strays, **left_out}
    for kind, paths in kinds.items():
        if paths:
            top = place.folder.parent if kind == NEXT_TO else place.folder
            if not all(path.is_relative_to(top) for path in paths):
                top = place.tree.root
            what = kind
            if kind == OTHER_DATASET:
                what = f"images of {', '.join(sorted({place.others[path.parent] for path in paths}))}"
            where = ", ".join(names_of(top, {path.parent for path in paths} - {top}))
            first = printable(min(paths).relative_to(top).as_posix())
            are = "is" if len(paths) == 1 else "are"
            yield f"{counted(len(paths), what)} {are} left out, e.g. {first}" + (
                f" (folders: {where})" if where else ""
            )
    if place.search.limit:
        yield place.search.limit


def is_about(kind: str, note: str) -> bool:
    """Returns whether a note of `left_out_notes` is about a kind of files; one file is in the singular."""
    return kind in note or counted(1, kind).removeprefix("1 ") in note


def release_notes(dataset: DatasetCard, releases: Iterable[str]) -> Iterator[str]:
    """Yields a line for each release other than the published one, from that of each image."""
    for release, n in Counter(filter(None, releases)).items():
        smears, are = counted(n, dataset.images_are), "is" if n == 1 else "are"
        yield f"{smears} {are} {release}: other files than the published ones, not comparable"


def names_of(top: Path, folders: Iterable[Path]) -> tuple[str, ...]:
    """Returns the paths of some folders below an upper one, the first ones and the number of the others."""
    names = sorted({printable(f.relative_to(top).as_posix() if f != top else f.name) for f in folders})
    return (*names[:_SHOWN], *([f"and {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []))


def no_images(dataset: DatasetCard, searched: Search, place: Place | None = None) -> DataError:
    """Returns the error for a folder that holds no image of a dataset: what was found and looked for.

    Args:
        dataset: The dataset.
        searched: What the folder that the user named holds.
        place: The place that has the dataset's name but none of its images, if there is one.
    """
    tree = searched.tree
    folder = place.folder if place else tree.root
    advice = how_to_get(dataset)
    inside = [path for path in tree.holding_images if path.is_relative_to(folder)]
    below = [path for path in tree.folders if path.is_relative_to(folder)]
    files = [path / name for path in below for name in tree.folders[path].others]
    if inside:
        first = min(path / tree.folders[path].images[0] for path in inside).relative_to(folder)
        others = {path: searched.datasets[path] for path in inside if path in searched.datasets}
        rest = [path for path in inside if path not in others]
        n = counted(tree.count(inside), "images")
        found = f"{folder} holds {n}, but none in a layout of {dataset.name}, "
        found += f"e.g. {printable(first.as_posix())}. Found: {', '.join(names_of(folder, rest or inside))}."
        found += of_others(tree, others)
        remedy = (
            f"`leukcnn check {_unique(others)[0]}` if you mean that dataset"
            if not rest
            else (
                f"name the folders as in a layout above, and the one above them {dataset.folder_names[0]!r}"
            )
        )
        advice["remedy"] = f"{remedy}; or {advice['remedy']}"
    elif below and not files and len(below) == 1:
        found = f"{folder} is an empty folder."
    else:
        found = f"{folder} holds no images ({', '.join(EXTENSIONS)})."
        if unread := unread_images(files):
            found += f" It holds {counted(len(unread), OTHER_ENDING)}, e.g. {printable(unread[0].name)}."
            advice["remedy"] = f"save them as PNG; or {advice['remedy']}"
        if packed := [path.name for path in files if path.suffix.lower() in _ARCHIVES]:
            found += f" It holds {counted(len(packed), 'archives')}, e.g. {printable(packed[0])}."
            advice["remedy"] = f"unpack {printable(packed[0])}; or {advice['remedy']}"
    if unreadable := [why for path, why in tree.unreadable.items() if path.is_relative_to(folder)]:
        found += f" Folders that can't be read:\n{listed(unreadable)}\n"
    return DataError(f"{found} {searched.limit}".rstrip(), **advice)


def not_there(dataset: DatasetCard, searched: Search) -> DataError:
    """Returns the error for a folder in which a dataset isn't, see `no_images`.

    Raises:
        DataError: Names of folders there may mean several of its classes; see `expect_certain`.
    """
    tree = searched.tree
    free = [path for path in tree.holding_images if path not in searched.datasets]
    images = [path / image for path in free for image in tree.folders[path].images]
    expect_certain(dataset, tree.root, images)
    return no_images(dataset, searched)


def of_others(tree: Tree, others: Mapping[Path, str]) -> str:
    """Returns a sentence on folders of images that surely are other datasets', "" if there are none.

    Args:
        tree: The folders.
        others: Folder -> key of its dataset.
    """
    counts = [f"{tree.count(f for f in others if others[f] == key):,} of {key}" for key in _unique(others)]
    return f" It holds images of other datasets: {', '.join(counts)}." if counts else ""


def _unique(others: Mapping[Path, str]) -> list[str]:
    return sorted({*others.values()})


def expect_certain(
    dataset: DatasetCard, folder: Path, strays: Sequence[Path], *, within: Collection[Path] | None = None
) -> None:
    """Asks for the classes of folders whose names may mean one class or another.

    Args:
        dataset: The dataset.
        folder: The folder that was searched.
        strays: Images below it that fit no layout.
        within: Folders in which class folders may be. None for any, if two names or more in it are, or may
            be, those of classes.

    Raises:
        DataError: The name of such a folder may mean several classes.
    """
    images: Counter[Path] = Counter()
    for path in strays:
        above = [part for part in path.parents if part != folder and part.is_relative_to(folder)]
        if named := [part for part in above if not split_of(part.name)]:
            images[named[0]] += 1
    perhaps = {path: may_be(path.name, dataset.classes) for path in images}
    like = Counter(
        path.parent for path in images if perhaps[path] or class_of(path.name, dataset.class_words)
    )
    asked: dict[str, tuple[str, ...]] = {}
    numbers: Counter[str] = Counter()
    for path, n in images.items():
        above = [path.parent, path.parent.parent] if split_of(path.parent.name) else [path.parent]
        known = folder in above or (like[path.parent] > 1 if within is None else {*above} & {*within})
        if perhaps[path] and known:
            asked[path.name] = perhaps[path]
            numbers[path.name] += n
    if not asked:
        return
    lines = [
        f"  {name}: {counted(numbers[name], 'images')}, perhaps {' or '.join(asked[name])}"
        for name in sorted(asked)
    ]
    option = ",".join(f"{name}=CLASS" for name in sorted(asked))
    raise DataError(
        f"{folder} holds folders whose names don't say for certain which class they are:\n"
        + "\n".join(lines),
        expected=f"folders named after the classes of {dataset.name}: {', '.join(dataset.classes)}",
        remedy=f"say which class each is with --classes {shlex.quote(option)}, in Python with classes="
        '{"FOLDER": "CLASS"}; or move them elsewhere',
    )


def given_notes(dataset: DatasetCard, folder: Path, paths: Iterable[Path], given: Iterable[str]) -> list[str]:
    """Returns a line for each folder with images whose class the user says."""
    inside = {normalised(part) for path in paths for part in path.relative_to(folder).parts[:-1]}
    return [
        f"the folder {name} is read as {class_of(name, dataset.class_words)}, as --classes says"
        for name in given
        if normalised(name) in inside
    ]
