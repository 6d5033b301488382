"""A table as LaTeX, for a paper's own document."""

from collections.abc import Sequence

from leukcnn.rendering.formats import NO_VALUE
from leukcnn.rendering.tables import Column, Table, one_line

# Each sign is followed by its LaTeX.
_SIGNS = r"""
\ \textbackslash{}  { \{  } \}  [ {[}  ] {]}  $ \$  & \&  # \#  % \%  _ \_  ~ \textasciitilde{}
^ \textasciicircum{}  < \textless{}  > \textgreater{}  | \textbar{}  " \textquotedbl{}  – --
… \ldots{}  ± $\pm$  × $\times$  − $-$  ≥ $\geq$  ≤ $\leq$  λ $\lambda$  ° $^\circ$
"""
_LATEX = str.maketrans(dict(zip(_SIGNS.split()[::2], _SIGNS.split()[1::2], strict=True)))


def to_latex(table: Table) -> str:
    r"""Returns the table as a LaTeX `table`, for a document with `\usepackage{booktabs}` and T1 fonts.

    Marks are in bold in the caption, and in comments at the top.
    """
    comments = [*table.every_mark, r"Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}."]
    title = " ".join([rf"\textbf{{{_escape_latex(mark)}.}}" for mark in table.every_mark])
    caption = f"{title} {_escape_latex(table.title)}".strip()
    shown = table.shown
    alignment = _alignments(table.shown_columns, shown)
    header = " & ".join(_escape_latex(column.title) for column in table.shown_columns)
    body = [" & ".join(map(_cell, row, table.shown_columns)) for row in shown]
    lines = [
        *(f"% {one_line(comment)}" for comment in comments),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{table.id}}}",
        rf"\begin{{tabular}}{{{''.join(alignment)}}}",
        r"\toprule",
        rf"{header} \\",
        r"\midrule",
        *(rf"{row} \\" for row in body),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_escape_latex(note)}}}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _escape_latex(text: str) -> str:
    return one_line(text).translate(_LATEX)


def _alignments(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the alignment of each column; columns of sentences are paragraphs that share the page."""
    longest = [max((len(row[i]) for row in rows), default=0) for i in range(len(columns))]
    sentences = [column.align != "right" and n > 40 for column, n in zip(columns, longest, strict=True)]
    width = f"{min(0.4, 0.8 / max(1, sum(sentences))):.2g}".removeprefix("0")
    return [
        rf"p{{{width}\linewidth}}" if is_sentence else column.align[0]
        for column, is_sentence in zip(columns, sentences, strict=True)
    ]


def _cell(shown: str, column: Column) -> str:
    escaped = _escape_latex(shown)
    negative = column.format != "text" and escaped.startswith("-")
    return f"$-${escaped[1:]}" if negative and shown != NO_VALUE else escaped
