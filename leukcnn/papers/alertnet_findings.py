"""What the Alert Net paper claims and the audit checks, and the errors found in it."""

from leukcnn.papers.alertnet_tables import ALERT_NETS
from leukcnn.spec import Claim, Finding

# Numbers of the text against each other, the tables and other papers.
_STATEMENTS = (
    Claim(
        "layers-alertnet",
        "network_size",
        "8,792,963 parameters; the layers' sizes are only in a figure",
        "Figure 2, Table V",
        {
            "parameters": 8_792_963,
            "family": {
                "filters": (32, 64, 128, 256, 512, 1024),
                "kernels": (3, 5, 7, 9, 11),
                "convolutions": 5,
                "dense_units": (64, 128, 256, 512, 1024, 2048, 4096),
                "map_sides": (1, 2, 3, 4, 5, 6, 7),
                "classes": 3,
            },
        },
    ),
    Claim(
        "seven-times-alexnet",
        "network_size",
        "seven times fewer parameters than AlexNet",
        "section III-A",
        {"parameters": 8_792_963, "network": "AlexNet", "times": 7},
    ),
    Claim(
        "third-of-parameters",
        "statement",
        "about one third of the other networks' parameters",
        "section V",
        {"ratio": ("table5/resnet50_sft/parameters", "table5/alertnet_rwd/parameters"), "says": 3},
    ),
    Claim(
        "images-used",
        "sums",
        "1,058 + 794 + 563 images of 2,487",
        "Table II",
        {"table": "table2", "printed": {"HBS": 1058, "ALL": 794, "AML": 563, "Total": 2487}},
    ),
    Claim(
        "images-total",
        "sums",
        "2,415 images",
        "abstract, Table IV",
        {"table": "table2", "printed": {"HBS+ALL+AML": "table4/2/2"}},
    ),
    Claim(
        "abstract-scores",
        "statement",
        "accuracy 97.18 % and precision 97.23 %",
        "abstract",
        {
            "same": {
                "accuracy": ((97.18, "abstract"), ("table3/alertnet_rwd/accuracy", "Table III")),
                "precision": ((97.23, "abstract"), ("table3/alertnet_rwd/precision", "Table III")),
                "accuracy, compared": ((97.18, "abstract"), ("table4/2/3", "Table IV")),
            },
            "covers": False,
        },
    ),
    Claim(
        "deep-scores",
        "statement",
        "ResNet50 is best with DFT: 97.80, 97.81, 97.80 and 0.9660",
        "section V",
        {
            "rank": "table6/resnet50_dft/accuracy",
            "among": ("table6/alertnet_rwd/accuracy",),
            "says": 1,
        },
    ),
    Claim(
        "xception-recall",
        "statement",
        "Xception's recall, which is the accuracy if classes are weighted by their size",
        "Table V",
        {
            "if": "classes are weighted by their size",
            "same": {
                "recall and accuracy": (
                    ("table5/xception_sft/recall", "Table V, recall"),
                    ("table5/xception_sft/accuracy", "Table V, accuracy"),
                )
            },
        },
    ),
)

# What the text says about the rows of Table III.
_RANKS = tuple(
    Claim(
        f"best-{metric}",
        "statement",
        f"{label} has the best {metric} of Table III",
        "section IV",
        {
            "rank": f"table3/{best}/{metric}",
            "among": tuple(f"table3/{row}/{metric}" for row in ALERT_NETS if row != best),
            "says": 1,
        },
    )
    for metric, best, label in (
        ("accuracy", "alertnet_rwd", "Alert Net-RWD"),
        ("recall", "alertnet_rwd", "Alert Net-RWD"),
        ("kappa", "alertnet_rwd", "Alert Net-RWD"),
        ("precision", "alertnet_r", "Alert Net-R"),
    )
)

CLAIMS: tuple[Claim, ...] = (*_STATEMENTS, *_RANKS)

FINDINGS = (
    Finding(
        "The layer sizes are given only in a figure, not in the text. The reading here has exactly the "
        "printed 8,792,963 parameters, with filters 64-128-256-512-1024, kernels 11-5-3-3-3, a last map of "
        "2 x 2 and dense layers 512-512-3. It isn't unique: with a map of 1 x 1, dense layers of 2048-128 "
        "have as many.",
        "Figure 2, Table V",
        claims=("layers-alertnet",),
    ),
    Finding(
        "Alert Net and Alert Net-WD have 8,792,963 parameters. The shortcut of Alert Net-R and -RWD adds "
        "three channels to the input of the third convolution, which gives 8,799,875. Table V prints "
        "8,792,963 for -RWD.",
        "Table V",
        claims=("parameters-alertnet_rwd",),
    ),
    Finding(
        "Xception's 22,910,480 parameters are those of the published model with 1000 classes. With the head "
        "of the other two networks it has 21,912,107.",
        "Table V",
        claims=("parameters-xception_sft",),
    ),
    Finding(
        "Xception's recall of 72.084 % isn't its accuracy of 72.00 % (1,739 of 2,415 images), which a recall "
        "weighted by support would be. As a macro average it is possible. In the other rows of the table "
        "recall equals accuracy.",
        "Table V",
        claims=("xception-recall", "shares-table5-xception_sft-accuracy", "table5-xception_sft-averages"),
    ),
    Finding(
        "With Alert Net's accuracy, 98 of 2,415 images are wrong. That leaves a kappa of .93633 to .93795 "
        "with the folds pooled and of .93273 to .94095 as a mean over folds; Table III prints .9317.",
        "Table III",
        claims=("table3-alertnet-kappa",),
    ),
    Finding(
        "Neither macro averages nor averages weighted by support give precision and recall of Alert Net and "
        "Alert Net-R, nor does one of each: the recalls of 93.45 and 93.32 % are below every macro recall "
        "(94.17 and 94.05 % or more), and a weighted recall is the accuracy. The values of Alert Net-WD need "
        "36 or more of the 79 wrong images in one fold, and those of Alert Net-XWD 52 or more of 108. "
        "Alert Net-RWD and ResNet50 with deep fine-tuning fit all averages. Both averages are shown.",
        "Tables III and VI",
        claims=(
            "table3-alertnet-averages",
            "table3-alertnet_wd-averages",
            "table3-alertnet_r-averages",
            "table3-alertnet_rwd-averages",
            "table3-alertnet_xwd-averages",
            "table6-resnet50_dft-averages",
        ),
    ),
    Finding(
        "Alert Net-X's accuracy of 94.76 % is no number of 2,415 images: 2,288 are 94.741 % and 2,289 are "
        "94.783 %.",
        "Table III",
        claims=("shares-table3-alertnet_x-accuracy",),
    ),
    Finding(
        "ResNet50 SFT's kappa of 0 and accuracy of 41.61 +- 4.86 % fit a network that predicts one class for "
        "all images of a fold: healthy in four folds and ALL in one give 41.6149 +- 4.8621, and no other "
        "choice of one class a fold does. But the precision of 18.50 +- 1.48 % isn't that of such folds: "
        "weighted it is 17.5071 +- 3.7299, as a macro average 13.8716 +- 1.6207.",
        "Table V",
        claims=("table5-resnet50_sft-one_class", "table5-resnet50_sft-one_class-precision"),
    ),
    Finding(
        "The words for kappa (bad, fair, good, very good, excellent) aren't Landis and Koch's (slight, fair, "
        "moderate, substantial, almost perfect).",
        "section III-D",
    ),
    Finding(
        "ALL-IDB 1, its crops and ALL-IDB 2 show the same cells. With folds by image, networks are tested on "
        "cells that they were trained on. `--split grouped_kfold` keeps a crop in the same fold as its field "
        "of view; 75 of ALL-IDB 2's 260 crops, 74 of them ALL, have no known field. "
        "`--split block_kfold` keeps crops with neighbouring numbers in one fold.",
        "Table II",
    ),
    Finding(
        "How the activation maps are computed isn't said, nor from which layer. Figure 3 shows two maps of "
        "the last layer with at least 4x4 points: the mean over the channels, and Grad-CAM.",
        "Figure 3",
    ),
    Finding(
        "15 rectangular images of Bloodline were cut by hand into leukocytes, which aren't published. Here, "
        "the central square of every image of the folder is used.",
        "section III-B",
    ),
    Finding(
        "The file sizes of Table V follow no single rule: ResNet50's 94 MB are its weights alone in float32, "
        "in units of 2^20 bytes; Alert Net-RWD's 68 MB are twice its weights, as with one optimizer variable "
        "for each; InceptionV3's and Xception's fit no rule. Without optimizers, Alert Net-RWD's file has a "
        "little more than a third of ResNet50's size; by the printed sizes it has nearly three quarters.",
        "Table V, sections V and VI",
        claims=("file-sizes",),
    ),
)
