"""What the C-NMC 2019 paper claims and the audit checks, and the errors found in it."""

from leukcnn.spec import Claim, Finding

CLAIMS: tuple[Claim, ...] = ()

FINDINGS = (
    Finding(
        "Table 2 can't come from the 727 + 339 test cells of Table 1: no whole numbers of cells give its "
        "accuracy, precision and sensitivity together. With 339 + 339 cells they fit exactly (true positives "
        "and negatives: VGG16 319, 308; VGG19 317, 304; Xception 319, 294): the test set was balanced by "
        "leaving out malignant cells. Both test sets are shown.",
        "Tables 1 and 2",
    ),
    Finding("VGG19's specificity is a slip of the pen: 304 of 339 is 89.68 %, not 86.68 %.", "Table 2"),
    Finding(
        "Xception's F1-score of 90.76 % was computed from the rounded precision and sensitivity; the counts "
        "give 90.75 %.",
        "Table 2",
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
)
