"""What single filters of a network give on one image of each class."""

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

_OF_A_LAYER = 2
_WHICH = " (of the last convolution before each pooling, the filters that answer most)"


def _look(network: keras.Model, inputs: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    """Returns names of layers, and of each the numbers of filters, int64 (C, n), and float32 (C, n, h, w)."""
    found = [filter_maps(network, image, n_filters=_OF_A_LAYER) for image in inputs]
    return {
        "layers": list(found[0].layers),
        "filters": [np.stack(of_layer) for of_layer in zip(*(one.filters for one in found), strict=True)],
        "maps": [np.stack(of_layer) for of_layer in zip(*(one.maps for one in found), strict=True)],
    }


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    if figure.id not in kept:
        return []
    looked, panels = kept[figure.id], []
    for i, image in enumerate(zip(looked["titles"], looked["images"], strict=True)):
        for line in range(_OF_A_LAYER):
            panels.append(None if line else image)
            for layer, filters, maps in zip(looked["layers"], looked["filters"], looked["maps"], strict=True):
                here = line < filters.shape[1]
                title = f"{layer}, filter {filters[i, line]}" if here else ""
                panels.append((title, heat(maps[i, line])) if here else None)
    said, n_columns = face(results, figure, _WHICH), 1 + len(looked["layers"])
    scale = (HEAT, "0: nothing; 1: the strongest answer in this map")
    path = folder / f"{figure.id}.png"
    return [plot_images(panels, path, n_columns=n_columns, panel_inches=2.0, scale=scale, **said)]


KIND = FigureKind(build=_build, capture=partial(capture_look, look=_look))
