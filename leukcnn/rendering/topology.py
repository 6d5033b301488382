"""Networks as stacked boxes in a PNG file, drawn as `leukcnn.rendering.canvas` says."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Patch

from leukcnn.errors import ArgumentError
from leukcnn.rendering.canvas import GREY, lines_height, sheet, wrapped

# Fill and edge of each layer type: light enough to print black on, after Okabe and Ito's hues.
_COLOURS = {
    "input": ("#FFFFFF", GREY),
    "convolution": ("#D3E7F5", "#004F8C"),
    "separable convolution": ("#D9F0EA", "#00785A"),
    "pooling": ("#FBE3C4", "#B86A00"),
    "concatenation": ("#F5D9E8", "#A83C7C"),
    "addition": ("#F5D9E8", "#A83C7C"),
    "flattening": ("#EBEBEB", GREY),
    "dense": ("#F8F3B4", "#8A7F00"),
    "dropout": ("#FFFFFF", "#D55E00"),
}
_OTHER_COLOURS = ("#EBEBEB", GREY)

# Inches: width of a box, height of a line in it and of the rest of it, the arrow below it, the gap between
# two columns, and the gap between a column and the upright boxes beside it.
_BOX_WIDTH, _LINE, _PADDING, _ARROW, _GAP, _LANE_GAP = 2.55, 0.155, 0.13, 0.19, 0.3, 0.14
_TEXT_SIZE, _SHAPE_SIZE = 8.5, 8
# Boxes of the deepest network that is drawn in one piece, and about as many of each piece of a deeper one.
_DEEPEST, _PIECE = 18, 10


class Box(NamedTuple):
    """A layer in a drawing, and what it takes besides the output of the box above it.

    Written as JSON it becomes a list, which `Box(*fields)` takes back.

    Attributes:
        text: The layer in words; further lines hold the normalisation and activation behind it.
        shape: Its output shape without the batch.
        kind: Layer type, such as "convolution"; "" for others.
        shortcuts: Where each shortcut into it begins, as a position in its list of boxes, and the boxes
            through which it leads, none for an identity.
    """

    text: str
    shape: str
    kind: str = ""
    shortcuts: Sequence[tuple[int, Sequence["Box"]]] = ()


def draw_topology(columns: Sequence[tuple[str, Sequence[Box]]], path: str | os.PathLike, **face: str) -> Path:
    """Draws layers as stacked boxes joined by arrows, one column a network, each layer type in its colour.

    A shortcut runs down the right side of its column, with its own layers in upright boxes. A deep network
    without shortcuts is cut into several columns, behind poolings where it has any.

    Args:
        columns: Title of each column and its boxes from input to output; a box may also be a plain sequence
            of its fields, as it comes out of JSON.
        path: PNG file to write.
        **face: Mark and caption.

    Raises:
        ArgumentError: There is no column, one without a box, or a shortcut that doesn't begin above its end.
    """
    if not columns or not all(boxes for _, boxes in columns):
        raise ArgumentError(
            f"The columns hold {[len(boxes) for _, boxes in columns]} layers.",
            expected="at least one column, and a layer in each",
        )
    titles = [wrapped(title, _BOX_WIDTH, bold=True) for title, _ in columns]
    top = max(map(lines_height, titles)) + 0.12
    networks = [
        [_Stack.of(piece, top=top) for piece in _pieces([Box(*box) for box in boxes])] for _, boxes in columns
    ]
    stacks = [stack for pieces in networks for stack in pieces]
    width = sum(stack.width + _GAP for stack in stacks)
    kinds = [kind for kind in _COLOURS if any(kind in stack.kinds for stack in stacks)]
    n_lines = -(-len(kinds) // max(1, int(width / 1.65)))
    legend_height = 0.2 * n_lines + 0.15 if kinds else 0
    height = max(stack.bottom for stack in stacks) + legend_height
    with sheet(path, width=width + 0.2, height=height + 0.2, **face) as figure:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.set_aspect("equal")
        left = _GAP / 2
        for title, pieces in zip(titles, networks, strict=True):
            axes.text(left + _BOX_WIDTH / 2, top - 0.12, title, ha="center", va="bottom", weight="bold")
            for stack in pieces:
                stack.draw(axes, left)
                if stack is not pieces[-1]:
                    _draw_turn(axes, left, begin=stack.bottom - _ARROW, end=top)
                left += stack.width + _GAP
        if kinds:
            patches = [Patch(fc=fill, ec=edge, label=kind) for kind, (fill, edge) in _COLOURS.items()]
            axes.legend(
                handles=[patch for patch in patches if patch.get_label() in kinds],
                loc="lower center",
                bbox_to_anchor=(0.5, 0),
                borderaxespad=0,
                ncols=-(-len(kinds) // n_lines),
                frameon=False,
                fontsize=_TEXT_SIZE,
            )
    return Path(path)


@dataclass(frozen=True)
class _Shortcut:
    """A shortcut's place: from box `start` to box `end`, in the lane whose middle is `x` from the left."""

    start: int
    end: int
    boxes: Sequence[Box]
    x: float


@dataclass(frozen=True)
class _Stack:
    """A column with the place of each box, in inches from the top, and of each shortcut."""

    boxes: Sequence[Box]
    tops: Sequence[float]
    shortcuts: Sequence[_Shortcut]
    width: float

    @classmethod
    def of(cls, boxes: Sequence[Box], *, top: float) -> "_Stack":
        tops = [top]
        for box in boxes:
            tops.append(tops[-1] + _height(box) + _ARROW)
        # Shortcuts share a lane where one begins no earlier than the other ends.
        lanes: list[list[tuple[int, int, list[Box]]]] = []
        for end, box in enumerate(boxes):
            for start, through in box.shortcuts:
                if not 0 <= start < end:
                    raise ArgumentError(
                        f"A shortcut leads from layer {start} to layer {end}.",
                        expected="one from a layer further up",
                    )
                free = next((lane for lane in lanes if lane[-1][1] <= start), None)
                if free is None:
                    lanes.append(free := [])
                free.append((start, end, [Box(*inner) for inner in through]))
        shortcuts, right = [], _BOX_WIDTH
        for lane in lanes:
            lane_width = max((_height(box) for _, _, through in lane for box in through), default=0)
            x = right + _LANE_GAP + lane_width / 2
            shortcuts += [_Shortcut(*place, x=x) for place in lane]
            right += _LANE_GAP + lane_width
        return cls(boxes, tops, shortcuts, right)

    @property
    def bottom(self) -> float:
        return self.tops[-1]

    @property
    def kinds(self) -> set[str]:
        inner = {box.kind for shortcut in self.shortcuts for box in shortcut.boxes}
        return inner | {box.kind for box in self.boxes}

    def draw(self, axes: Axes, left: float) -> None:
        centre = left + _BOX_WIDTH / 2
        for i, (box, top) in enumerate(zip(self.boxes, self.tops, strict=False)):
            bottom = top + _height(box)
            _draw_box(axes, (centre, (top + bottom) / 2), box, length=_BOX_WIDTH)
            if i + 1 < len(self.boxes):
                _draw_arrow(axes, (centre, bottom), (centre, bottom + _ARROW))
        for shortcut in self.shortcuts:
            self._draw_shortcut(axes, left, shortcut)

    def _draw_shortcut(self, axes: Axes, left: float, shortcut: _Shortcut) -> None:
        right, x = left + _BOX_WIDTH, left + shortcut.x
        # A shortcut leaves a box below the height at which another comes in.
        begin = self.tops[shortcut.start] + 0.65 * _height(self.boxes[shortcut.start])
        end = self.tops[shortcut.end] + 0.35 * _height(self.boxes[shortcut.end])
        axes.plot([right, x, x], [begin, begin, end], color=GREY, linewidth=1, solid_joinstyle="miter")
        _draw_arrow(axes, (x, end), (right, end))
        n = len(shortcut.boxes)
        for i, box in enumerate(shortcut.boxes):
            y = begin + (i + 0.5) * (end - begin) / n
            length = min(_BOX_WIDTH, (end - begin) / n - _ARROW)
            _draw_box(axes, (x, y), box, length=length, upright=True)


def _pieces(boxes: Sequence[Box]) -> list[Sequence[Box]]:
    if len(boxes) <= _DEEPEST or any(box.shortcuts for box in boxes):
        return [boxes]
    n = -(-len(boxes) // _PIECE)
    places = [i + 1 for i, box in enumerate(boxes[:-1]) if box.kind == "pooling"] or range(1, len(boxes))
    even = (i * len(boxes) / n for i in range(1, n))
    cuts = sorted({min(places, key=lambda place, cut=cut: abs(place - cut)) for cut in even})
    return [boxes[start:end] for start, end in pairwise([0, *cuts, len(boxes)])]


def _draw_turn(axes: Axes, left: float, *, begin: float, end: float) -> None:
    """Leads from the last box of a piece, which ends at `begin`, to the top of the next, which is `end`."""
    centre, step = left + _BOX_WIDTH / 2, _BOX_WIDTH + _GAP
    between, above = centre + step / 2, end - 0.75 * _ARROW
    below = begin + 0.5 * _ARROW
    x = [centre, centre, between, between, centre + step, centre + step]
    y = [begin, below, below, above, above, end]
    axes.plot(x[:-1], y[:-1], color=GREY, linewidth=1, solid_joinstyle="miter")
    _draw_arrow(axes, (x[-2], y[-2]), (x[-1], y[-1]))


def _height(box: Box) -> float:
    return _PADDING + _LINE * (box.text.count("\n") + 2)


def _draw_arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
    axes.annotate("", xy=end, xytext=begin, arrowprops=style)


def _draw_box(
    axes: Axes, centre: tuple[float, float], box: Box, *, length: float, upright: bool = False
) -> None:
    (x, y), height = centre, _height(box)
    fill, edge = _COLOURS.get(box.kind, _OTHER_COLOURS)
    width, depth = (height, length) if upright else (length, height)
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - depth / 2),
            width,
            depth,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=fill,
            edgecolor=edge,
            linewidth=1,
            zorder=2,
        )
    )
    texts = [(line, "black", _TEXT_SIZE) for line in box.text.split("\n")] + [(box.shape, GREY, _SHAPE_SIZE)]
    for i, (text, colour, size) in enumerate(texts):
        first, *rest = wrapped(text, length - 0.12, size=size).split("\n")
        shown = f"{first} …" if rest else first
        offset = (i - (len(texts) - 1) / 2) * _LINE
        place = (x + offset, y) if upright else (x, y + offset)
        style = {"fontsize": size, "color": colour, "rotation": 90 if upright else 0}
        axes.text(*place, shown, ha="center", va="center", **style)
