"""The papers' networks as Keras models: one builder a network, with Keras Applications' manners."""

import importlib
from typing import Any

from leukcnn.errors import SpecError

# Builder -> its module; imported on first use, so that listing them doesn't import Keras.
_BUILDERS = {
    "AlexNet": "leukcnn.models.caffe",
    "AlertNet": "leukcnn.models.alertnet",
    "AlertNetR": "leukcnn.models.alertnet",
    "AlertNetX": "leukcnn.models.alertnet",
    "CNMCVGG16": "leukcnn.models.cnmc",
    "CNMCVGG19": "leukcnn.models.cnmc",
    "CNMCXception": "leukcnn.models.cnmc",
    "CaffeNet": "leukcnn.models.caffe",
    "FineTuned": "leukcnn.models.fine_tuned",
    "FourBlockCNN": "leukcnn.models.four_blocks",
    "LeukNet": "leukcnn.models.leuknet",
    "LightweightCNN": "leukcnn.models.lightweight",
    "RegNetX": "leukcnn.models.regnet",
    "RegNetY": "leukcnn.models.regnet",
    "TaleghaniResNet50": "leukcnn.models.taleghani",
    "VGGF": "leukcnn.models.caffe",
}

__all__ = ["build", "list_models", *_BUILDERS]


def list_models() -> tuple[str, ...]:
    """Returns the names that `build` takes."""
    return tuple(_BUILDERS)


def build(name: str, /, **arguments: Any):
    """Builds a network by name.

    Args:
        name: One of `list_models()`.
        **arguments: Arguments of that builder.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        SpecError: There is no such network.
    """
    if name not in _BUILDERS:
        raise SpecError(f"There is no network named {name!r}.", expected=", ".join(_BUILDERS))
    return __getattr__(name)(**arguments)


def __getattr__(name: str):
    if name in _BUILDERS:
        return getattr(importlib.import_module(_BUILDERS[name]), name)
    raise AttributeError(f"module 'leukcnn.models' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
