"""Options that several commands have."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from leukcnn import completion
from leukcnn.command_group import Choice, Place
from leukcnn.commands.printing import Output
from leukcnn.rendering.figure_files import FORMS
from leukcnn.spec import COMPUTED_ON, MASKS, PRECISIONS

Types = Mapping[str, tuple[type | tuple[type, ...], str]]
"""Argument of a command's function in Python -> its types, and what it should be in words."""

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
SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root seed.")
RUNS = click.option("--runs", type=click.IntRange(min=1), help="Repetitions; by default the paper's number.")
MASK = click.option(
    "--mask", type=Choice(MASKS), help="Blank this part of every image, for the controls too."
)
PRECISION = click.option("--precision", type=Choice(PRECISIONS), help="Keras' dtype policy.")
AUGMENT = click.option(
    "--augment",
    type=Choice(COMPUTED_ON),
    help="Where training images are augmented; the host unless the paper says otherwise.",
)
TRACK = click.option(
    "--track",
    multiple=True,
    metavar="mlflow|wandb|tensorboard",
    shell_complete=completion.tracker,
    help="Report trials to a tracker; several with commas.",
)
WEIGHTS = click.option(
    "--weights",
    metavar="FILE|DIR|none",
    shell_complete=completion.weights,
    help="What fine-tuned networks start from: a file, a folder of published files, or random weights.",
)
DEVICES = click.option(
    "--devices",
    metavar="all|N|cpu:N",
    shell_complete=completion.devices,
    help="Devices that share each batch. Their number is checked when the backend has started.",
)
HOSTS = click.option(
    "--hosts",
    metavar="N|slurm",
    shell_complete=completion.hosts,
    help="Hosts that share each batch (JAX); the same command runs on each.",
)
HOST_INDEX = click.option("--host-index", type=click.IntRange(min=0), help="Index of this host, from 0.")
COORDINATOR = click.option(
    "--coordinator", metavar="HOST:PORT", help="Address of host 0 and a free port there, for every host."
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Threads that prepare batches; the result doesn't depend on them.",
)
LAUNCHER = click.option(
    "--launcher",
    metavar="dask|dask:N",
    shell_complete=completion.launcher,
    help="Run trials at the same time in worker processes of dask, by default as many as fit.",
)
SCHEDULER = click.option(
    "--scheduler",
    metavar="tcp://HOST:PORT",
    help="Scheduler of dask that runs already, such as a cluster's, for --launcher dask.",
)
TRIAL = click.option(
    "--trial",
    metavar="NAME",
    shell_complete=completion.trial,
    help="Run one trial or control alone, by its name in `leukcnn plan`; no tables are built.",
)
FIGURES = click.option(
    "--figures",
    type=Choice(FORMS),
    help="Files of the figures: PNG (at first the default), PDF or SVG as well, or for a paper: PDF and PNG "
    "of 300 dpi without caption.",
)
CONTROLS_ONLY = click.option(
    "--controls-only", is_flag=True, help="End after the controls, without training any network."
)


def config(
    types: Callable[[], Types], *, arguments: Mapping[str, str] | None = None, command: str = ""
) -> Callable[[Any], Any]:
    """Returns the option --config of a command, which reads the other options from a file.

    Options on the command line outrank those of the file.

    Args:
        types: Returns the types of the command's options; called if the option is given.
        arguments: Option of the function in Python -> the command's argument that takes it, if they differ.
        command: Name of the command whose options they are; "" for the command itself.
    """

    def read(ctx: click.Context, param: click.Parameter, place: Path | None) -> None:
        if place is None or ctx.resilient_parsing:
            return
        from leukcnn.run_options import as_words, read_options

        options = read_options(place, command or str(ctx.info_name), types())
        several = {
            one.name for one in ctx.command.params if getattr(one, "multiple", False) or one.nargs == -1
        }
        defaults = {}
        for option, value in options.items():
            name, words = (arguments or {}).get(option, option), as_words(value)
            if name in several and isinstance(words, str):
                words = [words]
            elif name not in several and isinstance(words, list):
                words = ",".join(map(str, words))
            defaults[name] = words
        # A value of None is the same as none.
        ctx.default_map = {name: value for name, value in defaults.items() if value is not None}

    return click.option(
        "--config",
        metavar="run.yaml",
        type=Place(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=read,
        help="Read options from a file, such as the run.yaml of an earlier run.",
    )


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


def deterministic_option(default: bool | None) -> Callable[[Any], Any]:
    """Returns the option --deterministic with a default; None for the profile's."""
    return click.option(
        "--deterministic/--no-deterministic",
        default=default,
        show_default=default is not None,
        help="Same command, same bytes." + " On in the smoke profile." * (default is None),
    )


def run_options(*, deterministic: bool | None) -> Callable[[Any], Any]:
    """Returns a decorator that gives a command the options of every run that trains networks.

    Args:
        deterministic: Default of --deterministic; None for the profile's.
    """
    own = deterministic_option(deterministic)
    options = (
        *(OUT, SEED, RUNS, WEIGHTS, MASK, own, PRECISION, AUGMENT, DEVICES, HOSTS, HOST_INDEX, COORDINATOR),
        *(WORKERS, LAUNCHER, SCHEDULER, TRIAL, CONTROLS_ONLY, TRACK, FIGURES, TABLES),
    )

    return with_options(*options)


def with_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Returns a decorator that gives a command some options, in the order in which --help shows them."""

    def decorate(command: Any) -> Any:
        # The last decorator's option comes first in --help.
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
