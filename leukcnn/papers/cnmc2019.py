"""C-NMC 2019: malignant or healthy cell, with VGG16, VGG19 and Xception trained from scratch.

Maurício de Oliveira and Dantas, "Classification of Normal versus Leukemic Cells with Data Augmentation and
Convolutional Neural Networks", VISAPP 2021. Every published value is copied from the paper's text.
"""

from dataclasses import replace

from leukcnn.papers.cnmc2019_findings import CLAIMS, FINDINGS
from leukcnn.papers.cnmc2019_tables import ABLATION, NETWORKS, TABLES
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

PREPROCESSING = Preprocessing(crop=250, scale=1 / 255, subtract_channel_mean=True)

SHEAR, SALT_AND_PEPPER = {"shear_factor": (0.1, 0.35)}, {"salt_and_pepper": 0.02}
BLUR = {"gaussian_blur": 5}

AUGMENTATION = Augmentation(
    arguments={
        "flips": "one_of",
        "rotation_range": (20, 339),
        "fill_mode": "constant",
        "cval": 0.0,
        "one_of": ({}, SHEAR, SALT_AND_PEPPER, BLUR),
    },
    train_per_class=10_000,
    validation_per_class=5_000,
)

SPLIT = Split(kind="cell", fractions=(0.6, 0.3, 0.1))


# Adam with the values of Kingma and Ba (section 2.5); Keras' own epsilon is 1e-7.
VGG_TRAINING = Training(
    epochs=400,
    batch_size=20,
    initial_learning_rate=1e-5,
    final_learning_rate=1e-6,
    optimizer="adam",
    optimizer_arguments={"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
    checkpoint="val_accuracy",
)
XCEPTION_TRAINING = replace(VGG_TRAINING, initial_learning_rate=5e-6)

VGG = {
    "penalty": 1e-4,
    "dropout_rate": 0.5,
    "kernel_initializer": "glorot_uniform",
    "dense_units": (512, 512),
    "top_pooling": "avg",
}
VGG16 = Setup(
    model=Model("CNMCVGG16", VGG),
    preprocessing=PREPROCESSING,
    augmentation=AUGMENTATION,
    split=SPLIT,
    training=VGG_TRAINING,
)
VGG19 = replace(VGG16, model=replace(VGG16.model, name="CNMCVGG19"))
XCEPTION = replace(
    VGG16,
    model=Model("CNMCXception", {**VGG, "penalty": 7e-4, "dense_units": (2048,)}),
    training=XCEPTION_TRAINING,
)

# What the text compares VGG16 with, in words and without values. A new image that VGG16 sees with shear, or
# with salt and pepper, has its flip and rotation alone; all other images are the same.
MAX_POOLING = replace(VGG16, model=Model("CNMCVGG16", {**VGG, "top_pooling": "max"}))
WITHOUT_DENSE = replace(VGG16, model=Model("CNMCVGG16", {**VGG, "dense_units": ()}))
DENSE_4096 = replace(VGG16, model=Model("CNMCVGG16", {**VGG, "dense_units": (4096, 4096)}))
WITHOUT_PENALTY = replace(VGG16, model=Model("CNMCVGG16", {**VGG, "penalty": 0.0}))
WITHOUT_SHEAR = replace(
    VGG16,
    augmentation=replace(
        AUGMENTATION,
        arguments={**AUGMENTATION.arguments, "one_of": ({}, {}, SALT_AND_PEPPER, BLUR)},
    ),
)
WITHOUT_SALT_AND_PEPPER = replace(
    VGG16,
    augmentation=replace(AUGMENTATION, arguments={**AUGMENTATION.arguments, "one_of": ({}, SHEAR, {}, BLUR)}),
)

ROWS = (
    Row("vgg16", "VGG16", VGG16),
    Row("vgg19", "VGG19", VGG19),
    Row("xception", "Xception", XCEPTION),
    Row("vgg16_max_pooling", "VGG16, max pooling", MAX_POOLING),
    Row("vgg16_without_dense", "VGG16 without dense layers", WITHOUT_DENSE),
    Row("vgg16_4096", "VGG16, 4096 neurons a layer", DENSE_4096),
    Row("vgg16_without_shear", "VGG16 without shear", WITHOUT_SHEAR),
    Row("vgg16_without_salt_and_pepper", "VGG16 without salt and pepper", WITHOUT_SALT_AND_PEPPER),
    Row("vgg16_without_penalty", "VGG16 without penalty", WITHOUT_PENALTY),
)
_WITH_PENALTY = tuple(row.id for row in ROWS if row.id != "vgg16_without_penalty")
_AUGMENTED_IN_FULL = tuple(row.id for row in ROWS if row.setup.augmentation == AUGMENTATION)

PROFILES = (
    Profile(
        "paper",
        "The paper's own setting: 250x250 pixels, 20,000 + 10,000 images, 400 epochs.",
        rows=NETWORKS,
    ),
    Profile(
        "smoke",
        "VGG16 on small images for a few epochs, to see that everything runs.",
        changes={
            "preprocessing.resize": 32,
            "augmentation.train_per_class": 200,
            "augmentation.validation_per_class": 60,
            "split.limit_per_class": 240,
            "model.arguments.kernel_initializer": "he_normal",
            "training.epochs": 3,
            "training.initial_learning_rate": 3e-4,
            "training.final_learning_rate": 2e-4,
            "training.deterministic": True,
        },
        row_changes={
            **{row: {"training.epochs": 6} for row in ABLATION},
            # Of maps of one position, the mean and the maximum are the same.
            "vgg16_max_pooling": {"preprocessing.resize": 64, "training.epochs": 6},
            "vgg19": {"training.epochs": 2},
            "xception": {"preprocessing.resize": 71, "training.epochs": 1},
        },
        rows=("vgg16",),
        not_comparable="smoke profile",
    ),
)


FIGURES = (
    Figure("figure2", "Cells of both classes", "samples", "Figure 2"),
    Figure(
        "figure3",
        "Each augmentation on one cell",
        "augmentations",
        "Figure 3",
        variants=(
            ("mirrored both ways", {"flip_horizontal": True, "flip_vertical": True}),
            ("rotated by 60 degrees", {"theta": 60.0}),
            ("Gaussian blur, 17x17", {"gaussian_blur": 17}),
            ("sheared by 0.3", {"shear_factor_x": 0.3}),
            ("salt and pepper, 2 %", {"salt_and_pepper": 0.02}),
        ),
    ),
    Figure(
        "figure4",
        "Top layers of the networks",
        "topology",
        "Figure 4",
        networks=(
            ("(a) Xception, original", "Xception"),
            ("(b) Xception, the paper's", "CNMCXception"),
            ("(c) VGG16 and VGG19, original", "VGG16"),
            ("(d) VGG16 and VGG19, the paper's", "CNMCVGG16"),
        ),
    ),
    Figure("figure5", "Training of VGG16", "history", "Figure 5", rows=("vgg16",)),
    Figure("figure6", "Training of VGG19", "history", "Figure 6", rows=("vgg19",)),
    Figure("figure7", "Training of Xception", "history", "Figure 7", rows=("xception",)),
    Figure("confusion_matrices", "Confusion matrices on the test set", "confusion", "", rows=NETWORKS),
)

ASSUMPTIONS = (
    Assumption(
        "batch_size",
        field="training.batch_size",
        reason="the authors' published code trains with batches of 20",
        where="not stated in the paper",
    ),
    Assumption(
        "loss",
        field="training.loss",
        reason="cross-entropy of the two softmax outputs; 'binary' in the text means two classes",
        where="section 2.5, equation 2",
        choices=("categorical_crossentropy", "binary_crossentropy"),
    ),
    Assumption(
        "epochs",
        field="training.epochs",
        reason="the length of the schedule; the text implies that training ran to its end",
        where="section 2.5",
    ),
    Assumption(
        "schedule",
        field="training.schedule",
        reason="one rate for each epoch, lr(e) = first * (final / first) ** (e / 400), so that the final "
        "rate would follow the last epoch; exponential_to_last has it in the last epoch",
        where="section 2.5: 'initial and final learning rates that exponentially decay over 400 epochs'",
        choices=("exponential", "exponential_to_last"),
    ),
    Assumption(
        "checkpoint",
        field="training.checkpoint",
        reason="the epoch with the best validation accuracy; the loss is named for the penalty alone",
        where="section 2: 'the highest validation accuracy possible', 'the best models of each architecture'",
        choices=("val_accuracy", "val_loss", "last"),
    ),
    Assumption(
        "initializer",
        field="model.arguments.kernel_initializer",
        reason="Keras' default. With it, VGG16's initial outputs hardly depend on the image; with he_normal, "
        "training makes progress sooner",
        where="section 3 says only 'trained from scratch'",
        choices=("glorot_uniform", "he_normal", "he_uniform", "glorot_normal"),
    ),
    Assumption(
        "penalty",
        field="model.arguments.penalty",
        reason="on the kernels of all dense layers including the last one, as in the authors' code",
        where="section 2.5, equation 3: 'the fully-connected layers'",
        rows=_WITH_PENALTY,
    ),
    Assumption(
        "dropout_rate",
        field="model.arguments.dropout_rate",
        reason="after each dense layer except the last",
        where="section 2.3",
    ),
    Assumption(
        "crop",
        field="preprocessing.crop",
        reason="the centre; cropping before augmentation lets each image be decoded once",
        where="section 2.4 gives 250 pixels, but not the order",
    ),
    Assumption(
        "shrinking",
        field="preprocessing.shrinking",
        reason="for small profiles only: the paper's crops aren't resized",
        where="section 2.4: 'to avoid resizing algorithms'",
        choices=("area", "linear"),
    ),
    Assumption(
        "enlarging",
        field="preprocessing.enlarging",
        reason="for other sizes only: no profile enlarges an image",
        where="section 2.4: 'to avoid resizing algorithms'",
        choices=("cubic", "linear"),
    ),
    Assumption(
        "subtract_channel_mean",
        field="preprocessing.subtract_channel_mean",
        reason="the channel means of each image, not those of the dataset, as in the authors' code",
        where="section 2.4: 'the channel mean value'",
    ),
    Assumption(
        "split_fractions",
        field="split.fractions",
        reason="within each class, with training rounded up and validation down, which gives Table 1 exactly",
        where="section 2.1, Table 1",
    ),
    Assumption(
        "augmentation",
        field="augmentation.variants",
        reason="each new image is augmented once and is the same in every epoch; fresh augments it again in "
        "every epoch",
        where="section 2.2, Table 1",
        choices=("once", "fresh"),
    ),
    Assumption(
        "flips",
        field="augmentation.arguments.flips",
        reason="each new image is mirrored horizontally, vertically or both, with a chance of 1/3 each; "
        "any_of mirrors it each way with a chance of 1/2, so that a quarter isn't mirrored",
        where="section 2.2 names mirroring; the authors' code",
        choices=("one_of", "any_of"),
    ),
    Assumption(
        "fill_mode",
        field="augmentation.arguments.fill_mode",
        reason="pixels from outside the image are black, like the background of the cells",
        where="not stated; the authors' code",
        choices=("constant", "nearest", "reflect", "wrap"),
    ),
    Assumption(
        "rotation_degrees",
        field="augmentation.arguments.rotation_range",
        reason="the range in the authors' code, on a black background",
        where="section 2.2 names rotation without a range; Figure 3 shows 60 degrees",
    ),
    Assumption(
        "extra_augmentation",
        field="augmentation.arguments.one_of",
        reason="after flip and rotation, one of four options with a chance of 1/4 each, as in the authors' "
        "code: nothing, shear by .1 to .35, salt and pepper on 2 % of the pixels (half of each), Gaussian "
        "blur of 5x5 pixels (17x17 in Figure 3) with OpenCV's sigma, 1.1",
        where="section 2.2 names them without probabilities or sizes",
        rows=_AUGMENTED_IN_FULL,
    ),
)

PAPER = Paper(
    key="cnmc2019",
    title="Classification of Normal versus Leukemic Cells with Data Augmentation and Convolutional Neural "
    "Networks",
    authors="José Elwyslan Maurício de Oliveira, Daniel Oliveira Dantas",
    year=2021,
    citation="VISIGRAPP 2021, volume 4: VISAPP, pages 685-692, doi:10.5220/0010257406850692",
    task="malignant or healthy cell",
    datasets=("cnmc2019",),
    classes=("healthy", "malignant"),
    positive_class="malignant",
    splits=("cell", "subject", "fold"),
    rows=ROWS,
    profiles=PROFILES,
    assumptions=ASSUMPTIONS,
    tables=TABLES,
    figures=FIGURES,
    findings=FINDINGS,
    claims=CLAIMS,
)
