"""The canvas of every figure: its style, its mark and caption, and the PNG file.

Every function `plot_...` in `leukcnn.rendering` takes the path of a PNG file and returns it. `mark` is a line
in red at the top ("smoke profile, synthetic data: not comparable with the paper"), `caption` a text at the
bottom. They raise StoreError if the file can't be written. The same input gives the same bytes with any
Matplotlib settings of the user.
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

# Blue and orange after Okabe and Ito, which readers with any colour vision can distinguish. The blue is
# darker than theirs, to distinguish the two in grey prints.
BLUE, ORANGE, GREY = "#004F8C", "#D55E00", "#5F5F5F"

LINE = 0.17
"""Height of a line of text, in inches."""

_FONT_SIZE = 9  # points
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": _FONT_SIZE,
    "axes.titlesize": _FONT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "savefig.dpi": 150,
    "text.parse_math": False,
}


@contextlib.contextmanager
def sheet(path: Path, *, width: float, height: float, mark: str = "", caption: str = "") -> Iterator[Figure]:
    """Yields a white figure, and writes it as a PNG file when the block ends without an error.

    The style is Matplotlib's default, not the user's, and the file holds neither a date nor a software name.
    The same plot therefore gives the same bytes.

    Args:
        path: The PNG file.
        width: Width in inches.
        height: Height in inches; mark and caption are added to it.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Raises:
        StoreError: The file can't be written.
    """
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        width = max(figure.get_figwidth(), 4)
        red = "#B00020"
        figure.text(0.5, 1, wrapped(mark, width), ha="center", va="bottom", color=red, weight="bold")
        figure.text(0.5, 0, wrapped(caption, width), ha="center", va="top")
        image = io.BytesIO()
        figure.savefig(image, bbox_inches="tight", metadata={"Software": None})
    with replace_file(path) as draft:
        draft.write_bytes(image.getvalue())


def wrapped(text: str, width: float) -> str:
    """Breaks a text into lines of about `width` inches at most; its own line breaks count as spaces."""
    # On average, letters are at most .62 of the font size wide in all but a few words.
    return textwrap.fill(text, max(int(72 * width / (0.62 * _FONT_SIZE)), 1))
