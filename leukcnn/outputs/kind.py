"""What a kind of table or figure is: what it needs, what it captures, what it builds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leukcnn import spec
from leukcnn.datasets import ImageIndex, card
from leukcnn.fields import to_plain
from leukcnn.files import digest
from leukcnn.rendering.tables import Table
from leukcnn.results.results import Results

NOTHING, DATA, NETWORKS = "nothing", "data", "networks"
"""What must be at hand for a table or figure: the paper alone, images, or networks trained on them."""

Kept = Mapping[str, Mapping[str, Any]]
"""Name of a capture -> what it made, arrays, lists of arrays and plain values as JSON has them; and "key"."""


@dataclass(frozen=True, eq=False)
class Material:
    """What tables and figures may look at while the data are at hand: all that was trained, the images."""

    results: Results
    index: ImageIndex

    @property
    def seed(self) -> int:
        """Root seed."""
        return self.results.record.seed

    def own_setup(self, row: str) -> spec.Setup:
        """Returns what a row's trials do in the paper's own profile, under this run's assumptions."""
        return self.results.paper.setup(row, assumed=self.results.record.assumed)

    @property
    def whole(self) -> spec.Preprocessing:
        """How whole images are prepared: in the paper's own size, blanked as in this run."""
        record = self.results.record
        mask = record.changes.get("preprocessing.mask")
        return self.results.paper.whole_image_preprocessing(assumed=record.assumed, mask=mask)

    @cached_property
    def shown(self) -> np.ndarray:
        """Positions of the images that may be shown: with a label, of the first part of their dataset."""
        first = [card(str(name)).subsets[0].key for name in np.unique(self.index.dataset)]
        return np.flatnonzero((self.index.labels >= 0) & np.isin(self.index.subset, first))

    def key(self, *what: Any) -> str:
        """Returns the hash of what the images are, wherever they lie, of the seed, and of `what`."""
        return digest([self._images, self.seed, to_plain(what)])

    @cached_property
    def _images(self) -> str:
        columns = ("ids", "sha256", "labels", "dataset", "group", "subset")
        return digest([self.index.class_names, *(getattr(self.index, name).tolist() for name in columns)])


class Capture(NamedTuple):
    """Something that is kept with the experiment, once: arrays, lists of arrays, and values as JSON has them.

    Its name begins with the id of the table or figure; what was kept with another key, the hash of what it
    rests on beside the table or figure itself, is made again.
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
        by_task: Whether its lines stand once for each dataset that is cross-validated by itself, since it
            knows of one alone; a table with the axis "dataset" knows of all.
        every_split: Whether it shows every kind of split under which its rows are trained.
        every_mask: Whether it shows trials under every mask; later runs into the same store may then add
            lines, so that an older file of it may differ.
        probe: Whether it shows the probe that tells datasets apart.
    """

    build: Callable[[spec.Table, Results, Kept], Table]
    needs: str = NETWORKS
    capture: Callable[[spec.Table, Material], Iterator[Capture]] | None = None
    by_task: bool = False
    every_split: bool = False
    every_mask: bool = False
    probe: bool = False

    def of(self, table: spec.Table) -> "TableKind":
        """Returns the kind of a table; with the axis "split" or "mask" it shows all of them."""
        return replace(
            self,
            every_split=self.every_split or "split" in table.axes,
            every_mask=self.every_mask or "mask" in table.axes,
        )


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure, as `TableKind` is one of table; it builds PNG files in a folder and returns them."""

    build: Callable[[spec.Figure, Results, Kept, Path], list[Path]]
    needs: str = NETWORKS
    capture: Callable[[spec.Figure, Material], Iterator[Capture]] | None = None
