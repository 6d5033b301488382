"""Tables of the page: what cells are sorted by, in long tables and in the paper's own shape."""

from leukcnn.html_report.tables import grid_of
from leukcnn.rendering.tables import Column, Layout, Section, Table


def keys(table: Table) -> list[list[str | None]]:
    return [[cell.key for cell in row] for _, rows in grid_of(table).parts for row in rows]


def test_cells_are_sorted_by_their_values():
    columns = [
        *(Column("Name"), Column("Rate", "percent"), Column("95 % interval", "interval")),
        Column("For programs", csv_only=True),
    ]
    table = Table("a", "A", columns, [("b", 0.5, (0.25, 0.75), "x"), ("a", None, None, "y")])
    assert keys(table) == [[None, "0.5", "0.25"], [None, "", ""]]


def test_cells_in_the_papers_shape_are_sorted_by_the_measured_value():
    cells = ["95.94\n56.36±13.10 ≠\n[32.39, 77.69]", "–\n10,013,000", "97.2", "", "–"]
    cells += ["0.93\n-0.33±0.2 ≠\n[-0.08, 0.65]\nfair\n(Fair)", "33.33\nundefined", "0.0000\nslight"]
    layout = Layout([Column("Network"), *(Column(str(i), "cell") for i in range(8))], [("Net", *cells)])
    table = Table("a", "A", ["Network"], [("Net",)], shape=layout)
    assert keys(table) == [[None, "56.36", "10013000", "97.2", "", "", "-0.33", "", "0.0000"]]


def test_sections_and_groups_of_columns_are_kept():
    columns = [
        Column("Network"),
        Column("macro", "cell", group="P (%)"),
        Column("mean", "cell", group="P (%)"),
    ]
    layout = Layout(columns, [("a", "1", "2"), ("b", "3", "4")], [Section(1, "Controls")])
    grid = grid_of(Table("a", "A", ["Network"], [("a",), ("b",)], shape=layout))
    assert grid.groups == [("", 1), ("P (%)", 2)]
    assert [(title, len(rows)) for title, rows in grid.parts] == [("", 1), ("Controls", 1)]
    assert grid.n_rows == 2
