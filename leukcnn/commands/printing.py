"""What commands print: reports and faults, as wide as the terminal."""

import io
import os
import re
import sys
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console

    from leukcnn.experiment.report import Report

_WITHOUT_TERMINAL = 120  # columns, as in a cluster's log
_NARROWEST = 40
_END_OF_LINE = re.compile(r"(?:[ \t]|\x1b\[[\d;]*m)+$", re.MULTILINE)  # blanks and escape sequences


class _Trimmed(io.TextIOBase):
    """A stream without blanks at the end of lines, which rich pads to the width of the terminal."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's encoding, from which rich chooses the lines of tables."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Writes whole lines."""
        return self._stream.write(_END_OF_LINE.sub(lambda end: re.sub(r"[ \t]", "", end[0]), text))

    def flush(self) -> None:
        """Writes what is buffered."""
        self._stream.flush()


def columns() -> int:
    """Returns the width of the terminal: COLUMNS, or that of the first standard stream that has one.

    A program in a pipe (`| less`) is so as wide as the terminal that shows it. Without any terminal, as in a
    cluster's log, it is 120.
    """
    chosen = os.environ.get("COLUMNS", "")
    if chosen.isdecimal() and int(chosen):
        return max(int(chosen), _NARROWEST)
    for stream in (sys.__stdout__, sys.__stderr__, sys.__stdin__):
        try:
            size = os.get_terminal_size(stream.fileno()).columns if stream else 0
        except (OSError, ValueError):
            continue
        if size:
            return max(size, _NARROWEST)
    return _WITHOUT_TERMINAL


def console() -> "Console":
    """Returns rich's console for standard output, as wide as the terminal and without trailing blanks.

    Words of a data set or a path may hold square brackets: print them with `markup=False, highlight=False`.
    NO_COLOR, FORCE_COLOR and TERM=dumb are respected.
    """
    from rich.console import Console

    file = None if sys.stdout.isatty() else _Trimmed(sys.stdout)
    return Console(file=file, width=columns())  # type: ignore[arg-type]


def exit_with(faults: list[str]) -> None:
    """Shows faults, each once, and exits with 1 if there are any."""
    for fault in dict.fromkeys(faults):
        click.echo(fault, err=True)
    if faults:
        sys.exit(1)


def without_results(report: "Report") -> list[str]:
    """Returns a line for each trial whose training diverged."""
    return [f"The training diverged, and has no result: {trial}" for trial in report.diverged]


def print_report(report: "Report") -> None:
    """Prints the tables of a report, with the notes on its data."""
    from leukcnn.outputs.titles import NOT_COMPARABLE
    from leukcnn.records import relative
    from leukcnn.rendering.renderings import to_rich

    screen = console()
    record = report.record
    for table in report.tables:
        if len(table.rows) > 80:
            screen.print(f"{table.title}: {len(table.rows)} rows, in {table.id}.csv below.\n")
        else:
            screen.print(to_rich(table))
            screen.print()
    screen.print(to_rich(report.assumptions))
    for note in record.data_notes:
        screen.print(f"Data: {note}", markup=False, highlight=False)
    marks = (mark for table in report.tables for mark in table.every_mark)
    for mark in dict.fromkeys(mark for mark in marks if mark.startswith(NOT_COMPARABLE)):
        screen.print(mark, style="bold red", markup=False, highlight=False)
    screen.print(f"{len(report.files)} files in {relative(report.folder)}", markup=False, highlight=False)
