"""What a paper prints and what it leaves open: rows, profiles, assumptions, tables, figures, findings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.spec.checks import check_types, name_of, require, require_known, require_once
from leukcnn.spec.kinds import FIGURES, TABLES
from leukcnn.spec.names import APPLICATIONS, DATASETS, METRICS, check_builder
from leukcnn.spec.setups import SPLIT_KINDS, Setup


@dataclass(frozen=True)
class Row:
    """One row of the paper's tables: a network and its setup.

    Attributes:
        id: Its name for `--only`.
        label: What tables call it.
        setup: What its trials do.
        also: Kinds of split under which it is trained too, beside the setup's own.
        optional: Whether the others are trained without it where its weights aren't at hand.
        scratch: Its name for `--base scratch=NAME`, where it isn't the paper's own but a network trained from
            scratch in the place of one that needs published weights; "" for the paper's own.
    """

    id: str
    label: str
    setup: Setup
    also: tuple[str, ...] = ()
    optional: bool = False
    scratch: str = ""

    def __post_init__(self):
        check_types(self)
        require_known(name_of(self), "also", self.also, SPLIT_KINDS)


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


@dataclass(frozen=True)
class Published:
    """One published figure, as the paper prints it.

    Attributes:
        row: Id of the row.
        metric: One of `leukcnn.spec.names.METRICS`.
        value: The figure: accuracy, precision, recall, F1-scores in percent; parameters as a count; file
            sizes in MB.
        sd: Its standard deviation over folds or runs in the same unit, None where the paper prints none.
        dataset: Key of the dataset that was tested on; "" for all together.
        part: Set of pictures: "test", or "within" for a cross-validation within the tested dataset.
    """

    row: str
    metric: str
    value: float
    sd: float | None = None
    dataset: str = ""
    part: str = "test"

    def __post_init__(self):
        check_types(self)
        require_known(name_of(self), "metric", self.metric, METRICS)
        require_known(name_of(self), "dataset", self.dataset, ("", *DATASETS))
        require_known(name_of(self), "part", self.part, PUBLISHED_PARTS)


PUBLISHED_PARTS = ("test", "within")


@dataclass(frozen=True)
class Table:
    """A table of the paper, or one that stands beside them.

    Attributes:
        id: "table1", "table2" ...
        title: What it shows.
        kind: How it is filled: "counts", "datasets", "scores", "folds", "t_test", "confusion", "external",
            "subjects", "leaderboard", "reference", "runs" (mean and sd over runs by tested dataset),
            "runs_t_test", "single_class", "shortcut", "layers" (a network as Keras summarises it), "report"
            (scikit-learn's classification report), "class_confusion", "log" (figures by epoch), "splits"
            (accuracy under each kind of split), "masks" (accuracy with parts of the pictures blanked),
            "times" (how long a training took) or "mask_scores" (how masks of white cells agree with those
            that datasets come with).
        where: Its place in the paper; "" for a table that the paper doesn't have.
        published: Published figures of the rows.
        columns: Headings of a table that the paper prints as it stands in `reference`.
        reference: Its rows; in a table that has a block for each of several datasets, each cross-validated by
            itself, they begin with the dataset's key.
        measured: First cell of a row of `reference`, id of the paper's row and metric that it stands for.
        rows: Ids of the paper's rows that it shows, and of the two that "t_test" and "runs_t_test" compare.
        split: Kind of split that its figures rest on; "" for the experiment's main one.
        beside: Kind of split whose figures stand beside them; "" for none.
        metrics: Metrics that it shows, those of its published figures where it is empty.
        notes: Remarks that stand under it.
    """

    id: str
    title: str
    kind: str
    where: str
    published: tuple[Published, ...] = ()
    columns: tuple[str, ...] = ()
    reference: tuple[tuple[Any, ...], ...] = ()
    measured: tuple[tuple[str, str, str], ...] = ()
    rows: tuple[str, ...] = ()
    split: str = ""
    beside: str = ""
    metrics: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        check_types(self)
        owner = name_of(self)
        require_known(owner, "kind", self.kind, TABLES)
        require_known(owner, "metrics", self.metrics, METRICS)
        require_known(owner, "measured", tuple(metric for _, _, metric in self.measured), METRICS)
        require_known(owner, "split", self.split, ("", *SPLIT_KINDS))
        require_known(owner, "beside", self.beside, ("", *SPLIT_KINDS))
        require_once(owner, "published", ((p.row, p.metric, p.dataset, p.part) for p in self.published))

    def printed(self, row: str, metric: str, *, dataset: str = "", part: str = "test") -> Published | None:
        """Returns the published figure of a row, or None where the paper prints none."""
        wanted = (row, metric, dataset, part)
        return next((p for p in self.published if (p.row, p.metric, p.dataset, p.part) == wanted), None)


@dataclass(frozen=True)
class Figure:
    """A figure of the paper.

    Attributes:
        id: "figure2", "figure3" ...
        title: What it shows.
        kind: How it is drawn: "samples", "augmentations", "topology" (the top layers), "networks" (all
            layers), "activation_maps", "filters", "feature_space", "history", "confusion", "histograms" (grey
            histograms with the clusters of thresholding), "extraction" (pictures, masks and cells cut out) or
            "misclassified" (pictures that a row's network takes for another class).
        where: Its place in the paper; "" for a figure that the paper doesn't have.
        rows: The rows whose "history" (of a split with a validation part), "activation_maps", "filters",
            "feature_space" or "misclassified" pictures it shows, or the one whose input "extraction" does.
        dataset: Key of the tested dataset of "feature_space".
        variants: Title and parameters of `ImageAugmenter.apply_transform`, of "augmentations".
        networks: Title and builder (of leukcnn or Keras Applications), of "topology" and "networks".
    """

    id: str
    title: str
    kind: str
    where: str
    rows: tuple[str, ...] = ()
    dataset: str = ""
    variants: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    networks: tuple[tuple[str, str], ...] = ()

    def __post_init__(self):
        check_types(self)
        owner = name_of(self)
        require_known(owner, "kind", self.kind, FIGURES)
        require_known(owner, "dataset", self.dataset, ("", *DATASETS))
        for _, network in self.networks:
            if network not in APPLICATIONS:
                check_builder(network, owner, "networks", also=APPLICATIONS)


@dataclass(frozen=True)
class Finding:
    """Where the paper's own text can't be right, or leaves out what matters."""

    text: str
    where: str

    def __post_init__(self):
        check_types(self)
