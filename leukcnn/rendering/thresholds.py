"""Grey histograms with the clusters of thresholding, and the cells that thresholding cuts out."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from leukcnn.rendering.canvas import BLUE, FRAME, GREY, ORANGE, check_pictures, lines_height, sheet, wrapped

CLUSTERS = {"dark": BLUE, "middle": ORANGE, "bright": "#A6A6A6"}
"""Name of a cluster, in the order of their grey levels -> its colour."""

MOST_CELLS = 16
"""Cells of a picture that are shown, at most."""

_PICTURE = 2.1  # inches
_TILE, _GAP = 96, 6  # pixels


class Cluster(NamedTuple):
    """One of the three sets of grey levels of a picture.

    Attributes:
        name: "dark", "middle" or "bright".
        lowest: Its lowest grey level that occurs, 0..255.
        highest: Its highest one, the threshold of the rules that choose it.
        n_pixels: Its pixels.
        rules: Names of the rules that take it for the white cells'.
    """

    name: str
    lowest: int
    highest: int
    n_pixels: int
    rules: tuple[str, ...]


class GreyPanel(NamedTuple):
    """A picture and its grey levels.

    Attributes:
        title: What the picture shows.
        picture: uint8 (H, W, 3), RGB.
        histogram: int64 (256,), pixels of each level.
        clusters: The clusters of the levels, from dark to bright; none of fewer than three levels.
        threshold: The highest grey level of a cell, 0..255, by the rule that is drawn.
    """

    title: str
    picture: np.ndarray
    histogram: np.ndarray
    clusters: Sequence[Cluster]
    threshold: int


def draw_histograms(panels: Sequence[GreyPanel], path: str | os.PathLike, *, rule: str, **face: str) -> Path:
    """Draws pictures beside the histograms of their grey levels, with the three clusters in colours.

    Args:
        panels: The pictures, at least one.
        path: PNG file to write.
        rule: What the rule is called whose threshold is drawn.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no picture, or one of another kind.
    """
    check_pictures((panel.title, panel.picture) for panel in panels)
    titles = [wrapped(panel.title, _PICTURE - 0.2) for panel in panels]
    heights = [_PICTURE + 0.3 + lines_height(title) for title in titles]
    with sheet(path, width=9.8, height=sum(heights), **face) as figure:
        options = {"width_ratios": [1, 1.75], "height_ratios": heights}
        grid = figure.subplots(len(panels), 2, squeeze=False, **options)
        for (left, right), title, panel in zip(grid, titles, panels, strict=True):
            _show(left, panel.picture, title)
            _draw_histogram(right, panel, rule)
        grid[-1, 1].set_xlabel("Grey level")
    return Path(path)


def _draw_histogram(axes: Axes, panel: GreyPanel, rule: str) -> None:
    histogram = panel.histogram
    for cluster in panel.clusters:
        levels = np.arange(cluster.lowest, cluster.highest + 1)
        axes.bar(
            levels,
            histogram[levels],
            width=1.0,
            color=CLUSTERS[cluster.name],
            label=_describe(cluster, histogram),
        )
    if panel.clusters:
        label = f'threshold of "{rule}": {panel.threshold}'
        axes.axvline(panel.threshold + 0.5, color="black", linewidth=1.2, linestyle="--", label=label)
    else:
        label = "fewer than three grey levels:\nno clusters, an empty mask"
        axes.bar(np.arange(len(histogram)), histogram, width=1.0, color=GREY, label=label)
    axes.set_xlim(-1, 256)
    axes.set_xticks([0, 64, 128, 192, 255])
    # On a linear scale the background is all that can be seen of many pictures.
    axes.set_yscale("function", functions=(np.sqrt, np.square))
    axes.set_ylim(0, 1.05 * histogram.max())
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_ylabel("Pixels (square-root scale)")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8.5, labelspacing=0.9)


def _describe(cluster: Cluster, histogram: np.ndarray) -> str:
    chosen = " and ".join(f'"{rule}"' for rule in cluster.rules)
    share = 100 * cluster.n_pixels / histogram.sum()
    label = f"{cluster.name}: {cluster.n_pixels:,} pixels, {share:.1f} %"
    return label + (f"\nchosen by {chosen}" if chosen else "")


class Extraction(NamedTuple):
    """What thresholding makes of a picture.

    Attributes:
        title: What the picture shows.
        picture: uint8 (H, W, 3), RGB.
        mask: bool (H, W), True in white cells.
        fed: uint8 (S, S, 3), what a network is fed.
        cells: The cells, uint8 (h, w, 3) each, all but the cell black; the largest first.
    """

    title: str
    picture: np.ndarray
    mask: np.ndarray
    fed: np.ndarray
    cells: Sequence[np.ndarray]


def draw_extraction(extractions: Sequence[Extraction], path: str | os.PathLike, **face: str) -> Path:
    """Draws pictures, their masks, what networks are fed, and up to `MOST_CELLS` cells, in a line each.

    Args:
        extractions: The pictures, at least one.
        path: PNG file to write.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no picture, or one of another kind.
    """
    check_pictures((one.title, one.picture) for one in extractions)
    titles = [wrapped(one.title, _PICTURE - 0.2) for one in extractions]
    heights = [_PICTURE + 0.2 + max(lines_height(title), lines_height(".\n.")) for title in titles]
    with sheet(path, width=4.1 * _PICTURE, height=sum(heights), **face) as figure:
        grid = figure.subplots(len(extractions), 4, squeeze=False, height_ratios=heights)
        for line, title, one in zip(grid, titles, extractions, strict=True):
            height, width = one.fed.shape[:2]
            _show(line[0], one.picture, title)
            _show(line[1], np.uint8(255) * one.mask, f"mask: {100 * np.mean(one.mask):.1f} % of the picture")
            _show(line[2], one.fed, f"as a network is fed,\n{width}x{height} pixels")
            _draw_cells(line[3], one.cells)
    return Path(path)


def _draw_cells(axes: Axes, cells: Sequence[np.ndarray]) -> None:
    n, shown = len(cells), min(len(cells), MOST_CELLS)
    if not n:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no cell found", ha="center", va="center", transform=axes.transAxes)
        return
    title = f"the {shown} largest of {n} cells" if n > shown else f"{n} cell{'s' * (n > 1)}"
    title += ",\nnot to one scale" if n > 1 else ""
    _show(axes, _tiled(cells[:shown]), title)


def _tiled(cells: Sequence[np.ndarray]) -> np.ndarray:
    """Lays cells out in a square grid of white tiles, each enlarged or reduced to its own."""
    n_columns = math.ceil(math.sqrt(len(cells)))
    n_lines = math.ceil(len(cells) / n_columns)
    step = _TILE + _GAP
    tiles = np.full((n_lines * step + _GAP, n_columns * step + _GAP, 3), 255, np.uint8)
    for i, cell in enumerate(cells):
        share = _TILE / max(cell.shape[:2])
        height, width = (max(round(share * side), 1) for side in cell.shape[:2])
        top = _GAP + (i // n_columns) * step + (_TILE - height) // 2
        left = _GAP + (i % n_columns) * step + (_TILE - width) // 2
        tiles[top : top + height, left : left + width] = cv2.resize(
            cell, (width, height), interpolation=cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
        )
    return tiles


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    """Draws a picture in a frame, since a white mask would end nowhere on white paper."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    axes.set_anchor("N")  # titles of one line stand at one height
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=FRAME, linewidth=0.6)
    axes.set_title(title, fontsize=9)
