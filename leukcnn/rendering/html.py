"""A table as HTML, for notebooks and web pages."""

from html import escape

from leukcnn.rendering.tables import Table, one_line


def to_html(table: Table) -> str:
    """Returns the table as HTML: one `<table>`, and the notes as a list below it.

    The caption has the marks in bold, then the title. All text is escaped. Text is aligned left and numbers
    right by inline styles; there is no style sheet and no script.
    """
    aligned = [f' style="text-align: {column.align}"' for column in table.shown_columns]
    headings = [column.title for column in table.shown_columns]
    marks = [f"<strong>{_escaped(mark)}</strong><br>" for mark in table.every_mark]
    lines = [
        # A notebook would typeset a text between dollar signs as a formula. These classes prevent it.
        '<div class="tex2jax_ignore mathjax_ignore">',
        "<table>",
        '<caption style="text-align: left">',
        *marks,
        _escaped(table.title),
        "</caption>",
        "<thead>",
        _row("th", headings, aligned),
        "</thead>",
        "<tbody>",
        *(_row("td", cells, aligned) for cells in table.shown),
        "</tbody>",
        "</table>",
    ]
    if table.notes:
        lines += ["<ul>", *(f"<li>{_escaped(note)}</li>" for note in table.notes), "</ul>"]
    return "\n".join([*lines, "</div>"]) + "\n"


def _row(tag: str, cells: list[str], aligned: list[str]) -> str:
    written = [f"<{tag}{style}>{_escaped(cell)}</{tag}>" for cell, style in zip(cells, aligned, strict=True)]
    return f"<tr>{''.join(written)}</tr>"


def _escaped(text: str) -> str:
    return escape(one_line(text))
