"""Tests of tables on the terminal."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from leukcnn.rendering.renderings import to_rich
from leukcnn.rendering.tables import Column, Layout, Section
from tests.rendering.tables import table


def printed(shown, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(to_rich(shown))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_every_table_of_a_paper_is_as_wide_as_the_terminal_and_breaks_no_number(paper_tables, width):
    for name, shown in paper_tables.items():
        text = printed(shown, width)
        assert max(map(cell_len, text.splitlines())) <= width, name
        layout = shown.layout
        for i, column in enumerate(layout.columns):
            if column.align != "left":
                assert all(line in text for row in layout.rows for line in row[i].split("\n")), name


def test_a_panel_leaves_out_rows_and_sections_without_a_value():
    columns = (Column("Network"), Column("a", "cell"), Column("b", "cell"))
    layout = Layout(columns, [("VGG16", "1", "2"), ("Border", "3", "")], [Section(1, "Controls")])
    assert layout.panel([0, 1, 2]) is layout
    assert layout.panel([0, 1]).parts == [("", [["VGG16", "1"]]), ("Controls", [["Border", "3"]])]
    assert layout.panel([0, 2]).parts == [("", [["VGG16", "2"]])]


def test_a_wide_table_is_split_into_panels_that_begin_with_the_labels():
    columns = (Column("Network"), *(Column(f"Metric{i}", "cell") for i in range(4)))
    rows = [("VGG16", *["92.48\n91.20 ="] * 4), ("Border", *["70.00"] * 4)]
    shown = table(shape=Layout(columns, rows, [Section(1, "Controls")]), notes=(), marks=())
    wide, narrow = printed(shown, 80), printed(shown, 40)
    assert wide.count("VGG16") == 1
    assert narrow.count("VGG16") == narrow.count("Controls") == 2
    assert narrow.index("Metric1") < narrow.index("Controls") < narrow.index("Metric3")
