"""What a network looked at in one picture of each class: its mean activation and its Grad-CAM."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.evaluation.activation_maps import grad_cam, mean_activation
from leukcnn.outputs.faces import face
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.tested_pictures import capture_look
from leukcnn.rendering.figures import draw_overlays
from leukcnn.results.results import Results

_SMALLEST_MAP = 4


def _look(network: keras.Model, inputs: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    """Returns the maps, float32 (C, h, w), 0..1, and the name of the layer whose maps they are."""
    # The last convolution at the paper's size; on small pictures its maps are single points.
    maps = [layer for layer in network.layers if len(layer.output.shape) == 4]
    large = [layer.name for layer in maps if min(layer.output.shape[1:3]) >= _SMALLEST_MAP]
    layer = large[-1] if large else maps[-1].name
    return {
        "layer": layer,
        "mean": mean_activation(network, inputs, layer=layer),
        "grad_cam": grad_cam(network, inputs, class_index=said, layer=layer),
    }


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    if figure.id not in kept:
        return []
    looked = kept[figure.id]
    rows = list(zip(*(looked[name] for name in ("titles", "pictures", "mean", "grad_cam")), strict=True))
    said = face(results, figure, f" (layer {looked['layer']})")
    return [draw_overlays(rows, folder / f"{figure.id}.png", **said)]


KIND = FigureKind(build=_build, capture=partial(capture_look, look=_look))
