"""`leukcnn evaluate`."""

from pathlib import Path
from typing import Any

import click

from leukcnn import completion
from leukcnn.command_group import Choice, Place
from leukcnn.commands.options import CLASSES, Types, config, run_options, with_output
from leukcnn.commands.printing import Output, end_run, refuse_tables
from leukcnn.errors import ArgumentError

# As `leukcnn.studies.study`, which loads NumPy.
_SPLITS = (
    *("grouped_kfold", "holdout", "kfold", "random", "block_kfold", "given"),
    *("lodocv", "lodocv_strict"),
)


def _types() -> Types:
    from leukcnn.studies.evaluation import TYPES

    return TYPES


@click.command()
@click.argument("places", nargs=-1, metavar="FOLDER", shell_complete=completion.folder)
@config(_types, arguments={"folder": "places"})
@click.option(
    "--datasets",
    multiple=True,
    metavar="NAME=DIR NAME=DIR ...",
    help="Several folders as datasets: each is tested after training on the others.",
)
@click.option(
    "--labels",
    type=Place(path_type=Path),
    metavar="FILE.csv",
    help="Path, label and perhaps group of each image, in place of a folder for each class.",
)
@click.option(
    "--groups",
    metavar="REGEX|COLUMN",
    help=r"What images of one patient or slide have in common: 'patient_(\d+)' in their paths, or a column "
    "of --labels.",
)
@click.option(
    "--networks",
    metavar="NAME,NAME",
    default="four_blocks",
    show_default=True,
    shell_complete=completion.networks,
    help="Networks to train, such as four_blocks,alertnet,resnet50:SFT.",
)
@click.option(
    "--split",
    type=Choice(_SPLITS),
    help="Kind of split. By default grouped_kfold, lodocv for --datasets, given for train, val and test.",
)
@click.option("--image-size", type=click.IntRange(1, 10_000), help="Height and width of the networks' input.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs; by default as many as take minutes.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Images in each step.")
@click.option("--positive-class", metavar="CLASS", help="The class that sensitivity refers to, of two.")
@click.option(
    "--against",
    multiple=True,
    type=Place(path_type=Path),
    metavar="MODEL",
    help="Apply a trained network (a trial's model.keras) in place of training one; may be repeated.",
)
@CLASSES
@click.option(
    "--save-paper",
    type=Place(path_type=Path),
    metavar="FILE.py",
    help="Also write the study as a paper's file, to edit it and to run it with `leukcnn reproduce`.",
)
@run_options(deterministic=True)
@with_output
def evaluate(
    places: tuple[str, ...], datasets: tuple[str, ...], output: Output, with_tables: bool, **options: Any
) -> None:
    """Tests networks and controls on your own images: a folder with one folder for each class.

    Controls come first: what the border, the colours or the file format give away without any network.
    Finished trials are kept in --out and never computed again; interrupted ones continue.
    """
    from leukcnn.studies.evaluation import evaluate as run_study

    refuse_tables(with_tables, options["trial"])
    named = [*(part for text in datasets for part in text.split(","))]
    if named:
        # The shell ends the option after its first word: --datasets a=DIR b=DIR.
        named += [place for place in places if "=" in place]
        places = tuple(place for place in places if "=" not in place)
    if len(places) > 1:
        raise ArgumentError(
            f"{len(places)} folders are given: {', '.join(places)}.",
            expected="one folder with a folder for each class",
            remedy="name them to test each after training on the others: --datasets "
            + " ".join(f"NAME={place}" for place in places),
        )
    run = run_study(places[0] if places else None, datasets=named or None, **options, quiet=output.quiet)
    end_run(run, output, with_tables=with_tables)
