"""Options that several commands have."""

from pathlib import Path

import click

from leukcnn.command_group import Choice, Place
from leukcnn.rendering.figure_files import FORMS

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
FIGURES = click.option(
    "--figures",
    type=Choice(FORMS),
    help="Files of the figures: PNG (at first the default), PDF or SVG as well, or for a paper: PDF and PNG "
    "of 300 dpi without caption.",
)
