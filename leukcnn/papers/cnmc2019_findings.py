"""What the C-NMC 2019 paper claims and the audit checks, and the errors found in it."""

from leukcnn.spec import Claim, Finding

_BALANCED = (339, 339)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "balanced-vgg16",
        "binary_row",
        "VGG16's row comes from a test set balanced to 339 + 339 cells",
        "Table 2",
        {"table": "table2", "row": "vgg16", "sizes": _BALANCED},
    ),
    Claim(
        "balanced-vgg19",
        "binary_row",
        "VGG19's row comes from a test set balanced to 339 + 339 cells",
        "Table 2",
        {"table": "table2", "row": "vgg19", "sizes": _BALANCED},
    ),
    Claim(
        "balanced-xception",
        "binary_row",
        "Xception's row comes from a test set balanced to 339 + 339 cells",
        "Table 2",
        {"table": "table2", "row": "xception", "sizes": _BALANCED},
    ),
    Claim(
        "best-against-vgg19",
        "proportions",
        "VGG16 is the best model: more right answers than VGG19 (on 339 + 339 cells)",
        "section 3, Table 2",
        {"first": (627, 678), "second": (621, 678)},
    ),
    Claim(
        "best-against-xception",
        "proportions",
        "VGG16 is the best model: more right answers than Xception (on 339 + 339 cells)",
        "section 3, Table 2",
        {"first": (627, 678), "second": (613, 678)},
    ),
    Claim(
        "leukonet-row",
        "binary_row",
        "Leukonet's accuracy of 89.70 and F1-score of 91.95 come from 312 cancer and 324 healthy cells",
        "section 1, Mourya et al.",
        {"values": {"accuracy": 89.70, "f1": 91.95}, "sizes": (324, 312)},
    ),
    Claim(
        "leukonet-accuracy",
        "shares",
        "Leukonet's accuracy of 89.70 is a number of 636 test cells",
        "section 1, Mourya et al.",
        {"value": 89.70, "decimals": 2, "n": 636, "of": "cells"},
    ),
    Claim(
        "shafique-accuracy",
        "shares",
        "Shafique and Tehsin's 99.50 is a number of 304 test images, 40 % of 760",
        "section 1, Shafique and Tehsin",
        {"value": 99.50, "decimals": 2, "n": 304},
    ),
    Claim(
        "rehman-accuracy",
        "shares",
        "Rehman et al.'s 97.78 is a number of 330 test images",
        "section 1, Rehman et al.",
        {"value": 97.78, "decimals": 2, "n": 330},
    ),
    Claim(
        "ahmed-accuracy",
        "shares",
        "Ahmed et al.'s 88.5 is a number of 245 test images",
        "section 1, Ahmed et al.",
        {"value": 88.5, "decimals": 1, "n": 245},
    ),
)

FINDINGS = (
    Finding(
        "Table 2 can't come from the 727 + 339 test cells of Table 1: no whole numbers of cells give its "
        "accuracy, precision and sensitivity together. With 339 + 339 cells they fit exactly (true positives "
        "and negatives: VGG16 319, 308; VGG19 317, 304; Xception 319, 294): the test set was balanced by "
        "leaving out malignant cells. No other class sizes up to 727 + 339 fit all three rows. Both test "
        "sets are shown.",
        "Tables 1 and 2",
        claims=(
            *("binary-row-table2-vgg16", "binary-row-table2-vgg19", "binary-row-table2-xception"),
            *("test-size-table2", "balanced-vgg16", "balanced-vgg19", "balanced-xception"),
        ),
    ),
    Finding(
        "VGG19's specificity is a slip of the pen: 304 of 339 is 89.68 %, not 86.68 %.",
        "Table 2",
        claims=("balanced-vgg19",),
    ),
    Finding(
        "Xception's F1-score of 90.76 % was computed from the rounded precision and sensitivity; the counts "
        "give 90.75 %.",
        "Table 2",
        claims=("balanced-xception",),
    ),
    Finding(
        "The three networks have 627, 621 and 613 of 678 test cells right. Fisher's exact test between the "
        "best and the others gives p = .62 and .21: the test set can't say which is best.",
        "section 3, Table 2",
        claims=("best-against-vgg19", "best-against-xception"),
    ),
    Finding(
        "Leukonet's accuracy of 89.70 % and F1-score of 91.95 % can't both come from its 312 + 324 test "
        "cells: with 65 errors or more, the F1-score of cancer cells is at most 90.57 %.",
        "section 1",
        claims=("leukonet-row", "leukonet-accuracy"),
    ),
    Finding(
        "99.50 % of 40 % of 760 images and 97.78 % of 330 images, cited from other works, are no whole "
        "numbers of images.",
        "section 1",
        claims=("shafique-accuracy", "rehman-accuracy"),
    ),
    Finding(
        "The split by cell puts cells of one subject into both training and test. 104 pairs of cells are "
        "byte-identical, 99 of them from different subjects. `--split subject` keeps the cells of a subject "
        "together, and also subjects that share a cell.",
        "section 2.1",
    ),
    Finding(
        "The paper chooses its weights by the accuracy on augmented validation cells. It compares its "
        "F1-score on its own test set with other groups' scores on the preliminary phase.",
        "section 3, Table 3",
    ),
)
