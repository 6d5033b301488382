"""A table as LaTeX, for a paper's own document: no wider than a page's text.

The text of the class `article` at 10 pt is 345 pt wide. A table takes the largest font in which it fits; its
columns of text are broken into lines, and its columns are split into panels if that isn't enough. A table that
is taller than a page is a `longtable`.
"""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from leukcnn.rendering.formats import NO_VALUE
from leukcnn.rendering.panels import panels
from leukcnn.rendering.tables import Column, Layout, Table, one_line
from leukcnn.rendering.typesetting import FONTS, Font, fill, text_width

# Each sign is followed by its LaTeX.
_SIGNS = r"""
\ \textbackslash{}  { \{  } \}  [ {[}  ] {]}  $ \$  & \&  # \#  % \%  _ \_  ~ \textasciitilde{}
^ \textasciicircum{}  < \textless{}  > \textgreater{}  | \textbar{}  " \textquotedbl{}  – --
… \ldots{}  ± $\pm$  × $\times$  − $-$  ≥ $\geq$  ≤ $\leq$  λ $\lambda$  ° $^\circ$  † $\dagger$
≠ $\neq$  ≈ $\approx$
"""
_LATEX = str.maketrans(dict(zip(_SIGNS.split()[::2], _SIGNS.split()[1::2], strict=True)))

TEXT_WIDTH, TEXT_HEIGHT = 345.0, 500.0
"""Width and height in points that a table may take; the height leaves room for caption and notes."""
# The estimate of widths is right to about 1 %.
_AVAILABLE = 0.985 * TEXT_WIDTH
_GAP = 6.0  # points between two columns
_SHORTEST_TEXT = 60.0  # points; a column of text isn't broken into narrower lines unless it has to be
_LONGEST_NOTE = 200  # letters; longer ones are in the other files
_NEEDS = r"Needs \usepackage{booktabs}, \usepackage{longtable} and \usepackage[T1]{fontenc}."


class _Fitted(NamedTuple):
    """A table's font, the widths of its columns in points, and the columns of each panel."""

    font: Font
    widths: Sequence[float]
    panels: Sequence[Sequence[int]]


def to_latex(table: Table) -> str:
    r"""Returns the table as LaTeX that is at most 345 pt wide.

    It needs the packages booktabs and longtable and T1 fonts. Marks are in bold in the caption, and in
    comments at the top. Long notes are left out.
    """
    comments = [*table.every_mark, _NEEDS]
    title = " ".join([rf"\textbf{{{_escape_latex(mark)}.}}" for mark in table.every_mark])
    caption = f"{title} {_escape_latex(table.title)}".strip()
    fitted = _fit(table.layout)
    split = [list(_panel(table.layout, fitted, positions)) for positions in fitted.panels]
    height = sum(len(lines) for lines in split) * fitted.font.line_height
    names = [rf"\caption{{{caption}}}", rf"\label{{tab:{table.id}}}"]
    notes = [rf"\par\smallskip{{\footnotesize {_escape_latex(note)}}}" for note in _notes(table)]
    body = _long(split, fitted, names) if height > TEXT_HEIGHT else _floating(split, fitted, names)
    lines = [*(f"% {one_line(comment)}" for comment in comments), *body[:-1], *notes, body[-1]]
    return "\n".join(lines) + "\n"
