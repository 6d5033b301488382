"""leukcnn: papers on recognising leukaemia in blood-smear images, reproduced on Keras 3."""

import importlib

__version__ = "0.1.0"

# Subpackages are imported on first use, so that `import leukcnn` stays light.
_LAZY = (
    "augmentation",
    "callbacks",
    "datasets",
    "distribution",
    "duplicate_scan",
    "errors",
    "evaluation",
    "experiment",
    "features",
    "fields",
    "models",
    "outputs",
    "papers",
    "paths",
    "image_cache",
    "pipeline",
    "prediction",
    "preprocessing",
    "quiet",
    "records",
    "rendering",
    "results",
    "runs",
    "seeding",
    "spec",
    "splits",
    "synthetic",
    "training",
    "trials",
)

__all__ = ["__version__", *_LAZY]


def __getattr__(name: str):
    if name in _LAZY:
        return importlib.import_module(f"leukcnn.{name}")
    raise AttributeError(f"module 'leukcnn' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
