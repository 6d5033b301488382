"""Datasets: the published ones (`catalog`), the images in a folder (`load`), and a check of them (`verify`).

Names are imported on first use, to keep `from leukcnn.datasets import catalog` light.
"""

import importlib
from typing import Any

_HOME = {
    "CATALOG": "catalog",
    "DatasetCard": "catalog",
    "ImageIndex": "index",
    "Report": "verification",
    "UNLABELLED": "index",
    "card": "catalog",
    "duplicate_pairs": "duplicates",
    "index_from_manifest": "index",
    "joined_groups": "duplicates",
    "load": "index",
    "load_many": "many",
    "near_duplicate_pairs": "near_duplicates",
    "pairs_between": "duplicates",
    "perceptual_hashes": "near_duplicates",
    "present": "many",
    "read_image": "read",
    "require_classes": "index",
    "require_root": "many",
    "verify": "verification",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
