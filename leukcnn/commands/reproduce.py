"""`leukcnn reproduce`."""

from typing import Any

import click

from leukcnn import completion
from leukcnn.command_group import Choice
from leukcnn.commands.options import (
    CLASSES,
    DATA,
    ONLY,
    PAPER,
    Types,
    config,
    run_options,
    with_options,
    with_output,
)
from leukcnn.commands.printing import Output, end_run, refuse_tables
from leukcnn.spec import SPLIT_KINDS, UNKNOWN_SUBJECTS
from leukcnn.spec.metrics import MARGIN


def _types() -> Types:
    from leukcnn.reproduction import OPTION_TYPES

    return OPTION_TYPES


paper_options = with_options(
    PAPER,
    config(_types, command="reproduce"),
    DATA,
    ONLY,
    click.option(
        "--profile",
        default="paper",
        show_default=True,
        shell_complete=completion.profile,
        help="paper, or smoke for a quick look.",
    ),
    click.option(
        "--split",
        type=Choice(SPLIT_KINDS),
        shell_complete=completion.split,
        help="Kind of split instead of the paper's.",
    ),
    click.option(
        "--unknown-subjects",
        type=Choice(UNKNOWN_SUBJECTS),
        help="What a split by subject does with images of unknown subject.",
    ),
    click.option(
        "--datasets",
        metavar="NAME,NAME|open",
        shell_complete=completion.datasets,
        help="Datasets instead of the paper's, or 'open' for those that anyone may download.",
    ),
    CLASSES,
    click.option(
        "--base",
        metavar="scratch[=NAME]",
        shell_complete=completion.base,
        help="Train a network from scratch in place of those that need published weights.",
    ),
    click.option(
        "--assume",
        multiple=True,
        metavar="NAME=VALUE",
        shell_complete=completion.assumption,
        help="Override an assumption.",
    ),
)
"""Decorator that gives a command a paper and the options that choose its trials."""


@click.command()
@paper_options
@click.option(
    "--margin",
    metavar="POINTS",
    type=float,
    default=MARGIN,
    show_default=True,
    help="Percentage points within which a published and a measured value agree.",
)
@run_options(deterministic=None)
@with_output
def reproduce(paper: str, output: Output, with_tables: bool, **options: Any) -> None:
    """Trains a paper's networks, writes its tables and figures, and prints the answer.

    Finished trials are kept in --out and never computed again; interrupted ones continue after the last epoch
    that was saved.
    """
    from leukcnn import reproduction

    refuse_tables(with_tables, options["trial"])
    run = reproduction.reproduce(paper, **options, quiet=output.quiet)
    end_run(run, output, with_tables=with_tables)
