"""Options that several commands have."""

from pathlib import Path

import click

from leukcnn.command_group import Choice, Place
from leukcnn.spec import MASKS, PRECISIONS

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
SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root seed.")
RUNS = click.option("--runs", type=click.IntRange(min=1), help="Repetitions; by default the paper's number.")
MASK = click.option(
    "--mask", type=Choice(MASKS), help="Blank this part of every image, for the controls too."
)
PRECISION = click.option("--precision", type=Choice(PRECISIONS), help="Keras' dtype policy.")
TENSORBOARD = click.option(
    "--tensorboard", is_flag=True, help="Write TensorBoard's logs into the trials' folders."
)
WEIGHTS = click.option(
    "--weights",
    metavar="FILE|DIR|none",
    help="What fine-tuned networks start from: a file, a folder of published files, or random weights.",
)
DEVICES = click.option(
    "--devices",
    metavar="all|N|cpu:N",
    help="Devices that share each batch. Their number is checked when the backend has started.",
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Threads that prepare batches; the result doesn't depend on them.",
)
CONTROLS_ONLY = click.option(
    "--controls-only", is_flag=True, help="End after the controls, without training any network."
)
