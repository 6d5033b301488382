"""The contents of a paper: rows, profiles, assumptions, tables and figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.spec import metrics
from leukcnn.spec.checks import (
    check_id,
    check_kind,
    check_types,
    name_of,
    require,
    require_known,
    require_once,
)
from leukcnn.spec.kinds import FIGURES, TABLES
from leukcnn.spec.metrics import DEFAULT_SHOW
from leukcnn.spec.names import APPLICATIONS, METRICS, check_builder, known_datasets
from leukcnn.spec.printed import Published, Sample, own_decimals
from leukcnn.spec.setups import Setup
from leukcnn.spec.splits import FOLDED_KINDS, SPLIT_KINDS


@dataclass(frozen=True)
class Row:
    """One row of the paper's tables: a network and its setup.

    Attributes:
        id: Name of the row in commands, such as "vgg16": lower-case letters, digits, "_" and "-".
        label: Name of the row in tables, such as "VGG16".
        setup: Network, preprocessing, augmentation, split and training of its trials.
        extra_splits: Kinds of split under which the network is also trained, such as ("lodocv_strict",). The
            main split is that of the setup.
        optional: Whether a run skips the row, and trains the others, if its published weights are missing.
        scratch_name: The NAME of `--base scratch=NAME`, for a substitute: a network that is trained from
            scratch in place of one that needs published weights. "" for a row of the paper itself.
    """

    id: str
    label: str
    setup: Setup
    extra_splits: tuple[str, ...] = ()
    optional: bool = False
    scratch_name: str = ""

    def __post_init__(self) -> None:
        check_types(self)
        check_id(name_of(self), "id", self.id)
        if self.scratch_name:
            check_id(name_of(self), "scratch_name", self.scratch_name)
        require_known(name_of(self), "extra_splits", self.extra_splits, SPLIT_KINDS)


@dataclass(frozen=True)
class Profile:
    """A named set of changes to the setups of the rows.

    Attributes:
        name: Name for `--profile`, such as "smoke". Every paper has a profile named "paper", its own setting.
        description: What it is for, in one sentence.
        changes: Path of a field of `Setup` -> its value in every row, such as `{"training.epochs": 2}`.
        row_changes: Row id -> changes of that row alone, applied after `changes`.
        rows: Ids of the rows that are trained by default; empty for all. `--only` trains the others.
        runs: Number of repetitions with other seeds; None for the paper's own number.
        not_comparable: Why its results can't be compared with the paper's, such as "smoke profile"; "" if
            they can.
    """

    name: str
    description: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    row_changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    runs: int | None = None
    not_comparable: str = ""

    def __post_init__(self) -> None:
        check_types(self)
        check_id(name_of(self), "name", self.name)
        require(self.runs is None or self.runs > 0, f"{name_of(self)}: runs = {self.runs}.", "1 or more")

    def leaves_out(self, row: str) -> bool:
        """Says whether a row is trained only if it is asked for by name."""
        return bool(self.rows) and row not in self.rows


@dataclass(frozen=True)
class Assumption:
    """A detail that the paper leaves open. Its value is the one in the rows' setups.

    Attributes:
        name: Name for `--assume NAME=VALUE`, such as "batch_size".
        field: Path of the field of `Setup` that holds the value, such as "training.batch_size".
        reason: Why this value was chosen.
        where: The place in the paper that leaves it open, such as "section 2.5"; or "not stated in the
            paper".
        choices: Allowed values; empty allows any value of the field's type.
        rows: Ids of the rows that have this field; empty if all do.
    """

    name: str
    field: str
    reason: str
    where: str
    choices: tuple[Any, ...] = ()
    rows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)
        check_id(name_of(self), "name", self.name)


_KNOWN_NAMES = {
    "axes": metrics.AXES,
    "subsets": metrics.SUBSETS,
    "show": metrics.SHOW,
    "values_as": metrics.VALUES_AS,
    "over": metrics.OVER,
    "kappa_words": metrics.KAPPA_WORDS,
}


@dataclass(frozen=True)
class Table:
    """A table of the paper, or an additional one.

    Most tables are of the kind "metrics": they have a line for each metric and each combination of axes. By
    default a line shows the published value, the measured value with its 95 % interval, the difference and a
    verdict. Accuracy, F1-score and AUROC of each network, on the test set and on the balanced test set::

        Table("table2", "The networks", "metrics", where="Table 2", axes=("row", "subset"),
              subsets=("test", "balanced"), metrics=("accuracy", "f1", "auroc"),
              published=(Published("vgg16", "accuracy", 92.48),))

    Recall and AUROC of each class, and the accuracy under each kind of split::

        Table("by_class", "Each class", "metrics", axes=("row", "class"), metrics=("recall", "auroc"))
        Table("splits", "Splits", "metrics", axes=("split", "row"), metrics=("accuracy",),
              show=("metric", "measured", "interval", "state"))

    Attributes:
        id: Name of the table in commands and files: "table1", "table2" ...
        title: Its heading.
        kind: One of `leukcnn.spec.kinds.TABLES`, such as "metrics". Each kind lists there what it shows and
            which fields it requires.
        where: Its place in the paper, such as "Table 2"; "" for an additional table.
        published: Published values of the rows.
        columns: Headings as printed, in kinds that repeat a printed table.
        reference: Lines as printed, one cell for each heading. If the paper cross-validates several datasets
            separately, each line begins with the dataset's key. In a table of metrics with the axis "class",
            they are the lines of the first row's scikit-learn classification report.
        measured: Lines of `reference` that can be measured, each as (first cell of the line, row id, metric),
            such as ("Proposed method", "alertnet_rwd", "accuracy").
        networks: For the kind "networks": pairs of the first cell of a line of `reference` and a builder of
            leukcnn or `keras.applications`, such as ("VGG-16", "VGG16").
        rows: Ids of the rows that it shows; empty for all. "t_test" compares two of them.
        split: Kind of split whose results it shows; "" for the main split of the run.
        compared_split: Kind of split whose results are shown next to them; "" for none.
        metrics: Names of `leukcnn.spec.names.METRICS`. If empty, the metrics of the published values, or
            accuracy and macro F1-score if there are none; with the axis "class", those of scikit-learn's
            report. If the paper has no positive class, "precision", "recall" and "f1" are replaced by their
            weighted and macro averages, and those of `leukcnn.spec.metrics.RANKING` by their macro averages.
        axes: What the lines iterate over, the outermost first: "row" (always required), "dataset" (the tested
            datasets), "subset" (see `subsets`), "split" (the kinds of split), "mask" (the blanked region of
            the images) and "class".
        subsets: Tested images: "test", "balanced" (the mean over all subsets of the test set with equally
            many images of each class), "external" (other subjects), "within" (a cross-validation within the
            tested dataset) and "final" (a challenge's final phase, without labels). If empty, those of the
            published values.
        show: Columns after the axes, any of:

            - "metric", "published", "measured", "interval" (95 %), "difference" (measured minus
              published), "verdict" (see `leukcnn.results.verdicts`);
            - "state": a short status in place of the verdict;
            - "weighted": the weighted average next to the macro average;
            - "images" or "cells": number of tested images; "support": the same for each class; "classes":
              the classes of the dataset;
            - "change": difference from the value on unmasked images;
            - "test", "balanced": values on these subsets; "less_test", "less_balanced": the measured value
              minus the value on "test" or "balanced".
        values_as: Format of measured values: "mean" (with standard deviation, in the metric's own unit),
            "percent" (two decimals) or "hundredths" (as in scikit-learn's report).
        over: What means are taken over: "runs" (the folds of a run are pooled), "folds" or "auto". "auto"
            uses folds in cross-validation, otherwise runs. "folds" requires a split with folds of about the
            same size, allows only the subset "test" and excludes the axis "class".
        kappa_words: "alertnet" shows the words for kappa of the Alert Net paper next to those of Landis and
            Koch; "" shows no words.
        headings: Headings as printed, in a table of metrics: metric -> heading, such as
            {"accuracy": "A (%)"}. "precision" also gives that of its averages. Default: the metric's title.
        shape: Where the paper prints an axis, in a table of metrics: axis -> "section" (a title above rows),
            "label" (in each row) or "columns". By default axes before "row" are sections, the others labels;
            with the axis "class" the rows are sections. The metrics are columns.
        notes: Remarks that are printed under the table.
        samples: The images that give the published values, for the audit and for verdicts. The first that
            fits a value counts, see `Table.sample`.
        not_audited: Why the audit can't check values that none of its claims covers: a pattern of their names
            -> the reason. A value's name is "row/metric/dataset/subset" ("vgg16/log_loss"), with "/std" for
            its standard deviation; a cell of `reference` is "line/column", counted from 0. "*" fits anything:
            {"*/log_loss*": "a loss isn't a fraction of images"}.
    """

    id: str
    title: str
    kind: str
    where: str = ""
    published: tuple[Published, ...] = ()
    columns: tuple[str, ...] = ()
    reference: tuple[tuple[Any, ...], ...] = ()
    measured: tuple[tuple[str, str, str], ...] = ()
    networks: tuple[tuple[str, str], ...] = ()
    rows: tuple[str, ...] = ()
    split: str = ""
    compared_split: str = ""
    metrics: tuple[str, ...] = ()
    axes: tuple[str, ...] = ("row",)
    subsets: tuple[str, ...] = ()
    show: tuple[str, ...] = DEFAULT_SHOW
    values_as: str = "mean"
    over: str = "auto"
    kappa_words: str = ""
    headings: Mapping[str, str] = field(default_factory=dict)
    shape: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
    not_audited: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)
        owner = name_of(self)
        check_id(owner, "id", self.id)
        require_known(owner, "kind", self.kind, TABLES)
        require_known(owner, "metrics", self.metrics, METRICS)
        require_known(owner, "measured", tuple(metric for _, _, metric in self.measured), METRICS)
        require_known(owner, "split", self.split, ("", *SPLIT_KINDS))
        require_known(owner, "compared_split", self.compared_split, ("", *SPLIT_KINDS))
        require_once(owner, "published", ((p.row, p.metric, p.dataset, p.subset) for p in self.published))
        for name, known in _KNOWN_NAMES.items():
            require_known(owner, name, getattr(self, name), known)
        require_known(owner, "headings", tuple(self.headings), METRICS)
        require_known(owner, "axes of shape", tuple(self.shape), self.axes)
        require_known(owner, "shape", tuple(self.shape.values()), metrics.SHAPES)
        for name in ("axes", "subsets", "show", "metrics"):
            require_once(owner, name, getattr(self, name))
        _check_networks(owner, self.networks)
        check_kind(self, TABLES)
        self._check_axes(owner)
        self._check_reference(owner)

    def _check_axes(self, owner: str) -> None:
        """Checks that axes, metrics and columns fit together."""
        axes, named = {*self.axes}, {*self.metrics, *(p.metric for p in self.published)}
        require("row" in axes, f"{owner}: axes = {self.axes}.", "'row' among them")
        exclusive = [axis for axis in ("split", "mask", "class") if axis in axes]
        require(
            len(exclusive) < 2 and not (exclusive and self.compared_split),
            f"{owner}: axes = {self.axes}, compared_split = {self.compared_split!r}.",
            f"one of {exclusive} or compared_split",
        )
        for column, axis in (("change", "mask"), ("support", "class"), ("classes", "dataset")):
            fits = column not in self.show or axis in axes
            require(fits, f"{owner}: show has {column!r} with axes = {self.axes}.", f"the axis {axis!r}")
        self._check_folds(owner)
        sizes = named.intersection(metrics.SIZES)
        require(
            not sizes or (self.axes == ("row",) and self.values_as == "mean"),
            f"{owner}: {', '.join(sorted(sizes))} with axes = {self.axes}, values_as = {self.values_as!r}.",
            "axes = ('row',), values_as = 'mean'",
        )
        not_percent = sorted(n for n in named - sizes if not metrics.METRICS[n].percent)
        require(
            self.values_as != "percent" or not not_percent,
            f"{owner}: {', '.join(not_percent)} with values_as = 'percent'.",
            "metrics that are given in percent, or values_as = 'mean'",
        )

    def _check_folds(self, owner: str) -> None:
        """Checks that a table of means over folds shows a split and a subset that have folds."""
        if self.over != "folds":
            return
        require("class" not in self.axes, f"{owner}: over = 'folds' with the axis 'class'.", "over = 'runs'")
        shown = {name.removeprefix("less_") for name in self.show}.intersection(metrics.SUBSETS)
        others = sorted({*self.subsets, *(p.subset for p in self.published), *shown} - {"test"})
        require(not others, f"{owner}: over = 'folds' of {', '.join(others)}.", "only the subset 'test'")
        for name in ("split", "compared_split"):
            kind = getattr(self, name)
            fits = kind in ("", *FOLDED_KINDS)
            expected = f"folds of about the same size: {', '.join(FOLDED_KINDS)}"
            require(fits, f"{owner}: over = 'folds' with {name} = {kind!r}.", expected)

    def _check_reference(self, owner: str) -> None:
        """Checks that all printed lines have as many cells as there are headings."""
        lengths = {len(self.columns)} if "columns" in TABLES[self.kind].requires else set()
        unequal = len(lengths | {len(line) for line in self.reference}) > 1
        require(
            not unequal or not self.reference,
            f"{owner}: reference has lines of {sorted({len(line) for line in self.reference})} cells"
            + f" under {len(self.columns)} columns." * bool(lengths),
            "lines of the same length, with one cell for each column",
        )
        firsts = tuple(str(line[0]) for line in self.reference)
        require_known(owner, "networks", tuple(name for name, _ in self.networks), firsts)
        if TABLES[self.kind].keyed_by_dataset:
            keys = tuple(line[0] for line in self.reference)
            require_known(owner, "first cell of reference", keys, (*known_datasets(), "Total"))
            require_once(owner, "reference", keys)
            require(keys != ("Total",), f"{owner}: reference has only a total.", "a line for each dataset")

    def require_positive_class(self) -> None:
        """Checks that the table needs no positive class; called for papers without one.

        Raises:
            SpecError: The table needs a positive class.
        """
        given = [name for name in TABLES[self.kind].needs_positive_class if getattr(self, name)]
        require(
            not given,
            f"{name_of(self)}: {', '.join(given)} of kind {self.kind!r}, but no positive class.",
            "a positive_class of the paper",
        )
        measured = [metric for *_, metric in self.measured]
        named = dict.fromkeys((*self.metrics, *(p.metric for p in self.published), *measured))
        of_class = [n for n in named if n in metrics.METRICS and metrics.METRICS[n].of_class]
        # Tables of metrics show averages instead; a line of `reference` has room for one value only.
        averaged = [name for name in (*metrics.AVERAGED, *metrics.RANKING) if name not in measured]
        lacking = [name for name in of_class if name not in averaged and "class" not in self.axes]
        require(
            not lacking,
            f"{name_of(self)}: metrics of one class, {', '.join(lacking)}, but no positive class.",
            "a positive_class of the paper, the axis 'class', or averages: macro_auroc, macro_recall",
        )

    def sample(self, published: Published) -> Sample | None:
        """Returns the images that a published value is computed from; None if they aren't known."""
        return next((sample for sample in self.samples if sample.fits(published)), None)

    def decimals(self, published: Published) -> int:
        """Returns the number of decimals with which a value of the table is printed.

        A final 0 is lost in a number. So it is at least the number that most values in the same unit have,
        the larger one of two that are equally common.
        """
        percent = _is_percent(published.metric)
        of_unit = [own_decimals(p.value) for p in self.published if _is_percent(p.metric) == percent]
        usual = max(of_unit, key=lambda n: (of_unit.count(n), n), default=0)
        return max(own_decimals(published.value), usual)

    def printed(self, row: str, metric: str, *, dataset: str = "", subset: str = "test") -> Published | None:
        """Returns the published value of a row, or None if the paper prints none."""
        wanted = (row, metric, dataset, subset)
        return next((p for p in self.published if (p.row, p.metric, p.dataset, p.subset) == wanted), None)


@dataclass(frozen=True)
class Figure:
    """A figure of the paper, or an additional one.

    Attributes:
        id: Name of the figure in commands and files: "figure2", "figure3" ...
        title: Its heading.
        kind: One of `leukcnn.spec.kinds.FIGURES`, such as "history". Each kind lists there what it shows and
            which fields it requires.
        where: Its place in the paper, such as "Figure 2"; "" for an additional figure.
        rows: Ids of the rows that it shows, in kinds that accept rows.
        dataset: For the kind "feature_space": key of the tested dataset.
        variants: For the kind "augmentations": pairs of a title and parameters of
            `ImageAugmenter.apply_transform`, such as ("rotated by 60 degrees", {"theta": 60.0}).
        networks: For the kinds "topology" and "networks": pairs of a title and a builder of leukcnn or
            `keras.applications`, such as ("LeukNet", "LeukNet").
    """

    id: str
    title: str
    kind: str
    where: str = ""
    rows: tuple[str, ...] = ()
    dataset: str = ""
    variants: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    networks: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_types(self)
        owner = name_of(self)
        check_id(owner, "id", self.id)
        require_known(owner, "kind", self.kind, FIGURES)
        require_known(owner, "dataset", self.dataset, ("", *known_datasets()))
        _check_networks(owner, self.networks)
        check_kind(self, FIGURES)


def _check_networks(owner: str, networks: tuple[tuple[str, str], ...]) -> None:
    """Checks the builders of pairs of a title and a builder."""
    for _, network in networks:
        if network not in APPLICATIONS:
            check_builder(network, owner, "networks", extra=APPLICATIONS)


def _is_percent(metric: str) -> bool:
    return metric in metrics.METRICS and metrics.METRICS[metric].percent
