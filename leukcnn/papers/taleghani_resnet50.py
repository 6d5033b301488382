"""Benign, early, pre or pro, with a frozen ResNet50, on 3,256 images of smears of Taleghani hospital.

Marines, "Convolutional Neural Network for Acute Lymphoblastic Leukemia Classification", manuscript. Every
published value is copied from the paper's text. Four additional networks are trained from scratch, for
machines without ImageNet weights.
"""

from dataclasses import replace

from leukcnn.papers.taleghani_resnet50_findings import CLAIMS, FINDINGS
from leukcnn.papers.taleghani_resnet50_tables import TABLES
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

# 72 steps of 32 images and 651 test images mean 2,279 / 326 / 651. With five folds, an eighth of the untested
# images is held out for validation, which also gives 70/10/20.
SPLIT = Split(kind="random", fractions=(0.7, 0.1, 0.2), n_splits=5, validation_fraction=0.125)

RESNET50 = Setup(
    model=Model(
        "TaleghaniResNet50",
        {
            "weights": "imagenet",
            "dropout_rate": 0.5,
            "include_preprocessing": True,
            "kernel_initializer": "glorot_uniform",
        },
    ),
    preprocessing=Preprocessing(resize=224, scale=1 / 255),
    augmentation=Augmentation(),
    split=SPLIT,
    training=Training(
        epochs=3,
        batch_size=32,
        initial_learning_rate=1e-3,
        optimizer="adam",
        checkpoint="val_loss",
        patience=0,
    ),
)

FOUR_BLOCKS = Setup(
    model=Model("FourBlockCNN", {"filters": (16, 32, 64, 128)}),
    preprocessing=Preprocessing(resize=112, scale=1 / 255),
    augmentation=Augmentation(
        arguments={"horizontal_flip": True, "vertical_flip": True, "quarter_turns": True},
        variants_per_image=1,
        variants="fresh",
    ),
    split=SPLIT,
    training=Training(
        epochs=16,
        batch_size=32,
        initial_learning_rate=1e-3,
        final_learning_rate=0.0,
        schedule="cosine",
        optimizer="adam",
        checkpoint="val_loss",
    ),
)
_LARGE = replace(FOUR_BLOCKS, preprocessing=RESNET50.preprocessing)
SCRATCH_RESNET50 = replace(
    _LARGE,
    model=Model("FineTuned", {"backbone": "ResNet50", "mode": "DFT", "dense_units": (), "weights": None}),
)
SCRATCH_ALERTNET = replace(
    _LARGE, model=Model("AlertNet", {"dropout_rate": 0.5, "batch_norm_momentum": 0.99})
)
SCRATCH_LIGHTWEIGHT = replace(
    _LARGE,
    # Keras' initial values, as in the other networks from scratch; its own paper has PyTorch's.
    model=Model("LightweightCNN", {"dropout_rate": 0.2, "kernel_initializer": "glorot_uniform"}),
    training=replace(FOUR_BLOCKS.training, initial_learning_rate=1e-4),
)

_EXTRA_SPLITS = ("grouped", "kfold")

ROWS = (
    Row("resnet50", "ResNet50, frozen", RESNET50, extra_splits=_EXTRA_SPLITS),
    Row(
        "four_blocks",
        "Four blocks, from scratch",
        FOUR_BLOCKS,
        extra_splits=_EXTRA_SPLITS,
        scratch_name="four_blocks",
    ),
    Row(
        "scratch_resnet50",
        "ResNet50, from scratch",
        SCRATCH_RESNET50,
        extra_splits=_EXTRA_SPLITS,
        scratch_name="resnet50",
    ),
    Row(
        "scratch_alertnet",
        "Alert Net, from scratch",
        SCRATCH_ALERTNET,
        extra_splits=_EXTRA_SPLITS,
        scratch_name="alertnet",
    ),
    Row(
        "scratch_lightweight",
        "Lightweight CNN, from scratch",
        SCRATCH_LIGHTWEIGHT,
        extra_splits=_EXTRA_SPLITS,
        scratch_name="lightweight",
    ),
)
OWN = ("resnet50",)
SCRATCH = tuple(row.id for row in ROWS if row.scratch_name)

PROFILES = (
    Profile("paper", "The paper's own setting: 224x224 pixels, ImageNet's weights, 3 epochs."),
    Profile(
        "smoke",
        "The frozen ResNet50 with random weights and the network of four blocks, on small images and in 2 "
        "folds, to see that everything runs.",
        changes={
            "preprocessing.resize": 32,
            "split.n_splits": 2,
            "split.limit_per_class": 60,
            "training.batch_size": 8,
            "training.deterministic": True,
        },
        row_changes={
            "resnet50": {"model.arguments.weights": None},
            "four_blocks": {"preprocessing.resize": 48, "training.epochs": 8},
            "scratch_resnet50": {"training.epochs": 1},
            "scratch_alertnet": {
                "preprocessing.resize": 64,
                "training.epochs": 4,
                "model.arguments.batch_norm_momentum": 0.8,
            },
            "scratch_lightweight": {"training.epochs": 6, "training.initial_learning_rate": 1e-3},
        },
        rows=("resnet50", "four_blocks"),
        not_comparable="smoke profile",
    ),
)

FIGURES = (
    Figure("samples", "Smears of each class", "samples", ""),
    Figure("segmentation", "Cells found by their colour, next to the original", "segmentation", ""),
    Figure("curves", "Accuracy and loss by epoch", "history", "", rows=tuple(row.id for row in ROWS)),
    Figure("confusion_matrix", "Confusion matrix on the test set", "confusion", ""),
)

_NOT_STATED = "not stated in the paper"

ASSUMPTIONS = (
    Assumption(
        "split",
        field="split.kind",
        reason="the supports 95, 191, 206, 159 aren't a fifth of each class (100.8, 197.0, 192.6, 160.8), so "
        "the split isn't stratified. Here --seed determines it; the paper's own isn't published",
        where=f"{_NOT_STATED}; Results: the supports",
        choices=("random",),
    ),
    Assumption(
        "split_fractions",
        field="split.fractions",
        reason="651 of 3,256 images are tested, and 72 batches of 32 hold the training images: 2,279 / 326 / "
        "651",
        where=f"{_NOT_STATED}; Implementation: '72/72', Results: the support of 651",
    ),
    Assumption(
        "shrinking",
        field="preprocessing.shrinking",
        reason="the mean of the covered pixels; the images have the paper's 224 pixels, and only "
        "smaller inputs need it",
        where=_NOT_STATED,
        choices=("area", "linear"),
    ),
    Assumption(
        "enlarging",
        field="preprocessing.enlarging",
        reason="smooth, and sharper than linear; the images have 224 pixels, so that no profile needs it",
        where=_NOT_STATED,
        choices=("cubic", "linear"),
    ),
    Assumption(
        "batch_size",
        field="training.batch_size",
        reason="Keras' default; 72 batches of 32 are 70 % of the images",
        where=f"{_NOT_STATED}; Implementation: '72/72'",
        rows=OWN,
    ),
    Assumption(
        "learning_rate",
        field="training.initial_learning_rate",
        reason="the default of Keras' Adam, constant",
        where=_NOT_STATED,
        rows=OWN,
    ),
    Assumption(
        "weights",
        field="model.arguments.weights",
        reason="ImageNet's, 'originally trained on a large dataset'; the 'custom' weights aren't specified",
        where="Implementation: 'preloaded custom weights'",
        rows=OWN,
    ),
    Assumption(
        "include_preprocessing",
        field="model.arguments.include_preprocessing",
        reason="BGR minus ImageNet's mean, as in the training of ImageNet's weights. False gives pixel "
        "values 0..1",
        where=f"{_NOT_STATED}; Implementation: 'processed images'",
        choices=(True, False),
        rows=OWN,
    ),
    Assumption(
        "kernel_initializer",
        field="model.arguments.kernel_initializer",
        reason="Keras' default, for the classifier; the base has published weights",
        where=_NOT_STATED,
        choices=("glorot_uniform", "glorot_normal", "he_uniform", "he_normal"),
        rows=OWN,
    ),
    Assumption(
        "checkpoint",
        field="training.checkpoint",
        reason="Keras' default for ModelCheckpoint. In the printed log the second epoch is the best by both "
        "validation loss and accuracy; the text doesn't say whether the reports are of it or the last epoch",
        where="Implementation: 'saved the best model during training'",
        choices=("val_loss", "val_accuracy", "last"),
    ),
    Assumption(
        "patience",
        field="training.patience",
        reason="Keras' default, 0: training stops after the first epoch without a lower validation loss. The "
        "printed log fits any patience: its validation loss rises in the third epoch of three",
        where="Implementation: 'halted training early if the validation loss did not improve'",
        rows=OWN,
    ),
    Assumption(
        "filters",
        field="model.arguments.filters",
        reason="the smallest network that learns these images in minutes on two cores; not in the paper",
        where="not in the paper, which has no network from scratch",
        rows=("four_blocks",),
    ),
    Assumption(
        "scratch_image_size",
        field="preprocessing.resize",
        reason="112 pixels are half the images' size and take a quarter of the time; the other networks have "
        "the size of their own papers",
        where="not in the paper, which has no network from scratch",
        rows=SCRATCH,
    ),
    Assumption(
        "scratch_epochs",
        field="training.epochs",
        reason="few enough to train the four blocks in minutes on two cores",
        where="not in the paper, which has no network from scratch",
        rows=SCRATCH,
    ),
    Assumption(
        "scratch_learning_rate",
        field="training.initial_learning_rate",
        reason="the default of Keras' Adam; the lightweight CNN has that of its own paper",
        where="not in the paper, which has no network from scratch",
        rows=SCRATCH,
    ),
    Assumption(
        "scratch_schedule",
        field="training.schedule",
        reason="half a cosine, from the initial rate to 0 after the last epoch",
        where="not in the paper, which has no network from scratch",
        choices=("cosine",),
        rows=SCRATCH,
    ),
    Assumption(
        "scratch_augmentation",
        field="augmentation.variants",
        reason="flips and quarter turns lose no detail, and a smear has no preferred direction; sampled "
        "again in every epoch",
        where="not in the paper, which has no network from scratch and no augmentation",
        choices=("fresh", "once"),
        rows=SCRATCH,
    ),
)

PAPER = Paper(
    key="taleghani_resnet50",
    title="Convolutional Neural Network for Acute Lymphoblastic Leukemia Classification",
    authors="Gamaliel Marines",
    # The manuscript has no date; its log is from Keras 3, which was first released in late 2023.
    year=2025,
    citation="Instituto Tecnológico y de Estudios Superiores de Monterrey, manuscript without date",
    task="benign, early, pre or pro: ALL or not, and its subtype",
    datasets=("taleghani",),
    classes=("benign", "early", "pre", "pro"),
    positive_class="",
    splits=("random", "grouped", "kfold", "grouped_kfold", "block_kfold"),
    rows=ROWS,
    profiles=PROFILES,
    assumptions=ASSUMPTIONS,
    tables=TABLES,
    figures=FIGURES,
    findings=FINDINGS,
    claims=CLAIMS,
    class_of={"benign": "benign", "early": "early", "pre": "pre", "pro": "pro"},
)
