"""The kinds of tables, figures and claims: the module for each, what it shows and which fields it requires.

A new kind is one module of `leukcnn.outputs` or `leukcnn.auditing` and one entry here. The entries hold text
only, so that a paper is checked without loading the modules that build its tables and plots.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of table or figure.

    Attributes:
        module: Module of `leukcnn.outputs` that makes it.
        shows: What it shows.
        requires: Field that may not be empty -> what it must hold.
        accepts: Special fields that it accepts. All other kinds refuse them, unless they accept or require
            them too.
        lengths: Field -> number of items that it must have.
        needs_positive_class: Fields that may be set only if the paper has a positive class.
        keyed_by_dataset: Whether each line of `reference` begins with a dataset's key, or with "Total".
        reference_cells: Allowed numbers of cells in a line of `reference`. The pair (a, b)
            allows a cells plus b for each class of the paper; empty allows any number.
        needs_trained_rows: Whether its rows must train a network. Rows that classify the features of another
            row's network are refused.
        needs_networks: Whether it needs trained networks, and not the paper or the images alone.
    """

    module: str
    shows: str
    requires: Mapping[str, str] = MappingProxyType({})
    accepts: tuple[str, ...] = ()
    lengths: Mapping[str, int] = MappingProxyType({})
    needs_positive_class: tuple[str, ...] = ()
    keyed_by_dataset: bool = False
    reference_cells: tuple[tuple[int, int], ...] = ()
    needs_trained_rows: bool = False
    needs_networks: bool = True


_ROWS = {"rows": "ids of the paper's rows that it shows"}
_AS_PRINTED = {
    "columns": "the headings as printed",
    "reference": "the lines as printed, one cell for each heading",
}

TABLES: Mapping[str, Kind] = {
    "metrics": Kind(
        "leukcnn.outputs.metrics",
        "a line for each metric and each combination of its axes",
        accepts=("axes", "show", "values_as", "over", "kappa_words", "headings", "shape"),
    ),
    "counts": Kind(
        "leukcnn.outputs.counts",
        "images of each set before and after augmentation, published and measured",
        requires={
            "columns": "the headings as printed: the set, then each class before and after augmentation",
            "reference": "the printed lines of training, validation and test set, one cell for each heading",
        },
        lengths={"reference": 3},
        reference_cells=((1, 2),),
        needs_positive_class=("reference",),
        needs_networks=False,
    ),
    "datasets": Kind(
        "leukcnn.outputs.datasets",
        "images of each dataset, as printed, in the catalog and found here; without `reference`, images, "
        "groups, sizes and formats of each class here",
        keyed_by_dataset=True,
        reference_cells=((2, 1), (3, 1)),
        needs_networks=False,
    ),
    "t_test": Kind(
        "leukcnn.outputs.t_test",
        "Student's t-test between two rows",
        requires={"rows": "the two rows that are compared"},
        lengths={"rows": 2},
    ),
    "controls": Kind("leukcnn.outputs.controls", "each row against each control, on the same images"),
    "confusion": Kind(
        "leukcnn.outputs.confusion_counts",
        "confusion matrices in numbers; with `subsets`, hits and misses on each of them",
        needs_positive_class=("subsets",),
    ),
    "subjects": Kind("leukcnn.outputs.subjects", "the accuracy on each subject"),
    "reference": Kind(
        "leukcnn.outputs.reference",
        "a table as printed, with measured values next to some lines",
        requires=_AS_PRINTED,
        needs_networks=False,
    ),
    "shortcut": Kind(
        "leukcnn.outputs.shortcut", "how well the border alone predicts the dataset and leukaemia"
    ),
    "layers": Kind(
        "leukcnn.outputs.layers",
        "the layers of its first row's network as Keras summarises them",
        requires=_ROWS | _AS_PRINTED,
        lengths={"columns": 3},
        needs_networks=False,
    ),
    "networks": Kind(
        "leukcnn.outputs.network_sizes",
        "depth and number of parameters of published networks, as printed and as built",
        requires={
            "networks": "pairs of the first cell of a printed line and a builder",
            "columns": "the headings as printed: name, topological depth, number of parameters, year",
            "reference": "the printed lines, one cell for each heading",
        },
        accepts=("networks",),
        lengths={"columns": 4},
        needs_networks=False,
    ),
    "log": Kind("leukcnn.outputs.log", "accuracy and loss by epoch", needs_trained_rows=True),
    "times": Kind("leukcnn.outputs.times", "how long a training takes"),
    "mobile": Kind(
        "leukcnn.outputs.mobile",
        "size, time and accuracy of each row's network as a LiteRT file",
        requires=_ROWS,
        needs_trained_rows=True,
    ),
    "mask_scores": Kind(
        "leukcnn.outputs.mask_scores",
        "how well masks of white cells agree with the masks that datasets contain",
        needs_networks=False,
    ),
}

FIGURES: Mapping[str, Kind] = {
    "samples": Kind(
        "leukcnn.outputs.samples",
        "images of each class",
        needs_networks=False,
    ),
    "augmentations": Kind(
        "leukcnn.outputs.augmentations",
        "an image and augmented versions of it",
        requires={"variants": "pairs of a title and parameters of ImageAugmenter.apply_transform"},
        accepts=("variants",),
        needs_networks=False,
    ),
    "segmentation": Kind(
        "leukcnn.outputs.segmentation",
        "images next to the pixels that segmentation by colour keeps",
        needs_networks=False,
    ),
    "topology": Kind(
        "leukcnn.outputs.topology",
        "the top layers of networks",
        requires={"networks": "pairs of a title and a builder"},
        accepts=("networks",),
        needs_networks=False,
    ),
    "networks": Kind(
        "leukcnn.outputs.topology",
        "all layers of networks",
        requires={"networks": "pairs of a title and a builder"},
        accepts=("networks",),
        needs_networks=False,
    ),
    "activation_maps": Kind(
        "leukcnn.outputs.activation_maps",
        "mean activation and Grad-CAM of its first row's network",
        requires=_ROWS,
        needs_trained_rows=True,
    ),
    "filters": Kind(
        "leukcnn.outputs.filters",
        "outputs of single filters of its first row's network",
        requires=_ROWS,
        needs_trained_rows=True,
    ),
    "feature_space": Kind(
        "leukcnn.outputs.feature_space",
        "features of the tested images, projected to two dimensions",
        requires=_ROWS | {"dataset": "key of the tested dataset"},
        accepts=("dataset",),
    ),
    "history": Kind(
        "leukcnn.outputs.history",
        "curves of accuracy and loss by epoch",
        requires=_ROWS,
        needs_trained_rows=True,
    ),
    "confusion": Kind(
        "leukcnn.outputs.confusion_matrices",
        "confusion matrices of its rows, by default of all",
        accepts=("rows",),
    ),
    "histograms": Kind(
        "leukcnn.outputs.thresholding",
        "grey histograms with the clusters of thresholding",
        accepts=("rows",),
        needs_networks=False,
    ),
    "extraction": Kind(
        "leukcnn.outputs.thresholding",
        "images, their masks and the extracted cells, by the first row's rule",
        accepts=("rows",),
        needs_networks=False,
    ),
    "misclassified": Kind(
        "leukcnn.outputs.misclassified",
        "images that a row's networks misclassify, by default of all rows",
        accepts=("rows",),
    ),
}


class ClaimKind(NamedTuple):
    """A kind of claim that the audit checks.

    Attributes:
        module: Module of `leukcnn.auditing` that checks it.
        checks: What it checks.
    """

    module: str
    checks: str


CLAIMS: Mapping[str, ClaimKind] = {
    "sums": ClaimKind("leukcnn.auditing.sums", "the totals of a table of counts"),
    "shares": ClaimKind(
        "leukcnn.auditing.shares",
        "whether a whole number of images gives a percentage, rounded or truncated",
    ),
    "binary_row": ClaimKind(
        "leukcnn.auditing.binary", "confusion matrices of two classes that give all values of a row together"
    ),
    "test_size": ClaimKind(
        "leukcnn.auditing.class_sizes", "sizes of the test set for which all rows of a table are possible"
    ),
    "proportions": ClaimKind(
        "leukcnn.auditing.proportions",
        "whether the best row is better than the others, by Fisher's exact test",
    ),
    "runs": ClaimKind(
        "leukcnn.auditing.run_sets", "sets of runs that give the means and standard deviations of a row"
    ),
    "folds": ClaimKind(
        "leukcnn.auditing.fold_sets", "sets of folds that give the means and standard deviations of a row"
    ),
    "agreement": ClaimKind(
        "leukcnn.auditing.multiclass",
        "kappa, macro and weighted averages of several classes, against accuracy",
    ),
    "report": ClaimKind("leukcnn.auditing.reports", "confusion matrices that give a classification report"),
    "weighted_f1": ClaimKind(
        "leukcnn.auditing.weighted_f1", "class sizes and confusion matrices that give a weighted F1-score"
    ),
    "t_test": ClaimKind("leukcnn.auditing.t_tests", "a test from printed means and standard deviations"),
    "network_size": ClaimKind(
        "leukcnn.auditing.sizes", "parameters and file sizes of the networks, from their builders"
    ),
    "statement": ClaimKind(
        "leukcnn.auditing.statements", "numbers in the text against each other, the tables and other papers"
    ),
}


def fields_not_accepted(kind: str, registry: Mapping[str, Kind]) -> tuple[str, ...]:
    """Returns the special fields that other kinds of a registry accept and this one doesn't."""
    own = {*registry[kind].accepts, *registry[kind].requires}
    return tuple(
        dict.fromkeys(name for other in registry.values() for name in other.accepts if name not in own)
    )
