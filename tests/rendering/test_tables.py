import pytest

from leukcnn.errors import ArgumentError
from leukcnn.rendering.tables import Column, Table


def table(**changes) -> Table:
    return Table(**{"id": "table2", "title": "Test set", "columns": ("Network",), "rows": ()} | changes)


@pytest.mark.parametrize("name", ["", "Table 2", "../table2", "table2.csv"])
def test_id_that_is_no_file_name_is_refused(name):
    with pytest.raises(ArgumentError, match="id is"):
        table(id=name)


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        (("a", "b"), ("x",), "has 1 cells"),
        ((Column("a", "integer"),), (0.5,), "holds 0.5"),
        ((Column("a", "percent"),), ("92 %",), "holds '92 %'"),
        ((Column("a", "percent"),), (True,), "holds True"),
        ((Column("a", "interval"),), ((0.1, 0.2, 0.3),), "holds"),
        ((Column("a", "spread"),), ((None, 0.2),), "holds"),
        ((Column("a", "spread"),), (0.2,), "holds 0.2"),
        ((Column("a", "quantity"),), ((0.1, 0.2),), "holds"),
        (("a",), (1,), "holds 1"),
        (("a", "a"), ("x", "y"), "no title twice"),
    ],
)
def test_rows_that_do_not_fit_are_refused(columns, row, message):
    with pytest.raises(ArgumentError, match=message):
        table(columns=columns, rows=[row])


def test_unknown_format_is_refused():
    with pytest.raises(ArgumentError, match="'permille'"):
        Column("a", "permille")
