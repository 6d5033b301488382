"""The manifests shipped with the package: path, SHA-256, size and group of the published images."""

import csv
import gzip
from collections.abc import Mapping
from functools import cache
from importlib import resources
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
    """

    sha256: str
    bytes: int
    group: str = ""


@cache
def manifest(name: str) -> Mapping[str, Published]:
    """Returns what the manifest of a dataset lists for each image, by image id.

    Args:
        name: Key of the dataset in the catalog.

    Returns:
        A read-only mapping from id (path in the authors' archive) to SHA-256, size in bytes and group; empty
        for a dataset without a manifest.

    Raises:
        DataError: There is no dataset of that name.
    """
    file = resources.files("leukcnn.datasets.manifests") / f"{card(name).key}.csv.gz"
    if not file.is_file():
        return MappingProxyType({})
    with file.open("rb") as packed, gzip.open(packed, "rt", encoding="utf-8", newline="") as text:
        rows = csv.DictReader(text)
        return MappingProxyType(
            {row["path"]: Published(row["sha256"], int(row["bytes"]), row.get("group") or "") for row in rows}
        )


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
