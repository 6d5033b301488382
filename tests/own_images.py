"""Small folders of a user's own images, as tests of `leukcnn evaluate` need them."""

from pathlib import Path

import cv2
import numpy as np


def write_image(path: Path, seed: int = 0, *, size: int = 24, grey: int | None = None) -> Path:
    """Writes an image of noise, around a grey level if one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    low, high = (0, 256) if grey is None else (max(grey - 20, 0), min(grey + 20, 256))
    assert cv2.imwrite(str(path), rng.integers(low, high, (size, size, 3), dtype=np.uint8))
    return path


def write_classes(
    folder: Path, classes=("blast", "normal"), *, n: int = 6, size: int = 24, seed: int = 0
) -> Path:
    """Writes a folder for each class, whose grey levels differ; the names have three patients a class."""
    for place, name in enumerate(classes):
        for i in range(n):
            grey = 60 + 120 * place // max(len(classes) - 1, 1)
            path = folder / name / f"p{place}{i % 3}_{i}.png"
            write_image(path, seed=seed + 1000 * place + i, size=size, grey=grey)
    return folder
