"""Match files with the published images that they are, by SHA-256 or by their pixels."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from leukcnn.datasets.cards import DatasetCard
from leukcnn.datasets.headers import BrokenImage
from leukcnn.datasets.image_paths import UNLABELLED, Found, place
from leukcnn.datasets.manifest import Published
from leukcnn.datasets.pixels import as_bmp, pixel_digest
from leukcnn.datasets.read import decode_image, hashed_bytes, read_header
from leukcnn.files import content_sha256

_FORMATS = {".bmp": "BMP", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}


class Content(NamedTuple):
    """What a file holds.

    Attributes:
        sha256: Hexadecimal SHA-256, "" for a file that can't be read.
        format: "BMP", "PNG", "JPEG" or "TIFF"; "" for a file that isn't a complete image.
        channels: Stored channels, 0 for a file that isn't a complete image.
        size: Height and width, None for a file that isn't a complete image.
        pixels: Digest of the pixels, and the SHA-256 of BMP files with these pixels; empty for a file with a
            published SHA-256.
        note: How it is converted when it is read, or None.
        fault: Kind and detail of what is wrong with it, or None.
    """

    sha256: str
    format: str = ""
    channels: int = 0
    size: tuple[int, int] | None = None
    pixels: frozenset[str] = frozenset()
    note: str | None = None
    fault: tuple[str, str] | None = None


class Match(NamedTuple):
    """The published image that a file is.

    Attributes:
        identity: Id of the published image.
        exact: Whether the SHA-256 is the published one; if not, the pixels are.
    """

    identity: str
    exact: bool


OnImage = Callable[[str, np.ndarray, str | None], None]
"""Called with the SHA-256 of a file, its image, uint8 (H, W, 3), and its conversion, in any thread."""


def examine(
    path: Path, published: Set[str], headers: Sequence[bytes], on_image: OnImage | None = None
) -> Content:
    """Reads and decodes a file.

    Args:
        path: The file.
        published: SHA-256 of the published files; empty if the file isn't compared.
        headers: Headers of the dataset's BMP files, as `as_bmp` takes them.
        on_image: Called if the file can be decoded.
    """
    try:
        content, sha256 = hashed_bytes(path)
    except BrokenImage as error:
        return Content("", fault=(error.kind, error.detail))
    try:
        stored = read_header(content)
        image, note = decode_image(content, stored)
    except BrokenImage as error:
        return Content(sha256, fault=(error.kind, error.detail))
    if on_image:
        on_image(sha256, image, note)
    height, width = image.shape[:2]
    pixels = frozenset[str]()
    if published and sha256 not in published:
        files = (as_bmp(image, header) for header in headers)
        pixels = frozenset((pixel_digest(image), *(content_sha256(file) for file in files if file)))
    return Content(sha256, stored.format, stored.channels, (height, width), pixels, note)


class Matches:
    """Which published image each file is; no two files are the same one.

    Attributes:
        by_path: The published image that a file is. A file that is missing here is another image, or one
            more copy of a published one.
    """

    def __init__(
        self,
        dataset: DatasetCard,
        images: Sequence[Found],
        contents: Mapping[Path, Content],
        published: Mapping[str, Published],
    ):
        self._dataset, self._contents = dataset, contents
        self._names: dict[str, list[str]] = defaultdict(list)
        for identity, file in published.items():
            self._names[file.sha256].append(identity)
            if file.pixels:
                self._names[file.pixels].append(identity)
        self.by_path: dict[Path, Match] = {}
        taken: set[str] = set()
        # Files that have the published bytes under the published name come first, so that others are copies.
        for own_name in (True, False):
            for exact in (True, False):
                for image in images:
                    if image.path in self.by_path:
                        continue
                    free = [name for name in self._known(contents[image.path], exact) if name not in taken]
                    own = [name for name in free if name == image.id]
                    if own or (free and not own_name):
                        fitting = [] if own else [name for name in free if not self.conflict(image, name)]
                        best = (own or fitting or free)[0]
                        self.by_path[image.path] = Match(best, exact)
                        taken.add(best)

    def names(self, path: Path) -> list[str]:
        """Returns the ids of the published images with a file's bytes or, if there are none, its pixels."""
        content = self._contents[path]
        return self._known(content, True) or self._known(content, False)

    def conflict(self, image: Found, identity: str) -> str:
        """Returns in which way the name and place of a file contradict the published image that it is.

        Args:
            image: The file.
            identity: Id of the published image.

        Returns:
            "class", "subject", "fold" or "subset"; "" if they agree or nothing is known.
        """
        path = PurePosixPath(identity)
        published = place(self._dataset, path, depth=len(path.parts) - 1)
        if published is None:
            return ""
        known = {
            "subset": (image.subset, published.subset),
            "class": (image.label, published.label),
            "subject": (image.group, published.group),
            "fold": (image.fold, published.fold),
        }
        unknown = ("", UNLABELLED)
        return next(
            (
                what
                for what, (here, there) in known.items()
                if here not in unknown and there not in unknown and here != there
            ),
            "",
        )

    def _known(self, content: Content, exact: bool) -> list[str]:
        if exact:
            return self._names.get(content.sha256, [])
        return list(dict.fromkeys(name for digest in content.pixels for name in self._names.get(digest, [])))


def format_of(name: str) -> str:
    """Returns the format that a file's name says, "" if none."""
    return _FORMATS.get(PurePosixPath(name).suffix.lower(), "")


def saved_as(content: Content, name: str, identity: str) -> str:
    """Describes how a file was saved in another way than the published one, e.g. "PNG named .jpg".

    Args:
        content: The file.
        name: Its name.
        identity: Id of the published image.
    """
    if content.format != format_of(name):
        return f"{content.format} named {PurePosixPath(name).suffix}"
    if content.format != format_of(identity):
        return f"{content.format}, published as {format_of(identity)}"
    return f"another {content.format} file"


def describe_change(
    content: Content, name: str, identity: str, published: Published, size: tuple[int, int] | None
) -> str:
    """Says how a file with a published name differs from the published file.

    Args:
        content: The file.
        name: Its name.
        identity: Id of the published image.
        published: What the manifest lists for it.
        size: Published height and width, None if unknown.
    """
    how = [saved_as(content, name, identity)]
    if content.format == "JPEG" != format_of(identity):
        how.append("which changes pixels")
    if content.channels in (1, 2):
        how.append("grey")
    if size and content.size != size:
        how.append("another size")
    elif published.pixels:
        how.append("other pixels")
    else:
        how.append("its pixels can't be compared, since the manifest has no digest of them")
    return ", ".join(how)
