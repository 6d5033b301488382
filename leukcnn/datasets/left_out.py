"""Say what a folder holds that isn't read as a dataset's images, and why nothing was found in it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.catalog import CATALOG
from leukcnn.datasets.claims import claims_of
from leukcnn.datasets.finder import Place, how_to_get, search_limit
from leukcnn.datasets.headers import EXTENSIONS, printable
from leukcnn.datasets.walk import Tree
from leukcnn.errors import DataError

MASK = "masks of the images"
OTHER_ENDING = "files with the endings of other image formats"
OTHER_DATASET = "images of another dataset"
NEXT_TO = "images next to the dataset's folder"

NOT_READ = (
    *(".gif", ".webp", ".jfif", ".jpe", ".jp2", ".heic", ".heif", ".avif", ".ppm", ".pgm", ".tga", ".psd"),
    *(".svs", ".ndpi", ".czi", ".dcm", ".npy"),
)
"""Endings of image files that aren't read, in lower case."""

_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tar", ".tgz")
_SHOWN = 8


def left_out_notes(
    place: Place, strays: Sequence[Path], left_out: Mapping[str, Sequence[Path]]
) -> Iterator[str]:
    """Yields a line for each kind of files that aren't read: their number, and the first names."""
    kinds = {"images outside the layout": strays, **left_out}
    for kind, paths in kinds.items():
        if paths:
            top = place.folder.parent if kind == NEXT_TO else place.folder
            what = kind
            if kind == OTHER_DATASET:
                what = f"images of {', '.join(sorted({place.others[path.parent] for path in paths}))}"
            where = ", ".join(names_of(top, {path.parent for path in paths} - {top}))
            first = printable(min(paths).relative_to(top).as_posix())
            yield f"{len(paths):,} {what} are left out, e.g. {first}" + (
                f" (folders: {where})" if where else ""
            )
    yield from [search_limit(place.tree).strip()] if place.tree.cut else []


def release_notes(dataset: DatasetCard, releases: Iterable[str]) -> Iterator[str]:
    """Yields a line for each release other than the published one, from that of each image."""
    for release, n in Counter(filter(None, releases)).items():
        yield (
            f"{n:,} {dataset.images_are} are {release}: other files than the published ones, not comparable"
        )


def names_of(top: Path, folders: Iterable[Path]) -> tuple[str, ...]:
    """Returns the paths of some folders below an upper one, the first ones and the number of the others."""
    names = sorted({printable(f.relative_to(top).as_posix() if f != top else f.name) for f in folders})
    return (*names[:_SHOWN], *([f"and {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []))


def no_images(dataset: DatasetCard, tree: Tree, place: Place | None = None) -> DataError:
    """Returns the error for a folder that holds no image of a dataset: what was found and looked for.

    Args:
        dataset: The dataset.
        tree: What the folder that the user named holds.
        place: The place that has the dataset's name but none of its images, if there is one.
    """
    folder = place.folder if place else tree.root
    files = [path / name for path, here in tree.folders.items() for name in here.others]
    images = [path / name for path in tree.holding_images for name in tree.folders[path].images]
    inside = [path for path in images if path.is_relative_to(folder)]
    help_ = how_to_get(dataset)
    if inside:
        where = printable(str(min(inside).relative_to(folder)))
        found = (
            f"{folder} holds {len(inside):,} images, but none in a layout of {dataset.name}, e.g. {where}."
        )
        names = ", ".join(names_of(folder, {path.parent for path in inside}))
        found += f" Found: {names}."
        if others := _others(tree, folder):
            found += f" They are those of {', '.join(others)}."
            help_["remedy"] = f"`leukcnn check {others[0]}` checks that dataset. {help_['remedy']}"
        else:
            help_["remedy"] = "rename the folders as in a layout above, and the folder above them to " + (
                f"{dataset.folder_names[0]!r}; or {help_['remedy']}"
            )
    elif any(tree.root.iterdir()):
        found = f"{folder} holds no images ({', '.join(EXTENSIONS)})."
        for what, endings in (("of other formats", NOT_READ), ("that are archives", _ARCHIVES)):
            some = [path.name for path in files if path.suffix.lower() in endings]
            if some:
                found += f" It holds {len(some):,} files {what}, e.g. {printable(some[0])}."
                if endings is _ARCHIVES:
                    help_["remedy"] = f"unpack {printable(some[0])} first; or {help_['remedy']}"
    else:
        found = f"{folder} is an empty folder."
    return DataError(found + search_limit(tree), **help_)


def _others(tree: Tree, folder: Path) -> list[str]:
    """Returns the keys of the datasets that the images below a folder are known to be of."""
    claims = ((key, claim) for key in CATALOG for claim in claims_of(CATALOG[key], tree))
    return sorted({key for key, claim in claims if claim.folder.is_relative_to(folder)})
