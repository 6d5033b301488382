"""The sheet that every figure is drawn on: its style, its mark and caption, and how it gets to disk.

The same input gives the same bytes, whatever Matplotlib is set to elsewhere. Every function `draw_...` of
this room takes the path of the PNG file, which it returns, and as its `face` a `mark`, a line in red at the
top ("smoke profile, synthetic data: not comparable with the paper"), and a `caption` at the bottom. It raises
StoreError where the file can't be written.
"""

import contextlib
import io
import textwrap
from collections.abc import Iterator
from pathlib import Path

from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from leukcnn.files import replace_file

# Blue and orange after Okabe and Ito, which readers with any colour vision tell apart; the blue is darker
# than theirs, so that a print in grey still shows two lines.
BLUE, ORANGE, GREY = "#004F8C", "#D55E00", "#5F5F5F"

LINE = 0.17
"""Height of a line of text, in inches."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "savefig.dpi": 150,
    "text.parse_math": False,
}


@contextlib.contextmanager
def sheet(path: Path, *, width: float, height: float, mark: str = "", caption: str = "") -> Iterator[Figure]:
    """Yields a white figure and writes it as a PNG when the block ends well.

    The style is Matplotlib's own whatever the user's is, and nothing of the time or the software goes into
    the file, so that the same drawing gives the same bytes.

    Args:
        width: Width in inches.
        height: Height in inches, without mark and caption, to which the file grows.
        mark: What stands in red at the top.
        caption: What stands at the bottom.
    """
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        width, red = max(figure.get_figwidth(), 4), {"color": "#B00020", "weight": "bold"}
        figure.text(0.5, 1, wrapped(mark, width), ha="center", va="bottom", **red)
        figure.text(0.5, 0, wrapped(caption, width), ha="center", va="top")
        image = io.BytesIO()
        figure.savefig(image, bbox_inches="tight", metadata={"Software": None})
    with replace_file(path) as draft:
        draft.write_bytes(image.getvalue())


def wrapped(text: str, width: float) -> str:
    """Breaks a text into lines of about `width` inches at most; line breaks in it count as blanks."""
    # Letters are .62 of the font size wide, or less in all but a few words.
    return textwrap.fill(text, max(int(72 * width / (0.62 * _STYLE["font.size"])), 1))
