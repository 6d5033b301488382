import pytest

from leukcnn.errors import ArgumentError
from leukcnn.rendering.tables import Table


def table(**changes) -> Table:
    return Table(**{"id": "table2", "title": "Test set", "columns": ("Network",), "rows": ()} | changes)


@pytest.mark.parametrize("name", ["", "Table 2", "../table2", "table2.csv"])
def test_id_that_is_no_file_name_is_refused(name):
    with pytest.raises(ArgumentError, match="id is"):
        table(id=name)
