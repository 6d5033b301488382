"""What file names say: published names within other names, and which images are copies of others."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import PurePath

import numpy as np

from leukcnn.datasets.catalog import CATALOG

_MADE = (
    r"(?:aug(?:ment(?:ed|ation))?(?:ed)?|(?:rot(?:at(?:ed?|ion))?|turn(?:ed)?)|[hv][ _-]?flip(?:ped)?|"
    r"(?:hor(?:i[sz]ontal)?|ver(?:t(?:ical)?)?)(?:ly)?[ _-]?flip(?:ped)?|flip(?:ped)?|"
    r"mirror(?:ed)?|transpos(?:ed?)|transformed|distorted|warped|shear(?:ed)?|shift(?:ed)?|translated|"
    r"zoom(?:ed)?|scaled|bright(?:ness|ened|er)?|dark(?:ened|er)?|contrast|gamma|nois[ey]|gauss(?:ian)?|"
    r"salt[ _-]?(?:and[ _-]?)?pepper|blur(?:red)?|equali[sz]ed|clahe|jitter(?:ed)?)"
)
_VALUE = (
    r"(?:[ _-]*\d+(?:\.\d+)?(?:deg(?:rees?)?)?|"
    r"[ _-]*(?:lr|ud|[hvxy]|hor(?:i[sz]ontal)?|vert(?:ical)?|left|right)(?![^\W_]))"
)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# A part of a stem that programs and people add to the names of copies -> whether it alone shows a copy. The
# others show one only if the rest is the name of another image: cell (1), cell (2) ... may be all images.
_ADDED = {
    r"^AugmentedImg[ _-]*\d+[ _-]+": True,
    # Augmentor's CLASS_original_NAME.bmp_UUID.bmp, and Roboflow's NAME_bmp.rf.HASH.jpg.
    rf"^.*?_original_(?=.+\.\w+_{_UUID}$)": True,
    rf"\.(?:bmp|png|jpe?g|tiff?)_{_UUID}$": True,
    r"_(?:bmp|png|jpe?g|tiff?)\.rf\.[0-9a-zA-Z]{16,}$": True,
    # In aug_0_1234, as Keras' flow_from_directory(save_prefix="aug") writes it, 1234 is no name.
    rf"^(?!aug[a-z]*[ _-]*\d+[ _-]+\d+$){_MADE}{_VALUE}*[ _-]+": True,
    rf"[ _-]+{_MADE}{_VALUE}*(?:[ _-]+\d+)*$": True,
    # A whole copy: the file managers' "copy of x", "x (1)", "x - Copy (2)".
    r"^copy[ _-]+(?:of[ _-]+)?": False,
    r"[ _-]+copy(?:[ _-]*\d+)?$": False,
    r"[ _-]*\(\d+\)$": False,
    # Keras' flow(save_prefix=NAME): NAME_0_1234.
    r"_\d+_\d{1,8}$": False,
}
_DEEPEST = 8
_PATTERNS = [(re.compile(pattern, re.IGNORECASE), certain) for pattern, certain in _ADDED.items()]


def published_name(pattern: str, stem: str) -> re.Match[str] | None:
    """Finds the published name within a file name, e.g. UID_H4_1_1_hem in AugmentedImg_1146_UID_H4_1_1_hem.

    It must not be part of a longer word or number. Patterns that say neither the class nor the subject, such
    as one of three digits, are only found as the whole name.

    Args:
        pattern: A layout's `stem`.
        stem: The file name without its extension.

    Returns:
        The match; None if there is none, or if there are several that differ.
    """
    whole = re.fullmatch(pattern, stem, re.IGNORECASE)
    if whole or not _says_something(pattern):
        return whole
    found = list(re.finditer(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", stem, re.IGNORECASE))
    names = {match.group().lower() for match in found}
    return found[0] if len(names) == 1 else None


def originals(
    paths: Sequence[PurePath],
    ids: Sequence[str] | np.ndarray,
    labels: Sequence[int] | np.ndarray,
    datasets: Sequence[str] | np.ndarray,
) -> np.ndarray:
    """Finds the images whose file names say that they are copies of others, e.g. cell_rot90.png of cell.png.

    The original is an image of the same dataset and class whose name remains if what was added is left out:
    in the same folder, or else the only one of that name. If it is absent, the first of its copies takes its
    place.

    Args:
        paths: Path of each image.
        ids: Id of each image.
        labels: Label of each image.
        datasets: Dataset of each image.

    Returns:
        (N,) int64: position of each image's original, -1 for an image that is none's copy.
    """
    places: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    stems = [path.stem.lower() for path in paths]
    for row, (name, label, stem) in enumerate(zip(datasets, labels, stems, strict=True)):
        for known in {stem, PurePath(ids[row]).stem.lower()}:
            places[str(name), int(label), known].append(row)
    found = np.full(len(stems), -1, dtype=np.int64)
    first: dict[tuple, int] = {}
    for row, stem in enumerate(stems):
        kind = str(datasets[row]), int(labels[row])
        remaining = _remaining(stem, kind[0])
        for name, _ in remaining:
            original = _nearest(row, places.get((*kind, name), ()), paths)
            if original >= 0:
                found[row] = original
                break
        else:
            if certain := [name for name, alone in remaining if alone]:
                other = first.setdefault((*kind, certain[-1], paths[row].parent), row)
                found[row] = other if other != row else -1
    # A copy's copy is a copy of the original. Two names that point to each other show nothing.
    for _ in range(_DEEPEST):
        found = np.where((found >= 0) & (found[found] >= 0), found[found], found)
    return np.where(found == np.arange(len(found)), -1, found)


def with_originals_groups(groups: Sequence[str], original: np.ndarray) -> list[str]:
    """Returns the group of each image; a copy of unknown group has that of its original.

    Args:
        groups: Group of each image, "" where unknown.
        original: As from `originals`.
    """
    return [
        group or (groups[at] if at >= 0 else "") for group, at in zip(groups, original.tolist(), strict=True)
    ]


def copies_note(original: np.ndarray) -> Iterator[str]:
    """Yields a note with the number of copies, if there are any; `original` is from `originals`."""
    if n := int(np.count_nonzero(original >= 0)):
        what = "copy of another image" if n == 1 else "copies of other images"
        yield f"{n:,} augmented {what} here, of {len(original):,} images: kept with their subject"


def _nearest(row: int, rows: Iterable[int], paths: Sequence[PurePath]) -> int:
    others = [other for other in rows if other != row]
    same_folder = [other for other in others if paths[other].parent == paths[row].parent]
    return same_folder[0] if same_folder else others[0] if len(others) == 1 else -1


@cache
def _remaining(stem: str, dataset: str) -> tuple[tuple[str, bool], ...]:
    """Returns what remains of a stem without added parts, and whether these alone show a copy."""
    remaining: dict[str, bool] = {stem: True}
    for name in (names := [stem]):
        for pattern, certain in _PATTERNS:
            rest, times = pattern.subn("", name, count=1)
            rest = rest.strip(" _-")
            if times and re.search(r"[^\W_]", rest) and rest not in remaining:
                remaining[rest] = certain and remaining[name]
                names.append(rest)
    for layout_stem in _published_patterns(dataset):
        match = published_name(layout_stem, stem)
        if match and match.group() != stem:
            remaining[match.group()] = True
    del remaining[stem]
    return tuple(remaining.items())


@cache
def _published_patterns(dataset: str) -> tuple[str, ...]:
    layouts = CATALOG[dataset].layouts if dataset in CATALOG else ()
    return tuple(dict.fromkeys(layout.stem for layout in layouts if _says_something(layout.stem)))


def _says_something(pattern: str) -> bool:
    return "(?P<subject>" in pattern or "(?P<named>" in pattern
