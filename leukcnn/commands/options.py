"""Options that several commands have."""

from pathlib import Path

import click

from leukcnn import completion
from leukcnn.command_group import Place

DATA = click.option(
    "--data",
    metavar="DIR|synthetic",
    shell_complete=completion.data,
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
    shell_complete=completion.classes,
    help="Class of a folder's images, if its name doesn't say it for certain.",
)
ONLY = click.option(
    "--only",
    metavar="table2|ROW",
    shell_complete=completion.item,
    help="Only one table, figure or row.",
)
PAPER = click.argument("paper", metavar="PAPER|FILE.py", shell_complete=completion.paper)
