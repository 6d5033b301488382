"""What a user asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.datasets import CATALOG, card
from leukcnn.errors import SpecError, WeightsError
from leukcnn.fields import replace_at
from leukcnn.models.published import weights_file
from leukcnn.outputs.build import kind_of
from leukcnn.outputs.kind import NETWORKS

SYNTHETIC = "synthetic"
SCRATCH = "scratch"


@dataclass(frozen=True)
class Request:
    """What a user asks for, as the options of `leukcnn reproduce` name it.

    Attributes:
        paper: The paper.
        data: Folder of the data, or "synthetic".
        out: Folder of the runs.
        profile: Name of the profile.
        only: Id of one row, table or figure; None for all.
        seed: Root seed.
        runs: Repetitions with other seeds, None for the profile's or the paper's own.
        split: Kind of split, None for the paper's own and those that stand beside it.
        datasets: Keys of the datasets to use, empty for the paper's own.
        weights: What fine-tuned networks start from: "none" (random), "imagenet", a file, or a folder of
            files with their publishers' names; None for the paper's own choice.
        base: "scratch" or "scratch=NAME" for a network trained from scratch in the place of those that need
            published weights; None for the paper's own, unless `weights` is "none" and there is a "scratch".
        mask: Part of every picture that is blanked, one of `spec.MASKS`; None for none.
        assumed: Assumptions overridden by name.
        deterministic: Whether the same command must give the same bytes; None for the profile's own choice.
        precision: Keras' dtype policy, None for the profile's own.
        devices: As `leukcnn.distribution.find_devices` takes it.
        workers: Threads that prepare batches.
        tensorboard: Whether to write TensorBoard's logs.
    """

    paper: spec.Paper
    data: str
    out: Path = Path("runs")
    profile: str = "paper"
    only: str | None = None
    seed: int = 0
    runs: int | None = None
    split: str | None = None
    datasets: tuple[str, ...] = ()
    weights: str | None = None
    base: str | None = None
    mask: str | None = None
    assumed: Mapping[str, Any] = field(default_factory=dict)
    deterministic: bool | None = None
    precision: str | None = None
    devices: str | None = None
    workers: int = 2
    tensorboard: bool = False

    def __post_init__(self):
        paper = self.paper
        known = (*paper.row_ids, *(t.id for t in paper.tables), *(f.id for f in paper.figures))
        if self.only not in (None, *known):
            raise SpecError(
                f"--only got {self.only!r}.", expected=f"a row, table or figure: {', '.join(known)}"
            )
        if self.runs is not None and self.runs < 1:
            raise SpecError(f"--runs got {self.runs}.", expected="a whole number of at least 1")
        if self.split not in (None, *paper.splits):
            raise SpecError(f"--split got {self.split!r} for {paper.key}.", expected=", ".join(paper.splits))
        if self.datasets and not paper.class_of:
            raise SpecError(
                f"--datasets got {', '.join(self.datasets)}, but {paper.key} has one dataset.",
                expected=f"no --datasets, for {paper.datasets[0]}",
            )
        for name in self.datasets:
            card(name)
        self._check_base()
        for row in paper.row_ids:
            self.setup(row)

    def _check_base(self) -> None:
        stands_in = self.only in self.paper.row_ids and self.paper.row(self.only).scratch
        if self.weights not in (None, "none") and (self.base or stands_in):
            named = f"--base {self.base}" if self.base else f"--only {self.only}"
            raise SpecError(
                f"{named} beside --weights {self.weights}.",
                expected="one of them, since a network from scratch starts from random weights",
                remedy=f"drop {named} to start from that file",
            )
        if self.base is None:
            return
        names = list(self.paper.stand_ins)
        if not names:
            raise SpecError(
                f"--base got {self.base!r}, but no network of {self.paper.key} stands in for another.",
                expected="no --base",
            )
        kind, equals, name = self.base.partition("=")
        if kind != SCRATCH or (equals and name not in names):
            raise SpecError(
                f"--base got {self.base!r}.",
                expected=f"{SCRATCH}, which is {SCRATCH}={names[0]}"
                + "".join(f", or {SCRATCH}={other}" for other in names[1:]),
            )
        if self.only in self.paper.row_ids:
            raise SpecError(
                f"--base {self.base} beside --only {self.only}.",
                expected="one of them, since both name the network",
                remedy=f"drop --only {self.only}",
            )

    @property
    def base_row(self) -> str:
        """Id of the row trained from scratch in the place of the paper's own; "" where those are trained."""
        rows = self.paper.stand_ins
        if self.base is None and (self.weights != "none" or self.only in self.paper.row_ids):
            return ""
        _, _, name = (self.base or SCRATCH).partition("=")
        return rows.get(name) or next(iter(rows.values()), "")

    @property
    def changes(self) -> dict[str, Any]:
        """Fields that options change, by path."""
        chosen = {
            "split.kind": self.split,
            "preprocessing.mask": self.mask,
            "training.deterministic": self.deterministic,
            "training.precision": self.precision,
        }
        return {path: value for path, value in chosen.items() if value is not None}

    def setup(self, row: str) -> spec.Setup:
        """Returns what a row's trials do under its own split."""
        setup = self.paper.setup(row, profile=self.profile, assumed=self.assumed, changes=self.changes)
        if self.weights is None or self.paper.row(row).scratch or row not in self.rows_to_train:
            return setup
        try:
            setup = replace_at(setup, "model", self._with_weights(setup.model))
            if setup.features:
                beside = tuple(self._with_weights(model) for model in setup.features.beside)
                setup = replace_at(setup, "features.beside", beside)
        except WeightsError:
            # `missing_weights` then says what it lacks, and the other rows go on.
            place = Path(self.weights).expanduser()
            if not self.paper.row(row).optional or self.only == row or not place.exists():
                raise
        return setup

    def missing_weights(self, row: str) -> WeightsError | None:
        """Returns why a row that may be left out has no weights in the place that `weights` names."""
        if self.weights is None or self.paper.row(row).scratch:
            return None
        try:
            for model in self.paper.row(row).setup.models:
                self._with_weights(model)
        except WeightsError as error:
            return error
        return None

    def _with_weights(self, model: spec.Model) -> spec.Model:
        if "weights" not in model.arguments:
            return model
        weights = None if self.weights == "none" else weights_file(self.weights, model)
        return replace_at(model, "arguments.weights", weights)

    def splits(self, row: str) -> tuple[str, ...]:
        """Returns the kinds of split under which a row is trained, its own first."""
        if self.split:
            return (self.split,)
        found = self.paper.row(row)
        return tuple(dict.fromkeys((found.setup.split.kind, *found.also)))

    @property
    def n_runs(self) -> int:
        """Repetitions with other seeds."""
        return self.runs or self.paper.profile(self.profile).runs or self.paper.runs

    @property
    def control_preprocessing(self) -> spec.Preprocessing:
        """What the controls see: whole pictures, in the paper's own size whatever the profile."""
        own = self.paper.setup(self.paper.row_ids[0], assumed=self.assumed).preprocessing
        # What colour alone tells is asked of whole pictures, not of the cells that a network is shown.
        return replace(own, mask=self.mask or own.mask, threshold="none")

    @property
    def dataset_keys(self) -> tuple[str, ...]:
        """Keys of the datasets to use."""
        # In one order, whatever the order on the command line: the batches follow it.
        return tuple(name for name in CATALOG if name in (self.datasets or self.paper.datasets))

    @property
    def rows_to_train(self) -> tuple[str, ...]:
        """Rows that this request needs trained."""
        profile = self.paper.profile(self.profile).rows
        wanted = profile or tuple(row.id for row in self.paper.rows if not row.scratch)
        item = self._item
        if self.only in self.paper.row_ids:
            wanted = (self.only,)
        elif item is not None and kind_of(item).needs != NETWORKS:
            wanted = tuple(row for _, row, _ in getattr(item, "measured", ()))
        elif item is not None:
            stand_ins = {*self.paper.stand_ins.values()} - {*profile}
            wanted = tuple(row for row in item.rows if row not in stand_ins) or wanted
        if wanted and self.base_row:
            wanted = (self.base_row,)
        sources = {self.paper.source(row) for row in wanted}
        return tuple(row for row in self.paper.row_ids if row in wanted or row in sources)

    def wants(self, row: str, split: str, tested: tuple[str, ...] = ()) -> bool:
        """Says whether this request needs a row trained under a kind of split.

        Args:
            row: Id of the row.
            split: The kind of split.
            tested: Keys of the datasets that are tested; empty where all are tested together.
        """
        if row not in self.rows_to_train or split not in self.splits(row):
            return False
        main = self.splits(self.paper.row_ids[0])[0]
        if not isinstance(self._item, spec.Table):
            return self._item is None or split == main
        if kind_of(self._item).every_split:
            return True
        shown = {printed.dataset for printed in self._item.published}
        elsewhere = tested and len(shown) == 1 and shown.isdisjoint(("", *tested))
        return split in (self._item.split or main, self._item.beside) and not elsewhere

    @property
    def _item(self) -> spec.Table | spec.Figure | None:
        """The table or figure that alone is wanted."""
        every = (*self.paper.tables, *self.paper.figures)
        return next((item for item in every if item.id == self.only), None)
