"""leukcnn: papers on recognising leukaemia in blood-smear images, reproduced on Keras 3.

    import leukcnn

    run = leukcnn.reproduce("cnmc2019", data="synthetic", profile="smoke")
    run["table2"]

Names are imported on first use, so that `import leukcnn` loads neither Keras nor OpenCV. The import does one
thing: it sets the environment variable TF_ENABLE_ONEDNN_OPTS to 1, unless it is set.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # What `__getattr__` imports on first use, for editors and type checkers.
    from leukcnn import (
        augmentation,
        callbacks,
        datasets,
        errors,
        evaluation,
        image_cache,
        models,
        papers,
        pipeline,
        prediction,
        preprocessing,
        spec,
        splits,
        synthetic,
    )
    from leukcnn.augmentation import ImageAugmenter
    from leukcnn.datasets import ImageIndex, load, load_many
    from leukcnn.exporting.export import export
    from leukcnn.reproduction import audit, reproduce
    from leukcnn.run import Run, open_run
    from leukcnn.studies.evaluation import evaluate

__version__ = "0.1.0"

# Name -> the module that has it.
_NAMES = {
    "ImageAugmenter": "augmentation",
    "ImageIndex": "datasets",
    "Run": "run",
    "audit": "reproduction",
    "evaluate": "studies.evaluation",
    "export": "exporting.export",
    "load": "datasets",
    "load_many": "datasets",
    "open_run": "run",
    "reproduce": "reproduction",
}

_LOADING_KERAS = ("callbacks", "pipeline", "prediction")

__all__ = [
    "ImageAugmenter",
    "ImageIndex",
    "Run",
    "__version__",
    "audit",
    "augmentation",
    "callbacks",
    "datasets",
    "errors",
    "evaluate",
    "evaluation",
    "export",
    "image_cache",
    "load",
    "load_many",
    "models",
    "open_run",
    "papers",
    "pipeline",
    "prediction",
    "preprocessing",
    "reproduce",
    "spec",
    "splits",
    "synthetic",
]


# oneDNN's convolutions are faster on every processor, but TensorFlow uses them by default on some only.
if "TF_ENABLE_ONEDNN_OPTS" not in os.environ:
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    # None stops its import.
    if sys.modules.get("tensorflow") is not None:
        from leukcnn.backend import warn_of_slow_convolutions

        warn_of_slow_convolutions()


# A type checker would accept any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _NAMES:
            return getattr(importlib.import_module(f"leukcnn.{_NAMES[name]}"), name)
        if name in _LOADING_KERAS:
            from leukcnn.backend import load_keras

            load_keras()
        if name in __all__:
            return importlib.import_module(f"leukcnn.{name}")
        raise AttributeError(f"module 'leukcnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
