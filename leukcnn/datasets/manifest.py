"""The manifests shipped with the package: path, SHA-256, bytes, group, size and pixels of each image."""

import csv
import gzip
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from leukcnn.datasets.catalog import card


class Published(NamedTuple):
    """What a manifest lists for one file.

    Attributes:
        sha256: Hexadecimal SHA-256.
        bytes: Size in bytes.
        group: Subject or other unit whose images must not be split between training and test; "" where
            unknown. A name with a slash is the same group in all datasets: "allidb1/Im001_1.jpg" is the field
            of ALL-IDB 1 from which crops of ALL-IDB 2 were cut. A name without one belongs to its dataset
            only.
        size: Height and width in pixels, None where unknown.
        pixels: Digest of its pixels, see `pixel_digest`; "" where unknown.
    """

    sha256: str
    bytes: int
    group: str = ""
    size: tuple[int, int] | None = None
    pixels: str = ""


@cache
def manifest(name: str) -> Mapping[str, Published]:
    """Returns what the manifest of a dataset lists for each image, by image id.

    Args:
        name: Key of the dataset in the catalog.

    Returns:
        A read-only mapping from id (path in the authors' archive) to what is published, see `Published`;
        empty for a dataset without a manifest.

    Raises:
        DataError: There is no dataset of that name.
    """
    file = resources.files("leukcnn.datasets.manifests") / f"{card(name).key}.csv.gz"
    if not file.is_file():
        return MappingProxyType({})
    with file.open("rb") as packed, gzip.open(packed, "rt", encoding="utf-8", newline="") as text:
        return MappingProxyType({row["path"]: _published(row) for row in csv.DictReader(text)})


def _published(row: Mapping[str, str]) -> Published:
    size = row.get("size")
    height, width = map(int, size.split("x")) if size else (0, 0)
    return Published(
        sha256=row["sha256"],
        bytes=int(row["bytes"]),
        group=row.get("group") or "",
        size=(height, width) if size else None,
        pixels=row.get("pixels") or "",
    )


def of_published_size(name: str, paths: Iterable[Path]) -> list[Path]:
    """Returns the files that are as long as a published one, the only ones that may be published.

    Args:
        name: Key of the dataset in the catalog.
        paths: The files. One that can't be reached isn't returned.

    Raises:
        DataError: There is no dataset of that name.
    """
    lengths = {file.bytes for file in manifest(name).values()}
    return [path for path in paths if lengths and _length(path) in lengths]


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


@cache
def published_groups(name: str) -> Mapping[str, str]:
    """Returns the group of each published image that has a group, by image id and by SHA-256.

    Args:
        name: Key of the dataset in the catalog.

    Raises:
        DataError: There is no dataset of that name.
    """
    groups: dict[str, str] = {}
    for identity, file in manifest(name).items():
        if file.group:
            groups[identity] = groups[file.sha256] = file.group
    return MappingProxyType(groups)
