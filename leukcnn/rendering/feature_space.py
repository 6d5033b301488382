"""Plot of images' features in the plane, on the canvas of `leukcnn.rendering.canvas`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes

from leukcnn.rendering.canvas import BLUE, GREY, ORANGE, sheet, wrapped

# For each class: colour of the points, their marker, and the shade of the half-plane that the SVM assigns to
# the class. The shades also differ in lightness, and the markers in shape, for grey prints.
_CLASSES = ((BLUE, "o", "#DCEAF5"), (ORANGE, "^", "#FDF1E3"))
_PANEL = 3.1  # inches
_MOST_COLUMNS = 3


class Plane(Protocol):
    """Points in the plane with a line, as in `leukcnn.evaluation.feature_space.Projection`."""

    @property
    def points(self) -> np.ndarray:
        """(N, 2) float."""

    @property
    def labels(self) -> np.ndarray:
        """(N,) integers, 0 or 1."""

    @property
    def coefficients(self) -> np.ndarray:
        """(2,) float; class 1 is where `coefficients` @ point + `intercept` > 0."""

    @property
    def intercept(self) -> float:
        """See `coefficients`."""

    @property
    def accuracy(self) -> float:
        """Fraction of the points on their class's side, 0..1."""


def plot_feature_space(
    panels: Sequence[tuple[str, Plane | str]],
    class_names: Sequence[str],
    path: Path,
    *,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Plots points of two classes and the line between them, one panel for each kind of features.

    Args:
        panels: Title, and the plane or a text that says why there is none.
        class_names: Names of classes 0 and 1.
        path: The PNG file.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Returns:
        `path`.
    """
    n_columns = min(len(panels), _MOST_COLUMNS)
    n_rows = math.ceil(len(panels) / n_columns)
    width, height = _PANEL * n_columns, (_PANEL + 1.3) * n_rows
    with sheet(path, width=width, height=height, mark=mark, caption=caption) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        for axes, (title, plane) in zip(grid.flat, panels, strict=False):
            axes.set(xticks=[], yticks=[], title=wrapped(title, _PANEL - 0.2), box_aspect=1, anchor="N")
            axes.spines[:].set(visible=True, color=GREY, linewidth=0.8)
            if isinstance(plane, str):
                text = wrapped(plane, _PANEL - 0.7)
                axes.text(0.5, 0.5, text, ha="center", va="center", color=GREY, transform=axes.transAxes)
            else:
                _plot_plane(axes, plane, class_names)
                axes.set_xlabel(f"{100 * plane.accuracy:.1f} % of {len(plane.labels)} on their class's side")
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False)
    return path


def _plot_plane(axes: Axes, plane: Plane, class_names: Sequence[str]) -> None:
    points = plane.points
    low, high = points.min(axis=0), points.max(axis=0)
    # Both axes have the same scale: the axes of t-SNE have no meaning. A margin is left around the points.
    half = max(0.56 * float((high - low).max()), 1e-6)
    (left, bottom), (right, top) = (low + high) / 2 - half, (low + high) / 2 + half
    x, y = np.meshgrid([left, right], [bottom, top])
    decision = plane.coefficients[0] * x + plane.coefficients[1] * y + plane.intercept
    # `contourf` refuses infinite levels, so take one above the largest value.
    limit = np.abs(decision).max() + 1
    shades = [shade for *_, shade in _CLASSES]
    axes.contourf(x, y, decision, levels=[-limit, 0, limit], colors=shades, zorder=0)
    if decision.min() < 0 < decision.max():
        axes.contour(x, y, decision, levels=[0], colors="black", linewidths=1.2, zorder=1)
    axes.plot([], [], color="black", linewidth=1.2, label="boundary of the linear SVM")
    area = float(np.interp(len(points), [50, 1000], [34, 8]))
    for label, (name, (colour, marker, _)) in enumerate(zip(class_names, _CLASSES, strict=True)):
        x, y = points[plane.labels == label].T
        axes.scatter(
            x,
            y,
            s=area,
            color=colour,
            marker=marker,
            alpha=0.85,
            zorder=2,
            label=name,
            edgecolors="white",
            linewidths=0.4,
        )
    axes.set(xlim=(left, right), ylim=(bottom, top))
