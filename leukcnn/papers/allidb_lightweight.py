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
        {
            "convolutions": ((16, 3), (32, 3)),
            "padding": "same",
            "conv_activation": "elu",
            "top_pooling": "flatten",
            "dense_units": 64,
            "pool_first": False,
            "dropout_rate": 0.2,
            "kernel_initializer": "pytorch",
        },
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
        # PyTorch's; Keras' is 1e-7.
        optimizer_arguments={"epsilon": 1e-8},
        checkpoint="last",
    ),
)
_PRETRAINED = {
    "mode": "DFT",
    "dense_units": (),
    "weights": "imagenet",
    "include_preprocessing": True,
    "kernel_initializer": "pytorch",
    "batch_norm_momentum": 0.9,
}
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
        "words, but can find another cluster in close-ups; 'none' applies no threshold. The three clusters "
        "are the exact 3-means of an image's grey levels",
        where="Section 4.1: 'the cluster having the least frequency'",
        choices=("darkest", "least_frequent", "none"),
    ),
    Assumption(
        "input",
        field="preprocessing.region",
        reason="the whole image after thresholding. 'crops' cuts out each connected component that the "
        "threshold finds and shows them side by side, each at its own scale, in one input a network",
        where="Section 4.2: 'The regions of interest are, then, fed into' the networks; Figure 3: 'the "
        "extracted lymphocytes'",
        choices=("image", "crops"),
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
        "stratified",
        field="split.stratified",
        reason="each fold has about the same fraction of each class",
        where="Section 4.2: 'the four-fold cross-validation technique'",
        choices=(True, False),
    ),
    Assumption(
        "initializer",
        field="model.arguments.kernel_initializer",
        reason="PyTorch's initial values of convolutions and dense layers, kernels and biases. Any other "
        "is a Keras initializer of the kernels, with biases of 0",
        where="Section 5: 'We used the Pytorch library'",
        choices=("pytorch", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal"),
    ),
    Assumption(
        "adam_epsilon",
        field="training.optimizer_arguments.epsilon",
        reason="PyTorch's default; Keras' is 1e-7",
        where="Section 5: 'We used the Pytorch library'",
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
        "convolutions",
        field="model.arguments.convolutions",
        reason="filters and kernel size of each: small powers of two, and the usual 3x3 kernels",
        where=f"{_NOT_STATED}; Figure 1 has no numbers",
        rows=OWN,
    ),
    Assumption(
        "padding",
        field="model.arguments.padding",
        reason="only the poolings shrink the feature maps; 'valid' is PyTorch's default",
        where=_NOT_STATED,
        choices=("same", "valid"),
        rows=OWN,
    ),
    Assumption(
        "conv_activation",
        field="model.arguments.conv_activation",
        reason="the paper's only activation, also after the convolutions. 'linear' gives them none, as its "
        "words do",
        where="Section 4.2 lists ELU among the dense layers alone: 'dense, ELU, dropout, and Softmax layers'",
        choices=("elu", "relu", "linear"),
        rows=OWN,
    ),
    Assumption(
        "top_pooling",
        field="model.arguments.top_pooling",
        reason="the dense layer gets all feature maps; 'avg' and 'max' pool them globally",
        where=f"{_NOT_STATED}; Figure 1",
        choices=("flatten", "avg", "max"),
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
        "resnet",
        field="model.arguments.backbone",
        reason="the network of He et al. as Keras has it; PyTorch's has its strides in other layers, and "
        "other weights",
        where="Section 4.2: 'ResNet50'; Section 5: 'We used the Pytorch library'",
        choices=("ResNet50", "ResNet50V2"),
        rows=("resnet50",),
    ),
    Assumption(
        "pretrained_dense_units",
        field="model.arguments.dense_units",
        reason="none: global average pooling and a new classifier. [64] gives the proposed network's dense "
        "layer, with ReLU",
        where=_NOT_STATED,
        rows=PRETRAINED,
    ),
    Assumption(
        "batch_norm_momentum",
        field="model.arguments.batch_norm_momentum",
        reason="PyTorch's default, there called 0.1; 0.99 in Keras' ResNet50 is too slow for the 150 steps "
        "of a fold of ALL-IDB 1",
        where="Section 5: 'We used the Pytorch library'",
        rows=PRETRAINED,
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
        reason="every layer is trained and the head is new: 'we train our networks'. SFT freezes all layers "
        "before the head",
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
