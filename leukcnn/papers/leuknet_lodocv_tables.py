"""The tables of the LeukNet paper as printed, its t-tests, and additional tables."""

from leukcnn.papers.leuknet_lodocv_background import (
    OF_FEATURES,
    OF_FIVE_FOLDS,
    OF_FIVE_RUNS,
    ON_UFG,
    TABLE_1,
    TABLE_2,
)
from leukcnn.spec import Published, Table, additional_tables

PRINTED_NETWORKS = (
    *("leuknet", "vgg19_dft", "vgg19_mdft"),
    *("inceptionv3_mdft", "xception_mdft", "resnet50_mdft"),
)
DENSE_SIZES = ("leuknet_512_256", "leuknet", "leuknet_1024_512", "leuknet_1024_1024")
FEATURE_ROWS = ("features_dft", "features_mdft", "features_imagenet")

# Every backbone with every way of fine-tuning; LeukNet is VGG-16 mDFT.
ABLATION = (
    *("vgg16_sft", "vgg16_dft", "vgg16_msft", "leuknet"),
    *("vgg19_sft", "vgg19_dft", "vgg19_msft", "vgg19_mdft"),
    *("resnet50_sft", "resnet50_dft", "resnet50_msft", "resnet50_mdft"),
    *("inceptionv3_sft", "inceptionv3_dft", "inceptionv3_msft", "inceptionv3_mdft"),
    *("xception_sft", "xception_dft", "xception_msft", "xception_mdft"),
)

TABLE_3 = Table(
    id="table3",
    title="The compared networks",
    kind="networks",
    where="Table III",
    networks=(
        *(("VGG-16", "VGG16"), ("VGG-19", "VGG19"), ("ResNet50", "ResNet50")),
        *(("InceptionV3", "InceptionV3"), ("Xception", "Xception")),
    ),
    columns=("Model", "Topological depth", "Parameters", "Year"),
    reference=(
        ("VGG-16", 23, 138_357_544, "2014"),
        ("VGG-19", 26, 143_667_240, "2014"),
        ("ResNet50", 168, 25_636_712, "2015"),
        ("InceptionV3", 159, 23_851_784, "2016"),
        ("Xception", 126, 22_910_480, "2017"),
    ),
    notes=(
        "Keras' ResNet50 pads before its first pooling in a layer of its own; without it the depth is 168.",
    ),
)

_LEUKNET_ON_ALLIDB = (
    Published("leuknet", "accuracy", 97.04, std=1.21, dataset="allidb1"),
    Published("leuknet", "precision", 96.42, std=2.45, dataset="allidb1"),
    Published("leuknet", "recall", 97.14, std=1.83, dataset="allidb1"),
    Published("leuknet", "specificity", 96.95, std=2.21, dataset="allidb1"),
    Published("leuknet", "accuracy", 82.46, std=0.02, dataset="allidb2"),
    Published("leuknet", "precision", 77.59, std=0.04, dataset="allidb2"),
    Published("leuknet", "recall", 92.30, std=0.08, dataset="allidb2"),
    Published("leuknet", "specificity", 72.61, std=0.09, dataset="allidb2"),
)
_HEADINGS = {"accuracy": "A (%)", "precision": "P (%)", "recall": "R (%)", "specificity": "S (%)"}
# Section IV.
_METRICS = ("accuracy", "precision", "recall", "specificity", "log_loss")
_LOSS = (
    "Section IV evaluates a loss too, but the paper prints none. Here it is the mean binary cross-entropy of "
    "the tested images."
)
_WEIGHTED = (
    "The printed precision, recall and specificity of Vogado et al. can only be means over the classes, "
    "weighted by the number of images of each; those of LeukNet are of the pathological class. Each is "
    "compared with the measured value of its own kind."
)
_FRACTIONS = (
    "LeukNet's standard deviations on ALL-IDB 2 (0.02, 0.04, 0.08, 0.09) are shown as printed; as fractions "
    "they are 2, 4, 8 and 9 percentage points."
)

TABLE_4 = Table(
    id="table4",
    title="Networks and fine-tuning, each dataset left out",
    kind="metrics",
    axes=("dataset", "row"),
    where="Table IV",
    samples=OF_FIVE_RUNS,
    rows=PRINTED_NETWORKS,
    split="lodocv",
    compared_split="lodocv_strict",
    metrics=_METRICS,
    headings=_HEADINGS,
    published=(
        *_LEUKNET_ON_ALLIDB,
        Published("vgg19_dft", "accuracy", 97.04, std=0.41, dataset="allidb1"),
        Published("vgg19_dft", "precision", 95.98, std=0.04, dataset="allidb1"),
        Published("vgg19_dft", "recall", 97.55, std=0.91, dataset="allidb1"),
        Published("vgg19_dft", "specificity", 96.61, std=0.00, dataset="allidb1"),
        Published("inceptionv3_mdft", "accuracy", 65.56, std=9.79, dataset="allidb1"),
        Published("inceptionv3_mdft", "precision", 58.47, std=17.18, dataset="allidb1"),
        Published("inceptionv3_mdft", "recall", 73.92, std=16.99, dataset="allidb1"),
        Published("inceptionv3_mdft", "specificity", 60.91, std=19.90, dataset="allidb1"),
        Published("xception_mdft", "accuracy", 77.41, std=8.65, dataset="allidb1"),
        Published("xception_mdft", "precision", 69.40, std=9.76, dataset="allidb1"),
        Published("xception_mdft", "recall", 94.69, std=3.10, dataset="allidb1"),
        Published("xception_mdft", "specificity", 63.05, std=18.11, dataset="allidb1"),
        Published("resnet50_mdft", "accuracy", 87.96, std=2.70, dataset="allidb1"),
        Published("resnet50_mdft", "precision", 91.59, std=8.56, dataset="allidb1"),
        Published("resnet50_mdft", "recall", 82.04, std=4.42, dataset="allidb1"),
        Published("resnet50_mdft", "specificity", 92.88, std=8.08, dataset="allidb1"),
        Published("vgg19_mdft", "accuracy", 79.62, std=6.31, dataset="allidb2"),
        Published("vgg19_mdft", "precision", 77.54, std=8.53, dataset="allidb2"),
        Published("vgg19_mdft", "recall", 85.38, std=9.53, dataset="allidb2"),
        Published("vgg19_mdft", "specificity", 73.85, std=12.93, dataset="allidb2"),
        Published("inceptionv3_mdft", "accuracy", 58.38, std=3.09, dataset="allidb2"),
        Published("inceptionv3_mdft", "precision", 56.95, std=2.42, dataset="allidb2"),
        Published("inceptionv3_mdft", "recall", 70.00, std=12.38, dataset="allidb2"),
        Published("inceptionv3_mdft", "specificity", 46.77, std=11.66, dataset="allidb2"),
        Published("xception_mdft", "accuracy", 64.92, std=2.60, dataset="allidb2"),
        Published("xception_mdft", "precision", 63.58, std=2.54, dataset="allidb2"),
        Published("xception_mdft", "recall", 70.31, std=7.06, dataset="allidb2"),
        Published("xception_mdft", "specificity", 59.54, std=6.45, dataset="allidb2"),
        Published("resnet50_mdft", "accuracy", 69.46, std=6.26, dataset="allidb2"),
        Published("resnet50_mdft", "precision", 66.96, std=7.05, dataset="allidb2"),
        Published("resnet50_mdft", "recall", 80.31, std=10.17, dataset="allidb2"),
        Published("resnet50_mdft", "specificity", 58.62, std=16.71, dataset="allidb2"),
    ),
    notes=(
        _FRACTIONS,
        "LeukNet is the paper's line 'VGG-16 mDFT'. The paper prints each network with its best fine-tuning; "
        "the table 'ablation' has all four.",
        _LOSS,
    ),
)

ABLATION_TABLE = Table(
    id="ablation",
    title="All networks with all four ways of fine-tuning",
    kind="metrics",
    axes=("dataset", "row"),
    where="Section IV-A",
    rows=ABLATION,
    split="lodocv",
    compared_split="lodocv_strict",
    metrics=("accuracy",),
    published=tuple(value for value in TABLE_4.published if value.metric == "accuracy"),
    notes=(
        "LeukNet is VGG-16 mDFT. The paper prints the best fine-tuning of each network. It fine-tunes "
        "ResNet50, InceptionV3 and Xception by mSFT and mDFT only (section III-D): their rows 'not in the "
        "paper' have no counterpart there.",
    ),
    not_audited={"*": "a copy of Table IV, which is checked"},
)

# Dataset, the paper's verdict, mean and std of each row's accuracy in percentage points; see _FRACTIONS.
T_TEST_TABLE_4 = Table(
    id="t_test_table4",
    title="Is VGG-16 (LeukNet) as good as VGG-19, both mDFT?",
    kind="t_test",
    where="Section IV-A",
    rows=("leuknet", "vgg19_mdft"),
    split="lodocv",
    reference=(("allidb2", "equivalent", 82.46, 2.0, 79.62, 6.31),),
)

TABLE_5 = Table(
    id="table5",
    title="Sizes of LeukNet's dense layers",
    kind="metrics",
    axes=("dataset", "row"),
    where="Table V",
    samples=OF_FIVE_RUNS,
    rows=DENSE_SIZES,
    split="lodocv",
    compared_split="lodocv_strict",
    metrics=_METRICS,
    headings=_HEADINGS,
    published=(
        Published("leuknet_512_256", "accuracy", 94.81, std=2.41, dataset="allidb1"),
        Published("leuknet_512_256", "precision", 93.92, std=2.50, dataset="allidb1"),
        Published("leuknet_512_256", "recall", 94.69, std=3.09, dataset="allidb1"),
        Published("leuknet_512_256", "specificity", 94.91, std=2.07, dataset="allidb1"),
        Published("leuknet_1024_512", "accuracy", 93.14, std=3.73, dataset="allidb1"),
        Published("leuknet_1024_512", "precision", 92.95, std=7.62, dataset="allidb1"),
        Published("leuknet_1024_512", "recall", 92.65, std=3.09, dataset="allidb1"),
        Published("leuknet_1024_512", "specificity", 93.55, std=7.89, dataset="allidb1"),
        Published("leuknet_1024_1024", "accuracy", 93.70, std=1.65, dataset="allidb1"),
        Published("leuknet_1024_1024", "precision", 91.79, std=3.11, dataset="allidb1"),
        Published("leuknet_1024_1024", "recall", 94.69, std=1.82, dataset="allidb1"),
        Published("leuknet_1024_1024", "specificity", 92.88, std=3.03, dataset="allidb1"),
        *_LEUKNET_ON_ALLIDB,
        Published("leuknet_512_256", "accuracy", 71.53, std=4.97, dataset="allidb2"),
        Published("leuknet_512_256", "precision", 70.91, std=4.20, dataset="allidb2"),
        Published("leuknet_512_256", "recall", 74, std=13.98, dataset="allidb2"),
        Published("leuknet_512_256", "specificity", 69.07, std=9.90, dataset="allidb2"),
        Published("leuknet_1024_512", "accuracy", 71.84, std=3.64, dataset="allidb2"),
        Published("leuknet_1024_512", "precision", 77.84, std=12.16, dataset="allidb2"),
        Published("leuknet_1024_512", "recall", 67.53, std=17.09, dataset="allidb2"),
        Published("leuknet_1024_512", "specificity", 76.15, std=23.46, dataset="allidb2"),
        Published("leuknet_1024_1024", "accuracy", 69.15, std=2.11, dataset="allidb2"),
        Published("leuknet_1024_1024", "precision", 69.91, std=4.94, dataset="allidb2"),
        Published("leuknet_1024_1024", "recall", 69.23, std=9.41, dataset="allidb2"),
        Published("leuknet_1024_1024", "specificity", 69.07, std=11.52, dataset="allidb2"),
    ),
    notes=(_FRACTIONS, _LOSS),
)

T_TEST_TABLE_5 = Table(
    id="t_test_table5",
    title="Are dense layers of 1024-256 as good as 1024-512?",
    kind="t_test",
    where="Section IV-A",
    rows=("leuknet", "leuknet_1024_512"),
    split="lodocv",
    reference=(
        ("allidb1", "equivalent", 97.04, 1.21, 93.14, 3.73),
        ("allidb2", "equivalent", 82.46, 2.0, 71.84, 3.64),
    ),
)

# Row, dataset, subset; accuracy, precision, recall and kappa.
_OF_FEATURES = (
    ("features_dft", "allidb1", "test", (59.25, 52.68, 100, 0.2362)),
    ("features_dft", "allidb1", "within", (99.07, 98, 100, 0.9813)),
    ("features_mdft", "allidb1", "test", (87.96, 86.00, 87.75, 0.7575)),
    ("features_mdft", "allidb1", "within", (91.66, 95.45, 83.04, 0.8571)),
    ("features_imagenet", "allidb1", "test", (68.51, 59.49, 95.91, 0.3962)),
    ("features_imagenet", "allidb1", "within", (97.22, 96, 97.95, 0.9440)),
    ("features_dft", "allidb2", "test", (51.92, 51.06, 92.30, 0.0384)),
    ("features_dft", "allidb2", "within", (94.23, 93.89, 94.61, 0.8846)),
    ("features_mdft", "allidb2", "test", (73.84, 75.83, 70.00, 0.4769)),
    ("features_mdft", "allidb2", "within", (85.00, 84.21, 86.15, 0.7)),
    ("features_imagenet", "allidb2", "test", (49.61, 49.68, 60, -0.007)),
    ("features_imagenet", "allidb2", "within", (87.69, 87.69, 87.69, 0.7538)),
)

TABLE_6 = Table(
    id="table6",
    title="Linear SVM on the features of VGG-16",
    kind="metrics",
    axes=("dataset", "subset", "row"),
    shape={"subset": "columns"},
    headings=_HEADINGS,
    where="Table VI",
    samples=OF_FEATURES,
    rows=FEATURE_ROWS,
    split="lodocv",
    compared_split="lodocv_strict",
    published=tuple(
        Published(row, metric, value, dataset=dataset, subset=subset)
        for row, dataset, subset, values in _OF_FEATURES
        for metric, value in zip(("accuracy", "precision", "recall", "kappa"), values, strict=True)
    ),
    notes=("Features: 100 principal components of 4096 (DFT, ImageNet); all 256 (mDFT).",),
)

TABLE_7 = Table(
    id="table7",
    title="The proposed method and those of other works",
    kind="reference",
    where="Table VII",
    split="kfold",
    columns=("Work", "Images", "Validation", "Accuracy (%)"),
    reference=(
        ("Patel and Mishra", 27, "holdout", 93.75),
        ("Singhal et al.", 260, "k-fold", 93.80),
        ("Thanh et al.", 1188, "holdout", 96.60),
        ("Shafique et al.", 760, "holdout", 99.50),
        ("Rehman et al.", 330, "holdout", 97.78),
        ("Sipes et al.", 388, "holdout", 88.00),
        ("Pansombut et al.", 363, "holdout", 81.74),
        ("Vogado et al.", 1268, "k-fold", 99.76),
        ("Ahmed et al.", 903, "k-fold", 88.25),
        ("LeukNet", 3536, "k-fold", 98.24),
    ),
    measured=(("LeukNet", "leuknet", "accuracy"),),
    not_audited={"*": "of another work, whose paper would be needed"},
)

TABLE_8 = Table(
    id="table8",
    title="LeukNet and Vogado et al. 2018 in 5-fold cross-validation",
    kind="metrics",
    axes=("dataset", "row"),
    where="Table VIII",
    samples=OF_FIVE_FOLDS,
    rows=("vogado2018", "leuknet"),
    split="kfold",
    published=(
        Published("vogado2018", "accuracy", 92.79),
        Published("vogado2018", "weighted_precision", 92.90),
        Published("vogado2018", "weighted_recall", 92.80),
        Published("vogado2018", "weighted_specificity", 92.22),
        Published("leuknet", "accuracy", 98.24),
        Published("leuknet", "precision", 98.20),
        Published("leuknet", "recall", 98.76),
        Published("leuknet", "specificity", 97.34),
    ),
    notes=(
        "Abstract and section IV-D give 98.28 % as LeukNet's accuracy, Tables VII and VIII 98.24 %.",
        _WEIGHTED,
    ),
)

TABLE_9 = Table(
    id="table9",
    title="LeukNet and Vogado et al. 2018 on UFG, left out",
    kind="metrics",
    axes=("dataset", "row"),
    where="Table IX",
    samples=ON_UFG,
    rows=("vogado2018", "leuknet"),
    split="lodocv",
    compared_split="lodocv_strict",
    published=(
        Published("vogado2018", "accuracy", 52.06, dataset="ufg"),
        Published("vogado2018", "weighted_precision", 49.90, dataset="ufg"),
        Published("vogado2018", "weighted_recall", 52.10, dataset="ufg"),
        Published("vogado2018", "weighted_specificity", 47.70, dataset="ufg"),
        Published("leuknet", "accuracy", 70.24, std=5.51, dataset="ufg"),
        Published("leuknet", "precision", 70.54, std=8.62, dataset="ufg"),
        Published("leuknet", "recall", 80.31, std=15.17, dataset="ufg"),
        Published("leuknet", "specificity", 58.94, std=22.24, dataset="ufg"),
    ),
    notes=(_WEIGHTED,),
)

SINGLE_CLASS = Table(
    id="single_class",
    title="Datasets of one class, each left out",
    kind="metrics",
    axes=("dataset", "row"),
    metrics=("error_rate",),
    show=("classes", "metric", "images", "measured", "interval", "state"),
    rows=("leuknet",),
    split="lodocv_single_class",
)

SHORTCUT = Table(
    id="shortcut",
    title="What the border of an image alone reveals",
    kind="shortcut",
    rows=("leuknet",),
)

TABLES = (
    *(TABLE_1, TABLE_2, TABLE_3, TABLE_4, ABLATION_TABLE, T_TEST_TABLE_4, TABLE_5, T_TEST_TABLE_5, TABLE_6),
    *(TABLE_7, TABLE_8, TABLE_9, SINGLE_CLASS, SHORTCUT),
    *additional_tables(axes=("dataset", "row"), rows=(*PRINTED_NETWORKS, *FEATURE_ROWS), split="lodocv"),
)
