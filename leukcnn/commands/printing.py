"""What commands print: results for readers or as JSON, notes, reports and faults, as wide as the terminal."""

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from leukcnn.counting import Count, uncounted

if TYPE_CHECKING:
    from rich.console import Console

    from leukcnn.experiment.report import Report
    from leukcnn.run import Run


_WITHOUT_TERMINAL = 120  # columns, as in a cluster's log
_NARROWEST = 40
_MOST_ROWS = 80  # of a table on the screen
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


@dataclass
class Output:
    """What a command prints: `--json`, `-q` and `-v` mean the same for every command.

    Attributes:
        as_json: Whether standard output gets `document` alone, as JSON.
        quiet: Whether notes and progress are left out.
        verbose: Whether details are shown.
        document: The command's result as plain JSON values.
    """

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    document: Any = None

    def result(self, text: str = "") -> None:
        """Prints lines of the result for readers."""
        if not self.as_json:
            click.echo(text)

    def note(self, text: str) -> None:
        """Shows a note or the progress on standard error, unless the command is quiet."""
        if not self.quiet:
            click.echo(text, err=True)

    def counting(self, what: str) -> contextlib.AbstractContextManager[Count]:
        """Shows how far a stage is, as `leukcnn.progress.counting`, unless the command is quiet."""
        if self.quiet:
            return uncounted(what)
        from leukcnn.progress import counting

        return counting(what)

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Prints the document after the block, which may end the program; errors have their own document."""
        if not self.as_json:
            yield
            return
        try:
            # Libraries print too.
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except (SystemExit, click.exceptions.Exit):
            self._print()
            raise
        self._print()

    def _print(self) -> None:
        click.echo(json.dumps(self.document, indent=1, allow_nan=False))


def exit_with(faults: Sequence[str]) -> None:
    """Shows faults, each once, and exits with 1 if there are any."""
    for fault in dict.fromkeys(faults):
        click.echo(fault, err=True)
    if faults:
        sys.exit(1)


def without_results(report: "Report") -> list[str]:
    """Returns a line for each trial whose training diverged."""
    return [f"The training diverged, and has no result: {trial}" for trial in report.diverged]


def refuse_tables(with_tables: bool, trial: str | None) -> None:
    """Refuses --tables for one trial, for which no tables are built.

    Raises:
        click.UsageError: Both are given.
    """
    if with_tables and trial:
        raise click.UsageError("--tables and --trial exclude each other: `leukcnn table` prints the tables.")


def end_run(run: "Run | None", output: Output, *, with_tables: bool) -> None:
    """Prints what a command has run: its times, tables and answer; exits with 1 if something is wrong.

    A host other than 0 has no run, and prints nothing.
    """
    if run is None:
        return
    from leukcnn.experiment.estimate import describe_seconds

    if (ended := run.ended) is not None:
        output.document = ended.to_json()
        output.result(ended.line())
        exit_with([one for one in (ended.outcome.diverged, ended.outcome.fault) if one])
        return
    report = run.report
    assert report is not None, "a run that has just ended has one"
    output.document = report.summary
    if not output.quiet:
        # It is part of the progress, and goes where that goes.
        click.echo(describe_seconds(report.seconds))
    print_report(report, output, with_tables=with_tables)
    exit_with([*without_results(report), *report.faults])


def print_report(report: "Report", output: Output, *, with_tables: bool) -> None:
    """Prints a run's answer, after the tables if they are wanted, and the assumptions, also with -v."""
    if output.as_json:
        return
    if with_tables:
        _print_tables(report)
    if output.verbose or with_tables:
        _print_details(report)
    for line in report.answer.lines(report.folder):
        output.result(line)


def _print_tables(report: "Report") -> None:
    from leukcnn.rendering.renderings import to_rich

    screen = console()
    for table in report.tables:
        if (n := len(table.layout.rows)) > _MOST_ROWS:
            line = f"{table.title}: {n} rows, in tables/{table.id}.txt.\n"
            screen.print(line, markup=False, highlight=False)
        else:
            screen.print(to_rich(table))
            screen.print()


def _print_details(report: "Report") -> None:
    from leukcnn.outputs.titles import NOT_COMPARABLE
    from leukcnn.rendering.renderings import to_rich

    screen = console()
    screen.print(to_rich(report.assumptions))
    for note in report.record.data_notes:
        screen.print(f"Data: {note}", markup=False, highlight=False)
    marks = (mark for table in report.tables for mark in table.every_mark)
    for mark in dict.fromkeys(mark for mark in marks if mark.startswith(NOT_COMPARABLE)):
        screen.print(mark, style="bold red", markup=False, highlight=False)
