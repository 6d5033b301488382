"""Figures as PNG files: the same input gives the same bytes, whatever Matplotlib is set to elsewhere.

Every function takes a `mark`, a line in red at the top ("smoke profile, drawn data: not comparable with the
paper"), and a `caption` at the bottom, and returns the path that it wrote.
"""

import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from leukcnn.errors import ArgumentError
from leukcnn.rendering.canvas import lines_height, sheet, wrapped

# Blue and orange after Okabe and Ito, which readers with any colour vision tell apart; the blue is darker
# than theirs, so that a print in grey still shows two lines.
BLUE, ORANGE, GREY = "#004F8C", "#D55E00", "#5F5F5F"


def draw_samples(
    pictures: Sequence[np.ndarray],
    titles: Sequence[str],
    path: str | os.PathLike,
    *,
    mark: str = "",
    caption: str = "",
    n_columns: int | None = None,
) -> Path:
    """Draws a grid of pictures with a title each: cells of both classes, or one cell's augmentations.

    Args:
        pictures: (H, W, 3) RGB or (H, W) grey, uint8 0..255, each of its own size.
        titles: One a picture, wrapped to its width.
        path: PNG file to write.
        mark: What stands in red at the top.
        caption: What stands at the bottom.
        n_columns: Pictures in a row; by default at most 4, in rows of equal length where possible.

    Raises:
        ArgumentError: There is no picture, not one title for each, or a picture of another kind.
        StoreError: The file can't be written.
    """
    if not len(pictures) or len(pictures) != len(titles):
        raise ArgumentError(
            f"There are {len(pictures)} pictures and {len(titles)} titles.",
            expected="at least one picture, and a title for each",
        )
    for picture, title in zip(pictures, titles, strict=True):
        if picture.dtype != np.uint8 or not (picture.ndim == 2 or picture.shape[2:] == (3,)):
            raise _no_picture(title, picture, expected="(H, W, 3) RGB or (H, W) grey, uint8")
    n_columns = n_columns or _grid_width(len(pictures))
    n_rows = math.ceil(len(pictures) / n_columns)
    lines = [wrapped(title, 1.95) for title in titles]
    row_height = 2.1 + max(map(lines_height, lines))
    size = {"width": 2.1 * n_columns, "height": row_height * n_rows}
    with sheet(path, **size, mark=mark, caption=caption) as figure:
        for axes in (grid := figure.subplots(n_rows, n_columns, squeeze=False).ravel()):
            axes.set_axis_off()
        for axes, picture, title in zip(grid, pictures, lines, strict=False):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
            axes.set_title(title, fontsize=9)
    return Path(path)


def _no_picture(title: str, picture: np.ndarray, *, expected: str) -> ArgumentError:
    found = f"The picture {title!r} has the shape {picture.shape} and the type {picture.dtype}."
    return ArgumentError(found, expected=expected)


def _grid_width(n: int) -> int:
    if n <= 4:
        return n
    return next((columns for columns in (4, 3) if n % columns == 0), 4)


def draw_confusion(
    matrix: np.ndarray,
    class_names: Sequence[str],
    path: str | os.PathLike,
    *,
    mark: str = "",
    caption: str = "",
    title: str = "",
) -> Path:
    """Draws a confusion matrix: counts, and their share of each true class, which gives the shade.

    Args:
        matrix: (K, K) counts, true classes in rows.
        class_names: K names.
        path: PNG file to write.
        mark: What stands in red at the top.
        caption: What stands at the bottom.
        title: What stands above the matrix.

    Raises:
        ArgumentError: The matrix isn't square, or has another number of classes than there are names.
        StoreError: The file can't be written.
    """
    return draw_confusions([[(title, matrix)]], class_names, path, mark=mark, caption=caption)


def draw_confusions(
    grid: Sequence[Sequence[tuple[str, np.ndarray] | None]],
    class_names: Sequence[str],
    path: str | os.PathLike,
    *,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Draws several confusion matrices of the same classes on one sheet, each as `draw_confusion` does.

    Args:
        grid: Lines of equal length with title and (K, K) counts, true classes in rows, of each matrix; None
            leaves a place empty.
        class_names: K names.
        path: PNG file to write.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        ArgumentError: There is no place, the lines differ in length, or a matrix isn't square or has another
            number of classes than there are names.
        StoreError: The file can't be written.
    """
    n, widths = len(class_names), {len(line) for line in grid}
    if len(widths) != 1 or 0 in widths:
        raise ArgumentError(
            f"There are {len(grid)} lines of {sorted(widths)} matrices.",
            expected="at least one, and as many in each line",
        )
    for _, matrix in filter(None, itertools.chain(*grid)):
        if np.shape(matrix) != (n, n):
            raise ArgumentError(
                f"The confusion matrix has the shape {np.shape(matrix)}.",
                expected=f"({n}, {n}), one row a class",
            )
    side, (n_columns,) = max(3.2, 0.9 * n + 1.4), widths
    size = {"width": (side + 0.6) * n_columns, "height": side * len(grid)}
    with sheet(path, **size, mark=mark, caption=caption) as figure:
        places = figure.subplots(len(grid), n_columns, squeeze=False)
        for axes, panel in zip(places.ravel(), itertools.chain(*grid), strict=True):
            if panel is None:
                axes.set_axis_off()
                continue
            title, matrix = panel
            _draw_matrix(axes, np.asarray(matrix), [wrapped(name, 0.85) for name in class_names])
            axes.set_title(wrapped(title, side - (0.8 if n_columns == 1 else 0.2), size=10))
    return Path(path)


def _draw_matrix(axes: Axes, matrix: np.ndarray, names: Sequence[str]) -> None:
    n, totals = len(names), matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros((n, n)), where=totals > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(n, n):
        share = shares[row, column]
        percent = f"{100 * share:.1f} %" if totals[row] else "no picture"
        axes.text(
            column,
            row,
            f"{matrix[row, column]}\n{percent}",
            ha="center",
            va="center",
            color="white" if share > 0.55 else "black",
        )
    axes.set_xticks(range(n), names)
    axes.set_yticks(range(n), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("Predicted")
    axes.set_ylabel("True")


_MAP_COLOURS, _MAP_OPACITY = "inferno", 0.55
_LUMINANCE = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue, ITU-R BT.601


def draw_overlays(
    rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    path: str | os.PathLike,
    *,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Draws pictures with their activation maps over them, one row a picture.

    Each map covers its whole picture, drawn smoothly from as few values as it has, over the picture in grey:
    its own colours would mix with the map's.

    Args:
        rows: For each picture its title, the picture uint8 (H, W, 3), its mean activation (h, w) and its
            Grad-CAM (h, w) for the class that the network chose, both 0..1, as
            `leukcnn.evaluation.activation_maps` gives them.
        path: PNG file to write.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        ArgumentError: There is no picture, or a picture or map of another kind.
        StoreError: The file can't be written.
    """
    if not rows:
        raise ArgumentError("There is no picture to draw.", expected="at least one")
    for title, picture, *maps in rows:
        if picture.dtype != np.uint8 or picture.shape[2:] != (3,):
            raise _no_picture(title, picture, expected="(H, W, 3) RGB, uint8")
        for values in maps:
            if np.ndim(values) != 2 or not (np.min(values) >= 0 and np.max(values) <= 1):
                raise ArgumentError(
                    f"A map of {title!r} has the shape {np.shape(values)} and values from {np.min(values):g} "
                    f"to {np.max(values):g}.",
                    expected="(h, w), 0 to 1",
                )
    names = ("Picture", "Mean activation", "Grad-CAM")
    with sheet(path, width=8.2, height=2.3 * len(rows) + 1.4, mark=mark, caption=caption) as figure:
        grid = figure.subplots(len(rows), 4, squeeze=False, width_ratios=[0.55, 1, 1, 1])
        for line, (title, picture, *maps) in zip(grid, rows, strict=True):
            for axes in line:
                axes.set_axis_off()
            line[0].text(0, 0.5, wrapped(title, 1.15), va="center", transform=line[0].transAxes)
            line[1].imshow(picture, interpolation="antialiased")
            for axes, values in zip(line[2:], maps, strict=True):
                _draw_overlay(axes, picture, values)
        for axes, name in zip(grid[0, 1:], names, strict=True):
            axes.set_title(name)
        bar = figure.colorbar(
            ScalarMappable(Normalize(0, 1), _MAP_COLOURS),
            ax=grid[:, 1:],
            location="bottom",
            aspect=60,
            fraction=0.04,
        )
        bar.outline.set_visible(False)
        bar.set_label(
            "0: nothing; 1: the largest value in this map.\n"
            "Mean activation: feature maps averaged over their channels.\n"
            "Grad-CAM: what in them speaks for the class that the network chose."
        )
    return Path(path)


def _draw_overlay(axes: Axes, picture: np.ndarray, values: np.ndarray) -> None:
    height, width = picture.shape[:2]
    axes.imshow(picture @ _LUMINANCE, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    axes.imshow(
        values,
        cmap=_MAP_COLOURS,
        vmin=0,
        vmax=1,
        alpha=_MAP_OPACITY,
        interpolation="bicubic",
        interpolation_stage="data",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
