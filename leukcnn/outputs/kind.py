"""What a kind of table or figure is: what it needs, what it captures, what it builds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results

NOTHING, DATA, NETWORKS = "nothing", "data", "networks"
"""What must be at hand for a table or figure: the paper alone, pictures, or networks trained on them."""

Kept = Mapping[str, Mapping[str, Any]]
"""Name of a capture -> what was captured: arrays, and plain values as JSON has them."""


@dataclass(frozen=True, eq=False)
class Material:
    """What tables and figures may look at while the data are at hand.

    Attributes:
        paper: The paper.
        seed: Root seed.
        index: The pictures.
        whole: How whole pictures are prepared, in the paper's own size.
        setups: Row -> what its trials do in this run.
        own_setups: Row -> what they do in the paper's own profile, under this run's assumptions.
        results: What was trained so far.
        tested: Name of a trial -> positions of the pictures that it tests.
    """

    paper: spec.Paper
    seed: int
    index: ImageIndex
    whole: spec.Preprocessing
    setups: Mapping[str, spec.Setup]
    own_setups: Mapping[str, spec.Setup]
    results: Results
    tested: Mapping[str, np.ndarray]


class Capture(NamedTuple):
    """Something that is kept with the experiment, once.

    Attributes:
        name: Name of its file, which begins with the id of the table or figure.
        key: The hash of what it rests on; what was kept with another key is captured again.
        make: Works it out: arrays, and plain values as JSON has them.
    """

    name: str
    key: str
    make: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class TableKind:
    """A kind of table.

    Attributes:
        build: The paper's table, the experiment and what was kept of it -> the table.
        needs: `NOTHING`, `DATA` or `NETWORKS`. What needs networks is captured after the training.
        capture: The paper's table and what it may look at -> what is to be kept; None keeps nothing.
        grows: Whether later runs into the same store may add lines, so that an older file of it may differ.
        by_task: Whether its lines stand once for each dataset that is cross-validated by itself, since it
            knows of one alone; a table with the axis "dataset" knows of all.
        every_split: Whether it shows every kind of split under which its rows are trained, as tables do that
            have the axis "split".
        probe: Whether it shows the probe that tells datasets apart.
    """

    build: Callable[[spec.Table, Results, Kept], Table]
    needs: str = NETWORKS
    capture: Callable[[spec.Table, Material], Iterator[Capture]] | None = None
    grows: bool = False
    by_task: bool = False
    every_split: bool = False
    probe: bool = False


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure.

    Attributes:
        build: The paper's figure, the experiment, what was kept of it, the folder -> the PNG files written.
        needs: As `TableKind` has it.
        capture: The paper's figure and what it may look at -> what is to be kept; None keeps nothing.
    """

    build: Callable[[spec.Figure, Results, Kept, Path], list[Path]]
    needs: str = NETWORKS
    capture: Callable[[spec.Figure, Material], Iterator[Capture]] | None = None
