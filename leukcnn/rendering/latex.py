"""A table as LaTeX, for a paper's own document: no wider than a page's text.

The text of the class `article` at 10 pt is 345 pt wide. A table takes the largest font in which it fits; its
columns of text are broken into lines, and its columns are split into panels if that isn't enough. A table
that is taller than a page is a `longtable`.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
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

TEXT_WIDTH, TEXT_HEIGHT = 345.0, 550.0
"""Width and height of a page's text in points; a table isn't wider, and a taller one is a `longtable`."""
# The estimate of widths is right to about 1 %.
_AVAILABLE = 0.985 * TEXT_WIDTH
_NORMAL = Font(r"\normalsize", 1.0, 12.0)
_GAP = 6.0  # points between two columns
_SHORTEST_TEXT = 60.0  # points; a column of text isn't broken into narrower lines unless it has to be
_LONGEST_NOTE = 280  # letters; longer ones are in the other files
_NEEDS = r"Needs \usepackage{booktabs}, \usepackage{longtable} and \usepackage[T1]{fontenc}."


class _Fitted(NamedTuple):
    """A table's font and, for each panel, the positions of its columns -> their widths in points."""

    font: Font
    panels: Sequence[Mapping[int, float]]


def to_latex(table: Table) -> str:
    r"""Returns the table as LaTeX that is at most 345 pt wide.

    It needs the packages booktabs and longtable and T1 fonts. Marks are in bold in the caption, and in
    comments at the top. Long notes are left out.
    """
    comments = [*table.every_mark, _NEEDS]
    title = " ".join([rf"\textbf{{{_escape_latex(mark)}.}}" for mark in table.every_mark])
    caption = f"{title} {_escape_latex(table.title)}".strip()
    fitted = _fit(table.layout)
    split = [_panel(table.layout, widths, fitted.font) for widths in fitted.panels]
    names = [rf"\caption{{{caption}}}", rf"\label{{tab:{table.id}}}"]
    notes = [rf"{{\footnotesize\raggedright {_escape_latex(note)}\par}}" for note in _notes(table)]
    notes = [r"\par\smallskip", *notes] if notes else []
    n_lines = sum(len(panel.header) + len(panel.body) + 2 for panel in split)
    around = sum(len(fill(text, _AVAILABLE, _NORMAL)) + 1 for text in (caption, *_notes(table)))
    height = n_lines * fitted.font.line_height + around * _NORMAL.line_height
    put = _long if height > TEXT_HEIGHT else _floating
    body = put(split, fitted.font, names)
    lines = [*(f"% {one_line(comment)}" for comment in comments), *body[:-1], *notes, body[-1]]
    return "\n".join(lines) + "\n"


def _escape_latex(text: str) -> str:
    return one_line(text).translate(_LATEX)


def _notes(table: Table) -> list[str]:
    short = [note for note in table.notes if len(note) <= _LONGEST_NOTE]
    more = [f"Longer notes: {table.id}.md."] if len(short) < len(table.notes) else []
    return [*short, *more]


def _fit(layout: Layout) -> _Fitted:
    """Returns the largest font in which a table fits the page, or else its panels in the smallest font."""
    for font in FONTS:
        least = [_least_width(layout, i, font) for i in range(len(layout.columns))]
        split = panels(layout.columns, least, n_labels=layout.n_labels, gap=_GAP, available=_AVAILABLE)
        if len(split) == 1:
            break
    return _Fitted(font, [dict(zip(one, _widths(layout, one, font), strict=True)) for one in split])


def _widths(layout: Layout, positions: Sequence[int], font: Font) -> list[float]:
    """Returns the widths of a panel's columns: those of text share the room that the others leave."""
    least = [_least_width(layout, i, font) for i in positions]
    most = [max(least[j], _longest(layout, i, font)) for j, i in enumerate(positions)]
    room = _AVAILABLE - _GAP * (len(positions) - 1)
    if sum(most) <= room:
        return most
    low, high = 0.0, room
    for _ in range(30):
        middle = (low + high) / 2
        shared = [min(n, max(m, middle)) for m, n in zip(least, most, strict=True)]
        low, high = (middle, high) if sum(shared) <= room else (low, middle)
    return [min(n, max(m, low)) for m, n in zip(least, most, strict=True)]


def _longest(layout: Layout, i: int, font: Font) -> float:
    """Returns the width of a column's longest line; the heading may be broken."""
    lines = [line for row in layout.rows for line in row[i].split("\n")]
    return max((text_width(line, font) for line in lines), default=0.0)


def _least_width(layout: Layout, i: int, font: Font) -> float:
    """Returns the least width of a column: lines of text are broken at spaces, numbers aren't broken."""
    column, longest = layout.columns[i], _longest(layout, i, font)
    heading = max((text_width(word, font) for word in column.title.split()), default=0.0)
    if column.group:
        word = max(text_width(word, font) for word in column.group.split())
        heading = max(heading, word / [one.group for one in layout.columns].count(column.group))
    if column.align != "left":
        return max(longest, heading)
    words = (word for row in layout.rows for word in row[i].split())
    word = max((text_width(word, font) for word in words), default=0.0)
    return max(min(longest, max(word, _SHORTEST_TEXT)), heading)


class _Lines(NamedTuple):
    """A panel as LaTeX: the letters of its columns' alignment, and its lines."""

    alignment: str
    header: Sequence[str]
    body: Sequence[str]


def _panel(layout: Layout, widths: Mapping[int, float], font: Font) -> _Lines:
    layout = layout.panel([*widths])
    columns = layout.columns
    body: list[str] = []
    of_lines = any("\n" in cell for row in layout.rows for cell in row)
    total = sum(widths.values()) + _GAP * (len(widths) - 1)
    for title, part in layout.parts_as_printed:
        if title:
            body += [r"\midrule"] if body else []
            for line in fill(title, total, font):
                body.append(
                    rf"\multicolumn{{{len(columns)}}}{{@{{}}l@{{}}}}{{\textit{{{_escape_latex(line)}}}}} \\*"
                )
        for j, row in enumerate(part):
            if of_lines and j and row[0]:
                body.append(r"\addlinespace")
            body += _row(row, columns, [*widths.values()], font)
    alignment = "".join(column.align[0] for column in columns)
    return _Lines(alignment, [*_header(columns, [*widths.values()], font)], body)


def _row(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[float], font: Font) -> list[str]:
    """Returns the lines of a row; a page doesn't end between them."""
    broken = [
        [part for line in cell.split("\n") for part in fill(line, width, font)]
        if column.align == "left"
        else cell.split("\n")
        for cell, column, width in zip(cells, columns, widths, strict=True)
    ]
    lines = []
    for line in itertools.zip_longest(*broken, fillvalue=""):
        lines.append(" & ".join(map(_cell, line, columns)).rstrip())
    return [*(rf"{line} \\*" for line in lines[:-1]), rf"{lines[-1]} \\"]


def _header(columns: Sequence[Column], widths: Sequence[float], font: Font) -> Iterator[str]:
    """Yields the headings: those of groups above the rules, then those of the columns."""
    groups, rules, first = [], [], 1
    for title, group in groupby(zip(columns, widths, strict=True), key=lambda one: one[0].group):
        n, width = 0, -_GAP
        for _, one in group:
            n, width = n + 1, width + _GAP + one
        groups.append((n, fill(title, width, font)))
        if title:
            rules.append(rf"\cmidrule(lr){{{first}-{first + n - 1}}}")
        first += n
    if rules:
        for lines in itertools.zip_longest(*(lines for _, lines in groups), fillvalue=""):
            cells = [
                rf"\multicolumn{{{n}}}{{c}}{{{_escape_latex(line)}}}" if line else "&" * (n - 1)
                for (n, _), line in zip(groups, lines, strict=True)
            ]
            yield rf"{' & '.join(cells)} \\"
        yield " ".join(rules)
    titles = [fill(column.title, width, font) for column, width in zip(columns, widths, strict=True)]
    tallest = max(map(len, titles))
    # The last lines of the headings are on the same height.
    for line in zip(*([*[""] * (tallest - len(lines)), *lines] for lines in titles), strict=True):
        yield rf"{' & '.join(map(_escape_latex, line))} \\"


def _floating(split: Sequence[_Lines], font: Font, names: Sequence[str]) -> list[str]:
    """Returns the lines of a `table` with a `tabular` for each panel."""
    lines = [r"\begin{table}", r"\centering\sloppy", *names, font.command, _SEPARATION]
    for i, panel in enumerate(split):
        lines += [
            *([r"\par\medskip"] if i else []),
            rf"\begin{{tabular}}{{@{{}}{panel.alignment}@{{}}}}",
            *(r"\toprule", *panel.header, r"\midrule", *panel.body, r"\bottomrule"),
            r"\end{tabular}",
        ]
    return [*lines, r"\end{table}"]


def _long(split: Sequence[_Lines], font: Font, names: Sequence[str]) -> list[str]:
    """Returns the lines of a `longtable` for each panel; the first has the caption."""
    lines = [r"\begingroup", font.command, r"\sloppy" + _SEPARATION]
    for i, panel in enumerate(split):
        header = [r"\toprule", *panel.header, r"\midrule"]
        lines += [
            rf"\begin{{longtable}}{{@{{}}{panel.alignment}@{{}}}}",
            *([rf"{''.join(names)} \\", *header, r"\endfirsthead"] if not i else []),
            *(*header, r"\endhead", r"\bottomrule", r"\endfoot", *panel.body),
            r"\end{longtable}",
            # Every `longtable` counts as a table.
            *([r"\addtocounter{table}{-1}"] if i else []),
        ]
    return [*lines, r"\endgroup"]


_SEPARATION = rf"\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}"


def _cell(shown: str, column: Column) -> str:
    escaped = _escape_latex(shown)
    negative = column.format != "text" and escaped.startswith("-")
    return f"$-${escaped[1:]}" if negative and shown != NO_VALUE else escaped
