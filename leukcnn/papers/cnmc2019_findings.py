"""What the C-NMC 2019 paper claims and the audit checks, and the errors found in it."""

from leukcnn.spec import Claim, Finding

# Numbers of the text against each other, the tables and other papers.
_STATEMENTS = (
    Claim(
        "images-training",
        "statement",
        "10,661 training cells",
        "section 2.1",
        {"sum": {"malignant": 7272, "healthy": 3389}, "total": 10_661},
    ),
    Claim(
        "images-preliminary",
        "statement",
        "1,867 cells of the preliminary phase",
        "section 2.1",
        {"sum": {"malignant": 1219, "healthy": 648}, "total": 1867},
    ),
    Claim(
        "images-total",
        "statement",
        "15,114 cells",
        "section 2.1",
        {"sum": {"training": 10_661, "preliminary": 1867, "final": 2586}, "total": 15_114},
    ),
    Claim(
        "subjects-total",
        "statement",
        "118 subjects",
        "section 2.1",
        {
            "sum": {
                **{"training, malignant": 47, "training, healthy": 26},
                **{"preliminary, malignant": 13, "preliminary, healthy": 15, "final": 17},
            },
            "total": 118,
        },
    ),
    Claim(
        "images-malignant",
        "statement",
        "7,272 malignant cells in three sets",
        "section 2.1",
        {"sum": {"training": "table1/0/1", "validation": "table1/1/1", "test": "table1/2/1"}, "total": 7272},
    ),
    Claim(
        "images-healthy",
        "statement",
        "3,389 healthy cells in three sets",
        "section 2.1",
        {"sum": {"training": "table1/0/2", "validation": "table1/1/2", "test": "table1/2/2"}, "total": 3389},
    ),
    Claim(
        "images-augmented",
        "statement",
        "20,000 training cells after augmentation",
        "section 2.2",
        {"sum": {"malignant": "table1/0/3", "healthy": "table1/0/4"}, "total": 20_000},
    ),
    Claim(
        "images-augmented-validation",
        "statement",
        "10,000 validation cells after augmentation",
        "section 2.2",
        {"sum": {"malignant": "table1/1/3", "healthy": "table1/1/4"}, "total": 10_000},
    ),
    Claim(
        "images-leukonet",
        "statement",
        "13,739 cells of Mourya et al.",
        "section 1",
        {"sum": {"cancer": 9211, "healthy": 4528}, "total": 13_739},
    ),
    Claim(
        "images-shafique",
        "statement",
        "760 images of Shafique and Tehsin",
        "section 1",
        {"sum": {"malignant": 500, "healthy": 260}, "total": 760},
    ),
    Claim(
        "image-size",
        "statement",
        "100 pixels are cropped from each border",
        "section 2.4",
        {"sum": {"left": 100, "crop": 250, "right": 100}, "total": 450},
    ),
    Claim(
        "text-scores",
        "statement",
        "the scores of VGG16 and VGG19",
        "abstract, section 3",
        {
            "same": {
                "VGG16, F1-score": ((92.60, "abstract"), ("table2/vgg16/f1", "Table 2")),
                "VGG16, precision": ((91.14, "section 3"), ("table2/vgg16/precision", "Table 2")),
                "VGG16, sensitivity": ((94.10, "section 3"), ("table2/vgg16/sensitivity", "Table 2")),
                "VGG16, specificity": ((90.86, "section 3"), ("table2/vgg16/specificity", "Table 2")),
                "VGG19, F1-score": ((91.75, "section 3"), ("table2/vgg19/f1", "Table 2")),
                "VGG19, precision": ((90.06, "section 3"), ("table2/vgg19/precision", "Table 2")),
                "VGG19, sensitivity": ((93.51, "section 3"), ("table2/vgg19/sensitivity", "Table 2")),
                "VGG19, specificity": ((86.68, "section 3"), ("table2/vgg19/specificity", "Table 2")),
            },
            "covers": False,
        },
    ),
    Claim(
        "rank-published",
        "statement",
        "the highest F1-score of the published ones",
        "abstract, Table 3",
        {"rank": "table3/0/1", "among": tuple(f"table3/{line}/1" for line in range(1, 12)), "says": 1},
    ),
    Claim(
        "rank-final",
        "statement",
        "eighth by the weighted F1-score of the final phase",
        "abstract, Tables 4 and 5",
        {"rank": 0.8635177019, "among": tuple(f"table5/{line}/2" for line in range(9)), "says": 8},
    ),
    Claim(
        "works-elsewhere",
        "statement",
        "what related works reached",
        "section 1",
        {
            "same": {
                "Shafique and Tehsin, images": ((760, "section 1"), (760, "Table I", "alertnet")),
                "Shafique and Tehsin, accuracy": ((99.50, "section 1"), (99.50, "Table I", "alertnet")),
                "Rehman et al., images": ((330, "section 1"), (330, "Table I", "alertnet")),
                "Rehman et al., accuracy": ((97.78, "section 1"), (97.78, "Table I", "alertnet")),
                "Ahmed et al., accuracy": (
                    (88.5, "section 1"),
                    (88.25, "Table I", "alertnet"),
                    (88.25, "Table I", "leuknet_lodocv"),
                    (88.25, "section 2", "allidb_lightweight"),
                ),
            }
        },
    ),
)

_BALANCED = (339, 339)

# Numbers of the text as whole numbers of images.
_COUNTS = (
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

# Table 5's third decimal; the labels of the final phase are secret.
_RANKING = (0.910, 0.894, 0.889, 0.885, 0.879, 0.876, 0.866, 0.855, 0.848)
_SCORES = (
    Claim(
        "ranking-weighted-f1",
        "weighted_f1",
        "nine weighted F1-scores from 0.910 to 0.848",
        "Table 5",
        {
            "scores": {f"table5/{line}/2": (score, 3, False) for line, score in enumerate(_RANKING)},
            "n": 2586,
        },
    ),
)

CLAIMS: tuple[Claim, ...] = (*_STATEMENTS, *_COUNTS, *_SCORES)

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
        "cells: with so many errors, the F1-score of cancer cells is lower even if all of them are found.",
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
    Finding(
        "Figure 1 shows images of ALL-IDB, which the paper doesn't use otherwise. It isn't made here: "
        "`leukcnn reproduce allidb_lightweight` shows images of both its parts.",
        "Figure 1",
    ),
    Finding(
        "Over all class sizes and confusion matrices, the leaderboard's 86.35177019 and 83.24786937 % have "
        "one solution each, with the same sizes, which the paper doesn't state: 825 and 1,761 of the 2,586 "
        "cells; which class has which isn't said. VGG19's 82.59010758 % has no solution with any sizes. With "
        "these, 82.52010758 is the only score with one other digit that has one: most likely a slip.",
        "Table 4",
        claims=(
            "table4-xception-weighted_f1-final",
            "table4-vgg16-weighted_f1-final",
            "table4-vgg19-weighted_f1-final",
        ),
    ),
)
