"""The feature maps of single filters of a network, on one image of each class."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.evaluation.filter_maps import filter_maps
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.tested_images import capture_look
from leukcnn.outputs.titles import face
from leukcnn.rendering.figures import HEAT, heat, plot_images
from leukcnn.results.results import Results

_PER_LAYER = 2
_WHICH = " (the filters with the strongest response in the last convolution before each pooling)"


def _look(network: keras.Model, inputs: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Returns "layers", their names; per layer "filters", int64 (C, n), and "maps", float32 (C, n, h, w)."""
    found = [filter_maps(network, image, n_filters=_PER_LAYER) for image in inputs]
    return {
        "layers": list(found[0].layers),
        "filters": [np.stack(in_layer) for in_layer in zip(*(one.filters for one in found), strict=True)],
        "maps": [np.stack(in_layer) for in_layer in zip(*(one.maps for one in found), strict=True)],
    }


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    if figure.id not in kept:
        return []
    looked = kept[figure.id]
    panels: list[tuple[str, np.ndarray] | None] = []
    for i, image in enumerate(zip(looked["titles"], looked["images"], strict=True)):
        for line in range(_PER_LAYER):
            panels.append(None if line else image)
            for layer, filters, maps in zip(looked["layers"], looked["filters"], looked["maps"], strict=True):
                if line < filters.shape[1]:
                    panels.append((f"{layer}, filter {filters[i, line]}", heat(maps[i, line])))
                else:
                    panels.append(None)
    n_columns, options = 1 + len(looked["layers"]), face(results, figure, _WHICH)
    scale = (HEAT, "0: no response; 1: the strongest response in this map")
    path = folder / f"{figure.id}.png"
    return [plot_images(panels, path, n_columns=n_columns, panel_inches=2.0, scale=scale, **options)]


KIND = FigureKind(build=_build, capture=partial(capture_look, look=_look))
