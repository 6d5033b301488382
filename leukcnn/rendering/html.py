"""A table as HTML, for notebooks and web pages."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from leukcnn.rendering.tables import Column, Layout, Table, one_line


def to_html(table: Table) -> str:
    """Returns the table as HTML: one `<table>`, and the notes as a list below it.

    The caption has the marks in bold, then the title. Each section is a `<tbody>` that begins with its title.
    All text is escaped. Text is aligned left, numbers right and cells of several lines in the middle, by
    inline styles; there is no style sheet and no script.
    """
    layout = table.layout
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
        *_headings(layout.columns),
        "</thead>",
        *_bodies(layout),
        "</table>",
    ]
    if table.notes:
        lines += ["<ul>", *(f"<li>{_escaped(note)}</li>" for note in table.notes), "</ul>"]
    return "\n".join([*lines, "</div>"]) + "\n"


def _headings(columns: Sequence[Column]) -> Iterator[str]:
    """Yields the rows of headings: a first one for groups, if there are any."""
    if any(column.group for column in columns):
        groups = [(title, len([*group])) for title, group in groupby(column.group for column in columns)]
        written = [
            f'<th colspan="{n}" scope="colgroup" style="text-align: center">{_escaped(title)}</th>'
            if title
            else "<td></td>" * n
            for title, n in groups
        ]
        yield f"<tr>{''.join(written)}</tr>"
    yield _row("th", [one_line(column.title) for column in columns], columns)


def _bodies(layout: Layout) -> Iterator[str]:
    """Yields the lines of a `<tbody>` for each section."""
    for title, part in layout.parts or [("", [])]:
        yield "<tbody>"
        if title:
            heading = f'<th colspan="{len(layout.columns)}" scope="rowgroup" style="text-align: left">'
            yield f"<tr>{heading}{_escaped(title)}</th></tr>"
        yield from (_row("td", row, layout.columns) for row in part)
        yield "</tbody>"


def _row(tag: str, cells: Sequence[str], columns: Sequence[Column]) -> str:
    written = [
        f'<{tag} style="text-align: {column.align}">{"<br>".join(map(_escaped, cell.split(chr(10))))}</{tag}>'
        for cell, column in zip(cells, columns, strict=True)
    ]
    return f"<tr>{''.join(written)}</tr>"


def _escaped(text: str) -> str:
    return escape(one_line(text))
