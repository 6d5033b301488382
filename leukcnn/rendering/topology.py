"""Plots of networks as stacked boxes, on the canvas of `leukcnn.rendering.canvas`."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from matplotlib.axes import Axes

from leukcnn.rendering.canvas import GREY, LINE, sheet, wrapped

# Fill and edge of each layer type, in Okabe and Ito's hues; the fills are light enough for black text.
_COLOURS = {
    "input": ("#FFFFFF", GREY),
    "convolution": ("#D3E7F5", "#004F8C"),
    "separable convolution": ("#D9F0EA", "#00785A"),
    "pooling": ("#FBE3C4", "#B86A00"),
    "joining": ("#F5D9E8", "#A83C7C"),
    "dense": ("#F8F3B4", "#8A7F00"),
    "dropout": ("#FFFFFF", "#D55E00"),
    "": ("#EBEBEB", GREY),
}
_WIDTH, _ARROW, _GAP = 2.75, 0.2, 0.35  # inches: of a box, between two boxes, and between two columns
_MOST_BOXES = 18  # in a column of a network without shortcuts

Box = tuple[str, str, Sequence[tuple[int, str, str]]]
"""A box: the layer's text, of one or more lines; its type, a key of `_COLOURS`; and the shortcuts that end
there. A shortcut is the position of the box where it begins, then text and type of its layers, both "" if it
has no layers."""


def plot_topology(
    columns: Sequence[tuple[str, Sequence[Box]]], path: Path, *, mark: str = "", caption: str = ""
) -> Path:
    """Plots layers as stacked boxes joined by arrows: one column per network, one colour per layer type.

    Shortcuts run down the right side of a column. A deep network without shortcuts is continued in further
    columns.

    Args:
        columns: For each network: its title, and its boxes from input to output.
        path: The PNG file.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Returns:
        `path`.
    """
    pieces = [piece for title, boxes in columns for piece in _pieces(title, boxes)]
    left, bottom = 0.0, 0.0
    with sheet(path, width=1, height=1, mark=mark, caption=caption) as figure:
        figure.set_layout_engine("none")  # the axes are in inches
        axes = figure.add_axes((0, 0, 1, 1))
        for title, boxes in pieces:
            right, lowest = _plot_column(axes, left, title, boxes)
            left, bottom = right + _GAP, max(bottom, lowest)
        axes.set(xlim=(-0.05, left), ylim=(bottom + 0.2, 0))
        axes.set_axis_off()
        figure.set_size_inches(left + 0.05, bottom + 0.2)
    return path


def _pieces(title: str, boxes: Sequence[Box]) -> list[tuple[str, Sequence[Box]]]:
    n = 1 if any(shortcuts for *_, shortcuts in boxes) else -(-len(boxes) // _MOST_BOXES)
    step = -(-len(boxes) // n)
    starts = range(0, len(boxes), step)
    return [(f"{title}, continued" if i else title, boxes[i : i + step]) for i in starts]


def _plot_column(axes: Axes, left: float, title: str, boxes: Sequence[Box]) -> tuple[float, float]:
    """Plots a network, or a piece of it, and returns its right and lower ends."""
    texts = ["\n".join(wrapped(line, _WIDTH) for line in text.split("\n")) for text, *_ in boxes]
    heights = [LINE * (text.count("\n") + 1.7) for text in texts]
    tops = [0.0, *accumulate(height + _ARROW for height in heights)]
    tops = [0.5 + top for top in tops]
    middle, right = left + _WIDTH / 2, left + _WIDTH
    axes.text(middle, 0.2, title, ha="center", va="center", weight="bold")
    for text, height, top, (_, kind, _) in zip(texts, heights, tops, boxes, strict=False):
        fill, edge = _COLOURS[kind]
        axes.barh(top + height / 2, _WIDTH, height, left=left, color=fill, edgecolor=edge)
        axes.text(middle, top + height / 2, text, ha="center", va="center")
        if top > tops[0] or title.endswith("continued"):
            _plot_arrow(axes, (middle, top - _ARROW), (middle, top))
    # Two shortcuts share a lane if one ends before the other begins. For each lane, `busy` has the box where
    # its last shortcut ends.
    busy: list[int] = []
    for end, (*_, shortcuts) in enumerate(boxes):
        for start, text, kind in shortcuts:
            lane = next((i for i, last in enumerate(busy) if last <= start), len(busy))
            busy[lane : lane + 1] = [end]
            x = right + 0.4 + 0.75 * lane
            # A shortcut leaves a box below the height at which others enter.
            begin, stop = tops[start] + 0.65 * heights[start], tops[end] + 0.35 * heights[end]
            axes.plot([right, x, x], [begin, begin, stop], color=GREY, linewidth=1)
            _plot_arrow(axes, (x, stop), (right, stop))
            if text:
                fill, edge = _COLOURS[kind]
                frame = {"facecolor": fill, "edgecolor": edge}
                axes.text(x, (begin + stop) / 2, text, ha="center", va="center", rotation=90, bbox=frame)
    return right + 0.75 * len(busy), tops[-1] - _ARROW


def _plot_arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=end, xytext=begin, arrowprops=style)
