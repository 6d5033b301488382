"""Heat maps of what single convolutional filters give, drawn as `leukcnn.rendering.canvas` says."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from leukcnn.errors import ArgumentError
from leukcnn.rendering.canvas import check_pictures, draw_scale, lines_height, sheet, wrapped

_COLOURS = "viridis"
# Inches: side of a map and of a picture, and the room that the colour bar takes below.
_MAP, _PICTURE, _BAR = 1.5, 2.3, 0.75
_NAME_SIZE = 8


class FilterPanel(NamedTuple):
    """A picture and what a network's filters give on it.

    Attributes:
        title: What the picture shows.
        picture: uint8 (H, W, 3), RGB.
        maps: For each layer its name, the numbers (n,) of some of its filters, and their maps (n, h, w), of
            any unit.
    """

    title: str
    picture: np.ndarray
    maps: Sequence[tuple[str, np.ndarray, np.ndarray]]


def draw_filters(panels: Sequence[FilterPanel], path: str | os.PathLike, **face: str) -> Path:
    """Draws pictures with heat maps of filters beside them: a column for each layer, strong in yellow.

    Every map has its own scale, from 0 to its largest value, since filters answer in units of their own; what
    lies below 0 is shown as 0. The maps show as many values as they have: nothing is smoothed.

    Args:
        panels: The pictures, at least one, each with a map or more.
        path: PNG file to write.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no picture, one without maps, or a picture or map of another kind.
    """
    check_pictures((panel.title, panel.picture) for panel in panels)
    for panel in panels:
        _check(panel)
    lines = [max(len(filters) for _, filters, _ in panel.maps) for panel in panels]
    n_columns = max(len(panel.maps) for panel in panels)
    titles = [wrapped(panel.title, _PICTURE - 0.1) for panel in panels]
    line_height = _MAP + 2 * lines_height(".") + 0.1
    heights = [
        max(n * line_height, _PICTURE + lines_height(title)) for n, title in zip(lines, titles, strict=True)
    ]
    width = _PICTURE + (_MAP + 0.1) * n_columns
    with sheet(path, width=width, height=sum(heights) + _BAR, **face) as figure:
        grid = figure.add_gridspec(
            sum(lines),
            1 + n_columns,
            width_ratios=[_PICTURE] + [_MAP] * n_columns,
            height_ratios=[height / n for n, height in zip(lines, heights, strict=True) for _ in range(n)],
        )
        drawn, top = [], 0
        for panel, title, n_lines in zip(panels, titles, lines, strict=True):
            axes = figure.add_subplot(grid[top : top + n_lines, 0])
            axes.imshow(panel.picture, interpolation="antialiased")
            axes.set_title(title, fontsize=9)
            drawn.append(axes)
            for column, (layer, filters, maps) in enumerate(panel.maps, start=1):
                for line, (number, values) in enumerate(zip(filters, maps, strict=True)):
                    drawn.append(axes := figure.add_subplot(grid[top + line, column]))
                    _draw_map(axes, f"{layer}, filter {number}", values)
            top += n_lines
        for axes in drawn:
            axes.set_axis_off()
        label = "0: nothing; 1: the strongest answer in this map"
        draw_scale(figure, drawn, _COLOURS, label, aspect=45, shrink=0.7)
    return Path(path)


def _check(panel: FilterPanel) -> None:
    if not panel.maps:
        raise ArgumentError(f"The picture {panel.title!r} has no maps.", expected="at least one layer's")
    for layer, filters, maps in panel.maps:
        if not len(filters) or np.ndim(maps) != 3 or len(maps) != len(filters) or not np.isfinite(maps).all():
            raise ArgumentError(
                f"{layer} has {len(filters)} filters and maps of the shape {np.shape(maps)}.",
                expected="finite maps (n, h, w) of n filters, at least one",
            )


def _draw_map(axes: Axes, name: str, values: np.ndarray) -> None:
    largest = max(0.0, float(np.max(values)))
    axes.imshow(values, cmap=_COLOURS, vmin=0, vmax=largest, interpolation="antialiased")
    axes.set_title(wrapped(name, _MAP, size=_NAME_SIZE), fontsize=_NAME_SIZE)
