"""ALL or healthy, on ALL-IDB 1 and 2 separately, with a network of two convolutions after thresholding.

Zaiter and Zwiggelaar, "Acute Lymphocytic Leukemia Detection Using Deep Learning Methods", submitted to
Diagnostics. Every published value is copied from the paper's text.
"""

from dataclasses import replace

from leukcnn.papers.allidb_lightweight_findings import CLAIMS, FINDINGS
from leukcnn.papers.allidb_lightweight_tables import TABLES
from leukcnn.spec import (
    DEFAULT_CONTROLS,
    Assumption,
    Augmentation,
    Figure,
    Model,
    Paper,
    Preprocessing,
    Profile,
    Row,
    Setup,
    Split,
    Training,
)

DATASETS = ("allidb1", "allidb2")

# Sections 4.1, 4.2 and 5.
LIGHTWEIGHT = Setup(
    model=Model(
        "LightweightCNN",
        {"filters": (16, 32), "dense_units": 64, "pool_first": False, "dropout_rate": 0.2},
    ),
    preprocessing=Preprocessing(resize=224, scale=1 / 255, threshold="darkest", squeeze=True),
    augmentation=Augmentation(),
    # No field is published for 75 of the 260 crops of ALL-IDB 2.
    split=Split(kind="kfold", n_splits=4, per_dataset=DATASETS, unknown_subjects="each"),
    training=Training(
        epochs=25,
        batch_size=16,
        initial_learning_rate=1e-4,
        optimizer="adam",
        checkpoint="last",
    ),
)
_PRETRAINED = {"mode": "DFT", "dense_units": (), "weights": "imagenet", "include_preprocessing": True}
RESNET50 = replace(LIGHTWEIGHT, model=Model("FineTuned", {"backbone": "ResNet50", **_PRETRAINED}))
REGNET = replace(LIGHTWEIGHT, model=Model("FineTuned", {"backbone": "RegNetY-400MF", **_PRETRAINED}))

ROWS = (
    Row("resnet50", "ResNet50", RESNET50, optional=True),
    Row("regnet", "RegNet", REGNET, optional=True),
    # The rows above take long: only `--split grouped_kfold` trains them in grouped folds.
    Row("lightweight", "Proposed CNN", LIGHTWEIGHT, extra_splits=("grouped_kfold",)),
)
OWN = ("lightweight",)
PRETRAINED = ("resnet50", "regnet")

PROFILES = (
    Profile("paper", "The paper's own setting: 224x224 pixels, 4 folds, 25 epochs."),
    Profile(
        "smoke",
        "The lightweight CNN learns small images in 2 folds; ResNet50, with random weights, shows that it "
        "runs.",
        changes={
            "preprocessing.resize": 64,
            "split.n_splits": 2,
            "split.limit_per_class": 80,
            "training.batch_size": 8,
            "training.deterministic": True,
        },
        row_changes={
            "resnet50": {
                "model.arguments.weights": None,
                "preprocessing.resize": 32,
                "training.epochs": 1,
                "training.batch_size": 16,
            },
            "regnet": {
                "model.arguments.weights": None,
                "preprocessing.resize": 32,
                "training.epochs": 1,
                "training.batch_size": 16,
            },
            "lightweight": {"training.epochs": 8, "training.initial_learning_rate": 1e-3},
        },
        rows=("resnet50", "lightweight"),
        not_comparable="smoke profile",
    ),
)

FIGURES = (
    Figure("samples", "Images of each class", "samples", ""),
    Figure(
        "figure1",
        "The proposed Lightweight CNN architecture",
        "networks",
        "Figure 1",
        networks=(("Lightweight CNN", "LightweightCNN"),),
    ),
    Figure("figure2", "Grey histograms, with the clusters of thresholding", "histograms", "Figure 2"),
    Figure(
        "figure3",
        "Image, mask, input of the network, extracted cells (lobes of a nucleus are separated, too)",
        "extraction",
        "Figure 3",
        rows=OWN,
    ),
    Figure("figure4", "The confusion matrices of the proposed models", "confusion", "Figure 4"),
    Figure("figure5", "Misclassified images, masks and scores", "misclassified", "Figure 5", rows=OWN),
)

_NOT_STATED = "not stated in the paper"
_REGNET_SIZES = (
    *("200MF", "400MF", "600MF", "800MF", "1.6GF", "3.2GF"),
    *("4.0GF", "6.4GF", "8.0GF", "12GF", "16GF", "32GF"),
)

ASSUMPTIONS = (
    Assumption(
        "folds",
        field="split.n_splits",
        reason="'four-fold' in the methods, five in the abstract. Each of 4 folds has exactly 27 images of "
        "ALL-IDB 1 or 65 of ALL-IDB 2",
        where="Section 4.2; Abstract: '5-fold'",
    ),
    Assumption(
        "threshold",
        field="preprocessing.threshold",
        reason="'darkest' is the cluster of white cells, which the paper wants; 'least_frequent' follows its "
        "words, but can find another cluster in close-ups; 'none' applies no threshold",
        where="Section 4.1: 'the cluster having the least frequency'",
        choices=("darkest", "least_frequent", "none"),
    ),
    Assumption(
        "squeeze",
        field="preprocessing.squeeze",
        reason="white cells can be anywhere in a field, and its central square may have none. False keeps "
        "only that square",
        where=_NOT_STATED,
        choices=(True, False),
    ),
    Assumption(
        "image_size",
        field="preprocessing.resize",
        reason="the image size that ImageNet's weights were trained on",
        where=_NOT_STATED,
    ),
    Assumption(
        "shrinking",
        field="preprocessing.shrinking",
        reason="the mean of the covered pixels, so that no pixel is lost",
        where=_NOT_STATED,
        choices=("area", "linear"),
    ),
    Assumption(
        "enlarging",
        field="preprocessing.enlarging",
        reason="smooth, and sharper than linear; every image of ALL-IDB is larger than 224 pixels",
        where=_NOT_STATED,
        choices=("cubic", "linear"),
    ),
    Assumption(
        "batch_size",
        field="training.batch_size",
        reason="small, like the datasets",
        where=_NOT_STATED,
    ),
    Assumption(
        "checkpoint",
        field="training.checkpoint",
        reason="four folds leave no validation set to choose the best epoch, and choosing it on the test "
        "fold would make the results too good",
        where=_NOT_STATED,
        choices=("last",),
    ),
    Assumption(
        "filters",
        field="model.arguments.filters",
        reason="small powers of two; 3x3 kernels, same padding",
        where=f"{_NOT_STATED}; Figure 1 has no numbers",
        rows=OWN,
    ),
    Assumption(
        "dense_units",
        field="model.arguments.dense_units",
        reason="few, since this layer has nearly all parameters",
        where=_NOT_STATED,
        rows=OWN,
    ),
    Assumption(
        "pool_first",
        field="model.arguments.pool_first",
        reason="as in Figure 1 and its caption ('succeeded by a max pooling layer')",
        where="Section 4.2: 'preceded by a max pooling layer'",
        choices=(False, True),
        rows=OWN,
    ),
    Assumption(
        "regnet",
        field="model.arguments.backbone",
        reason="a small one, since the datasets are small",
        where=f"{_NOT_STATED}: 'RegNet'",
        choices=tuple(f"{kind}-{size}" for kind in ("RegNetX", "RegNetY") for size in _REGNET_SIZES),
        rows=("regnet",),
    ),
    Assumption(
        "mode",
        field="model.arguments.mode",
        reason="every layer is trained and the head is new: 'we train our networks'",
        where=_NOT_STATED,
        choices=("DFT", "SFT"),
        rows=PRETRAINED,
    ),
    Assumption(
        "include_preprocessing",
        field="model.arguments.include_preprocessing",
        reason="as in the training of ImageNet's weights. False gives pixel values 0..1",
        where=_NOT_STATED,
        choices=(True, False),
        rows=PRETRAINED,
    ),
)

PAPER = Paper(
    key="allidb_lightweight",
    title="Acute Lymphocytic Leukemia Detection Using Deep Learning Methods",
    authors="Louai Zaiter, Reyer Zwiggelaar",
    # Its template says 2024 in the citation and 2025 in the copyright.
    year=2025,
    citation="Submitted to Diagnostics, without a DOI",
    task="ALL or healthy, on each of two datasets separately",
    datasets=DATASETS,
    classes=("healthy", "ALL"),
    positive_class="ALL",
    splits=("kfold", "grouped_kfold", "block_kfold"),
    rows=ROWS,
    profiles=PROFILES,
    assumptions=ASSUMPTIONS,
    tables=TABLES,
    figures=FIGURES,
    findings=FINDINGS,
    claims=CLAIMS,
    class_of={
        "healthy": "healthy",
        "benign": "healthy",
        "ALL": "ALL",
        "malignant": "ALL",
        "early": "ALL",
        "pre": "ALL",
        "pro": "ALL",
    },
    controls=(*DEFAULT_CONTROLS, "cells"),
    synthetic_images={"allidb1": {"healthy": 59, "ALL": 49}, "allidb2": {"healthy": 130, "ALL": 130}},
)
