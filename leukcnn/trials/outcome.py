"""Predictions and the environment (versions, devices) in the form in which every trial stores them."""

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
from leukcnn.trial_files import Predictions

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
    """Returns the predictions for some images of an index, in the form in which they are stored.

    Args:
        index: The images.
        rows: (M,) positions of the predicted images.
        probabilities: (M, C), 0..1, a column for each class.
        subset: Name of the subset.
        checkpoint: The weights that were used, see `Predictions.checkpoint`.
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
    """Returns the versions, devices and commit that results may depend on, apart from the specification."""
    versions: dict[str, str | None] = {}
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
