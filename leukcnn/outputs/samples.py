"""Images of each class, prepared as for the networks of the run but at the paper's own size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leukcnn import spec
from leukcnn.datasets import read_image
from leukcnn.image_cache import prepare
from leukcnn.outputs.kind import DATA, Capture, FigureKind, Kept, Material
from leukcnn.outputs.titles import describe, mark_and_caption
from leukcnn.rendering.figures import plot_images
from leukcnn.results.results import Results
from leukcnn.seeding import generator


def pick(material: Material, n: int = 4) -> np.ndarray:
    """Returns the positions of up to n images of each class, sampled at random, class by class."""
    rng, labels = generator(material.seed, "figures"), material.index.labels[material.shown]
    # Sampled from the last class to the first, since earlier runs were.
    by_class = [
        rng.permutation(material.shown[labels == label])[:n]
        for label in reversed(range(len(material.index.class_names)))
    ]
    return np.concatenate(by_class[::-1])


def prepared(material: Material, row: int, preprocessing: spec.Preprocessing) -> np.ndarray:
    """Returns an image as `leukcnn.image_cache.prepare` makes it: uint8 (S, S, 3), RGB."""
    return prepare(read_image(material.index.paths[row])[0], preprocessing)


def _capture(figure: spec.Figure, material: Material) -> Iterator[Capture]:
    def make() -> dict[str, Any]:
        rows = pick(material)
        return {
            "titles": [describe(material.index, row) for row in rows],
            "images": [prepared(material, row, material.whole_image_preprocessing) for row in rows],
        }

    yield Capture(figure.id, material.key(material.whole_image_preprocessing), make)


def plot_kept(
    figure: spec.Figure, results: Results, kept: Kept, folder: Path, *, n_columns: int = 4
) -> list[Path]:
    """Plots the images and titles that were captured for a figure."""
    shown, path = kept[figure.id], folder / f"{figure.id}.png"
    panels = list(zip(shown["titles"], shown["images"], strict=True))
    return [plot_images(panels, path, n_columns=n_columns, **mark_and_caption(results, figure))]


KIND = FigureKind(build=plot_kept, needs=DATA, capture=_capture)
