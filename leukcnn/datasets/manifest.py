"""The manifests shipped with the package: name, SHA-256 and size of every published file."""

import csv
import gzip
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import NamedTuple

from leukcnn.datasets.catalog import card


class Published(NamedTuple):
    """What is published of one file.

    Attributes:
        sha256: Hexadecimal SHA-256.
        bytes: Size in bytes.
    """

    sha256: str
    bytes: int


@cache
def manifest(name: str) -> Mapping[str, Published]:
    """Returns what is published of every picture of a dataset, by picture id.

    Args:
        name: Key of the dataset in the catalog.

    Returns:
        A read-only mapping from id (path in the makers' archive) to SHA-256 and size in bytes; empty for a
        dataset of which no manifest is shipped.

    Raises:
        DataError: No dataset bears that name.
    """
    file = resources.files("leukcnn.datasets.manifests") / f"{card(name).key}.csv.gz"
    if not file.is_file():
        return MappingProxyType({})
    with file.open("rb") as packed, gzip.open(packed, "rt", encoding="utf-8", newline="") as text:
        rows = csv.DictReader(text)
        return MappingProxyType({row["path"]: Published(row["sha256"], int(row["bytes"])) for row in rows})
