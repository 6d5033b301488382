"""A paper with a request's options applied, which happens once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leukcnn import spec
from leukcnn.argument_types import user_path
from leukcnn.augmentation import ImageAugmenter
from leukcnn.backend import check_backend
from leukcnn.datasets import in_order
from leukcnn.device_names import check_batch_size, read_devices
from leukcnn.errors import SpecError, WeightsError
from leukcnn.experiment.check import explained
from leukcnn.experiment.request import OPEN, SCRATCH, Request, chosen_datasets
from leukcnn.fields import replace_at
from leukcnn.files import check_writable
from leukcnn.image_cache import cache_folder
from leukcnn.launchers import read_launcher, require_scheduler
from leukcnn.models.published import starts_from, weights_file
from leukcnn.paths import check_weights_file
from leukcnn.spec.checks import name_of
from leukcnn.spec.metrics import MARGIN
from leukcnn.spec.names import BUILDERS
from leukcnn.spec.paper import require_border

if TYPE_CHECKING:
    from leukcnn.outputs.kind import TableKind


@dataclass(frozen=True)
class StudyRow:
    """A row of the paper's tables as this study trains it.

    Attributes:
        id: Id of the paper's row.
        label: Its name in tables.
        setup: What its trials do under the first of its splits.
        splits: Kinds of split under which it is trained, its own first.
        wanted: Whether it is to be trained.
        optional: Whether it is left out, instead of raising an error, if its weights are missing.
        source: Id of the row whose trained networks compute its features; "" if there is none.
        lacking: Why `--weights` doesn't have its weights; None if it has them or wasn't given.
    """

    id: str
    label: str
    setup: spec.Setup
    splits: tuple[str, ...]
    wanted: bool
    optional: bool
    source: str
    lacking: WeightsError | None = None

    @property
    def trains(self) -> bool:
        """Whether its trials train a network, and not an SVM on features, and apply no trained one."""
        return not (self.setup.features or self.setup.trained)

    def under(self, kind: str) -> spec.Setup:
        """Returns its setup under a kind of split."""
        return replace_at(self.setup, "split.kind", kind)


@dataclass(frozen=True)
class Study:
    """A paper with the options of a request applied.

    Attributes:
        paper: The paper.
        profile: Its profile.
        rows: All rows of the paper, in its order.
        datasets: Keys of the datasets to use, in the catalog's order, then the paper's own folders.
        whole: Preprocessing of whole images, for controls. It has the paper's own size in every profile.
        seed: Root seed.
        runs: Number of repetitions, each with another seed.
        only: Id of the requested row, table or figure; None for all.
        assumed: Name of an assumption -> value that replaces the paper's default.
        changes: Path of a field -> value that an option gave it.
        margin: Points within which a published and a measured value agree.
        figures: Form of the figures, as in `Request`.
        open_data: Whether the datasets are the open ones instead of the paper's (`--datasets open`).
        masked: Mask ("" for none) -> the same study of the main split with that part of the images
            blanked; empty if no table of the paper shows them.
        controls_only: Whether the controls are computed although nothing is to be trained.
        command: Name of the command that was called.
        given: Its options as they were given, with their defaults.
    """

    paper: spec.Paper
    profile: spec.Profile
    rows: tuple[StudyRow, ...]
    datasets: tuple[str, ...]
    whole: spec.Preprocessing
    seed: int
    runs: int
    only: str | None
    assumed: Mapping[str, Any]
    changes: Mapping[str, Any]
    margin: float = MARGIN
    figures: str | None = None
    open_data: bool = False
    masked: Mapping[str, "Study"] = field(default_factory=dict)
    controls_only: bool = False
    command: str = "reproduce"
    given: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _by_id(self) -> dict[str, StudyRow]:
        return {row.id: row for row in self.rows}

    def row(self, row_id: str) -> StudyRow:
        """Returns a row by its id."""
        return self._by_id[row_id]

    @property
    def trained(self) -> tuple[str, ...]:
        """Ids of the rows that are to be trained."""
        return tuple(row.id for row in self.rows if row.wanted)

    @property
    def preprocessings(self) -> tuple[spec.Preprocessing, ...]:
        """How images are prepared for all that this study computes from them, apart from planning."""
        of_rows = [row.setup.preprocessing for row in self.rows if row.wanted]
        whole = [self.whole] if self.paper.controls and (of_rows or self.controls_only) else []
        return tuple(dict.fromkeys((*whole, *of_rows)))

    @property
    def main_split(self) -> str:
        """Kind of the split that tables and figures show unless they name another."""
        return self.rows[0].splits[0]

    @property
    def split_kinds(self) -> set[str]:
        """Kinds of split of all rows."""
        return {kind for row in self.rows for kind in row.splits}

    @property
    def item(self) -> spec.Table | spec.Figure | None:
        """The requested table or figure; None if all are, or a row."""
        return _item(self.paper, self.only)

    def wants(self, row: str, split: str, tested: tuple[str, ...] = ()) -> bool:
        """Returns whether a row is to be trained under a kind of split.

        Args:
            row: Id of the row.
            split: The kind of split.
            tested: Keys of the datasets that are tested; empty if all are tested together.
        """
        if not self.row(row).wanted or split not in self.row(row).splits:
            return False
        item = self.item
        if not isinstance(item, spec.Table):
            return item is None or split == self.main_split
        if _table_kind(item).every_split:
            return True
        shown = {printed.dataset for printed in item.published}
        elsewhere = tested and len(shown) == 1 and shown.isdisjoint(("", *tested))
        return split in (item.split or self.main_split, item.compared_split) and not elsewhere


def study_of(request: Request) -> Study:
    """Applies a request's options to its paper.

    Raises:
        SpecError: An option's value isn't allowed for the paper.
        WeightsError: The weights that the request names don't exist.
    """
    study = _study_of(request)
    probing = next((table for table in request.paper.tables if _table_kind(table).probe), None)
    if probing and len(study.datasets) > 1:
        require_border(name_of(probing), study.whole)
    if any(_table_kind(table).every_mask for table in request.paper.tables):
        # The table of masks shows this study's trials next to those with other masks.
        main, masks = study.main_split, ("", *spec.MASKS)
        unknown = request.unknown_subjects if main in spec.SUBJECT_KINDS else None
        of_main = replace(request, split=main, unknown_subjects=unknown)
        masked = {mask: _study_of(replace(of_main, mask=mask or None)) for mask in masks}
        study = replace(study, masked=masked)
    return study


def _study_of(request: Request) -> Study:
    paper, trained = request.paper, _rows_to_train(request)
    profile, changes = paper.profile(request.profile), _changes(request)
    chosen = chosen_datasets(paper, request.datasets)
    rows = tuple(_row(request, row, changes, wanted=row.id in trained) for row in paper.rows)
    return Study(
        paper=paper,
        profile=profile,
        rows=rows,
        # The order on the command line doesn't matter, since it would change the batches.
        datasets=in_order(chosen),
        whole=paper.whole_image_preprocessing(assumed=request.assumed, mask=request.mask),
        seed=request.seed,
        runs=request.runs or profile.runs or paper.runs,
        only=request.only,
        assumed=request.assumed,
        changes=changes,
        margin=float(request.margin),
        figures=request.figures,
        open_data=OPEN in request.datasets,
        controls_only=request.controls_only,
        command=request.command,
        given=request.given,
    )


def check_request(request: Request, *, writing: bool = True) -> None:
    """Checks what can be checked of a request before Keras is loaded.

    Its options must be compatible, its weights files must exist and look like such files, its output folder
    must allow writing, and Keras' backend must be supported and installed.

    Args:
        request: The request.
        writing: Whether something will be written into the output folder.

    Raises:
        SpecError: As `study_of`.
        WeightsError: As `study_of`; or a file holds no weights, or no network of the paper starts from any.
        StoreError: The output folder can't be written to.
        DeviceError: The backend isn't supported, or a batch can't be divided among the devices.
        DependencyError: The backend isn't installed, or the launcher's package.
    """
    paper, place = request.paper, request.weights
    models = [model for row in paper.rows for model in row.setup.models]
    if place not in (None, "none") and all(map(_is_from_scratch, models)):
        raise WeightsError(
            f"weights (--weights) got {place!r}, but the networks of {paper.key} start from random weights.",
            expected="no --weights",
        )
    _, devices = (None, None) if request.devices is None else read_devices(request.devices)
    hosts = request.place.count if request.place else 1
    for row in _study_of(request).rows:
        if row.wanted and row.trains:
            check_batch_size(row.setup.training.batch_size, (devices or 1) * hosts)
        with explained(f"Row {row.id!r}: augmentation.arguments"):
            ImageAugmenter(**row.setup.augmentation.arguments)
        for model in row.setup.models if row.wanted else ():
            weights = model.arguments.get("weights")
            # A user's own builder may read other formats.
            if model.name in BUILDERS and weights not in (None, "imagenet"):
                check_weights_file(Path(weights))
    if writing and (not request.place or request.place.index == 0):
        check_writable(user_path(request.out, "out (--out)") / paper.key)
    check_writable(cache_folder())
    check_backend(hosts=hosts)
    require_scheduler(read_launcher(request.launcher, request.scheduler, request.devices))


def _table_kind(table: spec.Table) -> "TableKind":
    # Loads the module that builds the table; a request is checked before that.
    from leukcnn.outputs.build import kind_of

    return kind_of(table)


def _item(paper: spec.Paper, only: str | None) -> spec.Table | spec.Figure | None:
    items: tuple[spec.Table | spec.Figure, ...] = (*paper.tables, *paper.figures)
    return next((item for item in items if item.id == only), None)


def _changes(request: Request) -> dict[str, Any]:
    """Returns the fields that options change, by path."""
    chosen = {
        "split.kind": request.split,
        "split.unknown_subjects": request.unknown_subjects,
        "preprocessing.mask": request.mask,
        "training.deterministic": request.deterministic,
        "training.precision": request.precision,
        # Without the option, a paper's own choice is kept.
        "augmentation.computed_on": request.augment,
    }
    return {path: value for path, value in chosen.items() if value is not None}


def _row(request: Request, row: spec.Row, changes: Mapping[str, Any], *, wanted: bool) -> StudyRow:
    paper, assumed = request.paper, request.assumed
    kinds = (
        (request.split,) if request.split else tuple(dict.fromkeys((row.setup.split.kind, *row.extra_splits)))
    )
    try:
        setup = paper.setup(row.id, profile=request.profile, assumed=assumed, changes=changes)
        for kind in kinds:
            replace_at(setup, "split.kind", kind)
    except SpecError as error:
        options = [f"--split {request.split}"] if request.split else []
        options += [f"--assume {name}={value}" for name, value in assumed.items()]
        raise SpecError(
            f"{' and '.join(options) or request.profile}: row {row.id!r}: {error.found}",
            expected=error.expected,
            remedy=f"leave out {' or '.join(options)}, or change the row in the paper"
            if options
            else error.remedy,
        ) from error
    optional, lacking = row.optional and request.only != row.id, None
    if request.weights is not None and wanted and not all(map(_is_from_scratch, row.setup.models)):
        try:
            setup = _with_weights(setup, request.weights)
        except WeightsError as error:
            # The other rows are trained without it.
            if not optional:
                raise
            lacking = error
    return StudyRow(
        id=row.id,
        label=row.label,
        setup=setup,
        splits=kinds,
        wanted=wanted,
        optional=optional,
        source=paper.feature_source(row.id),
        lacking=lacking,
    )


def _is_from_scratch(model: spec.Model) -> bool:
    """Returns whether a network has random initial weights by itself: --weights doesn't apply to it."""
    return not _takes_weights(model) or model.arguments.get("weights", "") is None


def _takes_weights(model: spec.Model) -> bool:
    return "weights" in model.arguments or starts_from(model) is not None


def _with_weights(setup: spec.Setup, place: str) -> spec.Setup:
    """Returns the setup with the initial weights of its networks: "none", "imagenet", a file or a folder."""

    def started(model: spec.Model) -> spec.Model:
        if not _takes_weights(model):
            return model
        weights = None if place == "none" else weights_file(place, model)
        return replace(model, arguments={**model.arguments, "weights": weights})

    setup = replace_at(setup, "model", started(setup.model))
    if setup.features:
        setup = replace_at(setup, "features.extra_models", tuple(map(started, setup.features.extra_models)))
    return setup


def _rows_to_train(request: Request) -> set[str]:
    paper, only = request.paper, request.only
    if request.controls_only:
        return set()
    profile, item = paper.profile(request.profile).rows, _item(paper, only)
    wanted = profile or tuple(row.id for row in paper.rows if not row.scratch_name)
    if only in paper.row_ids:
        wanted = (only,)
    elif item is not None and not paper.needs_networks(item):
        wanted = tuple(row for _, row, _ in getattr(item, "measured", ()))
    elif item is not None:
        substitutes = {*paper.substitutes.values()} - {*profile}
        wanted = tuple(row for row in item.rows if row not in substitutes) or wanted
    if wanted and (base := _base_row(request)):
        wanted = (base,)
    return {*wanted} | {paper.feature_source(row) for row in wanted}


def _base_row(request: Request) -> str:
    """Returns the row from scratch that replaces the paper's rows; "" if the paper's rows are trained."""
    paper, rows = request.paper, request.paper.substitutes
    if request.base is None and (request.weights != "none" or request.only in paper.row_ids):
        return ""
    _, _, name = (request.base or SCRATCH).partition("=")
    return rows.get(name) or next(iter(rows.values()), "")
