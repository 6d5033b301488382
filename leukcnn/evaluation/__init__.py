"""Controls to compare networks with; shortcuts, feature spaces and maps that show what networks use.

Modules are imported on first use: `leukcnn.evaluation.activation_maps.grad_cam(...)`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from leukcnn.backend import load_keras

if TYPE_CHECKING:
    from leukcnn.evaluation import (
        activation_maps,
        controls,
        feature_selection,
        feature_space,
        filter_maps,
        mask_scores,
        shortcuts,
    )

__all__ = [
    "activation_maps",
    "controls",
    "feature_selection",
    "feature_space",
    "filter_maps",
    "mask_scores",
    "shortcuts",
]


# A type checker would accept any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in ("activation_maps", "filter_maps"):
            load_keras()
        if name in __all__:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
