"""The networks of the LeukNet paper and their setups."""

from dataclasses import replace

from leukcnn.spec import Augmentation, Features, Model, Preprocessing, Row, Setup, Split, Training

# Section III-B states the range 0..1. The same group's Alert Net has this size and the central square.
PREPROCESSING = Preprocessing(resize=224, scale=1 / 255)

# Section III-B.
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

# Section IV-B.
TRAINING = Training(
    epochs=50,
    batch_size=32,
    initial_learning_rate=1e-3,
    optimizer="sgd",
    optimizer_arguments={"momentum": 0.8},
    loss="binary_crossentropy",
    checkpoint="last",
)

COMMON = {
    "classes": 1,
    "weights": "imagenet",
    "include_preprocessing": False,
    "kernel_initializer": "glorot_uniform",
}

# Section IV-B. LeukNet is tested on all three datasets with both classes (section III-E).
LEUKNET = Setup(
    model=Model(
        "LeukNet", {"backbone": "VGG16", "dense_units": (1024, 256), "dropout_rates": (0.5, 0.6), **COMMON}
    ),
    preprocessing=PREPROCESSING,
    augmentation=AUGMENTATION,
    # Most of the datasets have no published subjects.
    # UFG is the performance set of section III-A.
    split=Split(kind="lodocv", n_splits=5, unknown_subjects="each", performance_sets=("ufg",)),
    training=TRAINING,
)

# Section IV-A: "we evaluated the development set through experiments with the ALL-IDB 1 and ALL-IDB 2".
DEVELOPMENT = replace(LEUKNET, split=replace(LEUKNET.split, never_tested=("ufg",)))

# What SFT and mSFT freeze.
SHALLOW = {"frozen": "base"}

# Dropout rates of the dense layers that mSFT and mDFT add to a VGG.
REPLACED = {"dropout_rates": (0.5, 0.6), **COMMON}

VGG16_SFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "VGG16", "mode": "SFT", **SHALLOW, **COMMON})
)
VGG16_DFT = replace(DEVELOPMENT, model=Model("FineTuned", {"backbone": "VGG16", "mode": "DFT", **COMMON}))
VGG16_MSFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "VGG16", "mode": "mSFT", **SHALLOW, **REPLACED})
)
VGG19_SFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "VGG19", "mode": "SFT", **SHALLOW, **COMMON})
)
VGG19_DFT = replace(DEVELOPMENT, model=Model("FineTuned", {"backbone": "VGG19", "mode": "DFT", **COMMON}))
VGG19_MSFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "VGG19", "mode": "mSFT", **SHALLOW, **REPLACED})
)
VGG19_MDFT = replace(DEVELOPMENT, model=Model("FineTuned", {"backbone": "VGG19", "mode": "mDFT", **REPLACED}))
RESNET50_SFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "ResNet50", "mode": "SFT", **SHALLOW, **COMMON})
)
RESNET50_DFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "ResNet50", "mode": "DFT", **COMMON})
)
RESNET50_MSFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "ResNet50", "mode": "mSFT", **SHALLOW, **COMMON})
)
RESNET50_MDFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "ResNet50", "mode": "mDFT", **COMMON})
)
INCEPTIONV3_SFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "InceptionV3", "mode": "SFT", **SHALLOW, **COMMON})
)
INCEPTIONV3_DFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "InceptionV3", "mode": "DFT", **COMMON})
)
INCEPTIONV3_MSFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "InceptionV3", "mode": "mSFT", **SHALLOW, **COMMON})
)
INCEPTIONV3_MDFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "InceptionV3", "mode": "mDFT", **COMMON})
)
XCEPTION_SFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "Xception", "mode": "SFT", **SHALLOW, **COMMON})
)
XCEPTION_DFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "Xception", "mode": "DFT", **COMMON})
)
XCEPTION_MSFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "Xception", "mode": "mSFT", **SHALLOW, **COMMON})
)
XCEPTION_MDFT = replace(
    DEVELOPMENT, model=Model("FineTuned", {"backbone": "Xception", "mode": "mDFT", **COMMON})
)

# Table V.
SIZED = {"backbone": "VGG16", "dropout_rates": (0.5, 0.6), **COMMON}
LEUKNET_512_256 = replace(DEVELOPMENT, model=Model("LeukNet", {"dense_units": (512, 256), **SIZED}))
LEUKNET_1024_512 = replace(DEVELOPMENT, model=Model("LeukNet", {"dense_units": (1024, 512), **SIZED}))
LEUKNET_1024_1024 = replace(DEVELOPMENT, model=Model("LeukNet", {"dense_units": (1024, 1024), **SIZED}))

# Section IV-C and Table VI: features of the layer before the output. PCA reduces the VGGs' 4096 features to
# 100; LeukNet's 256 are all kept.
FEATURES_DFT = replace(VGG16_DFT, features=Features(row="vgg16_dft", n_components=100, within_splits=10))
FEATURES_MDFT = replace(DEVELOPMENT, model=LEUKNET.model, features=Features(row="leuknet", within_splits=10))
FEATURES_IMAGENET = replace(VGG16_SFT, features=Features(n_components=100, within_splits=10))

# Tables VIII and IX. These networks expect pixels in 0..255 and subtract the published mean themselves.
VOGADO2018 = replace(
    LEUKNET,
    model=Model("AlexNet", {"weights": "imagenet"}),
    preprocessing=Preprocessing(resize=227, scale=1.0),
    features=Features(
        extra_models=(
            Model("CaffeNet", {"weights": "imagenet"}),
            Model("VGGF", {"weights": "imagenet", "input_shape": (224, 224, 3)}),
        ),
        n_selected=4096,
    ),
)

STRICT = ("lodocv_strict",)
# Section III-D: "To evaluate the Inception architectures, we used the mSFT and mDFT approaches", and "in the
# ResNet model, we performed the same process".
_NEVER_RUN = "not in the paper"

ROWS = (
    Row(
        "leuknet",
        "LeukNet",
        LEUKNET,
        extra_splits=("lodocv_strict", "lodocv_single_class", "kfold"),
    ),
    Row("vgg16_sft", "VGG-16 SFT", VGG16_SFT, extra_splits=STRICT),
    Row("vgg16_dft", "VGG-16 DFT", VGG16_DFT, extra_splits=STRICT),
    Row("vgg16_msft", "VGG-16 mSFT", VGG16_MSFT, extra_splits=STRICT),
    Row("vgg19_sft", "VGG-19 SFT", VGG19_SFT, extra_splits=STRICT),
    Row("vgg19_dft", "VGG-19 DFT", VGG19_DFT, extra_splits=STRICT),
    Row("vgg19_msft", "VGG-19 mSFT", VGG19_MSFT, extra_splits=STRICT),
    Row("vgg19_mdft", "VGG-19 mDFT", VGG19_MDFT, extra_splits=STRICT),
    Row("resnet50_sft", f"ResNet50 SFT, {_NEVER_RUN}", RESNET50_SFT, extra_splits=STRICT),
    Row("resnet50_dft", f"ResNet50 DFT, {_NEVER_RUN}", RESNET50_DFT, extra_splits=STRICT),
    Row("resnet50_msft", "ResNet50 mSFT", RESNET50_MSFT, extra_splits=STRICT),
    Row("resnet50_mdft", "ResNet50 mDFT", RESNET50_MDFT, extra_splits=STRICT),
    Row("inceptionv3_sft", f"InceptionV3 SFT, {_NEVER_RUN}", INCEPTIONV3_SFT, extra_splits=STRICT),
    Row("inceptionv3_dft", f"InceptionV3 DFT, {_NEVER_RUN}", INCEPTIONV3_DFT, extra_splits=STRICT),
    Row("inceptionv3_msft", "InceptionV3 mSFT", INCEPTIONV3_MSFT, extra_splits=STRICT),
    Row("inceptionv3_mdft", "InceptionV3 mDFT", INCEPTIONV3_MDFT, extra_splits=STRICT),
    Row("xception_sft", f"Xception SFT, {_NEVER_RUN}", XCEPTION_SFT, extra_splits=STRICT),
    Row("xception_dft", f"Xception DFT, {_NEVER_RUN}", XCEPTION_DFT, extra_splits=STRICT),
    Row("xception_msft", "Xception mSFT", XCEPTION_MSFT, extra_splits=STRICT),
    Row("xception_mdft", "Xception mDFT", XCEPTION_MDFT, extra_splits=STRICT),
    Row("leuknet_512_256", "LeukNet 512-256", LEUKNET_512_256, extra_splits=STRICT),
    Row("leuknet_1024_512", "LeukNet 1024-512", LEUKNET_1024_512, extra_splits=STRICT),
    Row("leuknet_1024_1024", "LeukNet 1024-1024", LEUKNET_1024_1024, extra_splits=STRICT),
    Row("features_dft", "SVM, DFT features", FEATURES_DFT, extra_splits=STRICT),
    Row("features_mdft", "SVM, mDFT features", FEATURES_MDFT, extra_splits=STRICT),
    Row("features_imagenet", "SVM, ImageNet features", FEATURES_IMAGENET, extra_splits=STRICT),
    Row(
        "vogado2018",
        "Vogado et al. 2018",
        VOGADO2018,
        extra_splits=("lodocv_strict", "kfold"),
        optional=True,
    ),
)
