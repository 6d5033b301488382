"""What commands print: reports and faults."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leukcnn.experiment.report import Report


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
    from rich.console import Console

    from leukcnn.outputs.titles import NOT_COMPARABLE
    from leukcnn.records import relative
    from leukcnn.rendering.renderings import to_rich

    console = Console(width=None if sys.stdout.isatty() else 160)
    record = report.record
    for table in report.tables:
        if len(table.rows) > 80:
            console.print(f"{table.title}: {len(table.rows)} rows, in {table.id}.csv below.\n")
        else:
            console.print(to_rich(table))
            console.print()
    console.print(to_rich(report.assumptions))
    for note in record.data_notes:
        console.print(f"Data: {note}", markup=False, highlight=False)
    marks = (mark for table in report.tables for mark in table.every_mark)
    for mark in dict.fromkeys(mark for mark in marks if mark.startswith(NOT_COMPARABLE)):
        console.print(mark, style="bold red", markup=False, highlight=False)
    console.print(f"{len(report.files)} files in {relative(report.folder)}", markup=False, highlight=False)
