"""Verify a dataset's folder: check every file and report every fault."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from leukcnn.datasets.class_words import GivenClasses
from leukcnn.datasets.duplicates import duplicate_pairs, joined_groups
from leukcnn.datasets.fault_report import Comparison, Count, Fault, Report
from leukcnn.datasets.genuine import genuineness
from leukcnn.datasets.headers import counted, name_fault, printable
from leukcnn.datasets.image_paths import Found
from leukcnn.datasets.index import UNLABELLED, ImageIndex
from leukcnn.datasets.indexing import identified, make_index, other_names
from leukcnn.datasets.manifest import Published, manifest
from leukcnn.datasets.matching import Content, Matches, OnImage, describe_change, examine, format_of, saved_as
from leukcnn.datasets.name_patterns import originals
from leukcnn.datasets.scan import Scan, scan
from leukcnn.datasets.walk import Progress, natural, read_files


@dataclass(frozen=True)
class _Folder:
    """A folder whose files were read, and what the manifest lists.

    `found` knows published files by their content; `placed` is what their names and places say. `index` has
    the sound images, and `augmented` the augmented copies of others among them, which aren't published.
    """

    found: Scan
    placed: Mapping[Path, Found]
    contents: Mapping[Path, Content]
    published: Mapping[str, Published]
    matches: Matches
    index: ImageIndex
    augmented: Set[Path]


def verify(
    name: str,
    root: str | Path,
    *,
    classes: GivenClasses = None,
    progress: Progress | None = None,
    on_image: OnImage | None = None,
) -> Report:
    """Reads and decodes every image of a folder and reports all faults.

    Images are compared with the shipped manifest by name, SHA-256 and, where the manifest lists a digest of
    them, by their pixels. A file with a published SHA-256 is genuine: no rule on names, formats or sizes
    makes it a fault, unless its name or place contradicts its published class, subject, fold or subset. A
    file with the published pixels is noted, and no fault. Synthetic images (`SYNTHETIC_MARKER` is in their
    folder) are only decoded.

    Args:
        name: Key of the dataset in the catalog.
        root: The dataset's own folder or the root above it.
        classes: As for `load`.
        progress: Called after each file with the number done and the number of all files.
        on_image: Called with the SHA-256 of each file that can be decoded, its image, uint8 (H, W, 3), and
            its conversion, None if there was none. Several threads call it.

    Raises:
        DataError: The dataset is unknown, or the folder doesn't exist, holds no image of the dataset, or has
            a folder whose name may mean several classes.
        ArgumentError: `classes` has another form.
    """
    found = scan(name, root, classes=classes)
    published = {} if found.synthetic else manifest(name)
    paths = list(dict.fromkeys((*found.paths, *found.strays)))
    read = partial(
        examine,
        published={file.sha256 for file in published.values()},
        headers=[bytes.fromhex(subset.bmp_header) for subset in found.card.subsets if subset.bmp_header],
        on_image=on_image,
    )
    contents = dict(zip(paths, read_files(read, paths, progress=progress), strict=True))
    placed = {image.path: image for image in found.images}
    found = identified(
        found, {path: "" if one.fault else one.sha256 for path, one in contents.items()}, published
    )
    matches = Matches(found.card, found.images, contents, published)
    index = _sound_images(found, contents)
    folder = _Folder(
        found, placed, contents, published, matches, index, _augmented(index, matches, published)
    )

    faults = [Fault(entry, "unreadable", "is left out of this report") for entry in found.unreadable]
    faults += _content_faults(folder)
    faults += _name_faults(folder)
    faults += _stray_faults(folder)
    faults += _twice(folder)

    faults += _too_many(folder)
    known = _known_pairs(index, folder.matches)
    joined = joined_groups(index)
    return Report(
        card=found.card,
        folder=found.folder,
        synthetic=found.synthetic,
        index=index,
        images_here=len(found.images),
        compared=_compared(folder) if published else None,
        counts=count_rows(index),
        faults=tuple(sorted(faults, key=lambda fault: (natural(fault.path), fault.kind))),
        known_duplicates=tuple((str(index.ids[i]), str(index.ids[j])) for i, j in known),
        joined_subjects=tuple(
            sorted({str(group) for group in joined[index.group != ""] if "+" in group}, key=natural)
        ),
        notes=(*_notes(folder), *_published_in_two_classes(index, known), *index.notes),
    )


def _content_faults(folder: _Folder) -> Iterator[Fault]:
    found = folder.found
    for path, content in folder.contents.items():
        if content.fault:
            kind, detail = content.fault
            if folder.matches.names(path):
                detail += "; its SHA-256 is the published one"
            yield Fault(_relative(found, path), kind, detail)
        if fault := _name_fault(found, path):
            yield Fault(_relative(found, path), "unusable name", fault)
    for image in found.images:
        size, expected = folder.contents[image.path].size, _published_size(folder, image)
        if size and expected and size != expected and not folder.matches.names(image.path):
            yield Fault(
                _relative(found, image.path),
                "wrong size",
                f"is {size[0]}x{size[1]} pixels, not {expected[0]}x{expected[1]}",
            )


def _published_size(folder: _Folder, image: Found) -> tuple[int, int] | None:
    """Returns height and width of the published image with a file's name, None if unknown."""
    file = folder.published.get(image.id)
    return file and (file.size or folder.found.card.subset(image.subset).size)


def _name_faults(folder: _Folder) -> Iterator[Fault]:
    """Yields the files whose name or place contradicts their content."""
    found, published, matches = folder.found, folder.published, folder.matches
    for image in found.images:
        content, names = folder.contents[image.path], matches.names(image.path)
        match = matches.by_path.get(image.path)
        identity = match.identity if match else min(names, default="", key=natural)
        claim = f"; its content is that of {' and '.join(names)}" if names else ""
        conflict = identity and matches.conflict(folder.placed.get(image.path, image), identity)
        kind, what = "", ""
        if identity and image.id in published and image.id not in names:
            kind, what = "changed", f"its SHA-256 isn't that of {image.id}"
        elif conflict:
            kind, what = "misnamed", f"its name or folder says another {conflict} than the authors"
            # It says the content and both classes.
            claim = f"; {image.contradictory}" if identity in image.contradictory else claim
        elif image.contradictory:
            kind, what = "misnamed", image.contradictory
        elif identity or image.path in folder.augmented:
            continue
        elif image.foreign and not image.release:
            kind, what = "misnamed", "the authors gave it another name"
        elif content.fault or not published or image.release:
            continue
        elif image.id in published:
            how = describe_change(
                content, image.path.name, image.id, published[image.id], _published_size(folder, image)
            )
            kind, what = "changed", f"its SHA-256 isn't that of {image.id}: {how}"
        elif found.card.manifest_whole:
            kind, what = "unknown", "neither its name nor its content is in the manifest"
        if kind:
            yield Fault(_relative(found, image.path), kind, what + claim)


def _stray_faults(folder: _Folder) -> Iterator[Fault]:
    for path in folder.found.strays:
        if not folder.matches.names(path):
            yield Fault(_relative(folder.found, path), "unknown", "it is outside the layout")


def _twice(folder: _Folder) -> Iterator[Fault]:
    """Yields the second and further files of each content and each id, except published duplicates."""
    found, matches = folder.found, folder.matches
    first: dict[str, Found] = {}
    # Published images come first, so that the other file is reported as the copy.
    for genuine in (True, False):
        for image in found.images:
            content = folder.contents[image.path]
            if content.fault or (image.path in matches.by_path) != genuine:
                continue
            twin = first.setdefault(content.sha256, image)
            if twin is image or genuine:
                continue
            alike = f"is byte-identical to {_relative(found, twin.path)}"
            if UNLABELLED not in (image.label, twin.label) and image.label != twin.label:
                classes = (found.card.classes[one.label] for one in (image, twin))
                yield Fault(_relative(found, image.path), "two classes", f"{alike}: {' and '.join(classes)}")
            elif not (_made_alike(found, image, twin.group) or _published_alike(folder, image, twin)):
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


def _too_many(folder: _Folder) -> Iterator[Fault]:
    """Yields a fault for each subset with more images of a class than there are, if no manifest decides."""
    found = folder.found
    for subset in found.card.subsets if not found.synthetic else ():
        images = genuineness(found.card, folder.index, subset=subset.key)
        if images.excess:
            first = next(image.path for image in found.images if image.subset == subset.key)
            yield Fault(_relative(found, first.parent), "too many", images.describe(found.card.images_are))


def _made_alike(found: Scan, image: Found, group: str) -> bool:
    """Returns whether an image may equal an image of `group`: both were made from images of that group."""
    return bool(found.card.made_from and group) and image.group == group


def _published_alike(folder: _Folder, image: Found, twin: Found) -> bool:
    """Returns whether the published images with the names of two images are identical."""
    one, other = (folder.published.get(name) for name in (image.id, twin.id))
    return image.id != twin.id and bool(one and other) and one == other


def _sound_images(found: Scan, contents: Mapping[Path, Content]) -> ImageIndex:
    sound: dict[str, Found] = {}
    for image in found.images:
        if not contents[image.path].fault and not _name_fault(found, image.path):
            sound.setdefault(image.id, image)
    digests = [contents[image.path].sha256 for image in sound.values()]
    return make_index(found.card, list(sound.values()), sha256=digests, synthetic=found.synthetic)


def _augmented(index: ImageIndex, matches: Matches, published: Container[str]) -> Set[Path]:
    original = originals(index.paths, index.ids, index.labels, index.dataset)
    rows = [row for row in np.flatnonzero(original >= 0).tolist() if index.ids[row] not in published]
    return {index.paths[row] for row in rows if not matches.names(index.paths[row])}


def _known_pairs(index: ImageIndex, matches: Matches) -> list[tuple[int, int]]:
    genuine = [path in matches.by_path for path in index.paths]
    return [(i, j) for i, j in duplicate_pairs(index).tolist() if genuine[i] and genuine[j]]


def _published_in_two_classes(index: ImageIndex, known: Sequence[tuple[int, int]]) -> Iterable[str]:
    for pair in known:
        (one, other), labels = (index.ids[list(pair)].tolist(), index.labels[list(pair)].tolist())
        if labels[0] != labels[1] and UNLABELLED not in labels:
            classes = " and ".join(index.class_names[label] for label in labels)
            yield f"published in two classes: {one} = {other} ({classes})"


def count_rows(index: ImageIndex) -> tuple[Count, ...]:
    """Returns the number of images by subset, fold, class and subject."""
    names = {UNLABELLED: "", **dict(enumerate(index.class_names))}
    rows = Counter(
        (str(subset), int(fold), names[int(label)], str(subject))
        for subset, fold, label, subject in zip(
            index.subset, index.fold, index.labels, index.group, strict=True
        )
    )
    return tuple(Count(*row, n) for row, n in rows.items())


def _compared(folder: _Folder) -> Comparison:
    images, matches = folder.found.images, folder.matches
    exact = Counter(match.exact for match in matches.by_path.values())
    others = [image for image in images if image.path not in matches.by_path]
    copies = [image for image in others if matches.names(image.path)]
    different = [
        image for image in others if not folder.contents[image.path].fault and not matches.names(image.path)
    ]
    changed = sum(image.id in folder.published for image in different)
    augmented = sum(image.path in folder.augmented for image in different)
    return Comparison(
        images=len(images),
        verified=exact[True],
        saved_again=exact[False],
        copies=len(copies),
        augmented=augmented,
        changed=changed,
        unlisted=len(different) - changed - augmented,
    )


def _notes(folder: _Folder) -> tuple[str, ...]:
    found, published = folder.found, folder.published
    notes = [*found.notes, *other_names(found)]
    if found.synthetic:
        notes.append("synthetic data: not compared with the manifest")
    elif not published:
        notes.append("no manifest is shipped: no file can be verified")
        notes += _other_sizes(folder)
    elif not found.card.manifest_whole:
        listed = sum(bool(folder.matches.names(image.path)) for image in found.images)
        images = f"{counted(len(found.images), 'images')} here {'is' if listed == 1 else 'are'}"
        notes.append(
            f"the manifest lists {len(published):,} of the {found.card.total:,} published images: "
            f"{listed:,} of {images} in it"
        )
    else:
        here = {match.identity for match in folder.matches.by_path.values()}
        here |= {image.id for image in found.images} & published.keys()
        if len(here) < len(published):
            absent = min(published.keys() - here, key=natural)
            notes.append(
                f"a partial copy: {len(here):,} of {len(published):,} published images; absent: {absent}"
                + (f" and {more:,} more" if (more := len(published) - len(here) - 1) else "")
            )
    notes += _genuine_files(folder)
    conversions = Counter(content.note for content in folder.contents.values() if content.note)
    return (
        *notes,
        *(
            f"{counted(n, 'images')} {'is' if n == 1 else 'are'} converted when read: {what}"
            for what, n in conversions.items()
        ),
    )


def _other_sizes(folder: _Folder) -> Iterator[str]:
    """Yields a note on images of another size than the dataset's card says, where no manifest decides."""
    for subset in folder.found.card.subsets:
        others = [
            f"{_relative(folder.found, image.path)} ({size[0]}x{size[1]})"
            for image in folder.found.images
            if image.subset == subset.key and (size := folder.contents[image.path].size) != subset.size
            if size and subset.size
        ]
        if others and subset.size:
            height, width = subset.size
            shown = f"{counted(len(others), 'images')} of another size than {height}x{width} pixels"
            yield f"{shown}, e.g. {others[0]}"


def _genuine_files(folder: _Folder) -> Iterator[str]:
    """Yields notes on published images that are saved, named or placed in another way, and on odd formats."""
    found, matches = folder.found, folder.matches
    cases: dict[str, list[str]] = defaultdict(list)
    for image in found.images:
        match, where = matches.by_path.get(image.path), _relative(found, image.path)
        content = folder.contents[image.path]
        # The fault of a changed file says its format.
        is_listed = image.id in folder.published or match
        if match and not match.exact:
            how = saved_as(content, image.path.name, match.identity)
            cases[f"saved again with the published pixels ({how})"].append(where)
        elif not is_listed and content.format and content.format != format_of(image.path.name):
            cases[f"of another format than named: {saved_as(content, image.path.name, '')}"].append(where)
        whole = found.card.manifest_whole
        if match and whole and match.identity != image.id and not matches.conflict(image, match.identity):
            named = "under another name than the authors', known by content"
            cases[named].append(f"{where} is {match.identity}")
    for path in found.strays:
        if names := matches.names(path):
            left_out = "outside the layout and left out, further copies of published ones here"
            cases[left_out].append(f"{_relative(found, path)} is {names[0]}")
    for what, files in cases.items():
        yield f"{counted(len(files), 'images')} {what}, e.g. {min(files, key=natural)}"


def _name_fault(found: Scan, path: Path) -> str:
    return name_fault(path.relative_to(found.folder).as_posix())


def _relative(found: Scan, path: Path) -> str:
    return printable(path.relative_to(found.folder).as_posix())
