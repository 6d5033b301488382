"""Predictions and the environment (versions, devices) in the form in which every trial stores them."""

import contextlib
import os
import platform
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import __version__
from leukcnn.datasets import ImageIndex
from leukcnn.distribution import Devices, device_models
from leukcnn.files import digest
from leukcnn.pipeline import check_probabilities
from leukcnn.splits import SplitRows
from leukcnn.threads import processors
from leukcnn.trial_files import Predictions

_PROCESSOR, _NVIDIA_DRIVER = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/version")


def image_predictions(
    index: ImageIndex,
    rows: np.ndarray,
    probabilities: np.ndarray,
    *,
    subset: str,
    checkpoint: str,
    of: str = "The classifier",
    add_up: bool = True,
) -> Predictions:
    """Returns the predictions for some images of an index, in the form in which they are stored.

    Args:
        index: The images.
        rows: (M,) positions of the predicted images.
        probabilities: (M, C), 0..1, a column for each class.
        subset: Name of the subset.
        checkpoint: The weights that were used, see `Predictions.checkpoint`.
        of: The row or control, for error messages.
        add_up: Whether the probabilities of an image must add up to 1.

    Raises:
        WeightsError: A value is NaN, infinite or no probability.
    """
    of = f"{of}, checkpoint {checkpoint!r}, subset {subset!r},"
    check_probabilities(probabilities, index.ids[rows], of=of, add_up=add_up)
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
    """Returns the command, machine, versions and commit that results may depend on, apart from their setup.

    Bytes of memory, and names of processors, devices and drivers, are None where they aren't known.
    """
    return {
        "command": list(sys.argv),
        "backend": keras.backend.backend(),
        "devices": list(devices.names),
        "device_models": device_models(),
        **_machine(),
    }


@cache
def _machine() -> dict[str, Any]:
    """Returns what stays the same while the process runs."""
    driver = re.search(r"\d+\.\d+(\.\d+)*", _text_of(_NVIDIA_DRIVER))
    processor = re.search(r"^model name\s*:\s*(.+)$", _text_of(_PROCESSOR), re.MULTILINE)
    return {
        "driver": driver[0] if driver else None,
        "processor": processor[1].strip() if processor else platform.processor() or None,
        "processors": processors(),
        "memory_bytes": _memory(),
        "versions": _versions(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "commit": _commit(),
    }


def _versions() -> dict[str, str | None]:
    """Returns the versions of leukcnn, of what it requires and of the backend; None for what isn't there."""
    required: list[str] = []
    with contextlib.suppress(metadata.PackageNotFoundError):
        required = [one for one in metadata.requires("leukcnn") or () if "extra ==" not in one]
    names = [re.split(r"[^\w.-]", one, maxsplit=1)[0] for one in required]
    found: dict[str, str | None] = {"leukcnn": __version__}
    for name in sorted({*names, "keras", keras.backend.backend()}):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _commit() -> str | None:
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def training_summary(index: ImageIndex, rows: SplitRows) -> dict[str, Any]:
    """Returns what a saved network says about its training images, as plain values."""
    train = np.unique(rows.train)
    classes = np.bincount(index.labels[train], minlength=len(index.class_names)).tolist()
    datasets, numbers = np.unique(index.dataset[train], return_counts=True)
    return {
        "classes": dict(zip(index.class_names, classes, strict=True)),
        "datasets": dict(zip(datasets.tolist(), numbers.tolist(), strict=True)),
        "groups": len({*index.group[train].tolist()} - {""}),
        "validation_images": len(np.unique(rows.validation)),
        "ids_sha256": digest(sorted(index.ids[train].tolist())),
    }


def tested_accuracy(tested: list[Predictions]) -> dict[str, Any]:
    """Returns the accuracy on the labelled images, 0..1; None without any."""
    right = np.concatenate([(one.predicted == one.label)[one.label >= 0] for one in tested] or [[]])
    return {"images": len(right), "accuracy": float(f"{right.mean():.6g}") if len(right) else None}
