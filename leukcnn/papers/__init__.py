"""The papers as data: one module of values for each, and papers in users' own files."""

import importlib
from contextlib import suppress

from leukcnn.argument_types import require_type, user_path
from leukcnn.errors import ArgumentError, SpecError
from leukcnn.fields import did_you_mean
from leukcnn.papers.own import is_file_name, read
from leukcnn.spec import Paper

_MODULES = {
    "alertnet": "leukcnn.papers.alertnet",
    "cnmc2019": "leukcnn.papers.cnmc2019",
    "leuknet_lodocv": "leukcnn.papers.leuknet_lodocv",
    "taleghani_resnet50": "leukcnn.papers.taleghani_resnet50",
    "allidb_lightweight": "leukcnn.papers.allidb_lightweight",
}

__all__ = ["get", "is_file_name", "list_papers"]


def __dir__() -> list[str]:
    return sorted(__all__)


def list_papers() -> tuple[str, ...]:
    """Returns the keys of leukcnn's own papers."""
    return tuple(_MODULES)


def get(name: str) -> Paper:
    """Returns a paper.

    Args:
        name: Key of one of leukcnn's papers, or the path of a user's own file. A name that ends in .py or
            contains a folder is taken as a path.

    Raises:
        ArgumentError: It isn't a string.
        SpecError: There is no such paper, or the file isn't a valid paper.
    """
    require_type(str, "a paper's key or the path of its file", name=name)
    if is_file_name(name):
        return read(name, taken=list_papers())
    if name not in _MODULES:
        remedy = did_you_mean(name, _MODULES) or "`leukcnn papers` lists them"
        with suppress(ArgumentError):
            if user_path(f"{name}.py").is_file():
                remedy = f"pass its file: {name}.py"
        raise SpecError(
            f"There is no paper named {name!r}.",
            expected=f"{', '.join(_MODULES)}, or your own file (my_paper.py)",
            remedy=remedy,
        )
    return importlib.import_module(_MODULES[name]).PAPER
