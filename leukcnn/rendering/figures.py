"""Pictures with titles, confusion matrices and activation maps, drawn as `leukcnn.rendering.canvas` says."""

import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from leukcnn.errors import ArgumentError
from leukcnn.rendering.canvas import FRAME, check_pictures, draw_scale, lines_height, sheet, wrapped

_STRIPS_A_LINE = {1: 4, 2: 3, 3: 2}
"""Pictures that stand together -> how many times they do so in a line of a sheet."""


def draw_samples(
    panels: Sequence[tuple[str, np.ndarray]],
    path: str | os.PathLike,
    *,
    n_columns: int | None = None,
    **face: str,
) -> Path:
    """Draws a grid of pictures with a title each: cells of both classes, or one cell's augmentations.

    Args:
        panels: Titles, wrapped to the width of a picture, and pictures, uint8 (H, W, 3) RGB or (H, W) grey,
            each of its own size.
        path: PNG file to write.
        n_columns: Pictures in a row; by default at most 4, in rows of equal length where possible.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no picture, or one of another kind.
    """
    check_pictures(panels, grey=True)
    n = len(panels)
    if n_columns is None:
        n_columns = n if n <= 4 else next((columns for columns in (4, 3) if n % columns == 0), 4)
    return _draw_grid(panels, path, n_columns=n_columns, size=(2.1, 2.1), text=1.95, anchor="C", **face)


def draw_misclassified(
    panels: Sequence[tuple[str, Sequence[np.ndarray]]], path: str | os.PathLike, *, nothing: str, **face: str
) -> Path:
    """Draws misclassified pictures, each with what belongs to it on its right.

    Args:
        panels: Title and one to three pictures each, uint8 (H, W, 3) RGB or (H, W) grey, as many everywhere.
        path: PNG file to write.
        nothing: What the sheet says where there is none.
        **face: Mark and caption.

    Raises:
        ArgumentError: There are no pictures under a title or more than three, more than under another, or
            pictures of several sizes.
    """
    if not panels:
        with sheet(path, width=6.0, height=1.2, **face) as figure:
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
    strips = [(title, _strip(pictures)) for title, pictures in panels]
    n_columns, width = min(_STRIPS_A_LINE[n], len(panels)), 1.6 * n
    size = (width + 0.2, 1.75)
    return _draw_grid(strips, path, n_columns=n_columns, size=size, text=width - 0.1, anchor="N", **face)


def _strip(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Lays pictures of one size side by side, each in a thin frame, white between them."""
    gap = max(pictures[0].shape[1] // 16, 1)
    framed = []
    for picture in pictures:
        colours = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
        frame = np.pad(colours, ((1, 1), (1, 1), (0, 0)), constant_values=int(FRAME[1:3], 16))
        framed += [frame, np.full((len(frame), gap, 3), 255, np.uint8)]
    return np.hstack(framed[:-1])


def _draw_grid(
    panels: Sequence[tuple[str, np.ndarray]],
    path: str | os.PathLike,
    *,
    n_columns: int,
    size: tuple[float, float],
    text: float,
    anchor: str,
    **face: str,
) -> Path:
    """Draws titles, `text` inches wide, and pictures, in places of a size to which a title's lines come."""
    n_lines = math.ceil(len(panels) / n_columns)
    titles = [wrapped(title, text) for title, _ in panels]
    height = n_lines * (size[1] + max(map(lines_height, titles)))
    with sheet(path, width=n_columns * size[0], height=height, **face) as figure:
        places = figure.subplots(n_lines, n_columns, squeeze=False).ravel()
        for axes in places:
            axes.set_axis_off()
        for axes, title, (_, picture) in zip(places, titles, panels, strict=False):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
            axes.set_title(title, fontsize=9)
            axes.set_anchor(anchor)
    return Path(path)


def draw_confusions(
    grid: Sequence[Sequence[tuple[str, np.ndarray] | None]],
    class_names: Sequence[str],
    path: str | os.PathLike,
    **face: str,
) -> Path:
    """Draws confusion matrices of the same classes: counts, and their share of each true class, the shade.

    Args:
        grid: Lines of equal length with title and (K, K) counts, true classes in rows, of each matrix; None
            leaves a place empty.
        class_names: K names.
        path: PNG file to write.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no place, the lines differ in length, or a matrix isn't square or has another
            number of classes than there are names.
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
    with sheet(path, **size, **face) as figure:
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
_MAP_LABEL = (
    "0: nothing; 1: the largest value in this map.\n"
    "Mean activation: feature maps averaged over their channels.\n"
    "Grad-CAM: what in them speaks for the class that the network chose."
)
_LUMINANCE = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue, ITU-R BT.601


def draw_overlays(
    rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    path: str | os.PathLike,
    **face: str,
) -> Path:
    """Draws pictures with their activation maps over them, one row a picture.

    Each map covers its whole picture, drawn smoothly from as few values as it has, over the picture in grey:
    its own colours would mix with the map's.

    Args:
        rows: For each picture its title, the picture uint8 (H, W, 3), its mean activation (h, w) and its
            Grad-CAM (h, w) for the class that the network chose, both 0..1, as
            `leukcnn.evaluation.activation_maps` gives them.
        path: PNG file to write.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no picture, or a picture or map of another kind.
    """
    check_pictures((title, picture) for title, picture, *_ in rows)
    for title, _, *maps in rows:
        for values in maps:
            if np.ndim(values) != 2 or not (np.min(values) >= 0 and np.max(values) <= 1):
                raise ArgumentError(
                    f"A map of {title!r} has the shape {np.shape(values)} and values from {np.min(values):g} "
                    f"to {np.max(values):g}.",
                    expected="(h, w), 0 to 1",
                )
    names = ("Picture", "Mean activation", "Grad-CAM")
    with sheet(path, width=8.2, height=2.3 * len(rows) + 1.4, **face) as figure:
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
        draw_scale(figure, grid[:, 1:], _MAP_COLOURS, _MAP_LABEL, aspect=60)
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
