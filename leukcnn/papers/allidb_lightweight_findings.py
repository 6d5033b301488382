"""What the ALL-IDB paper claims and the audit checks, and the errors found in it."""

from leukcnn.spec import Claim, Finding

# Numbers of the text against each other, the tables and other papers.
_STATEMENTS = (
    Claim(
        "images-allidb1",
        "statement",
        "108 images, 39 with leukaemia and 59 without",
        "Section 3",
        {"sum": {"ALL": 39, "healthy": 59}, "total": 108, "dataset": "allidb1"},
    ),
    Claim(
        "images-allidb2",
        "statement",
        "260 images, 130 of each class",
        "Section 3",
        {"sum": {"ALL": 130, "healthy": 130}, "total": 260},
    ),
    Claim(
        "folds-used",
        "statement",
        "the number of folds",
        "Abstract; Section 4.2",
        {"same": {"folds": ((5, "the abstract"), (4, "section 4.2"))}},
    ),
    Claim(
        "abstract-accuracy",
        "statement",
        "99 % and 98 % accuracy",
        "Abstract; Table 1",
        {
            "same": {
                "ALL-IDB 1": ((99, "abstract"), ("table1/lightweight/accuracy/allidb1", "Table 1")),
                "ALL-IDB 2": ((98, "abstract"), ("table1/lightweight/accuracy/allidb2", "Table 1")),
            },
            "covers": False,
        },
    ),
    Claim(
        "true-negatives",
        "statement",
        "48 true negatives and one error among the healthy images",
        "Section 5: text on Figure 4",
        {"sum": {"true negatives": 48, "errors": 1}, "total": 59, "dataset": "allidb1"},
    ),
    Claim(
        "best-on-allidb1",
        "statement",
        "the proposed CNN outperformed all other models on ALL-IDB 1",
        "Section 5; Table 1",
        {
            "rank": "table1/lightweight/accuracy/allidb1",
            "among": ("table1/resnet50/accuracy/allidb1", "table1/regnet/accuracy/allidb1"),
            "says": 1,
        },
    ),
    Claim(
        "best-on-allidb2",
        "statement",
        "the proposed CNN outperformed all other models on ALL-IDB 2",
        "Section 5; Table 1",
        {
            "rank": "table1/lightweight/accuracy/allidb2",
            "among": ("table1/resnet50/accuracy/allidb2", "table1/regnet/accuracy/allidb2"),
            "says": 1,
        },
    ),
    Claim(
        "works-elsewhere",
        "statement",
        "what Ahmed et al. reached",
        "Section 2",
        {
            "same": {
                "accuracy": (
                    (88.25, "section 2"),
                    (88.25, "Table I", "alertnet"),
                    (88.25, "Table I", "leuknet_lodocv"),
                    (88.5, "section 1", "cnmc2019"),
                )
            }
        },
    ),
)

# Numbers of the text as whole numbers of images.
_COUNTS = (
    Claim(
        "against-resnet50-allidb1",
        "proportions",
        "The proposed network outperforms ResNet50 on ALL-IDB 1",
        "Section 5, Table 1",
        {"first": (107, 108), "second": (104, 108)},
    ),
    Claim(
        "khandekar-allidb1",
        "shares",
        "Khandekar et al.'s 96.06 % on ALL-IDB 1 is a number of at most 108 images",
        "Section 2",
        {"value": 96.06, "decimals": 2, "n": 108, "at_most": True},
    ),
)

CLAIMS: tuple[Claim, ...] = (*_STATEMENTS, *_COUNTS)

FINDINGS = (
    Finding(
        "39 images with leukaemia and 59 without don't add up to 108. ALL-IDB 1 has 49 and 59.",
        "Section 3",
        claims=("images-allidb1",),
    ),
    Finding(
        "Of 108 images, 99 % are 107, 97 % are 105 and 96 % are 104: the networks differ by one to three "
        "images of ALL-IDB 1. Fisher's exact test of 107 against 104 gives p = 0.37. Even if the worse "
        "network made all errors of the better one, an exact McNemar test of the three images would give "
        "only p = 0.25.",
        "Table 1",
        claims=(
            *("shares-table1-resnet50-accuracy-allidb1", "shares-table1-regnet-accuracy-allidb1"),
            *(
                "shares-table1-lightweight-accuracy-allidb1",
                "against-resnet50-allidb1",
                "proportions-table1-allidb1",
            ),
        ),
    ),
    Finding(
        "On ALL-IDB 2 all three networks reach 98 % (254 to 257 of 260 images). The printed values don't "
        "show that the proposed network outperforms the others there.",
        "Section 5: 'The proposed CNN outperformed all other models'; Table 1",
        claims=(
            "shares-table1-lightweight-accuracy-allidb2",
            "proportions-table1-allidb2",
            "best-on-allidb2",
        ),
    ),
    Finding(
        "The one error on ALL-IDB 1 is described in two ways: a healthy patient classified as one with "
        "leukaemia, and an image with leukaemia classified as healthy. '48 true negatives' and one error fit "
        "the 49 images with leukaemia, but not the 59 healthy ones. So the second description is right and "
        "the first has the classes swapped. Missing leukaemia is the more serious error.",
        "Section 5: text on Figures 4 and 5",
        claims=("true-negatives", "binary-row-table1-lightweight-allidb1"),
    ),
    Finding(
        "The methods have four folds, the abstract five.",
        "Section 4.2; Abstract",
        claims=("folds-used",),
    ),
    Finding(
        "Each convolution is 'succeeded' by max pooling in the figure and 'preceded' by it in the text.",
        "Figure 1; Section 4.2",
    ),
    Finding(
        "No validation set is mentioned, and the folds leave no images for one. If the paper reports the "
        "best epoch, that epoch was chosen on the test folds.",
        "Section 4.2",
    ),
    Finding(
        "The crops of ALL-IDB 2 come from fields of ALL-IDB 1: 185 of the 260 were found there, in 80 "
        "fields, and 154 of them share their field with another crop. Folds by image separate these crops, "
        "and training then shows the stain, light and neighbouring cells of test images. `--split "
        "grouped_kfold` keeps crops of a field together if it is known; for 75 crops it isn't, and 74 of "
        "them show ALL. Crops are numbered field by field; with `--split block_kfold` a fold is a contiguous "
        "block of each class' numbers.",
        "Section 4.2",
    ),
    Finding(
        "The cluster with the least frequency isn't that of the white cells if they fill much of the image. "
        "In JTSC's close-ups it is the area between nucleus and glass. The table 'mask_scores' "
        "shows how well each rule does on images with known masks.",
        "Section 4.1",
    ),
    Finding(
        "Masked images still show the number and size of the white cells, and the authors say that the "
        "network uses their number. If images with and without leukaemia differ in this number, a network "
        "doesn't need to recognise blasts. One control, a random forest, sees only number and size of the "
        "mask's patches and shows what these alone achieve.",
        "Section 6",
    ),
    Finding(
        "No time is printed for 'in a significantly short amount of time'. The table 'times' measures it.",
        "Introduction",
    ),
    Finding(
        "Precision, recall and F1-score are averages over both classes, but the kind of average isn't "
        "stated, and each line of the table has the same value four times. leukcnn compares the macro "
        "average and shows the weighted one next to it.",
        "Table 1",
    ),
)
