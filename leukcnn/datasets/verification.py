"""Verify a dataset's folder: check every file and report every fault."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from leukcnn.datasets.duplicates import duplicate_pairs, joined_groups
from leukcnn.datasets.fault_report import Count, Fault, Report
from leukcnn.datasets.headers import BrokenImage, name_fault, printable
from leukcnn.datasets.index import UNLABELLED, ImageIndex
from leukcnn.datasets.indexing import identified, make_index, other_names
from leukcnn.datasets.manifest import Published, manifest
from leukcnn.datasets.read import decode_image, image_bytes
from leukcnn.datasets.scan import Found, Scan, scan
from leukcnn.datasets.walk import Progress, natural, read_files


class _Content(NamedTuple):
    sha256: str
    size: tuple[int, int] | None
    note: str | None
    fault: tuple[str, str] | None


def verify(name: str, root: str | Path, *, progress: Progress | None = None) -> Report:
    """Reads and decodes every image of a folder and reports all faults.

    Images are compared with the shipped manifest by name and SHA-256; a published file with another name is
    known by its SHA-256, which is no fault. Synthetic images (`SYNTHETIC_MARKER`
    is in their folder) are only decoded.

    Args:
        name: Key of the dataset in the catalog.
        root: The dataset's own folder or the root above it.
        progress: Called after each file with the number done and the number of all files.

    Raises:
        DataError: The dataset is unknown, or the folder doesn't exist or holds no image of the dataset.
    """
    found = scan(name, root)
    published = {} if found.synthetic else manifest(name)
    paths = [*(image.path for image in found.images), *found.strays]
    contents = dict(zip(paths, read_files(_read, paths, progress=progress), strict=True))
    found = identified(
        found, {path: "" if read.fault else read.sha256 for path, read in contents.items()}, published
    )

    faults = [Fault(entry, "unreadable", "is left out of this report") for entry in found.unreadable]
    faults += _content_faults(found, contents, sized=not found.synthetic)
    faults += _name_faults(found, contents, published)
    faults += _twice(found, contents, published)

    index = _sound_images(found, contents)
    known = _known_pairs(index, published)
    joined = joined_groups(index)
    return Report(
        card=found.card,
        folder=found.folder,
        synthetic=found.synthetic,
        counts=_counts(index),
        faults=tuple(sorted(faults, key=lambda fault: (natural(fault.path), fault.kind))),
        known_duplicates=tuple((str(index.ids[i]), str(index.ids[j])) for i, j in known),
        joined_subjects=tuple(
            sorted({str(group) for group in joined[index.group != ""] if "+" in group}, key=natural)
        ),
        notes=(*_notes(found, contents, published), *_published_in_two_classes(index, known), *index.notes),
    )


def _read(path: Path) -> _Content:
    try:
        content = image_bytes(path)
    except BrokenImage as error:
        return _Content("", None, None, (error.kind, error.detail))
    digest = hashlib.sha256(content).hexdigest()
    try:
        image, note = decode_image(content)
    except BrokenImage as error:
        return _Content(digest, None, None, (error.kind, error.detail))
    return _Content(digest, image.shape[:2], note, None)


def _content_faults(found: Scan, contents: Mapping[Path, _Content], *, sized: bool) -> Iterable[Fault]:
    for path, content in contents.items():
        if content.fault:
            yield Fault(_relative(found, path), *content.fault)
        if fault := _name_fault(found, path):
            yield Fault(_relative(found, path), "unusable name", fault)
    for image in found.images:
        size, expected = contents[image.path].size, found.card.subset(image.subset).size
        if sized and size and expected and size != expected:
            yield Fault(
                _relative(found, image.path),
                "wrong size",
                f"is {size[0]}x{size[1]} pixels, not {expected[0]}x{expected[1]}",
            )


def _name_faults(
    found: Scan, contents: Mapping[Path, _Content], published: Mapping[str, Published]
) -> Iterable[Fault]:
    """Yields the files whose name or place contradicts their content."""
    names: dict[str, list[str]] = defaultdict(list)
    for identity, file in published.items():
        names[file.sha256].append(identity)

    def claim(path: Path, what: str) -> str:
        known = names.get(contents[path].sha256, [])
        return f"{what}; its content is that of {' and '.join(known)}" if known else what

    for image in found.images:
        where, content = _relative(found, image.path), contents[image.path]
        if image.contradictory:
            yield Fault(where, "misnamed", claim(image.path, image.contradictory))
        elif content.sha256 in names and not found.card.manifest_whole:
            continue
        elif image.foreign or (image.id not in published and content.sha256 in names):
            yield Fault(where, "misnamed", claim(image.path, "the authors gave it another name"))
        elif content.fault or not published:
            continue
        elif image.id not in published:
            if found.card.manifest_whole:
                yield Fault(where, "unknown", "neither its name nor its content is in the manifest")
        elif content.sha256 != published[image.id].sha256:
            what = f"its SHA-256 isn't that of {image.id}"
            yield Fault(where, "changed", claim(image.path, what))
    for path in found.strays:
        kind = "misnamed" if contents[path].sha256 in names else "unknown"
        yield Fault(_relative(found, path), kind, claim(path, "it is outside the layout"))


def _twice(
    found: Scan, contents: Mapping[Path, _Content], published: Mapping[str, Published]
) -> Iterable[Fault]:
    """Yields the second and further files of each content and each id, except published duplicates."""
    first: dict[str, Found] = {}
    # Files that are as published come first, so that the other file is reported as the copy.
    for genuine in (True, False):
        for image in found.images:
            digest = contents[image.path].sha256
            as_published = image.id in published and published[image.id].sha256 == digest
            if contents[image.path].fault or as_published != genuine:
                continue
            twin = first.setdefault(digest, image)
            if twin is image or genuine:
                continue
            alike = f"is byte-identical to {_relative(found, twin.path)}"
            if UNLABELLED not in (image.label, twin.label) and image.label != twin.label:
                classes = (found.card.classes[one.label] for one in (image, twin))
                yield Fault(_relative(found, image.path), "two classes", f"{alike}: {' and '.join(classes)}")
            elif not _made_alike(found, image, twin.group):
                yield Fault(_relative(found, image.path), "duplicate", alike)
    first_of_id: dict[str, Path] = {}
    for image in found.images:
        next_to = first_of_id.setdefault(image.id, image.path)
        if next_to != image.path:
            yield Fault(
                _relative(found, image.path),
                "duplicate",
                f"is another copy of {printable(image.id)}, next to {_relative(found, next_to)}",
            )


def _made_alike(found: Scan, image: Found, group: str) -> bool:
    """Returns whether an image may equal an image of `group`: both were made from images of that group."""
    return bool(found.card.made_from and group) and image.group == group


def _sound_images(found: Scan, contents: Mapping[Path, _Content]) -> ImageIndex:
    sound: dict[str, Found] = {}
    for image in found.images:
        if not contents[image.path].fault and not _name_fault(found, image.path):
            sound.setdefault(image.id, image)
    digests = [contents[image.path].sha256 for image in sound.values()]
    return make_index(found.card, list(sound.values()), sha256=digests, synthetic=found.synthetic)


def _known_pairs(index: ImageIndex, published: Mapping[str, Published]) -> list[tuple[int, int]]:
    as_published = [
        identity in published and published[identity].sha256 == digest
        for identity, digest in zip(index.ids, index.sha256, strict=True)
    ]
    return [(i, j) for i, j in duplicate_pairs(index).tolist() if as_published[i] and as_published[j]]


def _published_in_two_classes(index: ImageIndex, known: Sequence[tuple[int, int]]) -> Iterable[str]:
    for pair in known:
        (one, other), labels = (index.ids[list(pair)].tolist(), index.labels[list(pair)].tolist())
        if labels[0] != labels[1] and UNLABELLED not in labels:
            classes = " and ".join(index.class_names[label] for label in labels)
            yield f"published in two classes: {one} = {other} ({classes})"


def _counts(index: ImageIndex) -> tuple[Count, ...]:
    names = {UNLABELLED: "", **dict(enumerate(index.class_names))}
    rows = Counter(
        (str(subset), int(fold), names[int(label)], str(subject))
        for subset, fold, label, subject in zip(
            index.subset, index.fold, index.labels, index.group, strict=True
        )
    )
    return tuple(Count(*row, n) for row, n in rows.items())


def _notes(
    found: Scan, contents: Mapping[Path, _Content], published: Mapping[str, Published]
) -> tuple[str, ...]:
    notes = [*found.notes, *other_names(found)]
    if found.synthetic:
        notes.append("synthetic data: not compared with the manifest")
    elif not published:
        notes.append(f"no manifest is shipped for {found.card.name}: content not compared")
    elif not found.card.manifest_whole:
        known = {file.sha256 for file in published.values()}
        compared = sum(contents[image.path].sha256 in known for image in found.images)
        notes.append(
            f"the manifest lists {len(published):,} of the {found.card.total:,} published images: "
            f"{compared:,} of {len(found.images):,} images here are in it"
        )
    else:
        here = {image.id for image in found.images} & published.keys()
        if len(here) < len(published):
            absent = min(published.keys() - here, key=natural)
            notes.append(
                f"a partial copy: {len(here):,} of {len(published):,} published images; absent: {absent}"
                + (f" and {more:,} more" if (more := len(published) - len(here) - 1) else "")
            )
    conversions = Counter(content.note for content in contents.values() if content.note)
    notes += [f"{n:,} images are converted when read: {what}" for what, n in conversions.items()]
    return tuple(notes)


def _name_fault(found: Scan, path: Path) -> str:
    return name_fault(path.relative_to(found.folder).as_posix())


def _relative(found: Scan, path: Path) -> str:
    return printable(path.relative_to(found.folder).as_posix())
