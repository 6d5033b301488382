import pytest

from leukcnn.errors import ArgumentError
from leukcnn.rendering.tables import Column, Table


def table(**changes) -> Table:
    return Table(**{"id": "table2", "title": "Test set", "columns": ("Network",), "rows": ()} | changes)


@pytest.mark.parametrize("name", ["", "Table 2", "../table2", "table2.csv"])
def test_id_that_is_no_file_name_is_refused(name):
    with pytest.raises(ArgumentError, match="id is"):
        table(id=name)


def test_each_panel_of_a_wide_table_begins_with_the_names_that_rows_need():
    columns = [Column("Network"), Column("Run", "integer"), Column("Class"), Column("Accuracy", "percent")]
    rows = [("VGG16", run, name, 0.5) for run in (1, 2) for name in ("a", "b")]
    assert Table("a", "", columns, rows).layout.n_labels == 3
    assert Table("a", "", columns, rows[::2]).layout.n_labels == 2
    assert Table("a", "", columns, rows[:1]).layout.n_labels == 1
    # Values name no row.
    values = [("VGG16", 0.5), ("VGG16", 0.7)]
    assert Table("a", "", [columns[0], columns[3]], values).layout.n_labels == 1
