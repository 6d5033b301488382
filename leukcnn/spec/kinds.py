"""The kinds of tables and figures, each with the module of `leukcnn.outputs` that makes it.

A new kind is one module there and one line here. Names alone stand here, so that a paper is checked without
loading what draws it.
"""

from collections.abc import Mapping

TABLES: Mapping[str, str] = {
    "counts": "leukcnn.outputs.score_tables",
    "datasets": "leukcnn.outputs.dataset_tables",
    "scores": "leukcnn.outputs.score_tables",
    "folds": "leukcnn.outputs.fold_tables",
    "t_test": "leukcnn.outputs.t_test_tables",
    "confusion": "leukcnn.outputs.score_tables",
    "external": "leukcnn.outputs.score_tables",
    "subjects": "leukcnn.outputs.score_tables",
    "leaderboard": "leukcnn.outputs.score_tables",
    "reference": "leukcnn.outputs.score_tables",
    "runs": "leukcnn.outputs.run_tables",
    "runs_t_test": "leukcnn.outputs.t_test_tables",
    "single_class": "leukcnn.outputs.shortcut_tables",
    "shortcut": "leukcnn.outputs.shortcut_tables",
    "layers": "leukcnn.outputs.layer_tables",
    "report": "leukcnn.outputs.class_tables",
    "class_confusion": "leukcnn.outputs.class_tables",
    "log": "leukcnn.outputs.log_tables",
    "splits": "leukcnn.outputs.split_tables",
    "masks": "leukcnn.outputs.split_tables",
    "times": "leukcnn.outputs.time_tables",
    "mask_scores": "leukcnn.outputs.mask_tables",
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
