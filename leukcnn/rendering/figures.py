"""Images with titles and confusion matrices, drawn as `leukcnn.rendering.canvas` says."""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable

from leukcnn.rendering.canvas import LINE, sheet, wrapped

_LUMINANCE = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue, ITU-R BT.601


def plot_images(
    panels: Sequence[tuple[str, np.ndarray] | None],
    path: Path,
    *,
    n_columns: int = 4,
    panel_inches: float = 2.1,
    scale: tuple[str, str] | None = None,
    **face: str,
) -> Path:
    """Draws a grid of images with a title each, in frames: a white mask would end nowhere on white paper.

    Args:
        panels: Title and image, uint8 (H, W, 3) RGB or (H, W) grey, line by line; None leaves a gap.
        n_columns: Images in a line.
        panel_inches: Width of a panel in inches.
        scale: Name of the colours of maps among the images, and what 0 and 1 mean there.
    """
    n_columns = min(n_columns, len(panels))
    n_lines = math.ceil(len(panels) / n_columns)
    # Of a panel's height, the image's and the title's part.
    titles = [wrapped(panel[0], panel_inches - 0.15) if panel else "" for panel in panels]
    parts = np.zeros((n_lines * n_columns, 2))
    for i, panel in enumerate(panels):
        if panel:
            height, width = panel[1].shape[:2]
            parts[i] = panel_inches * height / width, LINE * (titles[i].count("\n") + 2)
    heights = parts.reshape(n_lines, n_columns, 2).max(axis=1).sum(axis=1)
    with sheet(path, width=panel_inches * n_columns, height=sum(heights) + bool(scale), **face) as figure:
        grid = figure.subplots(n_lines, n_columns, squeeze=False, height_ratios=heights)
        for i, axes in enumerate(grid.flat):
            if i >= len(panels) or panels[i] is None:
                axes.set_axis_off()
                continue
            axes.imshow(panels[i][1], cmap="gray", vmin=0, vmax=255)
            axes.set_title(titles[i])
            axes.set(xticks=[], yticks=[], anchor="N")  # titles of one line stand at one height
            axes.spines[:].set(visible=True, color="#9A9A9A", linewidth=0.6)
        if scale:
            bar = figure.colorbar(ScalarMappable(cmap=scale[0]), ax=grid, location="bottom", aspect=50)
            bar.set_label(scale[1])
    return path


HEAT, OVERLAY = "viridis", "inferno"
"""Names of the colours of `heat` and of `overlay`."""


def heat(values: np.ndarray) -> np.ndarray:
    """Colours a map, float (h, w), from 0 or below to its largest value: uint8 (h, w, 3)."""
    return np.uint8(255 * colormaps[HEAT](values / max(values.max(), 1e-12))[..., :3])


def overlay(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Lays a map, float (h, w) from 0 to 1, over an image, uint8 (H, W, 3), drawn smoothly.

    The image is shown in grey: its own colours would mix with the map's.
    """
    smooth = cv2.resize(np.float32(values), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    colours = 255 * colormaps[OVERLAY](smooth)[..., :3]
    return np.uint8(0.45 * (image @ _LUMINANCE)[..., None] + 0.55 * colours)


def plot_confusion_matrices(
    panels: Sequence[tuple[str, np.ndarray] | None],
    class_names: Sequence[str],
    path: Path,
    *,
    n_columns: int = 1,
    **face: str,
) -> Path:
    """Draws confusion matrices of the same classes: counts, and their share of each true class, the shade.

    Args:
        panels: Title and (K, K) counts, true classes in rows, line by line; None leaves a gap.
        class_names: K names.
        n_columns: Matrices in a line.
    """
    n, n_lines = len(class_names), len(panels) // n_columns
    side, names = max(3.2, 0.9 * n + 1.4), [wrapped(name, 1.0) for name in class_names]
    with sheet(path, width=(side + 0.6) * n_columns, height=side * n_lines, **face) as figure:
        places = figure.subplots(n_lines, n_columns, squeeze=False)
        for axes, panel in zip(places.flat, panels, strict=True):
            if panel is None:
                axes.set_axis_off()
                continue
            title, matrix = panel
            totals = matrix.sum(axis=1, keepdims=True)
            shares = matrix / np.maximum(totals, 1)
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
            for row, column in np.ndindex(n, n):
                share = shares[row, column]
                percent = f"{100 * share:.1f} %" if totals[row] else "no image"
                style = {"ha": "center", "va": "center", "color": "white" if share > 0.55 else "black"}
                axes.text(column, row, f"{matrix[row, column]}\n{percent}", **style)
            axes.set(xlabel="Predicted", ylabel="True", title=wrapped(title, side - 0.2))
            axes.set_xticks(range(n), names)
            axes.set_yticks(range(n), names)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
    return path
