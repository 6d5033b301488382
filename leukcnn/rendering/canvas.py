"""The canvas of every figure: its style, its mark and caption, and its files.

Every function `plot_...` in `leukcnn.rendering` takes the path of a PNG file and returns it. `mark` is a line
in red at the top ("smoke profile, synthetic data: not comparable with the paper"), `caption` a text at the
bottom. They raise StoreError if the file can't be written. The same input gives the same bytes with any
Matplotlib settings of the user. In `leukcnn.rendering.figure_files.figures_as` a PDF or SVG file is next to
it.
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
from leukcnn.rendering.figure_files import FORMS, figure_files

# Blue and orange after Okabe and Ito, which readers with any colour vision can distinguish. The blue is
# darker than theirs, to distinguish the two in grey prints.
BLUE, ORANGE, GREY = "#004F8C", "#D55E00", "#5F5F5F"

LINE = 0.17
"""Height of a line of text, in inches."""

_FONT_SIZE = 9  # points
_DPI, _PAPER_DPI = 150, 300
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": _FONT_SIZE,
    "axes.titlesize": _FONT_SIZE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    # Fonts are embedded as outlines that a journal accepts.
    "pdf.fonttype": 42,
    # Ids in SVG files are the same in each run.
    "svg.hashsalt": "leukcnn",
    "text.parse_math": False,
}


@contextlib.contextmanager
def sheet(path: Path, *, width: float, height: float, mark: str = "", caption: str = "") -> Iterator[Figure]:
    """Yields a white figure, and writes its files when the block ends without an error.

    The style is Matplotlib's default, not the user's, and the files hold neither a date nor a software name.
    The same plot therefore gives the same bytes.

    Args:
        path: The PNG file. Others, as `figures_as` says, are next to it; those of another form are removed.
        width: Width in inches.
        height: Height in inches; mark and caption are added to it.
        mark: Text in red at the top.
        caption: Text at the bottom.

    Raises:
        StoreError: A file can't be written.
    """
    files = figure_files()
    form = files.form_of(path)
    for_paper = form == "paper"
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        if not for_paper:
            width = max(figure.get_figwidth(), 4)
            red = "#B00020"
            figure.text(0.5, 1, wrapped(mark, width), ha="center", va="bottom", color=red, weight="bold")
            figure.text(0.5, 0, wrapped(caption, width), ha="center", va="top")
        contents = {
            ending: _plotted(figure, ending, mark, caption, for_paper=for_paper) for ending in FORMS[form]
        }
    for ending, content in contents.items():
        with replace_file(path.with_suffix(ending)) as draft:
            draft.write_bytes(content)
        files.written.append(path.with_suffix(ending))
    for ending in {ending for form in FORMS.values() for ending in form} - contents.keys():
        path.with_suffix(ending).unlink(missing_ok=True)


def _plotted(figure: Figure, ending: str, mark: str, caption: str, *, for_paper: bool) -> bytes:
    """Returns the content of one of a figure's files."""
    if ending == ".md":
        return ("\n\n".join([*([f"**{mark}**"] if mark else []), caption]) + "\n").encode()
    title, subject = (caption, mark) if for_paper else ("", "")
    metadata: dict[str, dict[str, str | None]] = {
        ".png": {"Software": None, "Title": title, "Warning": subject},
        ".pdf": {"Creator": None, "Producer": None, "CreationDate": None, "Title": title, "Subject": subject},
        ".svg": {"Date": None, "Creator": None},
    }
    known = {name: text for name, text in metadata[ending].items() if text != ""}
    target = io.BytesIO()
    figure.savefig(
        target,
        format=ending.removeprefix("."),
        bbox_inches="tight",
        dpi=_PAPER_DPI if for_paper else _DPI,
        metadata=known,
    )
    return target.getvalue()


def wrapped(text: str, width: float) -> str:
    """Breaks a text into lines of about `width` inches at most; its own line breaks count as spaces."""
    # In nearly all words, the mean width of the letters is at most .62 of the font size.
    return textwrap.fill(text, max(int(72 * width / (0.62 * _FONT_SIZE)), 1))
