"""Pictures with titles and confusion matrices, drawn as `leukcnn.rendering.canvas` says."""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable

from leukcnn.rendering.canvas import LINE, sheet, wrapped

_LUMINANCE = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue, ITU-R BT.601


def draw_pictures(
    panels: Sequence[tuple[str, np.ndarray] | None],
    path: Path,
    *,
    n_columns: int = 4,
    side: float = 2.1,
    scale: tuple[str, str] | None = None,
    **face: str,
) -> Path:
    """Draws a grid of pictures with a title each, in frames: a white mask would end nowhere on white paper.

    Args:
        panels: Title and picture, uint8 (H, W, 3) RGB or (H, W) grey, line by line; None leaves a gap.
        n_columns: Pictures in a line.
        side: Inches for the side of a picture.
        scale: Name of the colours of maps among the pictures, and what 0 and 1 mean there.
    """
    n_columns = min(n_columns, len(panels))
    n_lines = math.ceil(len(panels) / n_columns)
    # Of a panel's height, the picture's and the title's part.
    titles = [wrapped(panel[0], side - 0.15) if panel else "" for panel in panels]
    parts = np.zeros((n_lines * n_columns, 2))
    for i, panel in enumerate(panels):
        if panel:
            height, width = panel[1].shape[:2]
            parts[i] = side * height / width, LINE * (titles[i].count("\n") + 2)
    heights = parts.reshape(n_lines, n_columns, 2).max(axis=1).sum(axis=1)
    with sheet(path, width=side * n_columns, height=sum(heights) + bool(scale), **face) as figure:
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


def overlay(picture: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Lays a map, float (h, w) from 0 to 1, over a picture, uint8 (H, W, 3), drawn smoothly.

    The picture is shown in grey: its own colours would mix with the map's.
    """
    smooth = cv2.resize(np.float32(values), picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    colours = 255 * colormaps[OVERLAY](smooth)[..., :3]
    return np.uint8(0.45 * (picture @ _LUMINANCE)[..., None] + 0.55 * colours)


def draw_confusions(
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
                percent = f"{100 * share:.1f} %" if totals[row] else "no picture"
                style = {"ha": "center", "va": "center", "color": "white" if share > 0.55 else "black"}
                axes.text(column, row, f"{matrix[row, column]}\n{percent}", **style)
            axes.set(xlabel="Predicted", ylabel="True", title=wrapped(title, side - 0.2))
            axes.set_xticks(range(n), names)
            axes.set_yticks(range(n), names)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
    return path
