"""Features of images in the plane, drawn as `leukcnn.rendering.canvas` says."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, sheet, wrapped

# Colour of the points, their marker, and the shade of the half-plane that the SVM gives to the class. The
# shades differ in lightness, too, and the markers in shape, for prints in grey.
_CLASSES = ((BLUE, "o", "#DCEAF5"), (ORANGE, "^", "#FDF1E3"))
_PANEL = 3.1  # inches
_MOST_COLUMNS = 3


def plot_feature_space(
    panels: Sequence[tuple[str, Any]], class_names: Sequence[str], path: Path, **face: str
) -> Path:
    """Draws points of two classes and the line between them, one panel for each kind of features.

    Args:
        panels: For each its title and its plane, such as `leukcnn.evaluation.feature_space.project` gives it,
            or in words why there is none.
        class_names: Names of classes 0 and 1.
    """
    n_columns = min(len(panels), _MOST_COLUMNS)
    n_rows = math.ceil(len(panels) / n_columns)
    with sheet(path, width=_PANEL * n_columns, height=(_PANEL + 1.3) * n_rows, **face) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        for axes, (title, plane) in zip(grid.flat, panels, strict=False):
            axes.set(xticks=[], yticks=[], title=wrapped(title, _PANEL - 0.2), box_aspect=1, anchor="N")
            axes.spines[:].set(visible=True, color=GREY, linewidth=0.8)
            if isinstance(plane, str):
                words = {"ha": "center", "va": "center", "color": GREY, "transform": axes.transAxes}
                axes.text(0.5, 0.5, wrapped(plane, _PANEL - 0.7), **words)
            else:
                _plot_plane(axes, plane, class_names)
                axes.set_xlabel(f"{100 * plane.accuracy:.1f} % of {len(plane.labels)} on their side")
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False)
    return path


def _plot_plane(axes: Axes, plane: Any, class_names: Sequence[str]) -> None:
    points = plane.points
    low, high = points.min(axis=0), points.max(axis=0)
    # Both axes have one scale: t-SNE's plane has no sides. A margin is left around the points.
    half = max(0.56 * float((high - low).max()), 1e-6)
    (left, bottom), (right, top) = (low + high) / 2 - half, (low + high) / 2 + half
    x, y = np.meshgrid([left, right], [bottom, top])
    side = plane.coefficients[0] * x + plane.coefficients[1] * y + plane.intercept
    # The largest number stands in for infinity, which `contourf` refuses.
    reach = np.abs(side).max() + 1
    axes.contourf(x, y, side, levels=[-reach, 0, reach], colors=[shade for *_, shade in _CLASSES], zorder=0)
    if side.min() < 0 < side.max():
        axes.contour(x, y, side, levels=[0], colors="black", linewidths=1.2, zorder=1)
    axes.plot([], [], color="black", linewidth=1.2, label="boundary of the linear SVM")
    area = float(np.interp(len(points), [50, 1000], [34, 8]))
    for label, (name, (colour, marker, _)) in enumerate(zip(class_names, _CLASSES, strict=True)):
        style = {"s": area, "color": colour, "marker": marker, "alpha": 0.85, "zorder": 2, "label": name}
        axes.scatter(*points[plane.labels == label].T, **style, edgecolors="white", linewidths=0.4)
    axes.set(xlim=(left, right), ylim=(bottom, top))
