"""`leukcnn reproduce`."""

from typing import Any

import click

from leukcnn import completion
from leukcnn.command_group import Choice
from leukcnn.commands.options import CLASSES, DATA, ONLY, OUT, PAPER
from leukcnn.commands.printing import exit_with, print_report, without_results
from leukcnn.spec import MASKS, PRECISIONS, SPLIT_KINDS, UNKNOWN_SUBJECTS
from leukcnn.spec.metrics import MARGIN


@click.command()
@PAPER
@DATA
@OUT
@ONLY
@click.option(
    "--profile",
    default="paper",
    show_default=True,
    shell_complete=completion.profile,
    help="paper, or smoke for a quick look.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root seed.")
@click.option("--runs", type=click.IntRange(min=1), help="Repetitions; by default the paper's number.")
@click.option(
    "--split",
    type=Choice(SPLIT_KINDS),
    shell_complete=completion.split,
    help="Kind of split instead of the paper's.",
)
@click.option(
    "--unknown-subjects",
    type=Choice(UNKNOWN_SUBJECTS),
    help="What a split by subject does with images of unknown subject.",
)
@click.option(
    "--datasets",
    metavar="NAME,NAME|open",
    shell_complete=completion.datasets,
    help="Datasets instead of the paper's, or 'open' for those that anyone may download.",
)
@CLASSES
@click.option(
    "--weights",
    metavar="FILE|DIR|none",
    shell_complete=completion.weights,
    help="What fine-tuned networks start from: a file, a folder of published files, or random weights.",
)
@click.option(
    "--base",
    metavar="scratch[=NAME]",
    shell_complete=completion.base,
    help="Train a network from scratch in place of those that need published weights.",
)
@click.option("--mask", type=Choice(MASKS), help="Blank this part of every image, for the controls too.")
@click.option(
    "--assume",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=completion.assumption,
    help="Override an assumption.",
)
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Same command, same bytes (on in the smoke profile).",
)
@click.option("--precision", type=Choice(PRECISIONS), help="Keras' dtype policy.")
@click.option(
    "--devices",
    metavar="all|N|cpu:N",
    shell_complete=completion.devices,
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
def reproduce(paper: str, **options: Any) -> None:
    """Trains a paper's networks and prints its tables, with published and measured values side by side.

    Finished trials are kept in --out and never computed again; interrupted ones continue after the last epoch
    that was saved.
    """
    from leukcnn import reproduction

    run = reproduction.reproduce(paper, **options)

    from leukcnn.experiment.estimate import describe_seconds

    if run.report is not None:
        print_report(run.report)
        click.echo(describe_seconds(run.report.seconds))
        exit_with([*without_results(run.report), *run.report.faults])
