"""The command line: the group of all commands, see `leukcnn.commands`."""

import io
import sys

import click

from leukcnn import __version__, quiet
from leukcnn.command_group import Commands
from leukcnn.commands.audit import audit_paper
from leukcnn.commands.check import check
from leukcnn.commands.datasets import datasets
from leukcnn.commands.evaluate import evaluate
from leukcnn.commands.export import export
from leukcnn.commands.list_runs import list_runs
from leukcnn.commands.papers import list_papers
from leukcnn.commands.plan import plan
from leukcnn.commands.predict import predict
from leukcnn.commands.report import report
from leukcnn.commands.reproduce import reproduce
from leukcnn.commands.table import table
from leukcnn.datasets.headers import bound_decoder


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__)
def main() -> None:
    """Reproduces papers on recognising leukaemia in blood-smear images.

    Start with: leukcnn reproduce cnmc2019 --data synthetic --profile smoke
    """
    quiet.set_log_level()
    bound_decoder()
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode shows names in escape sequences.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


for _command in (
    *(
        list_papers,
        datasets,
        check,
        evaluate,
        reproduce,
        plan,
        table,
        report,
        list_runs,
        audit_paper,
        predict,
    ),
    *(predict, export),
):
    main.add_command(_command)
