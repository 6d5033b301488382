"""LeukNet: leukaemia or not, on eighteen datasets, each left out and tested in turn (LODOCV).

Vogado, Veras and Aires, '"LeukNet" - A Model of Convolutional Neural Network for the Diagnosis of Leukemia',
summary of an M.Sc. dissertation, Universidade Federal do Piauí. Every published value is copied from the
paper's text.
"""

from leukcnn.papers.leuknet_lodocv_background import TABLE_2
from leukcnn.papers.leuknet_lodocv_findings import CLAIMS, FINDINGS
from leukcnn.papers.leuknet_lodocv_rows import ROWS, VGG16_DFT
from leukcnn.papers.leuknet_lodocv_tables import DENSE_SIZES, FEATURE_ROWS, TABLES
from leukcnn.spec import Assumption, Figure, Model, Paper, Profile

# All rows except Vogado et al.'s: its networks aren't from Keras.
WITH_KERAS_BACKBONE = tuple(row.id for row in ROWS if row.id != "vogado2018")
TRAINED = tuple(row for row in WITH_KERAS_BACKBONE if row not in FEATURE_ROWS)
# Features of published networks have augmented images only if svm_augmented is assumed.
AUGMENTED = (*TRAINED, *FEATURE_ROWS)
SHALLOW = tuple(row for row in TRAINED if row.endswith(("_sft", "_msft")))
REPLACED_VGGS = (*DENSE_SIZES, "vgg16_msft", "vgg19_msft", "vgg19_mdft")

# With Glorot's initializer, an untrained VGG outputs about 1/2 for every image; with He's, outputs differ.
_VGG_SMOKE = {"model.arguments.kernel_initializer": "he_normal"}
# Small dense layers: VGG-16's own take seven tenths of its memory.
_VGG_DFT_SMOKE = {
    "model.arguments": {
        **VGG16_DFT.model.arguments,
        "weights": None,
        "kernel_initializer": "he_normal",
        "dense_units": (256,),
    }
}
# LeukNet is tested on ALL-IDB 1 and 2 and on two of the fifteen datasets of one class, one of each class.
_NEVER_TESTED = (
    "ufg",
    *("leukocytes", "cellavision", "atlas", "omid2014", "omid2015", "ash", "bloodline", "onkodin"),
    *("cellavision2", "pn_all", "leukemia_images", "midb", "lisc"),
)
_FEATURES_SMOKE = {**_VGG_SMOKE, "features.within_splits": 3}
_PCA_SMOKE = {**_FEATURES_SMOKE, "features.n_components": 20}

PROFILES = (
    Profile("paper", "The paper's own setting: 224x224 pixels, 20 variants an image, 50 epochs, five runs."),
    Profile(
        "smoke",
        "LeukNet, one other network and features, on small images, from random weights, for a few epochs and "
        "one run, to see that everything runs.",
        changes={
            "model.arguments.weights": None,
            "preprocessing.resize": 32,
            # From random weights LeukNet learns ten times as fast on images without their mean.
            "preprocessing.subtract_channel_mean": True,
            "augmentation.variants_per_image": 1,
            "split.n_splits": 2,
            "split.limit_per_class": 24,
            "training.epochs": 1,
            "training.initial_learning_rate": 1e-2,
            "training.deterministic": True,
        },
        row_changes={
            "leuknet": {
                **_VGG_SMOKE,
                "model.arguments.dropout_rates": (0.0, 0.0),
                "augmentation.variants_per_image": 2,
                "split.never_tested": _NEVER_TESTED,
                "training.epochs": 5,
                "training.batch_size": 16,
                "training.initial_learning_rate": 1e-4,
                "training.optimizer": "adam",
                "training.optimizer_arguments": {},
            },
            "vgg16_sft": _VGG_SMOKE,
            "vgg16_dft": _VGG_DFT_SMOKE,
            "vgg16_msft": _VGG_SMOKE,
            "vgg19_sft": _VGG_SMOKE,
            "vgg19_dft": _VGG_SMOKE,
            "vgg19_msft": _VGG_SMOKE,
            "vgg19_mdft": _VGG_SMOKE,
            "leuknet_512_256": _VGG_SMOKE,
            "leuknet_1024_512": _VGG_SMOKE,
            "leuknet_1024_1024": _VGG_SMOKE,
            "inceptionv3_sft": {"preprocessing.resize": 75},
            "inceptionv3_dft": {"preprocessing.resize": 75},
            "inceptionv3_msft": {"preprocessing.resize": 75},
            "inceptionv3_mdft": {"preprocessing.resize": 75},
            "xception_sft": {"preprocessing.resize": 71},
            "xception_dft": {"preprocessing.resize": 71},
            "xception_msft": {"preprocessing.resize": 71},
            "xception_mdft": {"preprocessing.resize": 71},
            "features_dft": {**_VGG_DFT_SMOKE, "features.within_splits": 3, "features.n_components": 20},
            "features_mdft": _FEATURES_SMOKE,
            "features_imagenet": _PCA_SMOKE,
            "vogado2018": {
                "preprocessing.resize": 67,
                "preprocessing.subtract_channel_mean": False,
                "features.extra_models": (
                    Model("CaffeNet", {"weights": None}),
                    Model("VGGF", {"weights": None, "input_shape": (64, 64, 3)}),
                ),
                "features.n_selected": 100,
            },
        },
        rows=("leuknet", "vgg16_dft", *FEATURE_ROWS, "vogado2018"),
        runs=1,
        not_comparable="smoke profile",
    ),
)

FIGURES = (
    Figure("figure1", "Images of both classes", "samples", "Figure 1"),
    Figure("figure3", "Outputs of LeukNet's filters for an image", "filters", "Figure 3", rows=("leuknet",)),
    Figure("figure4", "Structure of LeukNet", "networks", "Figure 4", networks=(("LeukNet", "LeukNet"),)),
    Figure(
        "figure5",
        "Feature space of ALL-IDB 1: no fine-tuning, DFT, mDFT",
        "feature_space",
        "Figure 5",
        rows=("features_imagenet", "features_dft", "features_mdft"),
        dataset="allidb1",
    ),
    Figure(
        "figure6",
        "Feature space of ALL-IDB 2: no fine-tuning, DFT, mDFT",
        "feature_space",
        "Figure 6",
        rows=("features_imagenet", "features_dft", "features_mdft"),
        dataset="allidb2",
    ),
    Figure("confusion_matrices", "Confusion matrices", "confusion", ""),
)

ASSUMPTIONS = (
    Assumption(
        "train_on_ufg",
        field="split.train_on_performance_sets",
        reason="UFG is trained on where another dataset is tested, as section III-E says: networks, "
        "fine-tuning and dense layers are then chosen with it in training. False leaves it out of training, "
        "as a performance set that has no part in the development",
        where="section III-E: 'the other 17 datasets were used in the training'; section III-A: UFG isn't "
        "among the 17 datasets of the development set",
        choices=(True, False),
    ),
    Assumption(
        "include_preprocessing",
        field="model.arguments.include_preprocessing",
        reason="pixel values 0..1 as the paper says, although ImageNet's weights expect other values. With "
        "true, the network converts 0..1 to the values that its weights expect",
        where="section III-B: 'normalized to values between 0 (zero) and 1 (one)'",
        choices=(False, True),
        rows=WITH_KERAS_BACKBONE,
    ),
    Assumption(
        "image_size",
        field="preprocessing.resize",
        reason="size of the central square, as in the same group's Alert Net; the VGGs' own dense layers "
        "require it",
        where="not stated in the paper",
        rows=WITH_KERAS_BACKBONE,
    ),
    Assumption(
        "squeeze",
        field="preprocessing.squeeze",
        reason="the central square of an image is cut out, as in the same group's Alert Net; true squeezes "
        "the whole image",
        where="not stated in the paper",
        choices=(False, True),
    ),
    Assumption(
        "shrinking",
        field="preprocessing.shrinking",
        reason="the mean of the covered pixels, so that no pixel is lost",
        where="not stated in the paper",
        choices=("area", "linear"),
    ),
    Assumption(
        "enlarging",
        field="preprocessing.enlarging",
        reason="smooth, and sharper than linear, so that small images differ less from others by their blur",
        where="not stated in the paper",
        choices=("cubic", "linear"),
    ),
    Assumption(
        "dropout_rates",
        field="model.arguments.dropout_rates",
        reason="LeukNet's rates, for every VGG with new dense layers; the VGGs' own layers and the other "
        "networks have no dropout",
        where="section IV-B gives only LeukNet's",
        rows=REPLACED_VGGS,
    ),
    Assumption(
        "frozen",
        field="model.arguments.frozen",
        reason="SFT and mSFT freeze the whole convolutional base with its batch statistics: 'only the added "
        "layers were trained'. 'weights' freezes its weights alone, first_half the first half of its layers",
        where="section III-C: 'usually the first convolutional layers'; section III-D on ResNet50",
        choices=("base", "weights", "first_half"),
        rows=SHALLOW,
    ),
    Assumption(
        "stratified",
        field="split.stratified",
        reason="in k-fold cross-validation (`--split kfold`), each fold has about the same fraction of each "
        "class; LODOCV has no such folds",
        where="not stated in the paper",
        choices=(True, False),
        rows=("leuknet", "vogado2018"),
    ),
    Assumption(
        "kernel_initializer",
        field="model.arguments.kernel_initializer",
        reason="Keras' default, for layers without published weights",
        where="section IV: 'the new layers are trained from randomly initialized weights'",
        choices=("glorot_uniform", "glorot_normal", "he_uniform", "he_normal"),
        rows=WITH_KERAS_BACKBONE,
    ),
    Assumption(
        "checkpoint",
        field="training.checkpoint",
        reason="no images are held out to choose the best epoch",
        where="not stated in the paper",
        choices=("last",),
        rows=TRAINED,
    ),
    Assumption(
        "variants_per_image",
        field="augmentation.variants_per_image",
        reason="20 augmented images replace each training image of both classes; test images are unchanged",
        where="section III-B: 'a dataset 20 times larger than the original dataset'",
        rows=AUGMENTED,
    ),
    Assumption(
        "augmentation",
        field="augmentation.variants",
        reason="each new image is augmented once and is the same in every epoch and for every dataset that "
        "is left out; fresh augments it again in every epoch",
        where="section III-B",
        choices=("once", "fresh"),
        rows=AUGMENTED,
    ),
    Assumption(
        "rotation_degrees",
        field="augmentation.arguments.rotation_range",
        reason="in both directions, as Keras interprets a range of 40",
        where="section III-B: 'rotation in the range of 0 to 40°'",
        rows=AUGMENTED,
    ),
    Assumption(
        "width_shift",
        field="augmentation.arguments.width_shift_range",
        reason="fraction of the width, in both directions; 'vertical, horizontal' means shifts",
        where="section III-B: 'vertical, horizontal, shear and zoom in the range of 0 to 0.2'",
        rows=AUGMENTED,
    ),
    Assumption(
        "height_shift",
        field="augmentation.arguments.height_shift_range",
        reason="fraction of the height, in both directions",
        where="section III-B",
        rows=AUGMENTED,
    ),
    Assumption(
        "zoom",
        field="augmentation.arguments.zoom_range",
        reason="factors of .8 to 1.2, as Keras interprets a range of 0.2, separately for width and height",
        where="section III-B: 'shear and zoom in the range of 0 to 0.2'",
        rows=AUGMENTED,
    ),
    Assumption(
        "shear_degrees",
        field="augmentation.arguments.shear_range",
        reason="Keras' shear_range is in degrees; a program with the value 0.2 shears by up to 0.2 degrees",
        where="section III-B: 'shear ... in the range of 0 to 0.2'",
        rows=AUGMENTED,
    ),
    Assumption(
        "n_components",
        field="features.n_components",
        reason="computed from the images that the SVM is trained on, and again in each fold",
        where="section IV-C: '100 principal components'; it isn't stated from which images",
        rows=("features_dft", "features_imagenet"),
    ),
    Assumption(
        "within_splits",
        field="features.within_splits",
        reason="the dataset that LODOCV leaves out is cross-validated alone, with features of the same "
        "networks",
        where="section IV-C: 'the LODOCV test as input to the k-fold cross-validation with k = 10'",
        rows=FEATURE_ROWS,
    ),
    Assumption(
        "svm_augmented",
        field="features.augmented",
        reason="the SVMs are fitted on the original training images, whose features the networks compute. "
        "True fits them on the augmented images that networks are trained on, 20 times as many, which takes "
        "hundreds of times as long",
        where="section IV-C doesn't say",
        choices=(False, True),
        rows=FEATURE_ROWS,
    ),
    Assumption(
        "svm_penalty",
        field="features.penalty",
        reason="scikit-learn's default C; features aren't scaled; the SVM of Vogado et al. is linear too",
        where="not stated in the paper",
        rows=(*FEATURE_ROWS, "vogado2018"),
    ),
    Assumption(
        "n_selected",
        field="features.n_selected",
        reason="each of the three networks has 4096 features; the same number is selected from all 12,288",
        where="not stated in this paper; the paper of Vogado et al. 2018 wasn't available",
        rows=("vogado2018",),
    ),
)

PAPER = Paper(
    key="leuknet_lodocv",
    title='"LeukNet" - A Model of Convolutional Neural Network for the Diagnosis of Leukemia',
    authors="Luis H. S. Vogado, Rodrigo de M. S. Veras, Kelson R. T. Aires",
    year=2020,
    citation="summary of an M.Sc. dissertation, Universidade Federal do Piauí, Teresina",
    task="leukaemia or not (pathological or non-pathological)",
    datasets=tuple(row[0] for row in TABLE_2.reference if row[0] != "Total"),
    classes=("non-pathological", "pathological"),
    positive_class="pathological",
    splits=("lodocv", "lodocv_strict", "lodocv_single_class", "kfold", "grouped_kfold", "block_kfold"),
    rows=ROWS,
    profiles=PROFILES,
    assumptions=ASSUMPTIONS,
    tables=TABLES,
    figures=FIGURES,
    findings=FINDINGS,
    claims=CLAIMS,
    runs=5,
    class_of={
        "healthy": "non-pathological",
        "benign": "non-pathological",
        "ALL": "pathological",
        "AML": "pathological",
        "other": "pathological",
        "malignant": "pathological",
        "early": "pathological",
        "pre": "pathological",
        "pro": "pathological",
        "pathological": "pathological",
    },
)
