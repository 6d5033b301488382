"""Kinds of tables and figures: what each needs, captures and builds."""

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
"""What a table or figure needs: the paper alone, images, or networks trained on them."""

Kept = Mapping[str, Mapping[str, Any]]
"""Name of a capture -> its values by name: arrays, lists of arrays or JSON values; and its "key"."""


@dataclass(frozen=True, eq=False)
class Material:
    """The trials and the images, which captures read while the data are available."""

    results: Results
    index: ImageIndex

    @property
    def seed(self) -> int:
        """Root seed."""
        return self.results.record.seed

    def own_setup(self, row: str) -> spec.Setup:
        """Returns the setup of a row in the paper's own profile, under this run's assumptions."""
        return self.results.paper.setup(row, assumed=self.results.record.assumed)

    @property
    def whole_image_preprocessing(self) -> spec.Preprocessing:
        """Preprocessing of whole images: at the paper's own size, blanked as in this run."""
        record = self.results.record
        mask = record.changes.get("preprocessing.mask")
        return self.results.paper.whole_image_preprocessing(assumed=record.assumed, mask=mask)

    @cached_property
    def shown(self) -> np.ndarray:
        """Positions of the images that figures may show: labelled ones of their dataset's first subset."""
        first = [card(str(name)).subsets[0].key for name in np.unique(self.index.dataset)]
        return np.flatnonzero((self.index.labels >= 0) & np.isin(self.index.subset, first))

    def key(self, *what: Any) -> str:
        """Returns a hash of the images (but not of their folder), the seed and `what`."""
        return digest([self._images, self.seed, to_plain(what)])

    @cached_property
    def _images(self) -> str:
        columns = ("ids", "sha256", "labels", "dataset", "group", "subset")
        return digest([self.index.class_names, *(getattr(self.index, name).tolist() for name in columns)])


class Capture(NamedTuple):
    """Something that is made once and kept with the experiment.

    Attributes:
        name: Its name, which begins with the id of the table or figure.
        key: Hash of its inputs, other than the table or figure itself. With a new key it is made again.
        make: Returns arrays, lists of arrays, and values that JSON can hold, by name. A "key" among them is
            stored instead of `key`: with "" the capture is made again in the next run.
    """

    name: str
    key: str
    make: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class TableKind:
    """A kind of table.

    Attributes:
        build: Takes the paper's table, the experiment's results and the captures; returns the table.
        needs: `NOTHING`, `DATA` or `NETWORKS`. What needs networks is captured after the training.
        capture: Takes the paper's table and the material; yields the captures. None captures nothing.
        by_task: Whether `build` shows one task, so that its lines are repeated for each dataset that is
            cross-validated by itself. A table with the axis "dataset" shows all tasks anyway.
        every_split: Whether it shows every kind of split under which its rows are trained.
        every_mask: Whether it shows trials under every mask. Later runs in the same store may then add
            lines, so an older file of the table may differ.
        probe: Whether it shows the probe that distinguishes datasets.
    """

    build: Callable[[spec.Table, Results, Kept], Table]
    needs: str = NETWORKS
    capture: Callable[[spec.Table, Material], Iterator[Capture]] | None = None
    by_task: bool = False
    every_split: bool = False
    every_mask: bool = False
    probe: bool = False

    def of(self, table: spec.Table) -> "TableKind":
        """Returns the kind as it applies to a table: its axis "split" or "mask" shows all of them."""
        return replace(
            self,
            every_split=self.every_split or "split" in table.axes,
            every_mask=self.every_mask or "mask" in table.axes,
        )


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure, like `TableKind`; `build` writes PNG files into a folder and returns their paths."""

    build: Callable[[spec.Figure, Results, Kept, Path], list[Path]]
    needs: str = NETWORKS
    capture: Callable[[spec.Figure, Material], Iterator[Capture]] | None = None
