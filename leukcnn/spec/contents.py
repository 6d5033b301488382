"""What a paper prints and what it leaves open: rows, profiles, assumptions, tables, figures, findings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leukcnn.spec.setups import Setup


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


@dataclass(frozen=True)
class Published:
    """One published figure, as the paper prints it.

    Attributes:
        row: Id of the row.
        metric: "accuracy", "precision", "kappa", "parameters" ...
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


AXES = ("row", "dataset", "set", "split", "mask", "class")
SETS = ("test", "balanced", "external", "within", "final")
FIGURES_AS = ("mean", "percent", "hundredths")
SHOWN = (
    *("metric", "published", "measured", "weighted", "interval", "difference", "verdict", "state"),
    *("pictures", "cells", "support", "classes", "change"),
    *("test", "less_test", "balanced", "less_balanced"),
)
KAPPA_WORDS = ("", "alertnet")


@dataclass(frozen=True)
class Table:
    """A table of the paper, or one that stands beside them.

    Most tables show metrics: kind "metrics", with a line for each metric at each place that the axes give.
    By default a line has the published figure, the measured one with its 95 % interval, the difference, and a
    verdict. Accuracy, F1-score and AUROC of each network, on the test set and on its balanced part:

        Table("table2", "The networks", "metrics", where="Table 2", axes=("row", "set"),
              sets=("test", "balanced"), metrics=("accuracy", "f1", "auroc"),
              published=(Published("vgg16", "accuracy", 92.48),))

    A figure of every class, and the accuracy under every kind of split:

        Table("by_class", "Each class", "metrics", axes=("row", "class"), metrics=("recall", "auroc"))
        Table("splits", "Splits", "metrics", axes=("split", "row"), metrics=("accuracy",),
              show=("metric", "measured", "interval", "state"))

    Attributes:
        id: "table1", "table2" ...
        title: What it shows.
        kind: How it is filled, a key of `leukcnn.spec.kinds.TABLES`: "metrics", "counts" (pictures before and
            after augmentation), "datasets", "t_test", "confusion", "subjects" (accuracy subject by subject),
            "reference" (as printed), "shortcut", "layers" (a network as Keras summarises it), "log" (figures
            by epoch), "times" (how long a training took) or "mask_scores" (how masks of white cells agree
            with those that datasets come with).
        where: Its place in the paper; "" for a table that the paper doesn't have.
        published: Published figures of the rows.
        columns: Headings of a table that the paper prints as it stands in `reference`.
        reference: Its rows; in a table that has a block for each of several datasets, each cross-validated by
            itself, they begin with the dataset's key. Of a table of metrics with the axis "class", the lines
            of scikit-learn's classification report of the first row.
        measured: First cell of a row of `reference`, id of the paper's row and metric that it stands for.
        rows: Ids of the paper's rows that it shows, and of the two that "t_test" compares; empty for all.
        split: Kind of split that its figures rest on; "" for the experiment's main one.
        beside: Kind of split whose figures stand beside them; "" for none.
        metrics: Metrics that it shows, of `METRICS` and `SIZES`; if empty those of its published figures, or
            accuracy and macro F1-score. Of more than two classes, precision, recall and F1-score stand for
            their weighted and macro averages, and with the axis "class" if empty for scikit-learn's report.
        axes: What its lines go through, the outermost first, of `AXES`: "row"; "dataset" that is tested;
            "set" of pictures; kind of "split"; "mask", a part of the pictures that is blanked; "class".
        sets: Sets of pictures: "test", "balanced" (the test set with equal classes), "external" (other
            subjects), "within" (a cross-validation within the tested dataset), "final" (a phase without
            labels); if empty, those of its published figures.
        show: What a line shows behind its axes, of `SHOWN`: "metric", "published", "measured", "interval",
            "difference", "verdict" or the plain "state"; "weighted", the weighted average beside a macro one;
            "pictures" (or "cells") that were tested, their "support" by class, "classes" that a dataset has;
            "change" by blanking; "test" and "balanced", figures on those sets, and "less_test" and
            "less_balanced", the measured one less those.
        figures: How they are shown: "mean" with standard deviation in the metric's own unit, "percent" with
            two decimals, or "hundredths" as scikit-learn's report prints them.
        over: What the mean is over: "runs", "folds" or "auto", folds in k-fold cross-validation of more than
            two classes and else runs, whose folds count together.
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
    beside: str = ""
    metrics: tuple[str, ...] = ()
    axes: tuple[str, ...] = ("row",)
    sets: tuple[str, ...] = ()
    show: tuple[str, ...] = ("metric", "published", "measured", "interval", "difference", "verdict")
    figures: str = "mean"
    over: str = "auto"
    kappa_words: str = ""
    notes: tuple[str, ...] = ()

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


@dataclass(frozen=True)
class Finding:
    """Where the paper's own text can't be right, or leaves out what matters."""

    text: str
    where: str
