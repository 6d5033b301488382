"""`leukcnn reproduce`."""

from typing import Any

import click

from leukcnn.command_group import Choice
from leukcnn.commands.options import CLASSES, DATA, ONLY, OUT, TABLES, with_output
from leukcnn.commands.printing import Output, exit_with, print_report, without_results
from leukcnn.spec import MASKS, PRECISIONS, SPLIT_KINDS, UNKNOWN_SUBJECTS
from leukcnn.spec.metrics import MARGIN


@click.command()
@click.argument("paper", metavar="PAPER|FILE.py")
@DATA
@OUT
@ONLY
@click.option("--profile", default="paper", show_default=True, help="paper, or smoke for a quick look.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root seed.")
@click.option("--runs", type=click.IntRange(min=1), help="Repetitions; by default the paper's number.")
@click.option("--split", type=Choice(SPLIT_KINDS), help="Kind of split instead of the paper's.")
@click.option(
    "--unknown-subjects",
    type=Choice(UNKNOWN_SUBJECTS),
    help="What a split by subject does with images of unknown subject.",
)
@click.option(
    "--datasets",
    metavar="NAME,NAME|open",
    help="Datasets instead of the paper's, or 'open' for those that anyone may download.",
)
@CLASSES
@click.option(
    "--weights",
    metavar="FILE|DIR|none",
    help="What fine-tuned networks start from: a file, a folder of published files, or random weights.",
)
@click.option(
    "--base",
    metavar="scratch[=NAME]",
    help="Train a network from scratch in place of those that need published weights.",
)
@click.option("--mask", type=Choice(MASKS), help="Blank this part of every image, for the controls too.")
@click.option("--assume", multiple=True, metavar="NAME=VALUE", help="Override an assumption.")
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Same command, same bytes (on in the smoke profile).",
)
@click.option("--precision", type=Choice(PRECISIONS), help="Keras' dtype policy.")
@click.option(
    "--devices",
    metavar="all|N|cpu:N",
    help="Devices that share each batch. Their number is checked when the backend has started.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Threads that prepare batches; the result doesn't depend on them.",
)
@click.option(
    "--margin",
    metavar="POINTS",
    type=float,
    default=MARGIN,
    show_default=True,
    help="Percentage points within which a published and a measured value agree.",
)
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard's logs into the trials' folders.")
@TABLES
@with_output
def reproduce(paper: str, output: Output, with_tables: bool, **options: Any) -> None:
    """Trains a paper's networks, writes its tables and figures, and prints the answer.

    Finished trials are kept in --out and never computed again; interrupted ones continue after the last epoch
    that was saved.
    """
    from leukcnn import reproduction

    report = reproduction.reproduce(paper, **options, quiet=output.quiet).report
    assert report is not None

    from leukcnn.experiment.estimate import describe_seconds

    output.document = report.summary
    if not output.quiet:
        # It is part of the progress, and goes where that goes.
        click.echo(describe_seconds(report.seconds))
    print_report(report, output, with_tables=with_tables)
    exit_with([*without_results(report), *report.faults])
