"""How white cells are found by grey level, and the pictures in which networks took them for others."""

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from leukcnn import spec
from leukcnn.errors import ArgumentError
from leukcnn.picture_cache import prepare
from leukcnn.preprocessing import cell_crops, grey_histogram, resize, three_means, wbc_mask, wbc_threshold
from leukcnn.rendering.canvas import lines_height, sheet, wrapped
from leukcnn.rendering.figures import BLUE, GREY, ORANGE

MOST_CELLS = 16
"""Cells of a picture that are shown, at most."""

_COLOURS = {"dark": BLUE, "middle": ORANGE, "bright": "#A6A6A6"}
_FRAME = "#9A9A9A"
_PICTURE = 2.1  # inches
_STRIPS_A_LINE = {1: 4, 2: 3, 3: 2}
"""Pictures that stand together -> how many times they do so in a line of a sheet."""

_TILE, _GAP = 96, 6  # pixels


class Cluster(NamedTuple):
    """One of the three sets of grey levels of a picture.

    Attributes:
        name: "dark", "middle" or "bright".
        lowest: Its lowest grey level that occurs, 0..255.
        highest: Its highest one, the threshold of the rules that choose it.
        n_pixels: Its pixels.
        rules: The rules of `leukcnn.preprocessing.wbc_threshold` that take it for the white cells'.
    """

    name: str
    lowest: int
    highest: int
    n_pixels: int
    rules: tuple[str, ...]


def grey_clusters(picture: np.ndarray) -> list[Cluster]:
    """Returns the three clusters of a picture's grey levels; none where it has fewer than three levels.

    Args:
        picture: uint8 (H, W, 3), RGB.

    Raises:
        ArgumentError: The picture is of another kind.
    """
    histogram = grey_histogram(picture)
    borders = three_means(histogram)
    if borders is None:
        return []
    levels = np.flatnonzero(histogram)
    chosen = {rule: wbc_threshold(picture, rule=rule) for rule in spec.THRESHOLD_RULES}
    clusters = []
    for name, part in zip(_COLOURS, np.split(levels, np.searchsorted(levels, borders, "right")), strict=True):
        rules = tuple(rule for rule, threshold in chosen.items() if threshold == part[-1])
        clusters.append(Cluster(name, int(part[0]), int(part[-1]), int(histogram[part].sum()), rules))
    return clusters


def draw_histograms(
    panels: Sequence[tuple[str, np.ndarray]],
    path: str | os.PathLike,
    *,
    rule: str,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Draws pictures beside the histograms of their grey levels, with the three clusters in colours.

    Args:
        panels: Titles and pictures, uint8 (H, W, 3), RGB.
        path: PNG file to write.
        rule: The rule whose threshold is drawn, a name in `leukcnn.spec.THRESHOLD_RULES`.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        ArgumentError: There is no picture, one of another kind, or no such rule.
        StoreError: The file can't be written.
    """
    _check(panels)
    titles = [wrapped(title, _PICTURE - 0.2) for title, _ in panels]
    heights = [_PICTURE + 0.3 + lines_height(title) for title in titles]
    with sheet(path, width=9.8, height=sum(heights), mark=mark, caption=caption) as figure:
        options = {"width_ratios": [1, 1.75], "height_ratios": heights}
        grid = figure.subplots(len(panels), 2, squeeze=False, **options)
        for (left, right), title, (_, picture) in zip(grid, titles, panels, strict=True):
            _show(left, picture, title)
            _draw_histogram(right, picture, rule)
        grid[-1, 1].set_xlabel("Grey level")
    return Path(path)


def _draw_histogram(axes: Axes, picture: np.ndarray, rule: str) -> None:
    histogram, clusters = grey_histogram(picture), grey_clusters(picture)
    for cluster, colour in zip(clusters, _COLOURS.values(), strict=False):
        levels = np.arange(cluster.lowest, cluster.highest + 1)
        axes.bar(levels, histogram[levels], width=1.0, color=colour, label=_describe(cluster, histogram))
    if clusters:
        threshold = wbc_threshold(picture, rule=rule)
        label = f'threshold of "{rule}": {threshold}'
        axes.axvline(threshold + 0.5, color="black", linewidth=1.2, linestyle="--", label=label)
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


def extract(title: str, picture: np.ndarray, preprocessing: spec.Preprocessing) -> Extraction:
    """Thresholds a picture and cuts out its cells.

    Args:
        title: What the picture shows.
        picture: uint8 (H, W, 3), RGB; nothing is cropped from it.
        preprocessing: Its threshold is a rule, not "none".

    Raises:
        ArgumentError: The picture is of another kind, or there is no such rule.
    """
    mask = wbc_mask(picture, rule=preprocessing.threshold)
    crops = sorted(cell_crops(picture, mask), key=lambda crop: -np.count_nonzero(crop.mask))
    whole = replace(preprocessing, crop=None, resize=preprocessing.side)
    return Extraction(title, picture, mask, prepare(picture, whole), [crop.alone for crop in crops])


def draw_extraction(
    extractions: Sequence[Extraction], path: str | os.PathLike, *, mark: str = "", caption: str = ""
) -> Path:
    """Draws pictures, their masks, what networks are fed, and up to `MOST_CELLS` cells, in a line each.

    Args:
        extractions: The pictures, at least one.
        path: PNG file to write.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        ArgumentError: There is no picture, or one of another kind.
        StoreError: The file can't be written.
    """
    _check([(one.title, one.picture) for one in extractions])
    titles = [wrapped(one.title, _PICTURE - 0.2) for one in extractions]
    heights = [_PICTURE + 0.2 + max(lines_height(title), lines_height(".\n.")) for title in titles]
    with sheet(path, width=4.1 * _PICTURE, height=sum(heights), mark=mark, caption=caption) as figure:
        grid = figure.subplots(len(extractions), 4, squeeze=False, height_ratios=heights)
        for line, title, one in zip(grid, titles, extractions, strict=True):
            height, width = one.fed.shape[:2]
            _show(line[0], one.picture, title)
            _show(line[1], np.uint8(255) * one.mask, f"mask: {_percent(one.mask)} of the picture")
            _show(line[2], one.fed, f"as a network is fed,\n{width}x{height} pixels")
            _draw_cells(line[3], one.cells)
    return Path(path)


def _percent(mask: np.ndarray) -> str:
    return f"{100 * np.mean(mask):.1f} %"


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
        tiles[top : top + height, left : left + width] = resize(
            cell, (height, width), interpolation="area" if share < 1 else "linear"
        )
    return tiles


def draw_misclassified(
    panels: Sequence[tuple[str, Sequence[np.ndarray]]],
    path: str | os.PathLike,
    *,
    nothing: str,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Draws misclassified pictures, each with what belongs to it on its right.

    Args:
        panels: Title and one to three pictures each, uint8 (H, W, 3) RGB or (H, W) grey, as many everywhere.
        path: PNG file to write.
        nothing: What the sheet says where there is none.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        ArgumentError: There are no pictures under a title or more than three, more than under another, or
            pictures of several sizes.
        StoreError: The file can't be written.
    """
    if not panels:
        with sheet(path, width=6.0, height=1.2, mark=mark, caption=caption) as figure:
            axes = figure.subplots()
            axes.set_axis_off()
            axes.text(0.5, 0.5, wrapped(nothing, 5.4, size=11), ha="center", va="center", fontsize=11)
        return Path(path)
    shapes = {tuple(picture.shape[:2] for picture in pictures) for _, pictures in panels}
    n = len(panels[0][1])
    if n not in _STRIPS_A_LINE or len(set(itertools.chain(*shapes))) != 1 or len(shapes) != 1:
        raise ArgumentError(
            f"The pictures under each title have the shapes {sorted(shapes)}.",
            expected="one to three pictures of one size, as many under each title",
        )
    n_columns = min(_STRIPS_A_LINE[n], len(panels))
    n_lines = math.ceil(len(panels) / n_columns)
    width = 1.6 * n
    titles = [wrapped(title, width - 0.1) for title, _ in panels]
    size = {
        "width": n_columns * (width + 0.2),
        "height": n_lines * (1.75 + max(map(lines_height, titles))),
    }
    with sheet(path, **size, mark=mark, caption=caption) as figure:
        places = figure.subplots(n_lines, n_columns, squeeze=False).ravel()
        for axes in places:
            axes.set_axis_off()
        for axes, title, (_, pictures) in zip(places, titles, panels, strict=False):
            axes.imshow(_strip(pictures), interpolation="antialiased")
            axes.set_title(title, fontsize=9)
            axes.set_anchor("N")
    return Path(path)


def _strip(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Lays pictures of one size side by side, each in a thin frame, white between them."""
    gap = max(pictures[0].shape[1] // 16, 1)
    framed = []
    for picture in pictures:
        colours = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
        frame = np.pad(colours, ((1, 1), (1, 1), (0, 0)), constant_values=int(_FRAME[1:3], 16))
        framed += [frame, np.full((len(frame), gap, 3), 255, np.uint8)]
    return np.hstack(framed[:-1])


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    """Draws a picture in a frame, since a white mask would end nowhere on white paper."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    axes.set_anchor("N")  # titles of one line stand at one height
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=_FRAME, linewidth=0.6)
    axes.set_title(title, fontsize=9)


def _check(panels: Sequence[tuple[str, np.ndarray]]) -> None:
    if not panels:
        raise ArgumentError("There is no picture to draw.", expected="at least one")
    for title, picture in panels:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ArgumentError(
                f"The picture {title!r} has the shape {picture.shape} and the type {picture.dtype}.",
                expected="(H, W, 3) RGB, uint8",
            )
