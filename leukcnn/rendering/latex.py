"""A table as LaTeX, for a paper's own document."""

from collections.abc import Sequence

from leukcnn.rendering.formats import NO_VALUE
from leukcnn.rendering.tables import Column, Table, one_line

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "[": "{[}",
    "]": "{]}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "λ": r"$\lambda$",
    "°": r"$^\circ$",
}


def to_latex(table: Table) -> str:
    r"""Returns the table as a LaTeX `table`, for a document with `\usepackage{booktabs}` and T1 fonts.

    Marks stand in bold in the caption, and in comments at the top.
    """
    comments = [*table.marks, r"Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}."]
    title = " ".join([rf"\textbf{{{_escape_latex(mark)}.}}" for mark in table.marks])
    caption = f"{title} {_escape_latex(table.title)}".strip()
    shown = table.shown
    specification = [
        _latex_alignment(column, [row[i] for row in shown]) for i, column in enumerate(table.columns)
    ]
    header = " & ".join(_escape_latex(column.title) for column in table.columns)
    body = [
        " & ".join(_latex_cell(cell, column) for cell, column in zip(row, table.columns, strict=True))
        for row in shown
    ]
    lines = [
        *(f"% {one_line(comment)}" for comment in comments),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{table.id}}}",
        rf"\begin{{tabular}}{{{''.join(specification)}}}",
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
    return "".join(_LATEX.get(sign, sign) for sign in one_line(text))


def _latex_alignment(column: Column, cells: Sequence[str]) -> str:
    if column.align == "right":
        return "r"
    # A column of sentences is set as a paragraph, or the table would leave the page.
    return "l" if max(map(len, cells), default=0) <= 40 else r"p{.4\linewidth}"


def _latex_cell(shown: str, column: Column) -> str:
    escaped = _escape_latex(shown)
    negative = column.format != "text" and escaped.startswith("-")
    return f"$-${escaped[1:]}" if negative and shown != NO_VALUE else escaped
