"""Which image files are segmentation masks of other images: the one rule for all folders.

A mask is never read as an image. Names alone don't decide: a file with a mask's name is a mask if there is an
image that it belongs to, and two files of the same stem are image and mask only if one of them looks like it.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePath

import numpy as np

from leukcnn.datasets.headers import EXTENSIONS, counted
from leukcnn.datasets.read import read_image
from leukcnn.errors import DataError

_WORD = r"(?:masks?|seg|segmentations?|labels?|gt|ground[ _-]?truths?)"
_ENDING = re.compile(rf"[ _.-]{_WORD}$", re.IGNORECASE)
_FOLDER = re.compile(rf"(?:.*[ _.-])?{_WORD}$", re.IGNORECASE)
# Published masks have up to 9 colours, micrographs thousands.
_MOST_COLOURS = 32


def masks_by_name(root: Path, paths: Sequence[Path]) -> set[Path]:
    """Returns the files that are masks by their names, and have an image among the others.

    Their names end in "_mask", "_seg", "_label", "_gt" or "_groundtruth", or a folder between them and the
    root has such a name ("masks", "GT"). The image has the same name without that ending, in any folder.

    Args:
        root: The folder that was searched. Its own name and those above it don't count.
        paths: Image files below it.
    """
    named, plain = {}, set()
    of_masks: dict[Path, bool] = {}
    for path in paths:
        stem = _ENDING.sub("", path.stem)
        if path.parent not in of_masks:
            of_masks[path.parent] = any(map(_FOLDER.match, path.parent.relative_to(root).parts))
        if of_masks[path.parent] or stem != path.stem:
            named[path] = stem.lower()
        else:
            plain.add(path.stem.lower())
    return {path for path, stem in named.items() if stem in plain}


def masks_by_content(paths: Iterable[Path]) -> set[Path]:
    """Returns the files that look like masks next to an image with the same stem and another ending.

    Only files that share folder and stem with another one are opened. One with few colours is a mask if
    another one has more; an image that was saved in two formats is no mask.

    Args:
        paths: Image files.
    """
    by_stem: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        by_stem[path.with_suffix("")].append(path)
    found: set[Path] = set()
    for same in by_stem.values():
        if len(same) > 1:
            flat = {path for path in same if _has_few_colours(path)}
            found |= flat if len(flat) < len(same) else set()
    return found


def masks_with_ending(paths: Collection[Path], extension: str) -> set[Path]:
    """Returns the files with the ending of a dataset's masks that are next to an image with the same stem.

    Args:
        paths: Image files.
        extension: The ending, such as ".png"; "" if the dataset has no masks.
    """
    depicted = {path.with_suffix("") for path in paths if path.suffix.lower() != extension}
    return {path for path in paths if path.suffix.lower() == extension and path.with_suffix("") in depicted}


def masks_of(images: Sequence[Path], extension: str) -> list[Path | None]:
    """Returns the mask of each image, None where there is none.

    It has the image's stem and the given ending, or an ending such as "_mask" and any extension. It is next
    to the image, or in a folder of masks inside or next to the image's folder.

    Args:
        images: Image files.
        extension: Ending of a mask with the same stem next to its image, such as ".png".
    """
    listed: dict[Path, dict[str, Path]] = {}
    found: list[Path | None] = []
    for image in images:
        same = image.with_suffix(extension)
        if same != image and same.is_file():
            found.append(same)
            continue
        if image.parent not in listed:
            listed[image.parent] = dict(_masks_around(image.parent))
        mask = listed[image.parent].get(image.stem.lower())
        found.append(mask if mask != image else None)
    return found


def _masks_around(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yields the stem of an image, in lower case, and its mask, for masks in and around a folder."""
    near = [path for top in (folder.parent, folder) for path in sorted(top.iterdir())]
    around = [path for path in near if _FOLDER.match(path.name) and path != folder]
    inside = [path for place in around for path in (place, place / folder.name) if path.is_dir()]
    for place in (*inside, folder):
        for path in sorted(place.iterdir()):
            stem = _ENDING.sub("", path.stem)
            if path.suffix.lower() in EXTENSIONS and (place != folder or stem != path.stem):
                yield stem.lower(), path


def masks_note(masks: Collection[PurePath], top: Path) -> str:
    """Returns a line on masks that are left out: their number and the first one below a folder."""
    n, are = counted(len(masks), "masks of the images"), "is" if len(masks) == 1 else "are"
    return f"{n} {are} left out, e.g. {min(masks).relative_to(top).as_posix()}"


def _has_few_colours(path: Path) -> bool:
    try:
        pixels = read_image(path)[0].reshape(-1, 3).astype(np.uint32)
    except DataError:
        # A broken file is a fault of its own, which is named elsewhere.
        return False
    return len(np.unique(pixels @ np.array([1, 1 << 8, 1 << 16], dtype=np.uint32))) <= _MOST_COLOURS
