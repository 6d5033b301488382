from html.parser import HTMLParser

import pytest

from leukcnn.rendering.formats import FORMATS
from leukcnn.rendering.html import to_html
from leukcnn.rendering.tables import Column
from tests.rendering.tables import MARK, NASTY, table

VALUES = {
    "text": "VGG16",
    "interval": (0.9, 0.94),
    "range": (0.9, 1.0),
    "spread": (0.7575, 0.01),
    "integer": 678,
    "cell": "one line",
}


class Cells(HTMLParser):
    """Reads the cells of a table; fails where a tag isn't closed."""

    def __init__(self):
        super().__init__()
        self.open, self.rows = [], []

    def handle_starttag(self, tag, attrs):
        if tag == "br":
            self.handle_data("\n")
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data


def cells(html: str) -> list[list[str]]:
    parser = Cells()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.rows


def test_html_by_hand():
    shown = table(columns=("Network", Column("Accuracy", "percent")), rows=[("VGG16", 0.92478), ("X", None)])
    left, right = 'style="text-align: left"', 'style="text-align: right"'
    assert to_html(shown) == (
        '<div class="tex2jax_ignore mathjax_ignore">\n'
        "<table>\n"
        f"<caption {left}>\n"
        f"<strong>{MARK}</strong><br>\n"
        "Test set, 339 + 339 cells\n"
        "</caption>\n"
        "<thead>\n"
        f"<tr><th {left}>Network</th><th {right}>Accuracy</th></tr>\n"
        "</thead>\n"
        "<tbody>\n"
        f"<tr><td {left}>VGG16</td><td {right}>92.48 %</td></tr>\n"
        f"<tr><td {left}>X</td><td {right}>–</td></tr>\n"
        "</tbody>\n"
        "</table>\n"
        "<ul>\n"
        "<li>Wilson intervals over 678 images.</li>\n"
        "</ul>\n"
        "</div>\n"
    )


def test_every_text_of_html_is_escaped():
    shown = table(title=NASTY, columns=(NASTY,), rows=[(NASTY,)], notes=(NASTY,), marks=(NASTY,))
    escaped = "a|b &amp; 50 % of x_1 is #2 [red]$5$ {~^\\} &lt;b&gt;*c*`d`"
    html = to_html(shown)
    assert html.count(escaped) == 5
    assert "<b>" not in html
    assert cells(html) == [[" ".join(NASTY.split())]] * 2
    assert "<script" not in to_html(table(title="<script>x</script>"))


def test_html_without_marks_and_notes_has_neither():
    html = to_html(table(marks=(), notes=()))
    assert "<strong>" not in html
    assert "<ul>" not in html


def test_each_mark_and_each_note_is_shown():
    html = to_html(table(marks=("A", "B"), notes=("c", "d")))
    assert "<strong>A</strong><br>\n<strong>B</strong><br>\n" in html
    assert "<ul>\n<li>c</li>\n<li>d</li>\n</ul>" in html


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_shown_as_its_column_shows_it(name):
    column = Column("m", name)
    values = [VALUES.get(name, 0.5), None, float("nan")]
    shown = table(columns=(column,), rows=[(value,) for value in values])
    assert cells(to_html(shown)) == [["m"], *([column.show(value)] for value in values)]


def test_notebooks_show_a_table_as_html():
    assert table()._repr_html_() == to_html(table())


def test_every_table_of_a_paper_has_all_its_cells_in_html(paper_tables):
    for shown in paper_tables.values():
        layout = shown.layout
        titles = [row for title, part in layout.parts for row in ([[title]] if title else []) + [*part]]
        headings, *rows = cells(to_html(shown))[any(column.group for column in layout.columns) :]
        assert headings == [" ".join(column.title.split()) for column in layout.columns]
        assert rows == [list(row) for row in titles]
