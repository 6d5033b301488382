"""Alert Net: ALL, AML or healthy blood slide, on sixteen datasets in 5-fold cross-validation.

Claro et al., "Convolution Neural Network Models for Acute Leukemia Diagnosis", IWSSIP 2020. Every published
value is copied from the paper's text.
"""

from dataclasses import replace

from leukcnn.papers.alertnet_assumptions import ASSUMPTIONS
from leukcnn.papers.alertnet_findings import CLAIMS, FINDINGS
from leukcnn.papers.alertnet_tables import TABLE_2, TABLES
from leukcnn.spec import (
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

# Section III-B: central square on the shorter side, 224 x 224; section III-C: 0..1.
PREPROCESSING = Preprocessing(resize=224, scale=1 / 255)

# Section III-C.
AUGMENTATION = Augmentation(
    arguments={
        "rotation_range": 40,
        "width_shift_range": 0.2,
        "height_shift_range": 0.2,
        "shear_range": 0.2,
        "zoom_range": 0.2,
        "horizontal_flip": True,
        "vertical_flip": True,
        "fill_mode": "reflect",
    },
    variants_per_image=20,
)

TRAINING = Training(
    epochs=50,
    batch_size=32,
    initial_learning_rate=1e-3,
    optimizer="sgd",
    optimizer_arguments={"momentum": 0.8},
    checkpoint="last",
)

# What the text leaves open in all six Alert Nets.
_ALERT_NET = {
    "batch_norm_momentum": 0.99,
    "kernel_initializer": "glorot_uniform",
    "convolutions": ((64, 11), (128, 5), (256, 3), (512, 3), (1024, 3)),
    "dense_units": (512, 512),
    "relu": "after_norm",
    "pool_padding": "same",
}
WITH, WITHOUT = {"dropout_rate": 0.5, **_ALERT_NET}, {"dropout_rate": 0.0, **_ALERT_NET}

ALERT_NET = Setup(
    model=Model("AlertNet", WITH),
    preprocessing=PREPROCESSING,
    augmentation=AUGMENTATION,
    # Most of the datasets have no published subjects.
    split=Split(kind="kfold", n_splits=5, unknown_subjects="each"),
    training=TRAINING,
)
ALERT_NET_WD = replace(ALERT_NET, model=Model("AlertNet", WITHOUT))
ALERT_NET_R = replace(ALERT_NET, model=Model("AlertNetR", WITH))
ALERT_NET_RWD = replace(ALERT_NET, model=Model("AlertNetR", WITHOUT))
ALERT_NET_X = replace(ALERT_NET, model=Model("AlertNetX", {**WITH, "first_separable": True}))
ALERT_NET_XWD = replace(ALERT_NET, model=Model("AlertNetX", {**WITHOUT, "first_separable": True}))

# Shallow (SFT) and deep fine-tuning (DFT) from ImageNet's weights, section V: "with lower learning rates".
_FINE_TUNED = replace(ALERT_NET, training=replace(TRAINING, initial_learning_rate=1e-4))
_TOP = {
    "dense_units": (512,),
    "dropout_rates": (0.0,),
    "weights": "imagenet",
    "include_preprocessing": False,
    "kernel_initializer": "glorot_uniform",
}
_SFT, _DFT = {"mode": "SFT", "frozen": "base", **_TOP}, {"mode": "DFT", **_TOP}
RESNET50_SFT = replace(_FINE_TUNED, model=Model("FineTuned", {"backbone": "ResNet50", **_SFT}))
INCEPTIONV3_SFT = replace(_FINE_TUNED, model=Model("FineTuned", {"backbone": "InceptionV3", **_SFT}))
XCEPTION_SFT = replace(_FINE_TUNED, model=Model("FineTuned", {"backbone": "Xception", **_SFT}))
RESNET50_DFT = replace(_FINE_TUNED, model=Model("FineTuned", {"backbone": "ResNet50", **_DFT}))
INCEPTIONV3_DFT = replace(_FINE_TUNED, model=Model("FineTuned", {"backbone": "InceptionV3", **_DFT}))
XCEPTION_DFT = replace(_FINE_TUNED, model=Model("FineTuned", {"backbone": "Xception", **_DFT}))

ROWS = (
    Row("alertnet", "Alert Net", ALERT_NET),
    Row("alertnet_wd", "Alert Net-WD", ALERT_NET_WD),
    Row("alertnet_r", "Alert Net-R", ALERT_NET_R),
    Row("alertnet_rwd", "Alert Net-RWD", ALERT_NET_RWD),
    Row("alertnet_x", "Alert Net-X", ALERT_NET_X),
    Row("alertnet_xwd", "Alert Net-XWD", ALERT_NET_XWD),
    Row("resnet50_sft", "ResNet50 SFT", RESNET50_SFT),
    Row("inceptionv3_sft", "InceptionV3 SFT", INCEPTIONV3_SFT),
    Row("xception_sft", "Xception SFT", XCEPTION_SFT),
    Row("resnet50_dft", "ResNet50 DFT", RESNET50_DFT),
    Row("inceptionv3_dft", "InceptionV3 DFT", INCEPTIONV3_DFT),
    Row("xception_dft", "Xception DFT", XCEPTION_DFT),
)
ALERT_NET_ROWS = tuple(row.id for row in ROWS[:6])
_RANDOM = {"model.arguments.weights": None}
_ALERT_NET_SMOKE = {"model.arguments.batch_norm_momentum": 0.8}
_SHALLOW_SMOKE = {**_RANDOM, "augmentation.variants_per_image": 1, "training.epochs": 10}
_DEEP_SMOKE = {**_RANDOM, "augmentation.variants_per_image": 1, "training.epochs": 1}

PROFILES = (
    Profile("paper", "The paper's own setting: 224x224 pixels, 20 variants an image, 5 folds, 50 epochs."),
    Profile(
        "smoke",
        "Networks of each kind on small images, from random weights, for a few epochs and in 2 folds, to see "
        "that everything runs.",
        changes={
            "preprocessing.resize": 64,
            "augmentation.variants_per_image": 2,
            "split.n_splits": 2,
            "split.limit_per_class": 60,
            "training.epochs": 6,
            "training.initial_learning_rate": 1e-2,
            "training.deterministic": True,
        },
        row_changes={
            **dict.fromkeys(ALERT_NET_ROWS, _ALERT_NET_SMOKE),
            "resnet50_sft": _SHALLOW_SMOKE,
            "inceptionv3_sft": {**_SHALLOW_SMOKE, "preprocessing.resize": 75},
            "xception_sft": {**_SHALLOW_SMOKE, "preprocessing.resize": 71},
            "resnet50_dft": _DEEP_SMOKE,
            "inceptionv3_dft": {**_DEEP_SMOKE, "preprocessing.resize": 75},
            "xception_dft": {**_DEEP_SMOKE, "preprocessing.resize": 71},
        },
        # The first row, and what the t-test compares.
        rows=("alertnet", "alertnet_rwd", "resnet50_dft"),
        not_comparable="smoke profile",
    ),
    Profile(
        "cpu",
        "Alert Net and its variants on real images, for a computer without a GPU: 112x112 pixels, up to "
        "600 images of each class, one variant an image, 3 folds, 8 epochs.",
        changes={
            "preprocessing.resize": 112,
            "augmentation.variants_per_image": 1,
            "split.n_splits": 3,
            "split.limit_per_class": 600,
            "training.epochs": 8,
            "training.deterministic": True,
        },
        row_changes=dict.fromkeys(ALERT_NET_ROWS, _ALERT_NET_SMOKE),
        rows=ALERT_NET_ROWS,
        not_comparable="cpu profile",
    ),
)

FIGURES = (
    Figure("figure1", "Images of each class", "samples", "Figure 1"),
    Figure(
        "figure2",
        "Topologies of the proposed models",
        "networks",
        "Figure 2",
        networks=(("Alert Net", "AlertNet"), ("Alert Net-R", "AlertNetR"), ("Alert Net-X", "AlertNetX")),
    ),
    Figure(
        "figure3", "Activation maps of Alert Net-RWD", "activation_maps", "Figure 3", rows=("alertnet_rwd",)
    ),
    Figure("confusion_matrices", "Confusion matrices over all folds", "confusion", ""),
)

PAPER = Paper(
    key="alertnet",
    title="Convolution Neural Network Models for Acute Leukemia Diagnosis",
    authors="Maíla Claro, Luis Vogado, Rodrigo Veras, André Santana, João Tavares, Justino Santos, Vinicius "
    "Machado",
    year=2020,
    citation="IWSSIP 2020, IEEE, ISBN 978-1-7281-7539-3",
    task="ALL, AML or healthy blood slide (HBS)",
    datasets=tuple(row[0] for row in TABLE_2.reference),
    classes=("HBS", "ALL", "AML"),
    positive_class="",
    splits=("kfold", "grouped_kfold", "block_kfold"),
    rows=ROWS,
    profiles=PROFILES,
    assumptions=ASSUMPTIONS,
    tables=TABLES,
    figures=FIGURES,
    findings=FINDINGS,
    claims=CLAIMS,
    class_of={
        "healthy": "HBS",
        "benign": "HBS",
        "ALL": "ALL",
        "malignant": "ALL",
        "early": "ALL",
        "pre": "ALL",
        "pro": "ALL",
        "AML": "AML",
    },
)
