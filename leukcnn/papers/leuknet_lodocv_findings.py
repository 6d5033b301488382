"""What the LeukNet paper claims and the audit checks, and the errors found in it."""

from leukcnn.spec import Claim, Finding

# Numbers of the text against each other, the tables and other papers.
_STATEMENTS = (
    Claim(
        "kfold-accuracy",
        "statement",
        "the accuracy in k-fold cross-validation",
        "abstract, section IV-D, Tables VII and VIII",
        {
            "same": {
                "accuracy": (
                    (98.28, "the abstract"),
                    (98.28, "section IV-D"),
                    ("table7/9/3", "Table VII"),
                    ("table8/leuknet/accuracy", "Table VIII"),
                )
            }
        },
    ),
    Claim(
        "lodocv-accuracy",
        "statement",
        "the accuracies of LODOCV",
        "abstract",
        {
            "same": {
                "ALL-IDB 1": ((97.04, "abstract"), ("table4/leuknet/accuracy/allidb1", "Table IV")),
                "ALL-IDB 2": ((82.46, "abstract"), ("table4/leuknet/accuracy/allidb2", "Table IV")),
                "UFG": ((70.24, "abstract"), ("table9/leuknet/accuracy/ufg", "Table IX")),
            },
            "covers": False,
        },
    ),
    Claim(
        "vogado-accuracy",
        "statement",
        "the accuracies of Vogado et al.",
        "section IV-D",
        {
            "same": {
                "own images": ((99.76, "section IV-D"), ("table7/7/3", "Table VII")),
                "k-fold": ((92.79, "section IV-D"), ("table8/vogado2018/accuracy", "Table VIII")),
                "UFG": ((52.06, "section IV-D"), ("table9/vogado2018/accuracy/ufg", "Table IX")),
            },
            "covers": False,
        },
    ),
    Claim(
        "development-set",
        "statement",
        "3,415 images of 17 datasets, and the 121 of UFG",
        "section III-A",
        {"sum": {"development": 3415, "UFG": "table2/13/3"}, "total": "table2/18/3"},
    ),
    Claim(
        "development-classes",
        "sums",
        "1,001 and 1,182 images of the development set",
        "section III-B",
        {"table": "table2", "printed": {"non-pathological": 1001, "pathological": 1182}},
    ),
    Claim(
        "datasets-used",
        "statement",
        "the number of datasets",
        "abstract, section IV-D",
        {"same": {"datasets": ((18, "the abstract"), (14, "section IV-D"))}},
    ),
    Claim(
        "kfold-images",
        "statement",
        "3,536 images in the k-fold cross-validation",
        "Tables II and VII",
        {"same": {"images": (("table2/18/3", "Table II"), ("table7/9/1", "Table VII"))}},
    ),
    Claim(
        "dense-sizes",
        "statement",
        "the selected dense layers",
        "section IV-A",
        {"same": {"units of the second": ((254, "section IV-A, '1024-254'"), (256, "Table V, '1024-256'"))}},
    ),
)

# Table II prints 2102 pathological images; its lines add up to 2089.
_OF_LINES = (1434, 2089)

# Numbers of the text as whole numbers of images.
_COUNTS = (
    Claim(
        "kfold-abstract",
        "shares",
        "98.28 % in 5-fold cross-validation is a number of 3536 images, the folds pooled",
        "abstract, section IV-D",
        {"value": 98.28, "decimals": 2, "n": 3536},
    ),
    Claim(
        "kfold-abstract-folds",
        "shares",
        "98.28 % is a number of 3536 images, as the mean of 5 folds",
        "abstract, section IV-D",
        {"value": 98.28, "decimals": 2, "n": 3536, "sizes": (708, 707, 707, 707, 707)},
    ),
    Claim(
        "kfold-abstract-of-lines",
        "shares",
        "98.28 % is a number of the 3523 images of Table II's lines, as the mean of 5 folds",
        "abstract, section IV-D",
        {"value": 98.28, "decimals": 2, "n": 3523, "sizes": (705, 705, 705, 704, 704)},
    ),
    Claim(
        "kfold-table-of-lines",
        "shares",
        "98.24 % is a number of the 3523 images of Table II's lines, as the mean of 5 folds",
        "Tables VII and VIII",
        {"value": 98.24, "decimals": 2, "n": 3523, "sizes": (705, 705, 705, 704, 704)},
    ),
    Claim(
        "kfold-row-of-lines",
        "binary_row",
        "LeukNet's row of Table VIII comes from the 1434 + 2089 images of Table II's lines",
        "Tables II and VIII",
        {"table": "table8", "row": "leuknet", "sizes": _OF_LINES},
    ),
    Claim(
        "kfold-vogado-of-lines",
        "binary_row",
        "Vogado et al.'s row of Table VIII comes from the 1434 + 2089 images of Table II's lines",
        "Tables II and VIII",
        {"table": "table8", "row": "vogado2018", "sizes": _OF_LINES},
    ),
    Claim(
        "ufg-better",
        "proportions",
        "LeukNet has more right answers on UFG than Vogado et al. (the mean run has 85 of 121)",
        "Table IX",
        {"first": (85, 121), "second": (63, 121)},
    ),
    Claim(
        "ufg-majority",
        "proportions",
        "Vogado et al. on UFG, 63 of 121, differ from one class for all images, 64 of 121 (52.89 %)",
        "Table IX",
        {"first": (64, 121), "second": (63, 121)},
    ),
)

CLAIMS: tuple[Claim, ...] = (*_STATEMENTS, *_COUNTS)

FINDINGS = (
    Finding(
        "Shallow fine-tuning freezes 'usually the first' layers; their number isn't stated. Here SFT and "
        "mSFT freeze the whole convolutional base, because the text says about ResNet50 that 'only the added "
        "layers were trained'.",
        "sections III-C and III-D",
    ),
    Finding(
        "The class that precision refers to isn't stated. Precision, recall and specificity of the "
        "pathological class, averaged over runs, fit the printed rows.",
        "section IV",
    ),
    Finding(
        "Table II's pathological column adds up to 2089 and the total to 3523, but it prints 2102 and 3536. "
        "The missing 13 are Bloodline's: it has 204 here and 217 in the same group's Alert Net. With 217 "
        "both sums are right.",
        "Table II",
        claims=("table2-total", "table2-elsewhere"),
    ),
    Finding(
        "1001 healthy and 1182 pathological images of the development set (section III-B) are the sums of "
        "Table II's first 13 lines, and 'eight of the fourteen' datasets (section IV-D) doesn't fit its 18 "
        "either: both seem to be of an older version. According to section III-A, 17 datasets with 3415 "
        "images are the development set.",
        "sections III-A, III-B and IV-D",
        claims=("development-classes", "datasets-used", "development-set"),
    ),
    Finding(
        "Fifteen of the eighteen datasets have a single class. A network that distinguishes datasets by "
        "stain or camera therefore distinguishes classes; k-fold cross-validation rewards that.",
        "Table II",
    ),
    Finding(
        "Pathological means any leukaemia. The 88 images of Atlas, 140 of leukemia-images and 64 of UFG "
        "include 23, 22 and 27 images that Alert Net's Table II counts as neither ALL nor AML.",
        "Table II",
    ),
    Finding(
        "ALL-IDB 1, its crops and ALL-IDB 2 show the same cells. If only one of them is left out, networks "
        "are tested on cells that they were trained on. Strict LODOCV leaves out all three; its values are "
        "shown next to those of LODOCV.",
        "section III-E",
    ),
    Finding(
        "Network, fine-tuning and dense layers are chosen by the accuracy on ALL-IDB 1 and 2, and the same "
        "accuracy is then reported as the result. UFG isn't among the tested datasets of the choice, but it "
        "is one of the 17 other datasets that the compared networks are trained on (section III-E).",
        "section IV-A",
    ),
    Finding(
        "LeukNet's row on ALL-IDB 1 fits 238 of 245 pathological and 286 of 295 healthy images right over "
        "five runs: accuracy (A) 97.04, recall (R) 97.14, specificity (S) 96.95. With the standard "
        "deviations it fits only one set of runs: 46/58, 48/55, 48/57, 48/58 and 48/58 pathological/healthy "
        "images right.",
        "Table IV",
        claims=(
            *("shares-table4-leuknet-recall-allidb1", "shares-table4-leuknet-specificity-allidb1"),
            "runs-table4-leuknet-allidb1",
        ),
    ),
    Finding(
        "All eight values of VGG-19 DFT's row on ALL-IDB 1 fit five runs with 48, 48, 48, 48 and 47 of 49 "
        "pathological images right and 57 of 59 healthy images in each. This shows that the paper's standard "
        "deviations use n - 1.",
        "Table IV",
        claims=("runs-table4-vgg19_dft-allidb1",),
    ),
    Finding(
        "LeukNet's standard deviations on ALL-IDB 2 (0.02, 0.04, 0.08, 0.09) can't be percentage points: "
        "five runs of 260 images with 1072 right in total have a standard deviation of at least 0.21 points. "
        "As fractions they are 2, 4, 8 and 9 points.",
        "Tables IV and V",
        claims=("runs-table4-leuknet-allidb2-in-points", "runs-table4-leuknet-allidb2"),
    ),
    Finding(
        "InceptionV3's A, R and S on ALL-IDB 1 contradict each other: with 49 and 59 images a recall of "
        "73.92 and a specificity of 60.91 mean an accuracy of 66.81, not 65.56. Neither R nor S is a whole "
        "number of images over five runs.",
        "Table IV",
        claims=(
            "runs-table4-inceptionv3_mdft-allidb1",
            "shares-table4-inceptionv3_mdft-recall-allidb1",
            "shares-table4-inceptionv3_mdft-specificity-allidb1",
        ),
    ),
    Finding(
        "All other rows of Tables IV, V and IX with five runs are possible, most for one set of runs alone. "
        "Single runs differ far more than the means: on ALL-IDB 2, 1024-512 answers 47 to 123 of 130 healthy "
        "images right, and on UFG LeukNet 16 to 46 of 57.",
        "Tables IV, V and IX",
        claims=("runs-table5-leuknet_1024_512-allidb2", "runs-table9-leuknet-ufg"),
    ),
    Finding(
        "Table VI truncates its percentages; Tables IV and V round some and truncate others.",
        "Tables IV, V and VI",
        claims=("shares-table4-printing", "shares-table5-printing", "shares-table6-printing"),
    ),
    Finding(
        "The paper calls 1024-256 and 1024-512 equal. With the printed means and standard deviations, "
        "Student's t-test gives p = .0568 on ALL-IDB 1, but .000445 on ALL-IDB 2.",
        "section IV-A, Table V",
        claims=("t_test_table5-allidb1", "t_test_table5-allidb2"),
    ),
    Finding(
        "'Layers with size 1024-254' is a misprint of 1024-256.",
        "section IV-A",
        claims=("dense-sizes",),
    ),
    Finding(
        "All rows of Table VI except one fit one confusion matrix each, as from a single run. In mDFT's "
        "10-fold row on ALL-IDB 1, recall and kappa are swapped: 42 of 49 and 57 of 59 give A 91.66, P "
        "95.45, R 85.71 and kappa .8304; the table prints R 83.04 and kappa .8571.",
        "Table VI",
        claims=("binary-row-table6-features_mdft-allidb1-within",),
    ),
    Finding(
        "The accuracy in k-fold cross-validation is 98.28 in the abstract and section IV-D, 98.24 in Tables "
        "VII and VIII. With the classes of Table II, R 98.76 and S 97.34 give 98.18; stratified folds can't "
        "give 98.24 or 98.28 with them.",
        "abstract, section IV-D, Tables VII and VIII",
        claims=(
            "binary-row-table8-leuknet",
            "kfold-row-of-lines",
            "kfold-abstract",
            "kfold-abstract-folds",
            "kfold-accuracy",
        ),
    ),
    Finding(
        "Vogado et al.'s row of Table VIII can't be that of the pathological class: R 92.80 and S 92.22 give "
        "A 92.56, but the table prints 92.79. R equals A to one decimal here and in Table IX, which suggests "
        "averages weighted by class size.",
        "Table VIII",
        claims=("binary-row-table8-vogado2018", "kfold-vogado-of-lines"),
    ),
    Finding(
        "Vogado et al.'s row on UFG can't be that of the pathological class: R 52.10 and S 47.70 give A "
        "50.03. As averages weighted by class size, 56 of 64 pathological and 7 of 57 healthy images right "
        "give A 52.07, P 49.93, R 52.07 and S 47.71; no other counts do. Predicting one class for all images "
        "would give 52.89 %.",
        "Table IX",
        claims=("binary-row-table9-vogado2018-ufg", "ufg-majority"),
    ),
    Finding(
        "The text says that Table IX's values are from 'k-fold cross-validation'; its caption says LODOCV, "
        "and only UFG is tested.",
        "section IV-D",
    ),
)
