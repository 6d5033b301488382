"""Features of pictures in the plane, drawn as `leukcnn.rendering.canvas` says."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from leukcnn.errors import ArgumentError
from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, require, sheet, wrapped

# Colour of the points, their marker, and the shade of the half-plane that the SVM gives to the class. The
# shades differ in lightness, too, and the markers in shape, for prints in grey.
_CLASSES = ((BLUE, "o", "#DCEAF5"), (ORANGE, "^", "#FDF1E3"))
_PANEL, _LEGEND = 3.1, 0.35  # inches: side of a panel, height of the legend
_MOST_COLUMNS = 3
_MARGIN = 0.06  # share of the points' extent that is left free around them


class Plane(NamedTuple):
    """Points in the plane, with the line that a linear SVM draws there.

    Attributes:
        points: (N, 2) float, no unit.
        labels: (N,) integers, 0 or 1.
        coefficients: (2,) float; class 1 lies where `coefficients` @ point + `intercept` > 0.
        intercept: See there.
        accuracy: Share of the points on their own side, 0..1.
    """

    points: np.ndarray
    labels: np.ndarray
    coefficients: np.ndarray
    intercept: float
    accuracy: float


def draw_feature_space(
    panels: Sequence[tuple[str, Plane | str]],
    class_names: Sequence[str],
    path: str | os.PathLike,
    **face: str,
) -> Path:
    """Draws points of two classes and the line between them, one panel for each kind of features.

    Args:
        panels: For each its title and its plane, or in words why there is none.
        class_names: Names of classes 0 and 1.
        path: PNG file to write.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no panel, or there aren't two classes.
    """
    require(panels, "panel")
    if len(class_names) != len(_CLASSES):
        raise ArgumentError(f"There are the classes {tuple(class_names)}.", expected="two")
    n_columns = min(len(panels), _MOST_COLUMNS)
    n_rows = -(-len(panels) // n_columns)
    # The legend's three entries need the width of two panels, and a line of their own.
    width, height = max(_PANEL * n_columns, 5.4), (_PANEL + 0.6) * n_rows + _LEGEND
    with sheet(path, width=width, height=height, **face) as figure:
        ratios = [_PANEL] * n_rows + [_LEGEND]
        grid = figure.add_gridspec(n_rows + 1, n_columns, height_ratios=ratios)
        for i, (title, content) in enumerate(panels):
            _draw_panel(figure.add_subplot(grid[divmod(i, n_columns)]), title, content)
        axes = figure.add_subplot(grid[-1, :])
        axes.set_axis_off()
        axes.legend(handles=_legend(class_names), loc="center", ncols=3, frameon=False)
    return Path(path)


def _draw_panel(axes: Axes, title: str, content: Plane | str) -> None:
    axes.set_box_aspect(1)
    # Elsewhere in its cell the panel would leave the layout to guess how much room the title takes.
    axes.set_anchor("N")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.8)
    heading = wrapped(title, _PANEL - 0.2, size=10)
    if isinstance(content, str):
        lines = wrapped(content, _PANEL - 0.7)
        words = axes.text(0.5, 0.5, lines, ha="center", va="center", transform=axes.transAxes)
        words.set(color=GREY, in_layout=False)
    else:
        _draw_plane(axes, content)
        heading += f"\n{100 * content.accuracy:.1f} % of {len(content.labels)} on their side"
    axes.set_title(heading)


def _draw_plane(axes: Axes, plane: Plane) -> None:
    points = plane.points
    low, high = points.min(axis=0), points.max(axis=0)
    # Both axes have one scale: t-SNE's plane has no sides.
    half = max(float((high - low).max()) / 2, 1e-6) * (1 + 2 * _MARGIN)
    (left, bottom), (right, top) = (low + high) / 2 - half, (low + high) / 2 + half
    axes.set(xlim=(left, right), ylim=(bottom, top))
    x, y = np.meshgrid([left, right], [bottom, top])
    side = plane.coefficients[0] * x + plane.coefficients[1] * y + plane.intercept
    # The largest number stands in for infinity, which `contourf` refuses.
    reach = np.abs(side).max() + 1
    shades = [shade for _, _, shade in _CLASSES]
    axes.contourf(x, y, side, levels=[-reach, 0, reach], colors=shades, zorder=0)
    if side.min() < 0 < side.max():
        axes.contour(x, y, side, levels=[0], colors="black", linewidths=1.2, zorder=1)
    area = float(np.interp(len(points), [50, 1000], [34, 8]))
    for label, (colour, marker, _) in enumerate(_CLASSES):
        own = points[plane.labels == label]
        style = {"s": area, "color": colour, "marker": marker, "alpha": 0.85, "zorder": 2}
        axes.scatter(own[:, 0], own[:, 1], **style, edgecolors="white", linewidths=0.4)


def _legend(class_names: Sequence[str]) -> list[Line2D | Patch]:
    points = {"linestyle": "none", "markersize": 6.5, "markeredgecolor": "white"}
    handles = [
        Line2D([], [], color=colour, marker=marker, label=name, **points)
        for name, (colour, marker, _) in zip(class_names, _CLASSES, strict=True)
    ]
    return [*handles, Line2D([], [], color="black", linewidth=1.2, label="boundary of the linear SVM")]
