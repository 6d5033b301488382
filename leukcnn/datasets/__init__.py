"""Datasets: what is published (`catalog`), what a folder holds (`load`), and whether it is sound (`verify`).

Names are imported on first use, so that `from leukcnn.datasets import catalog` stays light.
"""

import importlib

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


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
