"""The tables of the ALL-IDB paper as its text prints them, and those that stand beside them."""

from leukcnn.spec import Published, Table

NETWORKS = ("resnet50", "regnet", "lightweight")


# Each line of Table 1 has one figure four times.
_AVERAGES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
_PRINTED = (
    ("resnet50", "allidb1", 96),
    ("regnet", "allidb1", 97),
    ("lightweight", "allidb1", 99),
    ("resnet50", "allidb2", 98),
    ("regnet", "allidb2", 98),
    ("lightweight", "allidb2", 98),
)

TABLE_1 = Table(
    id="table1",
    title="The recorded performance of deep learning models on the ALL-IDB1 and ALL-IDB2 datasets",
    kind="metrics",
    axes=("dataset", "row"),
    show=("metric", "published", "measured", "weighted", "interval", "difference", "verdict"),
    where="Table 1",
    published=tuple(
        Published(row, metric, percent, dataset=dataset)
        for row, dataset, percent in _PRINTED
        for metric in _AVERAGES
    ),
    rows=NETWORKS,
    notes=(
        "25 epochs in every line of the paper's table. How long a training takes, the table 'times' says.",
    ),
)

TIMES = Table(
    id="times",
    title="How long a training takes",
    kind="times",
    where="Introduction, 'in a significantly short amount of time'",
    rows=NETWORKS,
)

STRICT = Table(
    id="strict",
    title="Crops of one field of view kept in one fold",
    kind="metrics",
    axes=("dataset", "row"),
    show=("metric", "published", "measured", "weighted", "interval", "difference", "verdict"),
    rows=("lightweight",),
    split="kfold",
    compared_split="grouped_kfold",
    metrics=("accuracy", "macro_f1"),
    notes=(
        "Fields are known of 185 of ALL-IDB 2's 260 crops, by the shipped manifest. An image of ALL-IDB 1 "
        "is a field of its own and a synthetic crop is of no known one: there grouped folds differ from the "
        "others by the draw, unless images are nearly the same.",
    ),
)

CONFUSION = Table(
    id="confusion",
    title="Confusion matrices",
    kind="confusion",
    rows=NETWORKS,
    columns=("Dataset", "Class", "support"),
    reference=(
        ("allidb1", "healthy", 59),
        ("allidb1", "ALL", 49),
        ("allidb2", "healthy", 130),
        ("allidb2", "ALL", 130),
    ),
    notes=(
        "The supports are those of section 3, whose 39 images with leukaemia are a slip for 49. Of the "
        "matrices in Figure 4 the text tells of the proposed CNN's on ALL-IDB 1 alone: one error, '48 true "
        "negatives'.",
    ),
)

MASK_SCORES = Table(
    id="mask_scores",
    title="How well white cells are found, against the masks of JTSC and CellaVision",
    kind="mask_scores",
)

TABLES = (TABLE_1, TIMES, STRICT, CONFUSION, MASK_SCORES)
