"""`leukcnn plan`."""

from typing import Any

import click

from leukcnn.commands.options import (
    AUGMENT,
    CONTROLS_ONLY,
    MASK,
    OUT,
    PRECISION,
    RUNS,
    SEED,
    WEIGHTS,
    deterministic_option,
    with_options,
    with_output,
)
from leukcnn.commands.printing import Output
from leukcnn.commands.reproduce import paper_options


@click.command()
@paper_options
@with_options(
    *(OUT, SEED, RUNS, WEIGHTS, MASK, deterministic_option(None), PRECISION, AUGMENT, CONTROLS_ONLY),
)
@with_output
def plan(paper: str, output: Output, **options: Any) -> None:
    """Lists the trials and controls of `leukcnn reproduce` with the same options, without training.

    Each has a name, under which `leukcnn reproduce --trial NAME` runs it alone, such as in a job array of a
    cluster, and a state: finished, diverged, begun or waiting. Nothing is written to --out.
    """
    from leukcnn import reproduction

    listing = reproduction.plan(paper, **options, quiet=output.quiet or output.as_json)
    output.document = listing.to_json()
    for line in listing.lines():
        output.result(line)
