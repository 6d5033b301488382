"""Plots of images with titles and of confusion matrices, on the canvas of `leukcnn.rendering.canvas`."""

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
    mark: str = "",
    caption: str = "",
) -> Path:
    """Plots a grid of framed images with a title each; without a frame, white masks would have no edge.

    Args:
        panels: Title and image, uint8 (H, W, 3) RGB or (H, W) grey, row by row; None leaves a gap.
        path: The PNG file.
        n_columns: Images in a row.
        panel_inches: Width of a panel in inches.
        scale: If maps are among the images: name of their colour map, and a text that says what 0 and 1
            mean.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Returns:
        `path`.
    """
    n_columns = min(n_columns, len(panels))
    n_rows = math.ceil(len(panels) / n_columns)
    titles = [wrapped(panel[0], panel_inches - 0.15) if panel else "" for panel in panels]
    # Inches that the image and the title of each panel take of its height.
    inches = np.zeros((n_rows * n_columns, 2))
    for i, panel in enumerate(panels):
        if panel:
            height, width = panel[1].shape[:2]
            inches[i] = panel_inches * height / width, LINE * (titles[i].count("\n") + 2)
    heights = inches.reshape(n_rows, n_columns, 2).max(axis=1).sum(axis=1)
    height = sum(heights) + bool(scale)
    with sheet(path, width=panel_inches * n_columns, height=height, mark=mark, caption=caption) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False, height_ratios=heights)
        for i, axes in enumerate(grid.flat):
            panel = panels[i] if i < len(panels) else None
            if panel is None:
                axes.set_axis_off()
                continue
            axes.imshow(panel[1], cmap="gray", vmin=0, vmax=255)
            axes.set_title(titles[i])
            axes.set(xticks=[], yticks=[], anchor="N")  # aligns the titles of a row
            axes.spines[:].set(visible=True, color="#9A9A9A", linewidth=0.6)
        if scale:
            bar = figure.colorbar(ScalarMappable(cmap=scale[0]), ax=grid, location="bottom", aspect=50)
            bar.set_label(scale[1])
    return path


HEAT, OVERLAY = "viridis", "inferno"
"""Names of Matplotlib's colour maps that `heat` and `overlay` use."""


def heat(values: np.ndarray) -> np.ndarray:
    """Returns a map, float (h, w), in colours from 0 (or below) to its largest value: uint8 (h, w, 3)."""
    return (255 * colormaps[HEAT](values / max(values.max(), 1e-12))[..., :3]).astype(np.uint8)


def overlay(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns an image, uint8 (H, W, 3), under a map, float (h, w) from 0 to 1, resized smoothly.

    The image is in grey: its own colours would mix with those of the map.
    """
    height, width = image.shape[:2]
    smooth = cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    colours = 255 * colormaps[OVERLAY](smooth)[..., :3]
    return (0.45 * (image @ _LUMINANCE)[..., None] + 0.55 * colours).astype(np.uint8)


def plot_confusion_matrices(
    panels: Sequence[tuple[str, np.ndarray] | None],
    class_names: Sequence[str],
    path: Path,
    *,
    n_columns: int = 1,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Plots confusion matrices of the same classes: counts and the percentage of each true class.

    The shade of a cell is its percentage.

    Args:
        panels: Title and (K, K) counts, true classes in rows, row by row; None leaves a gap.
        class_names: K names.
        path: The PNG file.
        n_columns: Matrices in a row.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Returns:
        `path`.
    """
    n, n_rows = len(class_names), len(panels) // n_columns
    size, names = max(3.2, 0.9 * n + 1.4), [wrapped(name, 1.0) for name in class_names]
    width, height = (size + 0.6) * n_columns, size * n_rows
    with sheet(path, width=width, height=height, mark=mark, caption=caption) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=True):
            if panel is None:
                axes.set_axis_off()
                continue
            title, matrix = panel
            totals = matrix.sum(axis=1, keepdims=True)
            fractions = matrix / np.maximum(totals, 1)
            axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
            for row, column in np.ndindex(n, n):
                fraction = fractions[row, column]
                percent = f"{100 * fraction:.1f} %" if totals[row] else "no image"
                text, colour = f"{matrix[row, column]}\n{percent}", "white" if fraction > 0.55 else "black"
                axes.text(column, row, text, ha="center", va="center", color=colour)
            axes.set(xlabel="Predicted", ylabel="True", title=wrapped(title, size - 0.2))
            axes.set_xticks(range(n), names)
            axes.set_yticks(range(n), names)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
    return path
