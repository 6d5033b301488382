"""Mean activation and Grad-CAM of a network, on one image of each class."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leukcnn import spec
from leukcnn.evaluation.activation_maps import grad_cam, largest_maps_layer, mean_activation
from leukcnn.outputs.kind import FigureKind, Kept
from leukcnn.outputs.tested_images import capture_look
from leukcnn.outputs.titles import mark_and_caption
from leukcnn.rendering.figures import OVERLAY, overlay, plot_images
from leukcnn.results.results import Results

_SCALE = (
    "0: no activation; 1: the largest value in this map.\n"
    "Mean activation: the feature maps averaged over their channels.\n"
    "Grad-CAM: regions that support the class that the network predicted."
)


def _look(network: keras.Model, inputs: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Returns "mean" and "grad_cam", float32 (C, h, w), 0..1, and "layer", the name of their layer."""
    layer = largest_maps_layer(network)
    return {
        "layer": layer,
        "mean": mean_activation(network, inputs, layer=layer),
        "grad_cam": grad_cam(network, inputs, class_index=predicted, layer=layer),
    }


def _build(figure: spec.Figure, results: Results, kept: Kept, folder: Path) -> list[Path]:
    if figure.id not in kept:
        return []
    looked, panels = kept[figure.id], []
    for title, image, mean, cam in zip(
        *(looked[name] for name in ("titles", "images", "mean", "grad_cam")), strict=True
    ):
        maps = [("Mean activation", overlay(image, mean)), ("Grad-CAM", overlay(image, cam))]
        panels += [(title, image), *maps]
    options, path = (
        mark_and_caption(results, figure, f" (layer {looked['layer']})"),
        folder / f"{figure.id}.png",
    )
    return [plot_images(panels, path, n_columns=3, scale=(OVERLAY, _SCALE), **options)]


KIND = FigureKind(build=_build, capture=partial(capture_look, look=_look))
