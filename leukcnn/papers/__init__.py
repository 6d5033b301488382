"""The papers as data: one module of values each."""

import importlib

from leukcnn.errors import SpecError
from leukcnn.fields import did_you_mean
from leukcnn.spec import Paper

_MODULES = {
    "alertnet": "leukcnn.papers.alertnet",
    "cnmc2019": "leukcnn.papers.cnmc2019",
    "leuknet_lodocv": "leukcnn.papers.leuknet_lodocv",
    "taleghani_resnet50": "leukcnn.papers.taleghani_resnet50",
    "allidb_lightweight": "leukcnn.papers.allidb_lightweight",
}

__all__ = ["get", "list_papers"]


def list_papers() -> tuple[str, ...]:
    """Returns the keys of all papers."""
    return tuple(_MODULES)


def get(key: str) -> Paper:
    """Returns a paper by its key.

    Raises:
        SpecError: There is no such paper.
    """
    if key not in _MODULES:
        raise SpecError(
            f"There is no paper named {key!r}.",
            expected=", ".join(_MODULES),
            remedy=did_you_mean(key, _MODULES) or "`leukcnn papers` lists them",
        )
    return importlib.import_module(_MODULES[key]).PAPER
