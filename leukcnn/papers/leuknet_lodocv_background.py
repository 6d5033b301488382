"""Other works and datasets of the LeukNet paper as printed, and the images that it tests."""

from leukcnn.spec import Sample, Table

TABLE_1 = Table(
    id="table1",
    title="Related work",
    kind="reference",
    where="Table I",
    columns=("Work", "Year", "Descriptor", "Classifier", "Images", "Validation", "Accuracy (%)"),
    reference=(
        (
            "Patel and Mishra",
            "2015",
            "shape, texture, statistical and colour features",
            "SVM",
            27,
            "holdout",
            93.75,
        ),
        ("Singhal et al.", "2016", "texture features", "SVM", 260, "k-fold", 93.80),
        ("Thanh et al.", "2018", "deep features", "CNN", 1188, "holdout", 96.60),
        ("Shafique et al.", "2018", "deep features", "CNN", 760, "holdout", 99.50),
        ("Rehman et al.", "2018", "deep features", "CNN", 330, "holdout", 97.78),
        ("Sipes et al.", "2018", "deep features", "CNN", 388, "holdout", 88.00),
        ("Vogado et al.", "2018", "deep features", "SVM", 1268, "k-fold", 99.76),
        ("Pansombut et al.", "2019", "deep features", "CNN", 363, "holdout", 81.74),
        ("Ahmed et al.", "2019", "deep features", "CNN", 903, "k-fold", 88.25),
    ),
    not_audited={"*": "of another work, whose paper would be needed"},
)

# Key of the dataset, then non-pathological, pathological, total.
TABLE_2 = Table(
    id="table2",
    title="The datasets",
    kind="datasets",
    where="Table II",
    reference=(
        ("allidb1", 59, 49, 108),
        ("allidb1_crop", 0, 510, 510),
        ("allidb2", 130, 130, 260),
        ("leukocytes", 149, 0, 149),
        ("cellavision", 109, 0, 109),
        ("atlas", 0, 88, 88),
        ("omid2014", 154, 0, 154),
        ("omid2015", 0, 27, 27),
        ("ash", 0, 96, 96),
        ("bloodline", 0, 204, 204),
        ("onkodin", 0, 78, 78),
        ("cellavision2", 100, 0, 100),
        ("jtsc", 300, 0, 300),
        ("ufg", 57, 64, 121),
        ("pn_all", 0, 30, 30),
        ("leukemia_images", 0, 140, 140),
        ("midb", 0, 673, 673),
        ("lisc", 376, 0, 376),
        ("Total", 1434, 2102, 3536),
    ),
    notes=(
        "Fifteen of the eighteen datasets have a single class: what distinguishes datasets (stain, camera, "
        "magnification) distinguishes classes too. The table 'shortcut' shows how well.",
    ),
)

# The numbers of non-pathological and pathological images are those of Table II.
# Section IV: five runs. LeukNet's standard deviations on ALL-IDB 2 are printed as fractions.
OF_FIVE_RUNS = (
    Sample((59, 49), dataset="allidb1", runs=5),
    Sample((130, 130), dataset="allidb2", rows=("leuknet",), runs=5, std_unit="fraction"),
    Sample((130, 130), dataset="allidb2", runs=5),
)

# Section IV-C: no runs are mentioned. The values of the ten folds fit one confusion matrix of all images.
OF_FEATURES = (
    Sample((59, 49), dataset="allidb1"),
    Sample((59, 49), dataset="allidb1", subset="within"),
    Sample((130, 130), dataset="allidb2"),
    Sample((130, 130), dataset="allidb2", subset="within"),
)

OF_FIVE_FOLDS = (Sample((1434, 2102), folds=5),)

# No standard deviation is printed for the other work.
ON_UFG = (
    Sample((57, 64), dataset="ufg", rows=("vogado2018",)),
    Sample((57, 64), dataset="ufg", runs=5),
)
