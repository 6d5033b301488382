"""The networks of a study by their names: the rows of its paper."""

from dataclasses import replace

from leukcnn.errors import SpecError
from leukcnn.spec import Model, Row, Setup

DEFAULT_NETWORKS = ("four_blocks",)


def rows_of(names: tuple[str, ...], *, setup: Setup) -> tuple[Row, ...]:
    """Returns a row for each network.

    Args:
        names: Names of networks.
        setup: The setup of the study, with any network.

    Raises:
        SpecError: There is no such network.
    """
    if unknown := [name for name in names if name not in DEFAULT_NETWORKS]:
        raise SpecError(
            f"networks (--networks) got {', '.join(unknown)}.", expected=", ".join(DEFAULT_NETWORKS)
        )
    model = Model("FourBlockCNN", {"filters": (16, 32, 64, 128)})
    return tuple(Row(name, "Four blocks, from scratch", replace(setup, model=model)) for name in names)
