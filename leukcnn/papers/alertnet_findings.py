"""What the Alert Net paper claims and the audit checks, and the errors found in it."""

from leukcnn.spec import Claim, Finding

CLAIMS: tuple[Claim, ...] = ()

FINDINGS = (
    Finding(
        "The layer sizes are given only in a figure, not in the text. One reading gives exactly the printed "
        "8,792,963 parameters: filters 64-128-256-512-1024, kernels 11-5-3-3-3, first stride 4, dense layers "
        "512-512-3.",
        "Figure 2, Table V",
    ),
    Finding(
        "Alert Net and Alert Net-WD have 8,792,963 parameters. The shortcut of Alert Net-R and -RWD adds "
        "three channels to the input of the third convolution, which gives 8,799,875. Table V prints "
        "8,792,963 for -RWD.",
        "Table V",
    ),
    Finding(
        "Xception's 22,910,480 parameters are those of the published model with 1000 classes. With the head "
        "of the other two networks it has 21,912,107.",
        "Table V",
    ),
    Finding("Xception's recall of 72.084 % and accuracy of 72.00 % should be equal: a slip.", "Table V"),
    Finding("Alert Net's accuracy implies a kappa of .937; Table III prints .9317.", "Table III"),
    Finding(
        "Recall is averaged in two ways: where it equals the accuracy, it is weighted by support; elsewhere "
        "it isn't. Both averages are shown.",
        "Tables III and V",
    ),
    Finding(
        "ResNet50 SFT's kappa of 0 and accuracy of 41.61 +- 4.86 % mean that it predicts one class for all "
        "images of a fold: healthy in four folds and ALL in one give 41.62 +- 4.89.",
        "Table V",
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
        "The file sizes of Table V aren't of one kind: ResNet50's 94 MB is that of its weights alone (94.0 "
        "MiB in float32), but Alert Net-RWD's 68 MB is twice its weights (33.6 MiB), as with one optimizer "
        "variable for each. Without optimizers, Alert Net-RWD's file has 36 % of ResNet50's size; the "
        "printed sizes give 72 %.",
        "Table V, sections V and VI",
    ),
)
