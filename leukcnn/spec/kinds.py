"""The kinds of tables and figures, each with the module of `leukcnn.outputs` that makes it.

A new kind is one module there and one line here. Names alone stand here, so that a paper is checked without
loading what draws it.
"""

from collections.abc import Mapping

TABLES: Mapping[str, str] = {
    "metrics": "leukcnn.outputs.metrics",
    "counts": "leukcnn.outputs.counts",
    "datasets": "leukcnn.outputs.datasets",
    "t_test": "leukcnn.outputs.t_test",
    "confusion": "leukcnn.outputs.confusion_counts",
    "subjects": "leukcnn.outputs.subjects",
    "reference": "leukcnn.outputs.reference",
    "shortcut": "leukcnn.outputs.shortcut",
    "layers": "leukcnn.outputs.layers",
    "log": "leukcnn.outputs.log",
    "times": "leukcnn.outputs.times",
    "mask_scores": "leukcnn.outputs.mask_scores",
}

FIGURES: Mapping[str, str] = {
    "samples": "leukcnn.outputs.samples",
    "augmentations": "leukcnn.outputs.augmentations",
    "segmentation": "leukcnn.outputs.segmentation",
    "topology": "leukcnn.outputs.topology",
    "networks": "leukcnn.outputs.topology",
    "activation_maps": "leukcnn.outputs.activation_maps",
    "filters": "leukcnn.outputs.filters",
    "feature_space": "leukcnn.outputs.feature_space",
    "history": "leukcnn.outputs.history",
    "confusion": "leukcnn.outputs.confusion_matrices",
    "histograms": "leukcnn.outputs.thresholding",
    "extraction": "leukcnn.outputs.thresholding",
    "misclassified": "leukcnn.outputs.misclassified",
}
