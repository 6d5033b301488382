"""The sheet that every figure is drawn on: its style, its mark and caption, and how it gets to disk.

The same input gives the same bytes, whatever Matplotlib is set to elsewhere. Every function `draw_...` of
this room takes the path of the PNG file, which it returns, and as its `face` a `mark`, a line in red at the
top ("smoke profile, drawn data: not comparable with the paper"), and a `caption` at the bottom. It raises
StoreError where the file can't be written, and ArgumentError where there is nothing to draw.
"""

import contextlib
import io
import os
import textwrap
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from leukcnn.errors import ArgumentError
from leukcnn.files import replace_file

# Blue and orange after Okabe and Ito, which readers with any colour vision tell apart; the blue is darker
# than theirs, so that a print in grey still shows two lines.
BLUE, ORANGE, GREY = "#004F8C", "#D55E00", "#5F5F5F"
FRAME = "#9A9A9A"  # around pictures that would end nowhere on white paper

FONT_SIZE = 9
_DPI = 150
_LINE_HEIGHT = 0.17  # inches, of a line at FONT_SIZE
_MARK_COLOUR = "#B00020"
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": _DPI,
    "savefig.dpi": _DPI,
    "text.parse_math": False,
}


@contextlib.contextmanager
def sheet(
    path: str | os.PathLike, *, width: float, height: float, mark: str = "", caption: str = ""
) -> Iterator[Figure]:
    """Yields a white figure and writes it as a PNG when the block ends well.

    The style is Matplotlib's own whatever the user's is, and nothing of the time or the software goes into
    the file, so that the same drawing gives the same bytes.

    Args:
        path: PNG file to write.
        width: Width in inches.
        height: Height in inches, to which the lines of mark and caption are added.
        mark: What stands in red at the top.
        caption: What stands at the bottom.

    Raises:
        StoreError: The file can't be written.
    """
    marks = wrapped(mark, width - 0.2, bold=True)
    captions = wrapped(caption, width - 0.2)
    height += lines_height(marks) + lines_height(captions)
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
        canvas = FigureCanvasAgg(figure)
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.03)
        if marks:
            figure.suptitle(marks, color=_MARK_COLOUR, weight="bold", fontsize=FONT_SIZE)
        if captions:
            figure.supxlabel(captions, fontsize=FONT_SIZE)
        yield figure
        picture = io.BytesIO()
        canvas.print_png(picture, metadata={"Software": None})
    with replace_file(Path(path)) as draft:
        draft.write_bytes(picture.getvalue())


def wrapped(text: str, width: float, *, size: float = FONT_SIZE, bold: bool = False) -> str:
    """Breaks a text into lines no wider than `width` inches, within words where nothing else helps.

    Args:
        text: Any text; line breaks in it count as blanks.
        width: Widest line, in inches.
        size: Font size in points.
        bold: Whether it will be set in bold.
    """
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=size)
    renderer = RendererAgg(1, 1, _DPI)

    def fits(line: str) -> bool:
        return renderer.get_text_width_height_descent(line, font, ismath=False)[0] <= width * _DPI

    # No text's letters are narrower than a quarter of the font size on average.
    most = min(max(len(text), 1), int(4 * 72 * width / size) + 1)
    for n in range(most, 0, -1):
        lines = textwrap.wrap(text, n)
        if all(map(fits, lines)):
            break
    return "\n".join(lines)


def lines_height(text: str) -> float:
    """Returns the height of a text of several lines at `FONT_SIZE`, in inches."""
    return _LINE_HEIGHT * (text.count("\n") + 1) if text else 0.0


def draw_scale(figure: Figure, beside: Any, colours: str, label: str, **place: float) -> None:
    """Draws the colours of 0 to 1 below some axes."""
    scale = ScalarMappable(Normalize(0, 1), colours)
    bar = figure.colorbar(scale, ax=beside, location="bottom", fraction=0.04, **place)
    bar.outline.set_visible(False)
    bar.set_label(label)


def require(panels: Sized, what: str = "picture") -> None:
    """Fails where there is nothing to draw."""
    if not len(panels):
        raise ArgumentError(f"There is no {what} to draw.", expected="at least one")


def check_pictures(panels: Iterable[tuple[str, np.ndarray]], *, grey: bool = False) -> None:
    """Fails where there is no picture, or one that isn't uint8 (H, W, 3) or, if `grey`, (H, W)."""
    require(panels := list(panels))
    for title, picture in panels:
        if picture.dtype != np.uint8 or not (picture.shape[2:] == (3,) or (grey and picture.ndim == 2)):
            raise ArgumentError(
                f"The picture {title!r} has the shape {picture.shape} and the type {picture.dtype}.",
                expected="(H, W, 3) RGB" + " or (H, W) grey" * grey + ", uint8",
            )
