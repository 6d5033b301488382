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
    "samples": "leukcnn.outputs.paper_figures",
    "augmentations": "leukcnn.outputs.paper_figures",
    "segmentation": "leukcnn.outputs.paper_figures",
    "topology": "leukcnn.outputs.paper_figures",
    "networks": "leukcnn.outputs.paper_figures",
    "activation_maps": "leukcnn.outputs.paper_figures",
    "filters": "leukcnn.outputs.paper_figures",
    "feature_space": "leukcnn.outputs.paper_figures",
    "history": "leukcnn.outputs.paper_figures",
    "confusion": "leukcnn.outputs.paper_figures",
    "histograms": "leukcnn.outputs.paper_figures",
    "extraction": "leukcnn.outputs.paper_figures",
    "misclassified": "leukcnn.outputs.paper_figures",
}
