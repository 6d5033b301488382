"""What every trial leaves: its predictions, and what they may depend on besides its specification."""

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices
from leukcnn.runs import Predictions

_VERSIONED = (
    "leukcnn",
    "keras",
    "tensorflow",
    "jax",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "scipy",
)


def image_predictions(
    index: ImageIndex, rows: np.ndarray, probabilities: np.ndarray, *, subset: str, checkpoint: str
) -> Predictions:
    """Returns what was said of some images of an index, as it is stored.

    Args:
        index: The images.
        rows: (M,) positions of those that were predicted.
        probabilities: (M, C), 0..1, a column for each class.
        subset: Name of the set.
        checkpoint: Whose weights spoke, see `Predictions.checkpoint`.
    """
    return Predictions(
        image=index.ids[rows],
        subset=np.full(len(rows), subset),
        checkpoint=np.full(len(rows), checkpoint),
        group=index.group[rows],
        label=index.labels[rows],
        probabilities=probabilities,
        class_names=index.class_names,
    )


def environment(devices: Devices) -> dict[str, Any]:
    """Returns what the figures may depend on besides the specification: versions, devices, commit."""
    versions = {}
    for name in _VERSIONED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "backend": keras.backend.backend(),
        "devices": list(devices.names),
        "versions": versions,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "commit": _commit(),
    }


def _commit() -> str | None:
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
