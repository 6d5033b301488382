"""The tables of the Taleghani paper as its text prints them, and additional ones."""

from leukcnn.spec import Published, Sample, Table, additional_tables

# The supports of the printed reports.
_TEST = (Sample((95, 191, 206, 159)),)

_REPORT = ("Class", "precision", "recall", "f1-score", "support")
_IMPLEMENTATION = "Implementation of the model"

LAYERS = Table(
    id="layers",
    title="The network, layer by layer",
    kind="layers",
    where=_IMPLEMENTATION,
    rows=("resnet50",),
    columns=("Layer (type)", "Output Shape", "Param #"),
    reference=(
        ("resnet50 (Functional)", "(None, 7, 7, 2048)", 23_587_712),
        ("flatten (Flatten)", "(None, 100352)", 0),
        ("dropout (Dropout)", "(None, 100352)", 0),
        ("dense (Dense)", "(None, 4)", 401_412),
    ),
)

LOG = Table(
    id="log",
    title="The training log",
    kind="log",
    where=_IMPLEMENTATION,
    columns=("Epoch", "accuracy", "loss", "val_accuracy", "val_loss"),
    reference=(
        (1, 0.6686, 3.8103, 0.9343, 0.4046),
        (2, 0.9718, 0.2245, 0.9859, 0.0896),
        (3, 0.9911, 0.0534, 0.9785, 0.1388),
    ),
    not_audited={
        "*/0": "the number of an epoch",
        "*/2": "a loss isn't a fraction of images",
        "*/4": "a loss isn't a fraction of images",
    },
    notes=(
        "The printed training values seem to be averages of the running means of an epoch, which Keras 3's "
        "progress bar showed for a long time: a lower accuracy and a higher loss than over the whole epoch.",
    ),
)

REPORT = Table(
    id="report",
    title="Classification report on the test set",
    kind="metrics",
    axes=("row", "class"),
    show=("support", "metric", "published", "measured", "interval", "difference", "verdict"),
    values_as="hundredths",
    where="Results",
    published=(Published("resnet50", "accuracy", 99.0),),
    samples=_TEST,
    columns=_REPORT,
    reference=(
        ("0", 0.97, 0.99, 0.98, 95),
        ("1", 0.99, 0.99, 0.99, 191),
        ("2", 1.00, 0.99, 0.99, 206),
        ("3", 1.00, 0.99, 1.00, 159),
        ("accuracy", None, None, 0.99, 651),
        ("macro avg", 0.99, 0.99, 0.99, 651),
        ("weighted avg", 0.99, 0.99, 0.99, 651),
    ),
)

REPORT_MODIFIED = Table(
    id="report_modified",
    title="Classification report on the test set, after the author's 'modifications'",
    kind="metrics",
    axes=("row", "class"),
    show=("support", "metric", "published", "measured", "interval", "difference", "verdict"),
    values_as="hundredths",
    where="Results, 'After doing modifications'",
    published=(Published("resnet50", "accuracy", 99.0),),
    samples=_TEST,
    columns=_REPORT,
    reference=(
        ("0", 0.98, 0.98, 0.98, 95),
        ("1", 0.98, 0.99, 0.99, 191),
        ("2", 1.00, 0.99, 0.99, 206),
        ("3", 1.00, 0.99, 1.00, 159),
        ("accuracy", None, None, 0.99, 651),
        ("macro avg", 0.99, 0.99, 0.99, 651),
        ("weighted avg", 0.99, 0.99, 0.99, 651),
    ),
    notes=(
        "The modifications aren't described: the measured values are those of the one described network.",
    ),
)

CONFUSION = Table(
    id="confusion",
    title="Confusion matrix on the test set",
    kind="confusion",
    columns=("Class", "support"),
    reference=(("0", 95), ("1", 191), ("2", 206), ("3", 159)),
    notes=("The text gives only the sum of each row of the paper's own matrix, the support.",),
)

SPLITS = Table(
    id="splits",
    title="Random split, grouped split and folds",
    kind="metrics",
    axes=("split", "row"),
    show=("metric", "published", "measured", "interval", "state"),
    published=(Published("resnet50", "accuracy", 99.0), Published("resnet50", "macro_f1", 99.0)),
    samples=_TEST,
)

MASKS = Table(
    id="masks",
    title="Accuracy without border, cells or background",
    kind="metrics",
    axes=("row", "mask"),
    metrics=("accuracy",),
    show=("metric", "measured", "interval", "change", "state"),
    rows=("resnet50", "four_blocks", "scratch_resnet50", "scratch_alertnet", "scratch_lightweight"),
)

TABLES = (LAYERS, LOG, REPORT, REPORT_MODIFIED, CONFUSION, SPLITS, MASKS, *additional_tables())
