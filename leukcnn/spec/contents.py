"""What a paper prints and what it leaves open: rows, profiles, assumptions, tables, figures, findings."""

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
from leukcnn.spec.names import APPLICATIONS, DATASETS, METRICS, check_builder
from leukcnn.spec.setups import SPLIT_KINDS, Setup
from leukcnn.spec.splits import FOLDED_KINDS


@dataclass(frozen=True)
class Row:
    """One row of the paper's tables: a network and its setup.

    Attributes:
        id: Its name for `--only`.
        label: What tables call it.
        setup: What its trials do.
        extra_splits: Kinds of split under which it is trained too, beside the setup's own.
        optional: Whether the others are trained without it where its weights aren't at hand.
        scratch: Its name for `--base scratch=NAME`, where it isn't the paper's own but a network trained from
            scratch in the place of one that needs published weights; "" for the paper's own.
    """

    id: str
    label: str
    setup: Setup
    extra_splits: tuple[str, ...] = ()
    optional: bool = False
    scratch: str = ""

    def __post_init__(self):
        check_types(self)
        check_id(name_of(self), "id", self.id)
        if self.scratch:
            check_id(name_of(self), "scratch", self.scratch)
        require_known(name_of(self), "extra_splits", self.extra_splits, SPLIT_KINDS)


@dataclass(frozen=True)
class Profile:
    """A named set of changes to every row.

    Attributes:
        name: "paper" or "smoke".
        description: What it is for, in a sentence.
        changes: Field path -> value, for every row.
        row_changes: Row id -> the same, for that row alone.
        rows: Rows that are trained unless one is asked for by name; empty for all.
        runs: Repetitions, None for the paper's own.
        not_comparable: Why its figures can't be held against the paper's; "" where they can.
    """

    name: str
    description: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    row_changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    runs: int | None = None
    not_comparable: str = ""

    def __post_init__(self):
        check_types(self)
        check_id(name_of(self), "name", self.name)
        require(self.runs is None or self.runs > 0, f"{name_of(self)}: runs = {self.runs}.", "1 or more")


@dataclass(frozen=True)
class Assumption:
    """A detail that the paper leaves open.

    Attributes:
        name: Name for `--assume NAME=VALUE`.
        sets: Path of the field that holds its value.
        reason: Why this value.
        where: Where the paper is silent, or what else states it.
        choices: Values it can take; empty where any of the field's type will do.
        rows: Ids of the rows that have this field; empty where all do.
    """

    name: str
    sets: str
    reason: str
    where: str
    choices: tuple[Any, ...] = ()
    rows: tuple[str, ...] = ()

    def __post_init__(self):
        check_types(self)
        check_id(name_of(self), "name", self.name)


@dataclass(frozen=True)
class Published:
    """One published figure, as the paper prints it.

    Attributes:
        row: Id of the row.
        metric: One of `leukcnn.spec.names.METRICS`.
        value: The figure: accuracy, precision, recall, F1-scores in percent; parameters as a count; file
            sizes in MB.
        std: Its standard deviation over folds or runs in the same unit, None where the paper prints none.
        dataset: Key of the dataset that was tested on; "" for all together.
        subset: Set of images: "test", which stands beside the balanced part too; "external"; "within" for a
            cross-validation within the tested dataset; or "final".
    """

    row: str
    metric: str
    value: float
    std: float | None = None
    dataset: str = ""
    subset: str = "test"

    def __post_init__(self):
        check_types(self)
        require_known(name_of(self), "metric", self.metric, METRICS)
        require_known(name_of(self), "dataset", self.dataset, ("", *DATASETS))
        require_known(name_of(self), "subset", self.subset, PUBLISHED_SUBSETS)


PUBLISHED_SUBSETS = tuple(name for name in metrics.SUBSETS if name != "balanced")


_OF_METRICS = {
    "axes": metrics.AXES,
    "subsets": metrics.SUBSETS,
    "show": metrics.SHOW,
    "values_as": metrics.VALUES_AS,
    "over": metrics.OVER,
    "kappa_words": metrics.KAPPA_WORDS,
}


@dataclass(frozen=True)
class Table:
    """A table of the paper, or one that stands beside them.

    Most tables show metrics: kind "metrics", with a line for each metric at each place that the axes give.
    By default a line has the published figure, the measured one with its 95 % interval, the difference, and a
    verdict. Accuracy, F1-score and AUROC of each network, on the test set and on its balanced part:

        Table("table2", "The networks", "metrics", where="Table 2", axes=("row", "subset"),
              subsets=("test", "balanced"), metrics=("accuracy", "f1", "auroc"),
              published=(Published("vgg16", "accuracy", 92.48),))

    A figure of every class, and the accuracy under every kind of split:

        Table("by_class", "Each class", "metrics", axes=("row", "class"), metrics=("recall", "auroc"))
        Table("splits", "Splits", "metrics", axes=("split", "row"), metrics=("accuracy",),
              show=("metric", "measured", "interval", "state"))

    Attributes:
        id: "table1", "table2" ...
        title: What it shows.
        kind: How it is filled, a key of `leukcnn.spec.kinds.TABLES`, where each kind says what it shows and
            which fields it requires.
        where: Its place in the paper; "" for a table that the paper doesn't have.
        published: Published figures of the rows.
        columns: Headings of a table that the paper prints as it stands in `reference`.
        reference: Its rows; in a table that has a block for each of several datasets, each cross-validated by
            itself, they begin with the dataset's key. Of a table of metrics with the axis "class", the lines
            of scikit-learn's classification report of the first row.
        measured: First cell of a row of `reference`, id of the paper's row and metric that it stands for.
        rows: Ids of the paper's rows that it shows, and of the two that "t_test" compares; empty for all.
        split: Kind of split that its figures rest on; "" for the experiment's main one.
        compared_split: Kind of split whose values are shown next to them; "" for none.
        metrics: Metrics that it shows, of `leukcnn.spec.metrics`; if empty those of its published figures, or
            accuracy and macro F1-score. Of more than two classes, precision, recall and F1-score stand for
            their weighted and macro averages, and with the axis "class" if empty for scikit-learn's report.
        axes: What its lines go through, the outermost first, "row" among them: "row"; "dataset" that is
            tested; "subset" of images; kind of "split"; "mask", a part of the images that is blanked;
            "class".
        subsets: Sets of images: "test", "balanced" (the test set with equal classes), "external" (other
            subjects), "within" (a cross-validation within the tested dataset), "final" (a phase without
            labels); if empty, those of its published figures.
        show: What a line shows behind its axes: "metric", "published", "measured", "interval",
            "difference", "verdict" or the plain "state"; "weighted", the weighted average beside a macro one;
            "images" (or "cells") that were tested, their "support" by class, "classes" that a dataset has;
            "change" by blanking; "test" and "balanced", figures on those sets, and "less_test" and
            "less_balanced", the measured one less those.
        values_as: How they are shown: "mean" with standard deviation in the metric's own unit, "percent" with
            two decimals, or "hundredths" as scikit-learn's report prints them.
        over: What the mean is over: "runs", "folds" or "auto", folds in k-fold cross-validation of more than
            two classes and else runs, whose folds count together. Folds are of the test set, and of splits
            into folds of about one size. A table with the axis "class" or other sets is over runs.
        kappa_words: Scale whose words for kappa stand beside Landis and Koch's: "alertnet"; "" for no words.
        notes: Remarks that stand under it.
    """

    id: str
    title: str
    kind: str
    where: str = ""
    published: tuple[Published, ...] = ()
    columns: tuple[str, ...] = ()
    reference: tuple[tuple[Any, ...], ...] = ()
    measured: tuple[tuple[str, str, str], ...] = ()
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
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        check_types(self)
        owner = name_of(self)
        check_id(owner, "id", self.id)
        require_known(owner, "kind", self.kind, TABLES)
        require_known(owner, "metrics", self.metrics, METRICS)
        require_known(owner, "measured", tuple(metric for _, _, metric in self.measured), METRICS)
        require_known(owner, "split", self.split, ("", *SPLIT_KINDS))
        require_known(owner, "compared_split", self.compared_split, ("", *SPLIT_KINDS))
        require_once(owner, "published", ((p.row, p.metric, p.dataset, p.subset) for p in self.published))
        for name, known in _OF_METRICS.items():
            require_known(owner, name, getattr(self, name), known)
        for name in ("axes", "subsets", "show", "metrics"):
            require_once(owner, name, getattr(self, name))
        check_kind(self, TABLES)
        self._check_axes(owner)
        self._check_reference(owner)

    def _check_axes(self, owner: str) -> None:
        """Makes sure that axes, metrics and what is shown go together."""
        axes, named = {*self.axes}, {*self.metrics, *(p.metric for p in self.published)}
        require("row" in axes, f"{owner}: axes = {self.axes}.", "'row' among them")
        apart = [axis for axis in ("split", "mask", "class") if axis in axes]
        alone = len(apart) < 2 and not (apart and self.compared_split)
        require(
            alone,
            f"{owner}: axes = {self.axes}, compared_split = {self.compared_split!r}.",
            f"one of {apart} or compared_split",
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
        no_shares = sorted(n for n in named - sizes if not metrics.METRICS[n].percent)
        require(
            self.values_as != "percent" or not no_shares,
            f"{owner}: {', '.join(no_shares)} with values_as = 'percent'.",
            "metrics that are shares, or values_as = 'mean'",
        )

    def _check_folds(self, owner: str) -> None:
        """Makes sure that there are folds where means over folds are asked for."""
        if self.over != "folds":
            return
        require("class" not in self.axes, f"{owner}: over = 'folds' with the axis 'class'.", "over = 'runs'")
        shown = {name.removeprefix("less_") for name in self.show}.intersection(metrics.SUBSETS)
        others = sorted({*self.subsets, *(p.subset for p in self.published), *shown} - {"test"})
        require(not others, f"{owner}: over = 'folds' of {', '.join(others)}.", "the set 'test' alone")
        for name in ("split", "compared_split"):
            kind = getattr(self, name)
            fits = kind in ("", *FOLDED_KINDS)
            expected = f"folds of about one size: {', '.join(FOLDED_KINDS)}"
            require(fits, f"{owner}: over = 'folds' with {name} = {kind!r}.", expected)

    def _check_reference(self, owner: str) -> None:
        """Makes sure that the printed lines are as long as each other and as the headings."""
        lengths = {len(self.columns)} if "columns" in TABLES[self.kind].requires else set()
        odd = len(lengths | {len(line) for line in self.reference}) > 1
        require(
            not odd or not self.reference,
            f"{owner}: reference has lines of {sorted({len(line) for line in self.reference})} cells"
            + f" under {len(self.columns)} columns." * bool(lengths),
            "lines of one length, with a cell for each of the columns",
        )
        if TABLES[self.kind].keyed:
            keys = tuple(line[0] for line in self.reference)
            require_known(owner, "first cell of reference", keys, (*DATASETS, "Total"))
            require_once(owner, "reference", keys)
            require(keys != ("Total",), f"{owner}: reference has a sum alone.", "a line a dataset")

    def require_positive_class(self) -> None:
        """Makes sure that the table does without a positive class, in a paper that names none.

        Raises:
            SpecError: It doesn't.
        """
        given = [name for name in TABLES[self.kind].positive if getattr(self, name)]
        require(
            not given,
            f"{name_of(self)}: {', '.join(given)} of kind {self.kind!r}, and no positive class.",
            "a positive_class of the paper",
        )
        measured = [metric for *_, metric in self.measured]
        named = dict.fromkeys((*self.metrics, *(p.metric for p in self.published), *measured))
        of_class = [n for n in named if n in metrics.METRICS and metrics.METRICS[n].of_class]
        # Lines of metrics show averages in their place; a printed line has room for one figure.
        averaged = [name for name in metrics.AVERAGED if name not in measured]
        lacking = [name for name in of_class if name not in averaged and "class" not in self.axes]
        require(
            not lacking,
            f"{name_of(self)}: metrics of one class, {', '.join(lacking)}, and no positive class.",
            "a positive_class of the paper, the axis 'class', or averages: macro_auroc, macro_recall",
        )

    def printed(self, row: str, metric: str, *, dataset: str = "", subset: str = "test") -> Published | None:
        """Returns the published figure of a row, or None where the paper prints none."""
        wanted = (row, metric, dataset, subset)
        return next((p for p in self.published if (p.row, p.metric, p.dataset, p.subset) == wanted), None)


@dataclass(frozen=True)
class Figure:
    """A figure of the paper.

    Attributes:
        id: "figure2", "figure3" ...
        title: What it shows.
        kind: How it is drawn, a key of `leukcnn.spec.kinds.FIGURES`, where each kind says what it shows and
            which fields it requires.
        where: Its place in the paper; "" for a figure that the paper doesn't have.
        rows: Ids of the paper's rows that it shows, in kinds that show rows.
        dataset: Key of the tested dataset of "feature_space".
        variants: Title and parameters of `ImageAugmenter.apply_transform`, of "augmentations".
        networks: Title and builder (of leukcnn or Keras Applications), of "topology" and "networks".
    """

    id: str
    title: str
    kind: str
    where: str = ""
    rows: tuple[str, ...] = ()
    dataset: str = ""
    variants: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    networks: tuple[tuple[str, str], ...] = ()

    def __post_init__(self):
        check_types(self)
        owner = name_of(self)
        check_id(owner, "id", self.id)
        require_known(owner, "kind", self.kind, FIGURES)
        require_known(owner, "dataset", self.dataset, ("", *DATASETS))
        for _, network in self.networks:
            if network not in APPLICATIONS:
                check_builder(network, owner, "networks", extra=APPLICATIONS)
        check_kind(self, FIGURES)


@dataclass(frozen=True)
class Finding:
    """Where the paper's own text can't be right, or leaves out what matters."""

    text: str
    where: str

    def __post_init__(self):
        check_types(self)
