"""Datasets: the published ones (`catalog`), the images in a folder (`load`), and a check of them (`verify`).

Names are imported on first use, to keep `from leukcnn.datasets import catalog` light.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # What `__getattr__` imports on first use, for editors and type checkers.
    from leukcnn.datasets.catalog import CATALOG, DatasetCard, card, in_order
    from leukcnn.datasets.copies import copy_pairs
    from leukcnn.datasets.downloading import download
    from leukcnn.datasets.duplicates import (
        duplicate_pairs,
        has_unknown_subject,
        joined_groups,
        pairs_between,
    )
    from leukcnn.datasets.fault_report import Report
    from leukcnn.datasets.genuine import Genuine, genuineness
    from leukcnn.datasets.index import UNLABELLED, ImageIndex, require_classes
    from leukcnn.datasets.indexing import index_from_manifest, load
    from leukcnn.datasets.many import load_many, present, require_root
    from leukcnn.datasets.read import read_image
    from leukcnn.datasets.verification import verify

# Name -> the module that has it.
_HOME = {
    "CATALOG": "catalog",
    "DatasetCard": "catalog",
    "Genuine": "genuine",
    "ImageIndex": "index",
    "Report": "fault_report",
    "UNLABELLED": "index",
    "card": "catalog",
    "copy_pairs": "copies",
    "download": "downloading",
    "duplicate_pairs": "duplicates",
    "genuineness": "genuine",
    "has_unknown_subject": "duplicates",
    "in_order": "catalog",
    "index_from_manifest": "indexing",
    "joined_groups": "duplicates",
    "load": "indexing",
    "load_many": "many",
    "pairs_between": "duplicates",
    "present": "many",
    "read_image": "read",
    "require_classes": "index",
    "require_root": "many",
    "verify": "verification",
}

__all__ = [
    "CATALOG",
    "UNLABELLED",
    "DatasetCard",
    "Genuine",
    "ImageIndex",
    "Report",
    "card",
    "copy_pairs",
    "download",
    "duplicate_pairs",
    "genuineness",
    "has_unknown_subject",
    "in_order",
    "index_from_manifest",
    "joined_groups",
    "load",
    "load_many",
    "pairs_between",
    "present",
    "read_image",
    "require_classes",
    "require_root",
    "verify",
]


# A type checker would accept any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
