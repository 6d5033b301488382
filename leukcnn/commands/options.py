"""Options that several commands have."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from leukcnn.command_group import Place

Types = Mapping[str, tuple[type | tuple[type, ...], str]]
"""Argument of a command's function in Python -> its types, and what it should be in words."""

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


def config(types: Callable[[], Types]) -> Callable[[Any], Any]:
    """Returns the option --config of a command, which reads the other options from a file.

    Options on the command line outrank those of the file.

    Args:
        types: Returns the types of the command's options; called if the option is given.
    """

    def read(ctx: click.Context, param: click.Parameter, place: Path | None) -> None:
        if place is None or ctx.resilient_parsing:
            return
        from leukcnn.run_options import as_words, read_options

        options = read_options(place, str(ctx.info_name), types())
        several = {one.name for one in ctx.command.params if getattr(one, "multiple", False)}
        defaults = {}
        for name, value in options.items():
            words = as_words(value)
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
