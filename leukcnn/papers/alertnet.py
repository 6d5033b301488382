"""Alert Net: ALL, AML or healthy blood slide, on sixteen datasets in 5-fold cross-validation.

Claro et al., "Convolution Neural Network Models for Acute Leukemia Diagnosis", IWSSIP 2020. Every published
value is copied from the paper's text.
"""

from dataclasses import replace

from leukcnn.papers.alertnet_findings import CLAIMS, FINDINGS
from leukcnn.papers.alertnet_tables import ALERT_NETS, DEEP, SHALLOW, TABLE_2, TABLES, WITH_DROPOUT
from leukcnn.spec import (
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

ALERT_NET = Setup(
    model=Model("AlertNet", {"dropout_rate": 0.5, "batch_norm_momentum": 0.99}),
    preprocessing=PREPROCESSING,
    augmentation=AUGMENTATION,
    # Most of the datasets have no published subjects.
    split=Split(kind="kfold", n_splits=5, unknown_subjects="each"),
    training=TRAINING,
)
ALERT_NET_WD = replace(ALERT_NET, model=Model("AlertNet", {"dropout_rate": 0.0, "batch_norm_momentum": 0.99}))
ALERT_NET_R = replace(ALERT_NET, model=Model("AlertNetR", {"dropout_rate": 0.5, "batch_norm_momentum": 0.99}))
ALERT_NET_RWD = replace(
    ALERT_NET, model=Model("AlertNetR", {"dropout_rate": 0.0, "batch_norm_momentum": 0.99})
)
ALERT_NET_X = replace(ALERT_NET, model=Model("AlertNetX", {"dropout_rate": 0.5, "batch_norm_momentum": 0.99}))
ALERT_NET_XWD = replace(
    ALERT_NET, model=Model("AlertNetX", {"dropout_rate": 0.0, "batch_norm_momentum": 0.99})
)

# Shallow (SFT) and deep fine-tuning (DFT) from ImageNet's weights, section V.
HEAD = {"dense_units": (512,), "weights": "imagenet"}
RESNET50_SFT = replace(ALERT_NET, model=Model("FineTuned", {"backbone": "ResNet50", "mode": "SFT", **HEAD}))
INCEPTIONV3_SFT = replace(
    ALERT_NET, model=Model("FineTuned", {"backbone": "InceptionV3", "mode": "SFT", **HEAD})
)
XCEPTION_SFT = replace(ALERT_NET, model=Model("FineTuned", {"backbone": "Xception", "mode": "SFT", **HEAD}))
RESNET50_DFT = replace(ALERT_NET, model=Model("FineTuned", {"backbone": "ResNet50", "mode": "DFT", **HEAD}))
INCEPTIONV3_DFT = replace(
    ALERT_NET, model=Model("FineTuned", {"backbone": "InceptionV3", "mode": "DFT", **HEAD})
)
XCEPTION_DFT = replace(ALERT_NET, model=Model("FineTuned", {"backbone": "Xception", "mode": "DFT", **HEAD}))

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

ASSUMPTIONS = (
    Assumption(
        "dropout_rate",
        field="model.arguments.dropout_rate",
        reason="the usual rate in Keras and AlexNet; the WD variants have no dropout layer",
        where="not stated in the paper",
        rows=WITH_DROPOUT,
    ),
    Assumption(
        "batch_norm_momentum",
        field="model.arguments.batch_norm_momentum",
        reason="Keras' default; too slow for the few steps of the smoke profile",
        where="not stated in the paper",
        rows=ALERT_NETS,
    ),
    Assumption(
        "dense_units",
        field="model.arguments.dense_units",
        reason="global average pooling, a dense layer of 512 units and three outputs have the number of "
        "parameters in Table V",
        where="not stated in the paper",
        rows=(*SHALLOW, *DEEP),
    ),
    Assumption(
        "shrinking",
        field="preprocessing.shrinking",
        reason="the mean of the covered pixels, so that no pixel is lost",
        where="section III-B: 'resize the input images to 224 × 224 pixels'",
        choices=("area", "linear"),
    ),
    Assumption(
        "enlarging",
        field="preprocessing.enlarging",
        reason="smooth, and sharper than linear: JTSC's images of 120 pixels, all healthy, shouldn't be "
        "recognised by their blur",
        where="section III-B",
        choices=("cubic", "linear"),
    ),
    Assumption(
        "optimizer",
        field="training.optimizer",
        reason="a file of 68 MB holds the weights and one optimizer variable for each of them, which "
        "excludes Adam; the same group's LeukNet uses SGD with momentum",
        where="not stated in the paper",
        choices=("sgd",),
    ),
    Assumption(
        "momentum",
        field="training.optimizer_arguments.momentum",
        reason="the value of the same group's LeukNet",
        where="not stated in the paper",
    ),
    Assumption(
        "learning_rate",
        field="training.initial_learning_rate",
        reason="the value of the same group's LeukNet, constant",
        where="not stated in the paper",
    ),
    Assumption(
        "batch_size",
        field="training.batch_size",
        reason="the value of the same group's LeukNet",
        where="not stated in the paper",
    ),
    Assumption(
        "epochs",
        field="training.epochs",
        reason="the number of the same group's LeukNet",
        where="not stated in the paper",
    ),
    Assumption(
        "checkpoint",
        field="training.checkpoint",
        reason="no images are held out to choose the best epoch",
        where="not stated in the paper",
        choices=("last",),
    ),
    Assumption(
        "variants_per_image",
        field="augmentation.variants_per_image",
        reason="20 augmented images replace each training image of a fold; test images are unchanged",
        where="section III-C: 'a dataset 20 times bigger than the original'",
    ),
    Assumption(
        "augmentation",
        field="augmentation.variants",
        reason="each new image is augmented once and is the same in every epoch and fold; fresh augments it "
        "again in every epoch",
        where="section III-C",
        choices=("once", "fresh"),
    ),
    Assumption(
        "rotation_degrees",
        field="augmentation.arguments.rotation_range",
        reason="in both directions, as Keras interprets a range of 40",
        where="section III-C: 'rotation in the range of 0º to 40º'",
    ),
    Assumption(
        "width_shift",
        field="augmentation.arguments.width_shift_range",
        reason="fraction of the width, in both directions; 'vertical, horizontal' means shifts",
        where="section III-C",
    ),
    Assumption(
        "height_shift",
        field="augmentation.arguments.height_shift_range",
        reason="fraction of the height, in both directions",
        where="section III-C",
    ),
    Assumption(
        "shear_degrees",
        field="augmentation.arguments.shear_range",
        reason="Keras' shear_range is in degrees; a program with the value 0.2 shears by up to 0.2 degrees",
        where="section III-C: 'shear ... of 0 to 0.2'",
    ),
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
