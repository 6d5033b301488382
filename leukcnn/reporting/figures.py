"""Figures as PNG files: the same input gives the same bytes, whatever Matplotlib is set to elsewhere.

Every function takes a `mark`, a line in red at the top ("smoke profile, drawn data: not comparable with the
paper"), and a `caption` at the bottom, and returns the path that it wrote.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from leukcnn.errors import ArgumentError
from leukcnn.reporting.canvas import lines_height, sheet, wrapped

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
            raise ArgumentError(
                f"The picture {title!r} has the shape {picture.shape} and the type {picture.dtype}.",
                expected="(H, W, 3) RGB or (H, W) grey, uint8",
            )
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


def _grid_width(n: int) -> int:
    if n <= 4:
        return n
    return next((columns for columns in (4, 3) if n % columns == 0), 4)


draw_augmentations = draw_samples
"""Draws a source picture and its variants, as `draw_samples`."""


@dataclass(frozen=True)
class TrainingCurve:
    """How one training went.

    Attributes:
        title: What was trained.
        accuracy: (E,) training accuracy after each epoch, fractions.
        val_accuracy: (E,) validation accuracy after each epoch, fractions.
        chosen_epoch: The epoch whose weights were kept, counted from 1; None where none was chosen.
    """

    title: str
    accuracy: Sequence[float]
    val_accuracy: Sequence[float]
    chosen_epoch: int | None = None

    def __post_init__(self):
        n = len(self.accuracy)
        if not n or len(self.val_accuracy) != n:
            raise ArgumentError(
                f"{self.title!r} has {n} training and {len(self.val_accuracy)} validation accuracies.",
                expected="at least one epoch, and both after each",
            )
        if self.chosen_epoch is not None and not 1 <= self.chosen_epoch <= n:
            raise ArgumentError(
                f"The chosen epoch of {self.title!r} is {self.chosen_epoch}.", expected=f"1 to {n}, or None"
            )


def draw_history(
    histories: Sequence[TrainingCurve], path: str | os.PathLike, *, mark: str = "", caption: str = ""
) -> Path:
    """Draws training and validation accuracy by epoch, one panel a training, on one common scale.

    Args:
        histories: The trainings, at least one.
        path: PNG file to write.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        ArgumentError: There is no training.
        StoreError: The file can't be written.
    """
    if not histories:
        raise ArgumentError("There is no training to draw.", expected="at least one")
    n_columns = min(len(histories), 3)
    n_rows = math.ceil(len(histories) / n_columns)
    width = 6.0 if n_columns == 1 else 3.6 * n_columns
    with sheet(path, width=width, height=3.6 * n_rows, mark=mark, caption=caption) as figure:
        panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
        for axes, curve in zip(panels, histories, strict=False):
            _draw_curve(axes, curve)
        for axes in panels[len(histories) :]:
            axes.set_axis_off()
    return Path(path)


def _draw_curve(axes: Axes, curve: TrainingCurve) -> None:
    epochs = np.arange(1, len(curve.accuracy) + 1)
    # Points and dashes help where there are few epochs; hundreds of them would blur into each other.
    few = len(epochs) <= 30
    line = {"marker": "o", "markersize": 4, "linewidth": 1.4} if few else {"linewidth": 1.0}
    axes.plot(epochs, np.asarray(curve.accuracy, float), color=BLUE, label="training", **line)
    values = np.asarray(curve.val_accuracy, float)
    axes.plot(epochs, values, color=ORANGE, label="validation", linestyle="--" if few else "-", **line)
    if curve.chosen_epoch is not None:
        value = values[curve.chosen_epoch - 1]
        axes.axvline(curve.chosen_epoch, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
        axes.plot(
            [curve.chosen_epoch],
            [value],
            linestyle="none",
            marker="D",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor="black",
            label=f"chosen: epoch {curve.chosen_epoch}, {100 * value:.2f} %",
        )
    axes.set_title(wrapped(curve.title, 2.8, size=10))
    axes.set_xlabel("Epoch")
    axes.set_ylabel("Accuracy")
    axes.tick_params(labelleft=True)
    axes.set_xlim(min(0.5, 1 - 0.02 * len(epochs)), max(len(epochs) + 0.5, 1.02 * len(epochs)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1, frameon=False, fontsize=8.5)


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
    matrix, n = np.asarray(matrix), len(class_names)
    if matrix.shape != (n, n):
        raise ArgumentError(
            f"The confusion matrix has the shape {matrix.shape}.", expected=f"({n}, {n}), one row a class"
        )
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros((n, n)), where=totals > 0)
    side = max(3.2, 0.9 * n + 1.4)
    names = [wrapped(name, 0.85) for name in class_names]
    with sheet(path, width=side + 0.6, height=side, mark=mark, caption=caption) as figure:
        axes = figure.subplots()
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
        axes.set_title(wrapped(title, side - 0.8, size=10))
    return Path(path)


# Inches: a box, the arrow below it, the gap between two columns.
_BOX_WIDTH, _BOX_HEIGHT, _ARROW, _GAP = 2.1, 0.52, 0.24, 0.3


def draw_topology(
    columns: Sequence[tuple[str, Sequence[tuple[str, str]]]],
    path: str | os.PathLike,
    *,
    mark: str = "",
    caption: str = "",
) -> Path:
    """Draws layers as stacked boxes joined by arrows, one column a network.

    Args:
        columns: Title of each column and its layers from input to output, as (text, output shape);
            `leukcnn.reporting.topology.top_layers` reads them from a model.
        path: PNG file to write.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        ArgumentError: There is no column, or one without a layer.
        StoreError: The file can't be written.
    """
    if not columns or not all(layers for _, layers in columns):
        raise ArgumentError(
            f"The columns hold {[len(layers) for _, layers in columns]} layers.",
            expected="at least one column, and a layer in each",
        )
    titles = [wrapped(title, _BOX_WIDTH, bold=True) for title, _ in columns]
    title_height = max(map(lines_height, titles)) + 0.12
    deepest = max(len(layers) for _, layers in columns)
    width = len(columns) * (_BOX_WIDTH + _GAP)
    height = title_height + deepest * (_BOX_HEIGHT + _ARROW)
    with sheet(path, width=width + 0.2, height=height + 0.2, mark=mark, caption=caption) as figure:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.set_aspect("equal")
        for i, (title, (_, layers)) in enumerate(zip(titles, columns, strict=True)):
            centre = (i + 0.5) * (_BOX_WIDTH + _GAP)
            axes.text(centre, title_height - 0.12, title, ha="center", va="bottom", weight="bold")
            for j, layer in enumerate(layers):
                top = title_height + j * (_BOX_HEIGHT + _ARROW)
                _draw_box(axes, centre, top, layer, last=j == len(layers) - 1)
    return Path(path)


def _draw_box(axes: Axes, centre: float, top: float, layer: tuple[str, str], *, last: bool) -> None:
    text, shape = layer
    axes.add_patch(
        FancyBboxPatch(
            (centre - _BOX_WIDTH / 2, top),
            _BOX_WIDTH,
            _BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="#E6F1F8",
            edgecolor=BLUE,
            linewidth=1,
        )
    )
    for line, place, colour, size in ((text, 0.3, "black", 8.5), (shape, 0.72, GREY, 8)):
        first, *rest = wrapped(line, _BOX_WIDTH - 0.25, size=size).split("\n")
        shown = f"{first} …" if rest else first
        axes.text(
            centre, top + place * _BOX_HEIGHT, shown, ha="center", va="center", fontsize=size, color=colour
        )
    if not last:
        axes.annotate(
            "",
            xy=(centre, top + _BOX_HEIGHT + _ARROW),
            xytext=(centre, top + _BOX_HEIGHT),
            arrowprops={"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0},
        )
