"""What commands print is as wide as the terminal, without trailing blanks."""

import re
import sys
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from leukcnn.commands import printing
from leukcnn.rendering.renderings import to_rich
from leukcnn.rendering.tables import Column, Layout, Table

WIDTHS = (60, 80, 120, 200)


@click.command()
def show():
    """Prints a table of two columns with much text, as commands do."""
    columns = (Column("What"), Column("Why"))
    rows = [(f"claim {n}", "words that need more than one line " * 8) for n in range(3)]
    printing.console().print(to_rich(Table("table", "A title", columns, rows)))


def printed(columns, **environment):
    result = CliRunner().invoke(show, env={"COLUMNS": str(columns), **environment})
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


@pytest.mark.parametrize("columns", WIDTHS)
def test_tables_fit_the_terminal_without_trailing_blanks(columns):
    lines = printed(columns)
    assert columns - 20 <= max(map(len, lines)) <= columns
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_what_is_piped_has_no_escape_sequences(environment):
    assert "\x1b" not in "".join(printed(80, **environment))


def test_forced_colours_have_no_trailing_blanks_either():
    lines = printed(80, FORCE_COLOR="1")
    plain = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]
    assert plain != lines
    assert not [line for line in plain if line != line.rstrip()]


@pytest.mark.parametrize(("value", "width"), [("77", 77), ("3", 40), ("0", 120), ("wide", 120), ("", 120)])
def test_columns_is_the_width_and_a_log_has_120(value, width, monkeypatch):
    for name in ("__stdin__", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, name, None)
    monkeypatch.setenv("COLUMNS", value)
    assert printing.columns() == width


def test_a_table_is_named_alone_if_what_readers_see_of_it_is_long(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = [(f"row {i}", "a") for i in range(81)]
    shape = Layout([Column("Network")], [("in its own shape",)])
    tables = [Table("long", "Long", ["A", "B"], rows), Table("short", "Short", ["A", "B"], rows, shape=shape)]
    printing._print_tables(SimpleNamespace(tables=tables))
    shown = capsys.readouterr().out
    assert "Long: 81 rows, in tables/long.txt." in shown and "row 80" not in shown
    assert "in its own shape" in shown
