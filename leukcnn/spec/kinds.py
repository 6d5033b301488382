"""The kinds of tables and figures: which module makes each, what it shows, what it must be given.

A new kind is one module of `leukcnn.outputs` and one entry here. Only words stand here, so that a paper is
checked without loading what draws it.
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
        takes: Fields that kinds which neither take nor require them refuse.
        lengths: Field -> number of its items.
        positive: Fields that, where they hold something, take a paper with a positive class.
        keyed: Whether each line of `reference` begins with a dataset's key, or with "Total".
        cells: Numbers of cells that a line of `reference` may have, each as (a, b): a, and b for each class
            of the paper; empty for any.
        trains: Whether the rows that it names must train a network, and not classify another's features.
    """

    module: str
    shows: str
    requires: Mapping[str, str] = MappingProxyType({})
    takes: tuple[str, ...] = ()
    lengths: Mapping[str, int] = MappingProxyType({})
    positive: tuple[str, ...] = ()
    keyed: bool = False
    cells: tuple[tuple[int, int], ...] = ()
    trains: bool = False


_ROWS = {"rows": "ids of the paper's rows that it shows"}
_AS_PRINTED = {"columns": "the headings as printed", "reference": "the lines as printed, a cell a heading"}

TABLES: Mapping[str, Kind] = {
    "metrics": Kind(
        "leukcnn.outputs.metrics",
        "a line for each metric at each place that the axes give",
        takes=("axes", "show", "values_as", "over", "kappa_words"),
    ),
    "counts": Kind(
        "leukcnn.outputs.counts",
        "images of each set before and after augmentation, published beside those here",
        requires={
            "columns": "the headings as printed: the set, then each class before and after augmentation",
            "reference": "the lines of training, validation and test set as printed, a cell a heading",
        },
        lengths={"reference": 3},
        cells=((1, 2),),
        positive=("reference",),
    ),
    "datasets": Kind(
        "leukcnn.outputs.datasets",
        "what each dataset holds by the catalogue, as printed and here",
        requires={"reference": "a line a dataset: its key and the printed counts of each class and of all"},
        keyed=True,
        cells=((2, 1), (3, 1)),
    ),
    "t_test": Kind(
        "leukcnn.outputs.t_test",
        "what Student's t-test says of two rows",
        requires={"rows": "the two rows that are compared"},
        lengths={"rows": 2},
    ),
    "confusion": Kind(
        "leukcnn.outputs.confusion_counts",
        "how often each class was taken for each; with `subsets`, hits and misses on each of them",
        positive=("subsets",),
    ),
    "subjects": Kind("leukcnn.outputs.subjects", "the accuracy subject by subject"),
    "reference": Kind(
        "leukcnn.outputs.reference",
        "a table as printed, with what is measured beside some lines",
        requires=_AS_PRINTED,
    ),
    "shortcut": Kind("leukcnn.outputs.shortcut", "what a border alone tells of datasets and of leukaemia"),
    "layers": Kind(
        "leukcnn.outputs.layers",
        "the layers of its first row's network as Keras summarises them",
        requires=_ROWS | _AS_PRINTED,
        lengths={"columns": 3},
    ),
    "log": Kind("leukcnn.outputs.log", "accuracy and loss by epoch", trains=True),
    "times": Kind("leukcnn.outputs.times", "how long a training takes"),
    "mask_scores": Kind(
        "leukcnn.outputs.mask_scores", "how masks of white cells agree with those that datasets come with"
    ),
}

FIGURES: Mapping[str, Kind] = {
    "samples": Kind("leukcnn.outputs.samples", "images of each class"),
    "augmentations": Kind(
        "leukcnn.outputs.augmentations",
        "an image and what augmentation makes of it",
        requires={"variants": "pairs of a title and parameters of ImageAugmenter.apply_transform"},
        takes=("variants",),
    ),
    "segmentation": Kind("leukcnn.outputs.segmentation", "images beside what segmentation by colour keeps"),
    "topology": Kind(
        "leukcnn.outputs.topology",
        "the top layers of networks",
        requires={"networks": "pairs of a title and a builder"},
        takes=("networks",),
    ),
    "networks": Kind(
        "leukcnn.outputs.topology",
        "all layers of networks",
        requires={"networks": "pairs of a title and a builder"},
        takes=("networks",),
    ),
    "activation_maps": Kind(
        "leukcnn.outputs.activation_maps",
        "mean activation and Grad-CAM of its first row's network",
        requires=_ROWS,
        trains=True,
    ),
    "filters": Kind(
        "leukcnn.outputs.filters",
        "what single filters of its first row's network give",
        requires=_ROWS,
        trains=True,
    ),
    "feature_space": Kind(
        "leukcnn.outputs.feature_space",
        "features of the tested images in the plane",
        requires=_ROWS | {"dataset": "key of the tested dataset"},
        takes=("dataset",),
    ),
    "history": Kind(
        "leukcnn.outputs.history", "accuracy and loss by epoch, as curves", requires=_ROWS, trains=True
    ),
    "confusion": Kind(
        "leukcnn.outputs.confusion_matrices",
        "confusion matrices of the rows, of all by default",
        takes=("rows",),
    ),
    "histograms": Kind(
        "leukcnn.outputs.thresholding", "grey histograms with the clusters of thresholding", takes=("rows",)
    ),
    "extraction": Kind(
        "leukcnn.outputs.thresholding",
        "images, their masks and the cells cut out, by the first row's rule",
        takes=("rows",),
    ),
    "misclassified": Kind(
        "leukcnn.outputs.misclassified",
        "images that a row's networks take for another class, of all rows by default",
        takes=("rows",),
    ),
}


def not_taken(kind: str, registry: Mapping[str, Kind]) -> tuple[str, ...]:
    """Returns the fields that other kinds of a registry take and this one doesn't."""
    own = {*registry[kind].takes, *registry[kind].requires}
    return tuple(
        dict.fromkeys(name for other in registry.values() for name in other.takes if name not in own)
    )
