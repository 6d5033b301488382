"""What the Taleghani paper claims and the audit checks, and the errors found in it."""

from leukcnn.spec import Claim, Finding

# Numbers of the text against each other, the tables and other papers.
_STATEMENTS = (
    Claim(
        "test-accuracy",
        "statement",
        "97 % accuracy on the test set",
        "Abstract, Introduction; Results",
        {
            "same": {
                "accuracy": (
                    (97, "the abstract"),
                    ("report/resnet50/accuracy", "the report"),
                    ("report_modified/resnet50/accuracy", "the report after the modifications"),
                )
            }
        },
    ),
    Claim(
        "log-accuracy",
        "statement",
        "98 % accuracy in training and 99 % in validation",
        "Abstract; Implementation of the model",
        {
            "together": (98, 99),
            "among": {"epoch 1": (66.86, 93.43), "epoch 2": (97.18, 98.59), "epoch 3": (99.11, 97.85)},
        },
    ),
    Claim(
        "subjects-total",
        "statement",
        "89 individuals, 25 benign and 64 with ALL",
        "Understanding the Dataset",
        {"sum": {"benign": 25, "ALL": 64}, "total": 89},
    ),
    Claim(
        "flattened-outputs",
        "statement",
        "7 x 7 x 2,048 outputs are flattened to 100,352",
        "Implementation of the model",
        {"product": {"rows": 7, "columns": 7, "channels": 2048}, "total": 100_352},
    ),
)

_REPORTS = ("report", "report_modified")

_MATRICES = (
    Claim(
        "abstract-test-accuracy",
        "report",
        "97 % accuracy on the test set, and two reports",
        "Abstract, Introduction; Results",
        {"tables": _REPORTS, "accuracy": (97, 0, True)},
    ),
    Claim(
        "modifications",
        "report",
        "the second report, 'after doing modifications', is better",
        "Results",
        {"tables": _REPORTS, "better": True},
    ),
)

# 70/10/20 of 3,256 images in 72 batches of 32: 326 validation images and 2,273 to 2,304 for training.
_EPOCHS = ((0.6686, 0.9343), (0.9718, 0.9859), (0.9911, 0.9785))
_LOG = "Implementation of the model"
_VALIDATION = tuple(
    Claim(
        f"validation-epoch{epoch}",
        "shares",
        f"a validation accuracy of {value} in epoch {epoch}, on 326 images",
        _LOG,
        {"value": value, "decimals": 4, "n": 326, "covers": (f"log/{epoch - 1}/3",)},
    )
    for epoch, (_, value) in enumerate(_EPOCHS, start=1)
)
_TRAINING = tuple(
    Claim(
        f"training-epoch{epoch}",
        "shares",
        f"a training accuracy of {value} in epoch {epoch}, on 72 batches of 32 images",
        _LOG,
        {
            **{"value": value, "decimals": 4, "n": 2304, "at_least": 2273, "at_most": True},
            "covers": (f"log/{epoch - 1}/1",),
        },
    )
    for epoch, (value, _) in enumerate(_EPOCHS, start=1)
)
_LOG_ACCURACIES = (
    *_VALIDATION,
    Claim(
        "validation-together",
        "shares",
        "three validation accuracies of one set of fewer than 1,354 images",
        _LOG,
        {"value": 0.9343, "together": (0.9859, 0.9785), "decimals": 4, "n": 1353, "at_most": True},
    ),
    *_TRAINING,
)

CLAIMS: tuple[Claim, ...] = (*_STATEMENTS, *_MATRICES, *_LOG_ACCURACIES)

FINDINGS = (
    Finding(
        "The abstract's 97 % on the test set (629 to 634 of 651 images) disagrees with both reports. Their "
        "recalls and supports give 643 to 646 right before the 'modifications' and 642 to 645 after. With "
        "the printed precisions and F1-scores only 645 or 646 (99.08 or 99.23 %) and 644 or 645 (98.92 or "
        "99.08 %) remain. leukcnn compares with the reports.",
        "Abstract, Introduction; Results",
        claims=("abstract-test-accuracy", "report-report", "report_modified-report"),
    ),
    Finding(
        "The 'modifications' aren't described. They improved nothing: in the class benign one image fewer "
        "was right (93 of 95 instead of 94), and in total between none and two fewer.",
        "Results",
        claims=("modifications",),
    ),
    Finding(
        "The abstract's 98 % in training and 99 % in validation match no epoch of the log: the second has "
        "97.18 and 98.59 %, the third 99.11 and 97.85 %.",
        "Abstract; Implementation of the model",
        claims=("log-accuracy",),
    ),
    Finding(
        "With 326 validation images, .9785 is 319 of them, but .9343 is between 304 and 305, and .9859 "
        "between 321 and 322. No set of fewer than 1,354 images gives all three values. Either these values "
        "or the split differ from what the rest of the paper implies.",
        "Implementation of the model",
        claims=("validation-epoch1", "validation-epoch2", "validation-epoch3", "validation-together"),
    ),
    Finding(
        "The training accuracy of .9911 is no whole number of right images out of the 2,273 to 2,304 that "
        "make 72 batches of 32. The log has the form of Keras 3, whose progress bar for a long time averaged "
        "the running means of an epoch again. Such training values aren't those of the whole epoch; the "
        "validation values are.",
        "Implementation of the model",
        claims=("training-epoch3",),
    ),
    Finding(
        "The numbers of the layer table agree: 7 x 7 x 2,048 = 100,352 outputs are flattened, and the layer "
        "after them has 100,352 x 4 + 4 = 401,412 parameters. 72 steps are the batches of 32 in 2,279 "
        "images.",
        "Implementation of the model",
    ),
    Finding(
        "The base is frozen and nothing is augmented. Still, the base processes the same images in each of "
        "the three epochs, which take 743 seconds in total. Computing its features once gives the same "
        "results.",
        "Implementation of the model",
    ),
    Finding(
        "Results and Discussion are placeholders ('blah blah'), one table of results has rows without "
        "values, and 'Dataset Sizes' is a heading without sizes.",
        "Understanding the Dataset, Results, Discussion",
    ),
    Finding(
        "The split is by image. The 3,256 images are of 89 people, and it isn't published which image is of "
        "whom. Flow cytometry labels a person, not an image: the images of a person share class and stain, "
        "and are in both training and test. No split of these images can rule that out.",
        "Understanding the Dataset",
    ),
    Finding(
        "90 pairs of images, in 86 groups, are near-duplicates. A perceptual hash finds 9 more pairs that "
        "visibly show the same field. `--split grouped` and `grouped_kfold` keep all of them together; "
        "the table 'splits' shows the effect.",
        "Understanding the Dataset",
    ),
    Finding(
        "A random forest on the mean and standard deviation of each channel in a border of 16 pixels reaches "
        "95.3 +- 1.0 % in stratified 5-fold cross-validation, and 96.2 % with the whole image: stain and "
        "light alone distinguish the classes. An accuracy near these values says little about leukaemia.",
        "Understanding the Dataset",
    ),
    Finding(
        "Early, pre and pro are called stages in the abstract and subtypes in the text. They are subtypes of "
        "B-ALL: a patient doesn't progress from one to the next.",
        "Abstract; Understanding the Dataset",
    ),
)
