"""Options that several commands have."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from leukcnn.command_group import Place
from leukcnn.commands.printing import Output

DATA = click.option(
    "--data",
    metavar="DIR|synthetic",
    help="Folder of the data (the dataset's own or any above it), or 'synthetic' for synthetic cells. "
    "Default: the environment variable LEUKCNN_DATA.",
)
OUT = click.option(
    "--out",
    metavar="DIRECTORY",
    type=Place(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the runs.",
)
CLASSES = click.option(
    "--classes",
    multiple=True,
    metavar="FOLDER=CLASS",
    help="Class of a folder's images, if its name doesn't say it for certain.",
)
ONLY = click.option("--only", metavar="table2|ROW", help="Only one table, figure or row.")
TABLES = click.option("--tables", "with_tables", is_flag=True, help="Print the tables before the answer.")

_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; all else goes to standard error."
)
_QUIET = click.option("-q", "--quiet", is_flag=True, help="Print the result and errors alone.")
_VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Print notes and assumptions too.")


def with_output(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options --json, -q and -v, as its argument `output`, an `Output`."""

    @_JSON
    @_QUIET
    @_VERBOSE
    @functools.wraps(function)
    def command(*args: Any, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> Any:
        if quiet and verbose:
            raise click.UsageError("-q and -v exclude each other.")
        output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
        with output.shown():
            return function(*args, output=output, **options)

    return command
